package conn

import (
	"sync/atomic"

	"github.com/pion/stun/v4"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/rtc"
)

// dozeCheck is how often the path to somebody who is gone is checked: often
// enough to keep a NAT's mapping, and to be found within a second.
const dozeCheck = rules.Glance

// doze is whether a session waits for somebody who is gone: it sends no media and
// checks its path once a second, until something of the peer arrives.
type doze struct {
	on   atomic.Bool
	woke func() // called once each time something arrived, without locks
}

// heard ends the doze because something of the peer arrived.
func (d *doze) heard() {
	if d.on.Load() && d.on.CompareAndSwap(true, false) {
		d.woke()
	}
}

// sends counts a packet that is no check, and reports whether it is to go out: to
// somebody who is gone nothing does but answers to checks.
func (p *pulse) sends(packet []byte) bool {
	if p.doze.on.Load() && !stun.IsMessage(packet) {
		return false
	}
	p.carried.Add(1)
	return true
}

// doze answers rtc.Doze. What a doze kept back goes out again after it.
func (s *session) doze(on bool) {
	s.pulse.doze.on.Store(on)
	if !on {
		s.pulse.doubt()
		s.dialer.local.greet(s)
	}
}

// awoken is told that something of the peer arrived while the session dozed.
func (s *session) awoken() {
	s.post(rtc.SessionAwake{})
	s.Do(rtc.Doze{}) // not here: this is a callback of pion, or of what reads a track
}
