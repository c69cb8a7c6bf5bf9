package audio

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/audio/wav"
)

// link carries the frames of one engine to a receiver of another, as a
// network without faults would.
type link struct {
	to  *Receiver
	seq uint16
}

func (l *link) send(f Frame) {
	l.seq++
	l.to.Push(Packet{
		Seq: l.seq, Timestamp: f.Timestamp, SSRC: 1, Payload: f.Payload,
		Level: f.Level, HasLevel: true, Arrived: time.Now(),
	})
}

func readWav(t *testing.T, path string) []float32 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := wav.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]float32, 60*pcm.SampleRate)
	return samples[:r.Read(samples)]
}

// toneShare returns how much of the power of x is at hz, 0 to 1.
func toneShare(x []float32, hz float64) float64 {
	var re, im, all float64
	for i, s := range x {
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / pcm.SampleRate)
		re += float64(s) * cos
		im += float64(s) * sin
		all += float64(s) * float64(s)
	}
	if all == 0 {
		return 0
	}
	return 2 * (re*re + im*im) / float64(len(x)) / all
}

func TestToneReachesTheOtherSpeakerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.wav")
	synctest.Test(t, func(t *testing.T) {
		hears, err := New(Config{Mic: Mic{Kind: None}, Speaker: Speaker{Kind: File, Path: path}})
		if err != nil {
			t.Fatal(err)
		}
		receiver, err := hears.Peer("a")
		if err != nil {
			t.Fatal(err)
		}
		l := &link{to: receiver}
		speaks, err := New(Config{
			Mic: Mic{Kind: Tone, Hz: 440}, Speaker: Speaker{Kind: None}, OnFrame: l.send,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second+time.Millisecond)
		defer cancel()
		done := make(chan error, 2)
		go func() { done <- hears.Run(ctx) }()
		go func() { done <- speaks.Run(ctx) }()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		s := receiver.Stats()
		if s.Lost != 0 || s.Discarded != 0 || s.ConcealedMS != 0 || s.Packets < 148 || s.Decoded < 145 {
			t.Errorf("stats of a perfect link: %+v", s)
		}
		if math.Abs(s.LevelDB+15) > 1.5 {
			t.Errorf("level %.1f dBov, want that of a sine at -12 dBFS, about -15", s.LevelDB)
		}
		if got := hears.Levels().Dominant; got != "a" {
			t.Errorf("dominant speaker %q", got)
		}
		t.Logf("%+v", s)
	})
	heard := readWav(t, path)
	if want := 3 * pcm.SampleRate; len(heard) != want {
		t.Fatalf("%d samples written in 3 s, want %d", len(heard), want)
	}
	if share := toneShare(heard[pcm.SampleRate:], 440); share < 0.99 {
		t.Errorf("%.3f of what was heard is the tone", share)
	}
}
