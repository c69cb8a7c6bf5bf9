//go:build linux

package talk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/meet-term/meet/e2e/rig"
	"github.com/meet-term/meet/internal/pulsetest"
	"github.com/meet-term/meet/internal/score"
)

// farText takes about 20 s.
const farText = "Good morning everybody, and thank you for coming at such short notice. I would like to begin with the " +
	"numbers of the last quarter, which you have all seen, and then go on to what we should do about them. The good news is that " +
	"more people use it than ever before. The bad news is that half of them use it only once, and nobody knows why. " +
	"So I asked ten of them, and this is what they told me, in their own words, without anything left out."

const nearText = "Wait a moment, please, I do not think that this is the whole story. We changed the first page in June, " +
	"and from that day on the figures went down, week by week, as you can see in the second table."

// laptops are two people who use loudspeakers: what one of them plays is heard by
// that one's microphone.
type laptops struct {
	*testing.T
	pulse           *pulsetest.Server
	quieter         int // dB
	alice, bob      *rig.Person
	farWav, nearWav string
}

// speakAs writes a voice that is not the default one.
func speakAs(t *testing.T, wav, voice, text string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "espeak-ng", "-v", voice, "-w", wav, text).CombinedOutput(); err != nil {
		t.Fatalf("espeak-ng: %v\n%s", err, out)
	}
}

// newLaptops is a call of alice, who wears headphones, and bob, whose microphone
// hears his speaker.
func newLaptops(t *testing.T, delay time.Duration, quieter int) *laptops {
	t.Helper()
	rig.Need(t, "espeak-ng")
	pulsetest.Require(t)
	dir := t.TempDir()
	l := &laptops{T: t, quieter: quieter, farWav: filepath.Join(dir, "far.wav"), nearWav: filepath.Join(dir, "near.wav")}
	speakAs(t, l.farWav, "en-us+m1", farText)
	speakAs(t, l.nearWav, "en-us+f2", nearText)
	l.pulse = pulsetest.Start(t)
	for _, who := range []string{"alice", "bob"} {
		l.pulse.AddMic(who + "mic")
		l.pulse.AddSink(who + "out")
	}
	l.pulse.Leak("bobout", "bobmic_mouth", delay, quieter)
	server := rig.Serve(t)
	join := func(name string) *rig.Person {
		return rig.Join{Server: server, Room: "talk", Name: name, Env: l.pulse.Env(), Flags: []string{
			"--camera", "none", "--screen", "none", "--mic", "device:" + name + "mic", "--speaker", "device:" + name + "out",
		}}.Start(t)
	}
	l.bob, l.alice = join("bob"), join("alice")
	l.alice.Meets("bob")
	l.bob.Meets("alice")
	flowing(l.alice, "bob", 50)
	flowing(l.bob, "alice", 50)
	return l
}

// while records both speakers while f runs.
func (l *laptops) while(f func()) (alice, bob []float64) {
	l.Helper()
	dir := l.TempDir()
	files := [2]string{filepath.Join(dir, "alice.wav"), filepath.Join(dir, "bob.wav")}
	stopAlice := l.pulse.Record("aliceout.monitor", files[0])
	stopBob := l.pulse.Record("bobout.monitor", files[1])
	f()
	for _, stop := range []func() error{stopAlice, stopBob} {
		if err := stop(); err != nil {
			l.Fatal(err)
		}
	}
	if dir := os.Getenv("MEET_KEEP"); dir != "" {
		for _, file := range files {
			b, _ := os.ReadFile(file)
			_ = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s", time.Now().Format("150405"), filepath.Base(file))), b, 0o644)
		}
	}
	return wav(l.T, files[0]), wav(l.T, files[1])
}

func (l *laptops) play(mouth, file string) {
	l.Helper()
	if err := l.pulse.PlayFile(mouth, file)(); err != nil {
		l.Fatal(err)
	}
}

// perSecond is the level of every second.
func perSecond(x []float64) []float64 {
	var out []float64
	for ; len(x) >= rate; x = x[rate:] {
		out = append(out, loudness(x[:rate]))
	}
	return out
}

// median is that of some levels.
func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(x))
	return sorted[len(sorted)/2]
}

