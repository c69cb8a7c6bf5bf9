package conn

import (
	"context"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media"
)

const (
	// Pictures leave at a multiple of the rate of the path, so that a large one
	// does not stand in the way of sound, and at a rate that hardly any line
	// lacks while nothing else is known.
	paceFactor  = 2.0
	paceUnknown = 4_000_000 // bit/s
	paceBurst   = 15 * time.Millisecond

	// How long a picture may wait: beyond, those that no other builds on are left
	// out, and then all up to a key frame.
	waitLayers   = 250 * time.Millisecond
	waitPictures = 700 * time.Millisecond

	// waitOther is how long a camera lets the screen go first.
	waitOther = 300 * time.Millisecond

	// freshEvery is how often a key frame is asked for at most.
	freshEvery = 700 * time.Millisecond

	pacePoll = 10 * time.Millisecond // how often a full path is looked at between feedbacks
)

// pacer sends the pictures of a session so that they fill no queue: in small
// lots, never more in flight than the path has room for, the screen before the
// camera. Sound does not pass through it. Run owns nothing: all is guarded by mu.
type pacer struct {
	control *control
	fresh   func(media.Kind) // asks for a key frame
	wake    chan struct{}    // holds a token when run has something to do

	mu     sync.Mutex
	queues [kinds][]*pacedFrame // guarded by mu, as is all below; oldest first
	broken [kinds]bool          // pictures were left out that others build on
	asked  [kinds]time.Time     // when a key frame was last asked for
	tokens float64              // bytes that may leave now
	at     time.Time
}

// pacedFrame is a picture on its way.
type pacedFrame struct {
	b         *binding
	packets   [][]byte
	sent      int
	timestamp uint32
	key       bool
	layer     uint8
	at        time.Time
}

func newPacer(c *control, fresh func(media.Kind)) *pacer {
	return &pacer{control: c, fresh: fresh, wake: wake.New()}
}

// run sends what could not leave at once, until ctx ends.
func (p *pacer) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-timer.C:
		}
		now := time.Now()
		p.mu.Lock()
		wait := p.pump(now)
		asks, later := p.asks(now)
		p.mu.Unlock()
		for _, kind := range asks {
			p.fresh(kind)
		}
		if wait == 0 {
			wait = later
		}
		if wait > 0 {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
	}
}

// asks is of which kinds to ask for a key frame now, and when to ask for others;
// not before what waits has gone, and not all the time while nothing can be sent.
// Called with mu held.
func (p *pacer) asks(now time.Time) (kinds []media.Kind, later time.Duration) {
	for kind := range p.broken {
		if !p.broken[kind] || len(p.queues[kind]) > 0 {
			continue
		}
		if wait := freshEvery - now.Sub(p.asked[kind]); wait > 0 {
			later = wait
			continue
		}
		p.broken[kind], p.asked[kind] = false, now
		kinds = append(kinds, media.Kind(kind))
	}
	return kinds, later
}

// push takes a picture and sends what of it may leave now. It reports whether the
// picture was taken.
func (p *pacer) push(f *pacedFrame) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	queue := p.queues[f.b.kind]
	if len(queue) > 0 {
		age := f.at.Sub(queue[0].at)
		if f.layer > 0 && age > waitLayers {
			return false
		}
		if age > waitPictures {
			p.drop(f.b.kind)
			if p.broken[f.b.kind] = !f.key; !f.key {
				wake.Poke(p.wake)
				return false
			}
		}
	}
	if f.key {
		f.b.needKey.Store(false)
	}
	p.queues[f.b.kind] = append(p.queues[f.b.kind], f)
	if p.pump(f.at) > 0 || p.broken[f.b.kind] {
		wake.Poke(p.wake)
	}
	return true
}

// drop leaves out all pictures of a kind of which nothing was sent. Called with
// mu held.
func (p *pacer) drop(kind media.Kind) {
	kept := p.queues[kind][:0]
	for _, f := range p.queues[kind] {
		if f.sent > 0 {
			kept = append(kept, f)
		} else {
			f.b.needKey.Store(true)
		}
	}
	clear(p.queues[kind][len(kept):])
	p.queues[kind] = kept
}

// order is which kind goes first.
var order = [...]media.Kind{media.Screen, media.Camera}

// pump sends what may leave now, and returns when to look again; 0: nothing
// waits. Called with mu held.
func (p *pacer) pump(now time.Time) time.Duration {
	var v verdict
	judged := false
	for {
		kind, f := p.first(now)
		if f == nil {
			return 0
		}
		if !judged {
			v, judged = p.control.judge(now), true
			p.fill(now, v)
		}
		switch {
		case v.flight >= v.window:
			return pacePoll
		case p.tokens <= 0:
			return max(time.Duration(-p.tokens*8/pace(v)*float64(time.Second)), time.Millisecond)
		}
		n, ok := f.b.writePicture(f)
		p.tokens -= float64(n)
		v.flight += n
		p.broken[kind] = p.broken[kind] || !ok // there is no connection at present
		if f.sent++; !ok || f.sent == len(f.packets) {
			p.queues[kind][0] = nil
			if p.queues[kind] = p.queues[kind][1:]; len(p.queues[kind]) == 0 {
				p.queues[kind] = nil
			}
		}
	}
}

// first is what goes next: the screen, unless the camera has waited for very long.
// A picture that was begun goes first in its kind anyway. Called with mu held.
func (p *pacer) first(now time.Time) (media.Kind, *pacedFrame) {
	if q := p.queues[media.Camera]; len(q) > 0 && now.Sub(q[0].at) > waitOther {
		return media.Camera, q[0]
	}
	for _, kind := range order {
		if q := p.queues[kind]; len(q) > 0 {
			return kind, q[0]
		}
	}
	return 0, nil
}

// pace is how fast pictures leave, in bit/s.
func pace(v verdict) float64 {
	if !v.known {
		return max(paceUnknown, paceFactor*v.rate)
	}
	return paceFactor * v.rate
}

// fill adds what the time since the last call brings. Called with mu held.
func (p *pacer) fill(now time.Time, v verdict) {
	top := max(pace(v)/8*paceBurst.Seconds(), 2*maxSize)
	if p.at.IsZero() {
		p.tokens = top
	} else if d := now.Sub(p.at); d > 0 {
		p.tokens += pace(v) / 8 * d.Seconds()
	}
	p.tokens, p.at = min(p.tokens, top), now
}
