//go:build linux

package wine

import (
	"encoding/json"
	"math"
	"path/filepath"
	"testing"

	"github.com/meet-term/meet/internal/pulsetest"
	"github.com/meet-term/meet/internal/score"
	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/audio/wav/wavtest"
)

// found is what meet.exe lists of a kind, by name, with its id.
func found(t *testing.T, pulse *pulsetest.Server, kind string) (ids map[string]string, standard string) {
	t.Helper()
	out, err := run(t, pulse, windows.meet, "devices", "--json")
	if err != nil {
		t.Fatalf("meet devices: %v\n%s", err, out)
	}
	var list struct {
		Devices []struct {
			Kind, ID, Name string
			Default        bool
		}
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatalf("meet devices wrote %q: %v", out, err)
	}
	ids = map[string]string{}
	for _, d := range list.Devices {
		if d.Kind != kind {
			continue
		}
		ids[d.Name] = d.ID
		if d.Default {
			standard = d.Name
		}
	}
	return ids, standard
}

// piece is the part of a recording that must lie in one piece: a machine that is
// busy with other tests makes gaps, and Wine keeps 10 ms ahead only.
const piece = pcm.SampleRate / 4

// correlation is how alike two recordings are, piece by piece, each where it fits
// best, and weighted by its energy.
func correlation(clean, heard []float32) float64 {
	var sum, energy float64
	for ; len(clean) >= piece; clean = clean[piece:] {
		part, _ := score.Align(clean[:piece], heard, len(heard))
		var xy, xx, yy float64
		for i, x := range clean[:piece] {
			x, y := float64(x), float64(part[i])
			xy, xx, yy = xy+x*y, xx+x*x, yy+y*y
		}
		sum += xx * math.Abs(xy) / math.Sqrt(xx*yy+1e-12)
		energy += xx
	}
	return sum / energy
}

// enough is the least correlation of what was said and what was heard.
const enough = 0.8

const sentence = "The quick brown fox jumps over the lazy dog, and nobody in the room objects."

// wineDefault is the device by which Wine means whatever the sound server has as
// its default.
const wineDefault = "PulseAudio"

func TestDevices(t *testing.T) {
	pulse := need(t)
	pulse.AddSink("Lautsprecher")
	pulse.AddMic("Mikrofon")
	pulse.SetDefault("Lautsprecher", "Mikrofon")
	mics, standard := found(t, pulse, "microphone")
	if mics["Mikrofon"] == "" || standard != wineDefault {
		t.Errorf("microphones %v, by default %q", mics, standard)
	}
	speakers, standard := found(t, pulse, "speaker")
	if speakers["Lautsprecher"] == "" || standard != wineDefault {
		t.Errorf("speakers %v, by default %q", speakers, standard)
	}
}

func TestMicrophone(t *testing.T) {
	pulse := need(t)
	pulse.AddSink("out")
	mouth := pulse.AddMic("mic")
	pulse.SetDefault("out", "mic")
	said, heard := filepath.Join(t.TempDir(), "said.wav"), filepath.Join(t.TempDir(), "heard.wav")
	pulsetest.Speak(t, said, sentence)
	p := start(t, pulse, "record", "", heard)
	p.await("recording")
	if err := pulse.PlayFile(mouth, said)(); err != nil {
		t.Fatal(err)
	}
	p.end()
	c := correlation(wavtest.Read(t, said), wavtest.Read(t, heard))
	t.Logf("correlation %.3f", c)
	if c < enough {
		t.Errorf("what was recorded correlates with what was said by %.2f, less than %.1f", c, enough)
	}
}

func TestSpeaker(t *testing.T) {
	pulse := need(t)
	pulse.AddSink("out")
	pulse.AddSink("other")
	pulse.SetDefault("other", "")
	speakers, _ := found(t, pulse, "speaker")
	said, heard := filepath.Join(t.TempDir(), "said.wav"), filepath.Join(t.TempDir(), "heard.wav")
	pulsetest.Speak(t, said, sentence)
	stop := pulse.Record("out.monitor", heard)
	p := start(t, pulse, "play", speakers["out"], said)
	p.await("done")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	c := correlation(wavtest.Read(t, said), wavtest.Read(t, heard))
	t.Logf("correlation %.3f", c)
	if c < enough {
		t.Errorf("what was played correlates with what was said by %.2f, less than %.1f", c, enough)
	}
}
