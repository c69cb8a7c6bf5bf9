package conn

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/stun/v4"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

const (
	// compareEvery is how often the way through one third person is compared
	// with those through others, and worthwhile how much shorter another must
	// be to be taken.
	compareEvery = 5 * time.Second
	worthwhile   = 5 * time.Millisecond
	// denseGap is the mean time between packets up to which a peer counts as
	// sending without pause, and silentFor how long it must then be silent before
	// a second way is tried beside the first.
	denseGap  = 50 * time.Millisecond
	silentFor = 100 * time.Millisecond
	// silentEnd is the silence after which nothing more is made of it.
	silentEnd = 2 * time.Second
	// turnEvery is how long each of the other ways is tried for.
	turnEvery = 200 * time.Millisecond
)

// bearer is the connection to somebody who carries: a session, or a fake in
// tests.
type bearer interface {
	// sendFrame sends a frame and reports whether it left.
	sendFrame(frame []byte) bool
	// bears reports whether the connection works at present, and over which
	// round trip.
	bears(now time.Time) (time.Duration, bool)
	// carrierID is who is at the other end.
	carrierID() signal.PeerID
}

// leg is one way to a peer, through one third person.
type leg struct {
	rtc.Leg
	by    bearer
	heard time.Time // guarded by the route's mu; the newest packet that came this way
}

// route is how packets for one peer get there through third persons. ICE sees
// one address of the peer whoever carries; that is chosen here for each packet,
// and may change without ICE noticing. While there is doubt whether the present
// way works, packets take a second one too: who gets them twice drops them, as
// SRTP, DTLS and ICE all do.
type route struct {
	far  signal.PeerID
	addr netip.Addr // that stands for the peer

	mu       sync.Mutex
	legs     []*leg // guarded by mu, like everything below; in the order they came
	now      *leg   // in use
	conns    map[uint16]*carriedConn
	asked    time.Time // oldest check that went out since the last answer; zero: all are answered
	compared time.Time
	arrived  time.Time // of the newest packet
	gap      time.Duration
}

func newRoute(far signal.PeerID) *route {
	return &route{far: far, addr: carriedAddr(far), conns: map[uint16]*carriedConn{}}
}

// add makes a leg known. Whoever waited for one is served.
func (r *route) add(l *leg) {
	r.mu.Lock()
	r.legs = append(r.legs, l)
	r.compared = time.Time{}
	conns := r.bound()
	r.mu.Unlock()
	for _, c := range conns {
		c.kick()
	}
}

// update takes what the carrier now says of a leg.
func (r *route) update(l *leg, to rtc.Leg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.Trip, l.Rate = to.Trip, to.Rate
}

// remove forgets a leg.
func (r *route) remove(l *leg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.legs = slices.DeleteFunc(r.legs, func(other *leg) bool { return other == l })
	if r.now == l {
		r.take(nil)
	}
}

// bound lists the sockets. Called with mu held.
func (r *route) bound() []*carriedConn {
	out := make([]*carriedConn, 0, len(r.conns))
	for _, c := range r.conns {
		out = append(out, c)
	}
	return out
}

// take makes a leg the one in use. Called with mu held.
func (r *route) take(l *leg) {
	if r.now != l {
		r.now, r.asked = l, time.Time{}
	}
}

// through is who carries at present, and the pictures they pass on in bit/s (0:
// unknown).
func (r *route) through() (by signal.PeerID, rate int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil {
		return "", 0
	}
	return r.now.by.carrierID(), r.now.Rate
}

// choose returns the leg for a packet sent now, and while that one is in doubt
// a second. check says that the packet asks for an answer.
func (r *route) choose(now time.Time, check bool) (first, second *leg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil {
		r.take(r.best(now, nil))
	}
	if r.now == nil {
		return nil, nil
	}
	trip, works := r.now.by.bears(now)
	trip += r.now.Trip
	switch {
	case !works, r.doubtful(now, trip):
		second = r.other(now)
		if !works && second != nil {
			r.take(second)
			second = r.other(now)
		}
	case now.Sub(r.compared) >= compareEvery:
		r.compared = now
		if best := r.best(now, r.now); best != nil {
			if there, ok := best.by.bears(now); ok && there+best.Trip+worthwhile < trip {
				r.take(best)
			}
		}
	}
	if check && r.asked.IsZero() {
		r.asked = now
	}
	return r.now, second
}

