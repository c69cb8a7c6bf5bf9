package conn

import (
	"encoding/binary"
	"time"

	"github.com/pion/stun/v4"
)

const (
	// calm is how often the pair in use is checked while each check is
	// answered and little is sent (RFC 7675 asks for 5 s, RFC 8445 section 11
	// for 15 s).
	calm = 3 * keepalive
	// late is the silence of a peer after which its own checks are missed.
	// Browsers check a path more rarely than that, so towards them there is no
	// calm: the page, which can only count what comes in, needs it that way.
	late = calm + keepalive
	// busy is how many packets between two checks are more than little: half
	// of what a voice takes.
	busy = 5
	// alarm is how long every check goes out after there was reason for doubt.
	alarm = 3 * time.Second
	// overdue is how long after a round trip, or after maxTrip if that takes
	// longer, an answer is taken for lost.
	overdue = 80 * time.Millisecond
	maxTrip = time.Second
)

// cadence decides which of the checks that pion makes of the pair in use go
// out. pion makes them at one fixed interval, keepalive, which has to be short:
// it is how soon a cut is seen, a path that works again is used and a peer that
// moved is followed. None of that is urgent while nobody says anything and all
// is well, and in a mesh of nine people each would send and receive 160 packets a
// second for it. So the first check that is not answered before the next one is
// made, and any other reason for doubt, ends the calm.
//
// The zero value is ready, for a new pair in use. It has no clock and no lock.
type cadence struct {
	sent  time.Time // newest check that went out; zero: none was seen
	asked time.Time // oldest check that went out since the last answer; zero: all are answered
	until time.Time // every check goes out
	kept  bool      // the newest check was kept back
}

// signs is what is known of the pair in use.
type signs struct {
	answered time.Time     // the newest answer to a check of ours
	asked    time.Time     // the newest check of the peer
	rtt      time.Duration // how long an answer takes
}

// hold reports whether a check made now is kept back; packets is how many others
// were sent since the last one.
func (c *cadence) hold(now time.Time, s signs, packets int) bool {
	if !s.answered.Before(c.asked) {
		c.asked = time.Time{}
	}
	// Half an interval makes up for checks made a moment early.
	due := !now.Before(c.sent.Add(calm - keepalive/2))
	if due || packets >= busy || !c.asked.IsZero() || now.Sub(s.asked) >= late || now.Before(c.until) {
		c.went(now)
		return false
	}
	c.kept = true
	return true
}

// doubt ends the calm for a while. It reports whether the check that was kept
// back is to be sent now.
func (c *cadence) doubt(now time.Time) (send bool) {
	c.until = now.Add(alarm)
	send = c.kept
	if send {
		c.went(now)
	}
	return send
}

func (c *cadence) went(now time.Time) {
	c.sent, c.kept = now, false
	if c.asked.IsZero() {
		c.asked = now
	}
}

// failing reports whether a check is without an answer although one was due. A
// pair whose checks do not pass here, as those through a relay, counts as
// failing.
func (c *cadence) failing(now time.Time, s signs) bool {
	if c.sent.IsZero() {
		return true
	}
	return !c.asked.IsZero() && s.answered.Before(c.asked) && now.Sub(c.asked) >= min(s.rtt, maxTrip)+overdue
}

// smoothRTT smooths the round trip times of a pair as RFC 6298 section 2 does:
// one answer that stood in a queue says little about the next.
type smoothRTT struct {
	value  time.Duration
	at     time.Time // the answer that was taken in last
	begins bool      // the next one counts in full: it is of another pair
	skips  bool      // the next one does not count
}

// take takes in the newest answer and its round trip time, unless it has.
func (r *smoothRTT) take(answered time.Time, rtt time.Duration) {
	if answered.IsZero() || answered.Equal(r.at) {
		return
	}
	r.at = answered
	switch {
	case r.skips:
		r.skips = false
	case r.begins || r.value == 0:
		r.value, r.begins = rtt, false
	default:
		r.value += (rtt - r.value) / 8
	}
}

// stunHeader is the size of a STUN message without attributes (RFC 8489 section
// 5).
const stunHeader = 20

// isCheck reports whether a packet is an ICE check: a STUN binding request with
// attributes (RFC 8445 section 7.1). What asks a STUN server for our address has
// none.
func isCheck(packet []byte) bool {
	return len(packet) > stunHeader && stun.IsMessage(packet) && binary.BigEndian.Uint16(packet) == stun.BindingRequest.Value()
}
