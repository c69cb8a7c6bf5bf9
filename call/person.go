package call

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/video/stream"
	"github.com/meet-term/meet/signal"
)

// person is all that a call keeps of one remote person, from the first dial until
// they have left: made once by [people.admit], ended once by [people.end]. A packet
// finds its person without a lock, and whatever else it touches on its way takes
// one: that of the receiver it goes to.
type person struct {
	id   signal.PeerID
	met  time.Time         // what [flow] counts from
	flow [media.Kinds]flow // any goroutine

	sound    atomic.Pointer[audio.Receiver]        // made by the first packet
	pictures [media.Kinds]atomic.Pointer[receiver] // of Camera and Screen, likewise

	mu      sync.Mutex // guards all below, and that nothing is made once gone is set
	gone    bool
	listens bool        // was connected
	loss    float64     // share of our sound that they last reported lost
	view    viewMessage // what they show of us, once they told
	told    bool
	thin    thinMessage // what the path to them does not carry
	hearing listener
	rates   rates
}

// receiver is a stream.Receiver and how to end it.
type receiver struct {
	*stream.Receiver
	cancel context.CancelFunc
}

// people are the persons of a call. What comes of anybody else, such as a packet
// that was on its way when its sender left, is dropped: nothing may be kept for
// people nobody will end.
type people struct {
	mu  sync.Mutex                                // of those who change the map
	all atomic.Pointer[map[signal.PeerID]*person] // never changed once stored
}

func newPeople() *people {
	ps := &people{}
	ps.all.Store(&map[signal.PeerID]*person{})
	return ps
}

// find returns a person, or nil for a stranger.
func (ps *people) find(id signal.PeerID) *person { return (*ps.all.Load())[id] }

// everybody are the persons there are; the map is not to be changed.
func (ps *people) everybody() map[signal.PeerID]*person { return *ps.all.Load() }

// admit returns a person, made on the first call.
func (ps *people) admit(id signal.PeerID) *person {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p := ps.find(id); p != nil {
		return p
	}
	p := &person{id: id, met: time.Now(), hearing: listener{hears: true, heard: true}}
	next := maps.Clone(ps.everybody())
	next[id] = p
	ps.all.Store(&next)
	return p
}

// end forgets a person, and ends what was started for them.
func (ps *people) end(id signal.PeerID) {
	ps.mu.Lock()
	p := ps.find(id)
	next := maps.Clone(ps.everybody())
	delete(next, id)
	ps.all.Store(&next)
	ps.mu.Unlock()
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	for k := range p.pictures {
		if r := p.pictures[k].Load(); r != nil {
			r.cancel()
		}
	}
}

// maxSkew bounds what a sender may claim.
const maxSkew = 500 * time.Millisecond

// hold is how long to hold a picture for its sound, which waits for some time in
// its own buffer. By the clock that the sender gives both (RFC 3550 section 6.4.1)
// the sound may take longer to get here than the picture, or shorter: one of the
// two is captured or encoded more slowly.
func (p *person) hold(wait time.Duration) time.Duration {
	sound, camera := p.sound.Load(), p.pictures[media.Camera].Load()
	if sound == nil || camera == nil {
		return wait
	}
	slow, heard := sound.Transit()
	fast, seen := camera.Transit()
	if heard && seen {
		wait += min(max(slow-fast, -maxSkew), maxSkew)
	}
	return max(wait, 0)
}
