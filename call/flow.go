package call

import (
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
)

// resumeGap is the shortest gap whose end is worth an event. Muting makes such
// gaps too: the event says what came, not why. A screen that does not change
// sends a picture every 2 s only.
var resumeGap = [media.Kinds]time.Duration{
	media.Mic: 300 * time.Millisecond, media.Camera: 300 * time.Millisecond, media.Screen: 2500 * time.Millisecond,
}

// flow notices the first packet of one kind of media of a person, and after a gap
// the first that is heard or shown. Packets and what is played come from many
// goroutines. Times are counted from when the person was met, plus 1 ns; 0: none.
type flow struct {
	came      atomic.Int64 // the last packet or picture arrived
	perceived atomic.Int64 // the last one was heard or shown
	// The first packet after a gap, until it is heard or shown, and the gap.
	first, gap atomic.Int64
}

// saw records a packet or picture that arrived.
func (s *studio) saw(p *person, kind media.Kind, at time.Time) {
	f, now := &p.flow[kind], int64(at.Sub(p.met))+1
	was := f.came.Swap(now)
	switch gap := now - was; {
	case was == 0:
		s.events.post(MediaStarted{s.who(p), kind, at})
	case gap > int64(resumeGap[kind]):
		f.gap.Store(gap)
		f.first.Store(now)
	}
}

// perceived records that sound of a person was heard, or a picture shown.
func (s *studio) perceived(p *person, kind media.Kind, at time.Time) {
	if p == nil {
		return
	}
	f, now := &p.flow[kind], int64(at.Sub(p.met))+1
	was, first := f.perceived.Swap(now), f.first.Swap(0)
	if first == 0 {
		return
	}
	e := MediaResumed{
		Who: s.who(p), Kind: kind, Gap: time.Duration(f.gap.Load()), At: p.met.Add(time.Duration(first - 1)), Perceived: at,
	}
	if was != 0 {
		e.Hole = time.Duration(now - was)
	}
	s.events.post(e)
}

// who is a person by the name of the view.
func (s *studio) who(p *person) rtc.Who { return rtc.Who{Peer: p.id, Name: nameOf(s.mesh, p.id)} }