// returned is how far below her voice at bob's, before the volume of his speaker,
// alice hears herself, in the median of the last ten seconds: in the first ones the
// canceller learns the room, and a machine that stands still moves the delay, for
// which a second is lost.
func (l *laptops) returned() float64 {
	l.Helper()
	alice, bob := l.while(func() { l.play("alicemic_mouth", l.farWav) })
	voice := loudness(bob) + float64(l.quieter)
	seconds := perSecond(alice)
	l.Logf("alice's voice is at %.1f dBFS; she hears %.0f", voice, seconds)
	return voice - median(seconds[max(0, len(seconds)-10):])
}

// talkedOver is the score of bob's voice while alice speaks too.
func (l *laptops) talkedOver() (quality, stoi float64) {
	l.Helper()
	alice, _ := l.while(func() {
		done := l.pulse.PlayFile("alicemic_mouth", l.farWav)
		time.Sleep(2 * time.Second)
		l.play("bobmic_mouth", l.nearWav)
		if err := done(); err != nil {
			l.Fatal(err)
		}
	})
	return scoreOf(wav(l.T, l.nearWav), alice)
}

// scoreOf judges what was heard of a voice, second by second laid on what was
// said: a receiver stretches speech while it adapts its delay.
func scoreOf(said, heard []float64) (quality, stoi float64) {
	clean, got := single(said), single(heard)
	from := compare(said, heard).delay
	var laid []float32
	const reach = rate / 10
	for at := 0; at+rate <= len(clean); at += rate {
		start := max(0, from+at-reach)
		if start >= len(got) {
			break
		}
		piece, _ := score.Align(clean[at:at+rate], got[start:min(len(got), start+rate+2*reach)], 2*reach)
		laid = append(laid, piece...)
	}
	clean = clean[:len(laid)]
	return score.Quality(clean, laid), score.STOI(clean, laid)
}

func single(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// TestEchoDoesNotReturn: alice speaks, bob's loudspeaker plays it into his
// microphone, and alice does not hear herself; nor is bob cut off when both speak.
// Without the canceller she hears herself as loud as others.
func TestEchoDoesNotReturn(t *testing.T) {
	l := newLaptops(t, 60*time.Millisecond, 6)
	best := 0.0
	for i := 0; i < attempts && best < 40; i++ {
		best = max(best, l.returned())
	}
	if best < 40 {
		t.Errorf("alice hears herself %.0f dB below her voice, want at least 40", best)
	}
	quality, stoi := 0.0, 0.0
	for i := 0; i < attempts && quality < 3.5; i++ {
		quality, stoi = l.talkedOver()
		t.Logf("bob's voice while both speak: %.2f, STOI %.3f", quality, stoi)
	}
	if quality < 3.5 {
		t.Errorf("bob's voice while both speak: %.2f, want at least 3.5", quality)
	}
	at := time.Now()
	l.bob.Tell("echo", "mode", "off")
	l.bob.Await(at, "the canceller off", func(e rig.Event) bool { return e.Name == "sound" && e.Text("idle") == "off" })
	l.bob.Tell("noise", "on", false)
	if back := l.returned(); back > 20 {
		t.Errorf("with no canceller alice hears herself %.0f dB below her voice: this test proves nothing", back)
	}
}

// TestBenchEcho measures rooms of several delays and loudnesses.
func TestBenchEcho(t *testing.T) {
	if os.Getenv("MEET_BENCH") != "1" {
		t.Skip("takes minutes on an idle machine: set MEET_BENCH=1 to run it")
	}
	for _, delay := range []time.Duration{20, 60, 200} {
		for _, quieter := range []int{0, 12} {
			t.Run(fmt.Sprintf("%dms-%ddB", delay, quieter), func(t *testing.T) {
				l := newLaptops(t, delay*time.Millisecond, quieter)
				l.returned() // the room is learned
				back := l.returned()
				quality, stoi := l.talkedOver()
				t.Logf("echo %.0f dB below the voice; the other voice in double talk %.2f, STOI %.3f", back, quality, stoi)
				if back < 60 {
					t.Errorf("echo is %.0f dB below the voice, want 60", back)
				}
			})
		}
	}
}
