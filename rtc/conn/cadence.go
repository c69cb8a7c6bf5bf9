package conn

import (
	"encoding/binary"
	"time"

	"github.com/pion/stun/v4"
)

const (
	// calm is how often the pair in use is checked while each check is
	// answered (RFC 7675 asks for 5 s, RFC 8445 section 11 for 15 s).
	calm = 3 * keepalive
	// alarm is how long every check goes out after there was reason for doubt.
	alarm = 3 * time.Second
	// overdue is how long after a round trip an answer is taken for lost.
	overdue = 80 * time.Millisecond
)

// cadence decides which of the checks that pion makes of the pair in use go
// out. pion makes them at one fixed interval, keepalive, which has to be short:
// it is how soon a cut is seen, a path that works again is used and a peer that
// moved is followed. None of that is needed while all is well, and a mesh of
// nine people would send and receive 160 packets a second for it. So the first
// check that is not answered before the next one is made, and any other reason
// for doubt, ends the calm.
//
// The zero value is ready, for a new pair in use. It has no clock and no lock.
type cadence struct {
	sent  time.Time // newest check that went out; zero: none was seen
	asked time.Time // oldest check that went out since the last answer; zero: all are answered
	until time.Time // every check goes out
	kept  bool      // the newest check was kept back
}

// hold reports whether a check made now is kept back; answered is when an
// answer came last.
func (c *cadence) hold(now, answered time.Time) bool {
	if answered.After(c.asked) {
		c.asked = time.Time{}
	}
	// Half an interval makes up for checks made a moment early.
	if c.asked.IsZero() && now.Before(c.sent.Add(calm-keepalive/2)) && !now.Before(c.until) {
		c.kept = true
		return true
	}
	c.went(now)
	return false
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

// failing reports whether a check is without an answer although one was due;
// answered is as for hold, rtt the round trip time. A pair whose checks do not
// pass here, as those through a relay, counts as failing.
func (c *cadence) failing(now, answered time.Time, rtt time.Duration) bool {
	if c.sent.IsZero() {
		return true
	}
	return !c.asked.IsZero() && !answered.After(c.asked) && now.Sub(c.asked) >= rtt+overdue
}

// isCheck reports whether a packet is a STUN binding request (RFC 8489
// section 5).
func isCheck(packet []byte) bool {
	return stun.IsMessage(packet) && binary.BigEndian.Uint16(packet) == stun.BindingRequest.Value()
}
