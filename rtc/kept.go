package rtc

import (
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/signal"
)

// maxKept is how many silent connections of people who are gone are kept: as many
// as a room has members.
const maxKept = rules.MaxKept

// gone takes the server's word that a person left, or was away too long.
func (m *Manager) gone(now time.Time, e signal.PeerGone) {
	mb := m.members[e.Peer]
	if mb == nil || e.Inc < mb.peer.inc || mb.peer.kept {
		return
	}
	if !mb.away && !e.Unsaid {
		m.remove(now, mb, false)
		return
	}
	mb.away = true
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
		mb.goneAt = now.Add(m.cfg.Timing.Linger)
	case mb.session == nil || !mb.peer.up:
		m.remove(now, mb, true)
	default:
		m.offList(now, mb, true)
		mb.goneAt, mb.keptUntil = time.Time{}, now.Add(m.cfg.Timing.Keep)
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
	mb.peer.kept, mb.keptUntil = false, time.Time{}
	if mb.away {
		mb.goneAt = now.Add(m.cfg.Timing.Linger)
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
	m.tell(PeerLeft{mb.peer.who(), crashed})
}
