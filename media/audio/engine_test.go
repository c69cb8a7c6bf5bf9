package audio

import (
	"context"
	"math"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/audio/wav/wavtest"
)

// link carries the frames of one engine to a receiver of another, as a
// network without faults would.
type link struct {
	to  *Receiver
	seq uint16
}

func (l *link) send(f media.Packet) {
	l.seq++
	l.to.Push(media.Packet{
		Seq: l.seq, Timestamp: f.Timestamp, SSRC: 1, Payload: f.Payload,
		Level: f.Level, HasLevel: true, At: time.Now(),
	})
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
	heard := wavtest.Read(t, path)
	if want := 3 * pcm.SampleRate; len(heard) != want {
		t.Fatalf("%d samples written in 3 s, want %d", len(heard), want)
	}
	if share := toneShare(heard[pcm.SampleRate:], 440); share < 0.99 {
		t.Errorf("%.3f of what was heard is the tone", share)
	}
}

// However long a sink has rested, it makes up for nothing, and rests again, also
// where a device that takes one block at a time was before it.
func TestSinkRestsBriefly(t *testing.T) {
	for rest := time.Duration(0); rest <= 300*time.Millisecond; rest += 10 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			e, err := New(Config{Mic: Mic{Kind: None}, Speaker: Speaker{Kind: None}})
			if err != nil {
				t.Fatal(err)
			}
			r, err := e.Peer("b")
			if err != nil {
				t.Fatal(err)
			}
			for range int(rest/(10*time.Millisecond)) % 2 { // a device had it before
				e.mixer.render(make([]float32, pcm.BlockSamples))
			}
			defer letRun(t, e)()
			mixed := func() int {
				synctest.Wait()
				return e.mixer.blocks
			}
			time.Sleep(time.Second + 300*time.Microsecond)
			before := mixed()
			time.Sleep(rest)
			if n := mixed() - before; n != 0 {
				t.Errorf("%d blocks of silence were mixed", n)
			}
			r.Push(media.Packet{Payload: encode(t, speechLike(1))[0], At: time.Now()})
			time.Sleep(tick)
			if n := mixed() - before; n != pcm.FrameSamples/pcm.BlockSamples {
				t.Errorf("after a rest of %v, %d blocks were mixed in one tick", rest, n)
			}
		})
	}
}

// A sink without a device rests while nobody says anything, and whoever speaks
// then is played as if it had not.
func TestSinkRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resting, stop := runEngine(t, Config{Mic: Mic{Kind: None}, Speaker: Speaker{Kind: None}})
		defer stop()
		wakeful, stop := runEngine(t, Config{Mic: Mic{Kind: None}, devices: newFakeDevices()})
		defer stop()
		engines := []*Engine{resting, wakeful}
		const id = "b"
		frames := encode(t, speechLike(200))
		seq, sent := uint16(0), uint32(0)
		talk := func() {
			for range 50 {
				p := media.Packet{Seq: seq, Timestamp: sent, SSRC: 7, Payload: frames[seq], At: time.Now()}
				for _, e := range engines {
					r, err := e.Peer(id)
					if err != nil {
						t.Fatal(err)
					}
					r.Push(p)
				}
				seq, sent = seq+1, sent+pcm.FrameSamples
				// Early and late by turns, so that the delay has to be changed.
				time.Sleep([]time.Duration{5, 60, 1, 14}[seq%4] * time.Millisecond)
			}
		}
		mixed := func() int {
			synctest.Wait()
			return resting.mixer.blocks
		}
		silence := func(d time.Duration) {
			time.Sleep(d)
			sent += uint32(pcm.Samples(d))
		}
		time.Sleep(300 * time.Microsecond) // nothing comes just when a sink ticks
		for range 3 {
			talk()
			silence(15 * time.Second)
			before := mixed()
			silence(time.Minute)
			if n := mixed() - before; n != 0 {
				t.Errorf("%d blocks of silence were mixed", n)
			}
		}
		talk()
		synctest.Wait() // both have taken what came last
		played := func(e *Engine) Stats {
			s := e.mixer.find(id).Stats()
			s.FirstDecoded = time.Time{}
			s.LevelDB = math.Round(s.LevelDB*1e6) / 1e6 // a meter at rest has stopped falling
			return s
		}
		got, want := played(resting), played(wakeful)
		if got != want || want.Decoded < 190 {
			t.Errorf("played differently:\n%+v, a sink that does not rest:\n%+v", got, want)
		}
		if got := *resting.mixer.dominant.Load(); got != id {
			t.Errorf("%q is taken for the speaker", got)
		}
		silence(20 * time.Second)
		resting.RemovePeer(id)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if got := *resting.mixer.dominant.Load(); got != "" {
			t.Errorf("%q, who left, is still the speaker", got)
		}
	})
}