// doubtful reports whether the leg in use may be dead: a check is unanswered for
// longer than trip, or a peer that was sending has fallen silent. Called with mu
// held.
func (r *route) doubtful(now time.Time, trip time.Duration) bool {
	if !r.asked.IsZero() && now.Sub(r.asked) >= min(trip, maxTrip)+overdue {
		return true
	}
	silent := now.Sub(r.arrived)
	return r.gap > 0 && r.gap <= denseGap && silent >= max(silentFor, 4*r.gap) && silent < silentEnd
}

// best is the shortest leg that works, but not except; else any other. Called
// with mu held.
func (r *route) best(now time.Time, except *leg) (best *leg) {
	var least time.Duration
	for _, l := range r.legs {
		if l == except {
			continue
		}
		trip, works := l.by.bears(now)
		if trip += l.Trip; !works {
			trip += time.Hour
		}
		if best == nil || trip < least {
			best, least = l, trip
		}
	}
	return best
}

// other is the leg to try beside the one in use: one that something has just
// come in on, else each in turn. Called with mu held.
func (r *route) other(now time.Time) *leg {
	var others []*leg
	for _, l := range r.legs {
		if l == r.now {
			continue
		}
		if now.Sub(l.heard) < turnEvery {
			return l
		}
		if _, works := l.by.bears(now); works {
			others = append(others, l)
		}
	}
	if len(others) == 0 {
		return nil
	}
	return others[int(now.UnixNano()/int64(turnEvery))%len(others)]
}

// took is told of a packet that came in on a leg. It reports whether another
// leg is in use now.
func (r *route) took(now time.Time, l *leg, packet []byte) (moved bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch since := now.Sub(r.arrived); {
	case r.arrived.IsZero() || since >= silentEnd:
		r.gap = 0
	case r.gap == 0:
		r.gap = since
	default:
		r.gap += (min(since, 4*denseGap) - r.gap) / 8
	}
	doubt := true
	if r.now != nil {
		trip, works := r.now.by.bears(now)
		doubt = !works || r.doubtful(now, trip+r.now.Trip)
	}
	l.heard, r.arrived = now, now
	if doubt && r.now != l && slices.Contains(r.legs, l) {
		r.take(l)
		moved = true
	}
	if isAnswer(packet) {
		r.asked = time.Time{}
	}
	return moved
}

// isAnswer reports whether a packet is the answer to a check.
func isAnswer(packet []byte) bool {
	return stun.IsMessage(packet) && binary.BigEndian.Uint16(packet) == stun.BindingSuccess.Value()
}

// conn finds the socket with a port.
func (r *route) conn(port uint16) *carriedConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conns[port]
}

// send sends a packet from one port to another of the peer and reports whether
// there was a way.
func (r *route) send(now time.Time, packet []byte, from, to uint16, check bool) bool {
	before, _ := r.through()
	first, second := r.choose(now, check)
	if first == nil {
		return false
	}
	buf := frameBuffers.Get().(*[maxWrapped]byte)
	defer frameBuffers.Put(buf)
	frame := putFrame(buf[:0], first.Number, from, to, packet)
	if frame == nil {
		return false
	}
	sent := first.by.sendFrame(frame)
	if second != nil {
		binary.BigEndian.PutUint32(frame[1:], second.Number)
		sent = second.by.sendFrame(frame) || sent
	}
	if by := first.by.carrierID(); by != before {
		r.changed()
	}
	return sent
}

// changed says that somebody else carries.
func (r *route) changed() {
	r.mu.Lock()
	conns := r.bound()
	r.mu.Unlock()
	for _, c := range conns {
		if moves := c.net.pulse.moves; moves != nil {
			moves()
		}
	}
}
