//go:build linux

package browser

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/pulsetest"
	"github.com/meet-term/meet/internal/score"
	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/audio/wav"
	"github.com/meet-term/meet/media/audio/wav/wavtest"
)

// TestBenchEchoBesideChromium puts meet and Chromium's page, one after the other,
// on the same laptop: its loudspeaker is heard by its microphone, late by 60 ms and
// 6 dB quieter. Somebody with headphones talks to it, alone and together with who
// sits there.
func TestBenchEchoBesideChromium(t *testing.T) {
	if os.Getenv("MEET_BENCH") != "1" {
		t.Skip("takes minutes on an idle machine: set MEET_BENCH=1 to run it")
	}
	needChromium(t)
	pulsetest.Require(t)
	for _, who := range []string{"meet", "Chromium"} {
		t.Run(who, func(t *testing.T) {
			pulse := pulsetest.Start(t)
			pulse.Setenv()
			for _, name := range []string{"alice", "bob"} {
				pulse.AddMic(name + "mic")
				pulse.AddSink(name + "out")
			}
			pulse.Leak("bobout", "bobmic_mouth", 60*time.Millisecond, 6)
			dir := t.TempDir()
			far, near := filepath.Join(dir, "far.wav"), filepath.Join(dir, "near.wav")
			voice := voicetest.Voice("f2")[:8*pcm.SampleRate]
			write(t, far, voicetest.Voice("m1"), -24)
			write(t, near, voice, -26)

			s := startServer(t, freeAddress(t), here)
			s.ready()
			alice := startTerminal(t, "alice", s.link(room), here, "--camera", "none", "--mic", "device:alicemic", "--speaker", "device:aliceout")
			if who == "meet" {
				startTerminal(t, "bob", s.link(room), here, "--camera", "none", "--mic", "device:bobmic", "--speaker", "device:bobout")
			} else {
				web := startChromium(t, "bob", func(args ...string) *exec.Cmd {
					args = slices.DeleteFunc(args, func(a string) bool { return a == "--mute-audio" || a == "--use-fake-device-for-media-stream" })
					cmd := exec.Command(args[0], args[1:]...)
					cmd.Env = append(os.Environ(), "PULSE_SINK=bobout", "PULSE_SOURCE=bobmic")
					return cmd
				})
				web.open(s.link(room)) // there is no camera: no preview to wait for
				web.until(20*time.Second, "the lobby", `document.getElementById("join-button")`)
				web.enter("bob")
			}
			alice.until(30*time.Second, "sound of bob", 0, func(l line) bool { return l.Event == "stats" && l.Name == "bob" && l.Audio.Decoded > 50 })

			heard := func(play func()) []float32 {
				file := filepath.Join(dir, "heard.wav")
				stop := pulse.Record("aliceout.monitor", file)
				play()
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				return wavtest.Read(t, file)
			}
			play := func(mouth, file string) {
				if err := pulse.PlayFile(mouth, file)(); err != nil {
					t.Fatal(err)
				}
			}
			play("alicemic_mouth", far) // the room is learned
			alone := heard(func() { play("alicemic_mouth", far) })
			var seconds []float64
			for at := 2.0; at+1 < float64(len(alone))/pcm.SampleRate; at++ {
				seconds = append(seconds, voicetest.Level(alone, at, at+1))
			}
			slices.Sort(seconds)
			both := heard(func() {
				done := pulse.PlayFile("alicemic_mouth", far)
				pass(4 * time.Second)
				play("bobmic_mouth", near)
				if err := done(); err != nil {
					t.Fatal(err)
				}
			})
			quality, stoi := best(voice, both)
			t.Logf("%s: echo at %.0f dBFS in the median second; who sits there is understood in double talk with %.2f, STOI %.3f",
				who, seconds[len(seconds)/2], quality, stoi)
		})
	}
}

// best lays every second of what was said where it was heard, and judges that.
func best(said, heard []float32) (quality, stoi float64) {
	const second, reach = pcm.SampleRate, pcm.SampleRate / 10
	start := place(levels(said), levels(heard)) * pcm.BlockSamples
	var all []float32
	for at := 0; at+second <= len(said); at += second {
		from := max(0, start+at-reach)
		if from >= len(heard) {
			break
		}
		laid, _ := score.Align(said[at:at+second], heard[from:min(len(heard), from+second+2*reach)], 2*reach)
		all = append(all, laid...)
	}
	return score.Quality(said[:len(all)], all), score.STOI(said[:len(all)], all)
}

// levels is how loud every 10 ms are, in dB over what is heard.
func levels(x []float32) []float64 {
	var out []float64
	for ; len(x) >= pcm.BlockSamples; x = x[pcm.BlockSamples:] {
		out = append(out, max(0, 60+float64(pcm.Measure(x[:pcm.BlockSamples]))))
	}
	return out
}

// place is where a is in b: where they correlate best.
func place(a, b []float64) int {
	mean := func(x []float64) (sum float64) {
		for _, v := range x {
			sum += v / float64(len(x))
		}
		return sum
	}
	ma := mean(a)
	top, where := math.Inf(-1), 0
	for at := 0; at+len(a) <= len(b); at++ {
		piece := b[at : at+len(a)]
		mb := mean(piece)
		var ab, bb float64
		for i, v := range piece {
			ab, bb = ab+(a[i]-ma)*(v-mb), bb+(v-mb)*(v-mb)
		}
		if c := ab / math.Sqrt(bb+1); c > top {
			top, where = c, at
		}
	}
	return where
}

func write(t *testing.T, path string, x []float32, db float64) {
	t.Helper()
	w, err := wav.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = v * float32(math.Pow(10, db/20))
	}
	if err := w.Write(out); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
