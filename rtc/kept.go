package rtc

import (
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/signal"
)

// maxKept is how many silent connections of people who are gone are kept: as many
// as a room has members.
const maxKept = rules.MaxKept

// absence is what is known of somebody whom the server does not see.
type absence struct {
	away      bool      // it lost sight of them without a goodbye
	left      bool      // it says that they said goodbye to it
	goneAt    time.Time // when they are looked at again, to be taken off the list; zero while the server knows them
	keptUntil time.Time // when the silent connection of somebody off the list is given up; zero for others
}

// listed takes the server's word that they are known.
func (a *absence) listed(away bool) { a.away, a.left, a.goneAt = away, false, time.Time{} }

// strays says that the server lost sight of them.
func (a *absence) strays() { a.away = true }

// leaves says that the server lets them go: whether with a goodbye, it alone knows.
func (a *absence) leaves(goodbye bool) { a.away, a.left = true, goodbye }

// linger leaves them on the list until a moment.
func (a *absence) linger(until time.Time) { a.goneAt = until }

// keep takes them off the list and keeps the connection until a moment.
func (a *absence) keep(until time.Time) { a.goneAt, a.keptUntil = time.Time{}, until }

// returns puts them on the list again.
func (a *absence) returns() { a.keptUntil = time.Time{} }

// lingerOver and keptOver report whether that time has passed.
func (a *absence) lingerOver(now time.Time) bool { return !a.goneAt.IsZero() && !now.Before(a.goneAt) }
func (a *absence) keptOver(now time.Time) bool   { return !now.Before(a.keptUntil) }

// gone takes the server's word that a person left, or was away too long. It ends no
// connection that works: who leaves says so there as well, or falls silent.
func (m *Manager) gone(now time.Time, e signal.PeerGone) {
	mb := m.members[e.Peer]
	if mb == nil || e.Inc < mb.peer.inc || mb.peer.kept {
		return
	}
	goodbye := !mb.away && !e.Unsaid
	if goodbye && (mb.session == nil || !mb.peer.up) {
		m.remove(now, mb, false)
		return
	}
	mb.leaves(goodbye)
	m.roster, m.dirty = true, true
	m.vanished(now, mb)
}

// vanished deals with somebody who went without a goodbye. One whose media still
// flows, or whom a third peer still reaches, has only lost the server and stays.
// Anybody else is taken off the list, but the connection is kept for a while:
// whoever was cut off for some minutes is back with the first packet.
func (m *Manager) vanished(now time.Time, mb *member) {
	switch {
	case mb.peer.connected() || m.carrier(mb.peer.id) != nil:
		mb.linger(now.Add(m.cfg.Timing.Linger))
	case mb.session == nil || !mb.peer.up:
		m.remove(now, mb, !mb.left)
	default:
		m.offList(now, mb, !mb.left)
		mb.keep(now.Add(m.cfg.Timing.Keep))
		mb.peer.kept = true
		mb.session.Do(Doze{On: true})
		m.boundKept(now)
	}
}

// boundKept gives up the connection that would be given up next, when there are
// too many.
func (m *Manager) boundKept(now time.Time) {
	var oldest *member
	n := 0
	for _, mb := range m.members {
		if !mb.peer.kept {
			continue
		}
		n++
		if oldest == nil || mb.keptUntil.Before(oldest.keptUntil) {
			oldest = mb
		}
	}
	if n > maxKept {
		m.remove(now, oldest, true)
	}
}

// found puts somebody on the list again who was gone: the server lists them, or
// their connection carries again.
func (m *Manager) found(now time.Time, mb *member) {
	if !mb.peer.kept {
		return
	}
	mb.peer.kept = false
	mb.returns()
	if mb.away {
		mb.linger(now.Add(m.cfg.Timing.Linger))
	}
	m.roster, m.dirty = true, true
	if mb.session != nil {
		mb.session.Do(Doze{})
		mb.peer.hear(now, mb.session.Pulse())
		m.run(now, mb)
	}
}

// offList tells everybody that somebody is no longer in the room.
func (m *Manager) offList(now time.Time, mb *member, crashed bool) {
	if mb.reached {
		m.reportSoon(now)
	}
	m.roster, m.dirty = true, true
	if mb.here {
		m.tell(PeerLeft{mb.peer.who(), crashed})
	}
}
