package plain

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/meet-term/meet/call"
)

// fakeSound notes what is done to it.
type fakeSound struct{ set call.Sound }

func (f *fakeSound) Sound() call.Sound             { return f.set }
func (f *fakeSound) SetSound(set call.Sound) error { f.set = set; return nil }
func (f *fakeSound) PlayTestSound()                { f.set.Check = "playing" }
func (f *fakeSound) HearMyself() bool              { return f.set.Check == "" }

func TestSoundCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall()
		sound := &fakeSound{call.Sound{Echo: "auto", Idle: "headphones", Noise: true, Gain: true}}
		in := strings.NewReader("/sound\n/echo on\n/echo loud\n/noise\n/music\n/hear\n/test\n/hear\n/devices\n/devices 1\n/leave\n")
		var out bytes.Buffer
		if _, err := Run(t.Context(), Options{Room: c, Devices: c, Sound: sound, In: in, Out: &out, Times: true}); err != nil {
			t.Fatal(err)
		}
		got := lines(out.String())
		for len(got) > 0 && got[0] != "echo of the speaker: none with headphones" {
			got = got[1:]
		}
		equal(t, got, []string{
			"echo of the speaker: none with headphones", "noise: taken out", "loudness: evened out",
			"echo of the speaker: none with headphones", "noise: taken out", "loudness: evened out",
			"/echo needs auto, on or off",
			"echo of the speaker: none with headphones", "noise: left in", "loudness: evened out",
			"echo of the speaker: none with headphones", "noise: left in", "loudness: as the microphone has it", "for music: stereo, 128 kbit/s",
			"say something: you hear it in three seconds, as others do",
			"you should hear two notes",
			"the microphone is off: there is nothing to hear",
			"no devices found",
			"there is no device 1; /devices lists them",
			"you left",
		})
		if sound.set.Echo != "on" || sound.set.Noise || !sound.set.Music {
			t.Errorf("set: %+v", sound.set)
		}
	})
}
