package audio

import (
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/pulsetest"
	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/audio/wav/wavtest"
)

// warnings collects what an engine tells and lets a test wait for it.
type warnings struct {
	t  *testing.T
	in chan media.Code
}

func (w warnings) tell(warning media.Warning) {
	select {
	case w.in <- warning.Code:
	default:
		w.t.Errorf("more warnings than anybody reads: %v", warning)
	}
}

func (w warnings) await(code media.Code) {
	w.t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		select {
		case c := <-w.in:
			if c == code {
				return
			}
		case <-deadline:
			w.t.Fatalf("no warning %s", code)
		}
	}
}

// hop is the grain of an envelope: 10 ms.
const hop = pcm.BlockSamples

// envelope returns the loudness of x in windows of 50 ms, one every hop, in
// dB.
func envelope(x []float32) []float64 {
	const window = 5 * hop
	var e []float64
	for ; len(x) >= window; x = x[hop:] {
		e = append(e, math.Max(float64(pcm.Measure(x[:window])), -60))
	}
	return e
}

// envelopeCorrelation returns the best correlation of the envelopes of x and
// y, and how many hops later y is.
func envelopeCorrelation(x, y []float64) (best float64, delay int) {
	for d := 0; d+len(x) <= len(y); d++ {
		if c := pearson(x, y[d:d+len(x)]); c > best {
			best, delay = c, d
		}
	}
	return best, delay
}

func pearson(x, y []float64) float64 {
	n := float64(len(x))
	var sx, sy, sxx, syy, sxy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
		sxx, syy, sxy = sxx+x[i]*x[i], syy+y[i]*y[i], sxy+x[i]*y[i]
	}
	return (sxy - sx*sy/n) / math.Sqrt((sxx-sx*sx/n)*(syy-sy*sy/n)+1e-9)
}

// compare returns the correlation of the envelopes of what was said and heard,
// and how many of the windows of 500 ms with speech in them correlate at more
// than 0.8.
func compare(said, heard []float32) (correlation float64, good, all int) {
	correlation, delay := envelopeCorrelation(envelope(said), envelope(heard))
	const window = pcm.SampleRate / 2
	for at := 0; at+window <= len(said); at += window {
		from := max(0, at+delay*hop-pcm.SampleRate/10)
		if pcm.Measure(said[at:at+window]) < -40 || from >= len(heard) {
			continue
		}
		all++
		if bestCorrelation(said[at:at+window], heard[from:], pcm.SampleRate/4) > 0.8 {
			good++
		}
	}
	return correlation, good, all
}

// TestSpeechThroughARealSoundServer speaks into A's microphone and records
// B's speaker, kills the sound server in the middle and starts it again.
func TestSpeechThroughARealSoundServer(t *testing.T) {
	s := pulsetest.Start(t)
	s.Setenv()
	s.AddSink("speaker")
	mouth := s.AddMic("mic")
	s.SetDefault("speaker", "mic")
	dir := t.TempDir()
	said, heard := filepath.Join(dir, "said.wav"), filepath.Join(dir, "heard.wav")
	pulsetest.Speak(t, said, "Good morning everybody. The quick brown fox jumps over the lazy dog, and then it goes home.")

	told := warnings{t, make(chan media.Code, 100)}
	b, stopB := runEngine(t, Config{Mic: Mic{Kind: None}, OnWarning: told.tell})
	defer stopB()
	receiver, err := b.Peer("a")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{to: receiver}
	first := make(chan struct{})
	var once sync.Once
	a, stopA := runEngine(t, Config{Speaker: Speaker{Kind: None}, OnWarning: told.tell, OnFrame: func(f media.Packet) {
		l.send(f)
		once.Do(func() { close(first) })
	}})
	defer stopA()
	await := func(c <-chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(10 * time.Second):
			t.Fatal("no frame of the microphone")
		}
	}
	await(first)

	// One take of several must be good: a machine busy with other tests tears
	// sound that no buffer of a conversation can hold together.
	check := func(when string) {
		t.Helper()
		for range 4 {
			stop := s.Record("speaker.monitor", heard)
			if err := s.PlayFile(mouth, said)(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond) // let the last word arrive
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			c, good, all := compare(wavtest.Read(t, said), wavtest.Read(t, heard))
			t.Logf("%s: envelope correlation %.3f, %d of %d windows recognised, %+v", when, c, good, all, receiver.Stats())
			if c >= 0.9 && good*2 > all {
				return
			}
		}
		t.Errorf("%s: what was heard is not what was said", when)
	}
	check("at first")

	a.SetMuted(true)
	stop := s.Record("speaker.monitor", heard)
	if err := s.PlayFile(mouth, said)(); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if y := wavtest.Read(t, heard); len(y) < pcm.SampleRate || pcm.Measure(y[pcm.SampleRate/2:]) > -80 {
		t.Errorf("%d dBov heard while muted, %d samples", pcm.Measure(y), len(y))
	}
	a.SetMuted(false)

	s.Kill()
	told.await(media.NoSoundServer)
	s.Restart()
	told.await(media.MicrophoneBack)
	check("after the server came back")
}

// TestNothingIsPrinted watches the process's own output while a sound server
// dies and returns: a library that prints would tear the screen.
func TestNothingIsPrinted(t *testing.T) {
	s := pulsetest.Start(t)
	s.Setenv()
	s.AddSink("speaker")
	s.AddMic("mic")
	s.SetDefault("speaker", "mic")

	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = out, out
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()

	told := warnings{t, make(chan media.Code, 100)}
	frames := make(chan struct{}, 1)
	_, stop := runEngine(t, Config{OnWarning: told.tell, OnFrame: func(media.Packet) { wake.Poke(frames) }})
	for range 3 {
		<-frames
		s.Kill()
		told.await(media.NoSoundServer)
		s.Restart()
		told.await(media.MicrophoneBack)
	}
	stop()
	if info, err := out.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("%d bytes printed, %v", info.Size(), err)
	}
}
