package meettest

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// withCamera has somebody send a moving picture and sound.
func withCamera(c *call.Config) {
	c.Camera = source.Camera{Kind: source.TestCard}
	c.Start = signal.Media{Mic: true, Camera: true}
}

// view is what one person got of another for a while.
type view struct {
	frozen    time.Duration // no new picture for longer than frozenAfter
	queue     time.Duration // the longest seen after the first second
	full      time.Duration // for how long the queue was above 100 ms
	dropped   int
	concealed float64 // share of the sound
	frames    uint64
	kbps      float64
	width     int
	seconds   []string // what happened in each, for who looks closely
}

const frozenAfter = 400 * time.Millisecond

// watch follows what a person gets of another.
func (p *Person) watch(of *Person, d time.Duration) view {
	var v view
	start := p.statsOf(of)
	last, changed := start.Camera.FramesDecoded, time.Now()
	begin := time.Now()
	queueOf := func() time.Duration {
		if p.narrow == nil {
			return 0
		}
		return p.Queue()
	}
	dropped := 0
	if p.narrow != nil {
		dropped = p.Dropped()
	}
	const every = 50 * time.Millisecond
	second := start
	var worst time.Duration
	for time.Since(begin) < d {
		p.room.Wait(every)
		s := p.statsOf(of)
		if s.Camera.FramesDecoded != last {
			last, changed = s.Camera.FramesDecoded, time.Now()
		} else if time.Since(changed) > frozenAfter {
			v.frozen += every
		}
		q := queueOf()
		worst = max(worst, q)
		if q > 100*time.Millisecond {
			v.full += every
		}
		if time.Since(begin) > time.Second {
			v.queue = max(v.queue, q)
		}
		if since := time.Since(begin); since%time.Second < every {
			sent := of.statsOf(p)
			v.seconds = append(v.seconds, fmt.Sprintf("%v: %d frames %d wide, %d kbit/s, queue %v, sent %d",
				since.Round(time.Second), s.Camera.FramesDecoded-second.Camera.FramesDecoded, s.Camera.Width,
				(s.Received[1]-second.Received[1])*8/1000, worst.Round(time.Millisecond), sent.Sent[0]))
			second, worst = s, 0
		}
	}
	end := p.statsOf(of)
	v.frames = end.Camera.FramesDecoded - start.Camera.FramesDecoded
	v.kbps = float64(end.Received[1]-start.Received[1]) * 8 / 1000 / d.Seconds()
	v.width = end.Camera.Width
	v.concealed = (end.Audio.ConcealedMS - start.Audio.ConcealedMS) / float64(d.Milliseconds())
	if p.narrow != nil {
		v.dropped = p.Dropped() - dropped
	}
	return v
}

func (v view) String() string {
	return fmt.Sprintf("frozen %v, queue %v (%v above 100 ms), %d dropped, %.1f %% concealed, %d frames, %.0f kbit/s, %d wide",
		v.frozen.Round(10*time.Millisecond), v.queue.Round(time.Millisecond), v.full, v.dropped, v.concealed*100, v.frames, v.kbps, v.width)
}

// log writes down what was seen, every second of it when somebody looks closely.
func (v view) log(t *testing.T, what string) {
	t.Logf("%s: %v", what, v)
	if os.Getenv("MEET_LINES") != "" {
		for _, s := range v.seconds {
			t.Log(s)
		}
	}
}

// notShort leaves a test out of short runs: the race detector takes ten times as long
// over pictures, and finds nothing here that other tests do not show it.
func notShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("encodes pictures for a minute: left out of short runs")
	}
}

// The line to one of two is far too narrow: the picture shrinks to what it
// carries within a second, sound goes on, and the full rate is back soon after it
// is wide again.
func TestNarrowLine(t *testing.T) {
	notShort(t)
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		a := r.Join("a", withCamera)
		b := r.JoinNarrow("b", Line{Down: 300_000, Queue: 400 * time.Millisecond}, withCamera)
		r.Wait(time.Second)
		v := b.watch(a, 12*time.Second)
		v.log(t, "B behind 300 kbit/s")
		if v.frozen > 2500*time.Millisecond || v.full > 5*time.Second || v.concealed > 0.05 || v.kbps < 120 || v.kbps > 300 {
			t.Errorf("behind 300 kbit/s: %v", v)
		}
		back := a.watch(b, time.Second)
		if back.kbps < 400 || back.width != 640 {
			t.Errorf("what B sends suffers from what B receives: %v", back)
		}
		b.SetLine(Line{Queue: 400 * time.Millisecond})
		r.Wait(5 * time.Second)
		v = b.watch(a, 2*time.Second)
		v.log(t, "five seconds after it became wide")
		if v.kbps < 420 || v.width != 640 {
			t.Errorf("five seconds after the line became wide: %v", v)
		}
		a.Leave()
		b.Leave()
	})
}

// A colleague far away, over a path that loses a little, is seen at full rate.
func TestFarColleague(t *testing.T) {
	notShort(t)
	synctest.Test(t, func(t *testing.T) {
		r := NewFar(t, 150*time.Millisecond)
		a, b := r.Join("a", withCamera), r.Join("b")
		r.Wait(3 * time.Second)
		r.Lose(a, b, 0.02)
		r.Lose(b, a, 0.02)
		v := b.watch(a, 10*time.Second)
		v.log(t, "300 ms of round trip and 2 % of loss")
		if v.frames < 145 || v.frozen > 500*time.Millisecond || v.width != 640 || v.kbps < 420 {
			t.Errorf("300 ms of round trip and 2 %% of loss: %v", v)
		}
		a.Leave()
		b.Leave()
	})
}

// The line to one of three is far too narrow: she sees both others, small, and they
// see each other as if she were not there.
func TestWeakViewer(t *testing.T) {
	notShort(t)
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		a, c := r.Join("a", withCamera), r.Join("c", withCamera)
		b := r.JoinNarrow("b", Line{Down: 300_000, Queue: 400 * time.Millisecond})
		r.Wait(2 * time.Second)
		before := c.statsOf(a)
		v := b.watch(a, 10*time.Second)
		v.log(t, "B of A, behind 300 kbit/s with C beside")
		after := c.statsOf(a)
		if v.frozen > 8*time.Second || v.frames < 10 || v.concealed > 0.05 {
			t.Errorf("B sees of A: %v", v)
		}
		kbps := float64(after.Received[1]-before.Received[1]) * 8 / 1000 / 10
		frames := after.Camera.FramesDecoded - before.Camera.FramesDecoded
		t.Logf("C of A meanwhile: %.0f kbit/s, %d frames, %d wide", kbps, frames, after.Camera.Width)
		if kbps < 450 || frames < 145 || after.Camera.Width != 640 {
			t.Errorf("C sees of A meanwhile %.0f kbit/s, %d frames, %d wide", kbps, frames, after.Camera.Width)
		}
		a.Leave()
		b.Leave()
		c.Leave()
	})
}

// A line that carries sound and hardly anything else carries the sound: the picture
// stops, people are told, and it comes back with the line.
func TestLineTooThinForPictures(t *testing.T) {
	notShort(t)
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		a := r.Join("a", withCamera)
		b := r.JoinNarrow("b", Line{Down: 85_000, Queue: 400 * time.Millisecond})
		r.Wait(time.Second)
		v := b.watch(a, 20*time.Second)
		v.log(t, "B behind 85 kbit/s")
		if v.concealed > 0.05 || v.kbps > 40 {
			t.Errorf("behind 85 kbit/s: %v", v)
		}
		e := Events[rtc.PicturesPaused](b)
		if len(e) == 0 || !e[0].Paused || e[0].Kind != media.Camera || e[0].Peer != a.ID {
			t.Fatalf("B was told %+v", e)
		}
		if seen, _ := b.Call.View().Peer(a.ID); seen.Thin.Camera != e[len(e)-1].Paused || seen.Thin.Screen {
			t.Errorf("B sees A as %+v after %+v", seen.Thin, e)
		}
		b.SetLine(Line{Queue: 400 * time.Millisecond})
		r.Wait(30 * time.Second)
		if e := Events[rtc.PicturesPaused](b); e[len(e)-1].Paused {
			t.Errorf("B was told %+v", e)
		}
		if got := b.statsOf(a).Camera; got.FPS < 14 || got.Width != 640 {
			t.Errorf("half a minute after the line became wide: %+v", got)
		}
		a.Leave()
		b.Leave()
	})
}
