package rtc

import (
	"encoding/json"
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/signal"
)

// Tell is [Manager.SendData] to everybody, for what nobody must miss because their
// connection happens to be cut: they get it, sealed, through signaling, be that the
// server or a third peer. What cannot be brought to somebody now is reported by
// [Undelivered] and follows as soon as there is a way. Data may arrive twice.
func (m *Manager) Tell(kind string, data json.RawMessage) {
	m.mail.post(tellAll{appData{kind, data}})
}

type tellAll struct{ msg appData }

func (t tellAll) deliver(m *Manager, now time.Time) {
	m.said = append(m.said, saying{now, t.msg})
	m.said = m.said[max(0, len(m.said)-rules.MaxSaid):]
	sendData{"", t.msg}.deliver(m, now)
	for _, mb := range m.members {
		if !mb.listens() {
			mb.owe(now, t.msg)
			m.passOn(now, mb)
		}
	}
}

// saying is what was told to everybody, and when.
type saying struct {
	at  time.Time
	msg appData
}

// listens reports whether what is sent on the data channel arrives, or whether
// nothing needs to: of the gone.
func (mb *member) listens() bool {
	return mb.peer.kept || !mb.known || mb.dataOpen && mb.peer.connected()
}

// lost says again, by another way, what was said in the silence before somebody was
// found to be lost: the data channel keeps it until the path is back.
func (m *Manager) lost(now time.Time, mb *member) {
	for _, s := range m.said {
		if now.Sub(s.at) <= 2*m.cfg.Timing.Silence {
			mb.owe(now, s.msg)
		}
	}
	m.passOn(now, mb)
}

// debt is what was told to everybody and has found no way to one person.
type debt struct {
	owed   []appData
	owedAt time.Time // since when
	waits  bool      // people know that
}

// owe notes something for somebody who does not listen. The oldest is dropped
// when too much waits.
func (d *debt) owe(now time.Time, msg appData) {
	if len(d.owed) == 0 {
		d.owedAt = now
	}
	d.owed = append(d.owed, msg)
	d.owed = d.owed[max(0, len(d.owed)-rules.MaxSaid):]
}

// pay says that all of it has found a way, or needs none.
func (d *debt) pay() { d.owed, d.waits = nil, false }

// admit says that people know of it.
func (d *debt) admit() { d.waits = true }

// passOn brings what is owed to somebody through signaling, or says that it has to
// wait.
func (m *Manager) passOn(now time.Time, mb *member) {
	if len(mb.owed) == 0 {
		return
	}
	if !m.serverUp || mb.away {
		if m.carrier(mb.peer.id) == nil || m.cfg.Sealer == nil {
			if !mb.waits && !now.Before(mb.owedAt.Add(tellAfter)) {
				mb.admit()
				m.tellOf(mb, Undelivered{mb.peer.who()})
			}
			return
		}
	}
	for _, msg := range mb.owed {
		m.send(mb, signal.App{Kind: msg.Kind, Data: msg.Data})
	}
	mb.pay()
}

// settleOwed ends a debt: the data channel carries, and has what was said; or
// there is a way through signaling now.
func (m *Manager) settleOwed(now time.Time, mb *member) {
	switch {
	case len(mb.owed) == 0:
	case mb.listens():
		mb.pay()
	default:
		m.passOn(now, mb)
	}
}

// tellAfter is how long something may wait for a way before people are told: a
// third peer is believed to reach somebody only if it says so a while after we lost
// them.
const tellAfter = 3 * time.Second

// owedDue is when people are to be told that something waits; zero when they are
// not.
func (d *debt) owedDue() time.Time {
	if len(d.owed) == 0 || d.waits {
		return time.Time{}
	}
	return d.owedAt.Add(tellAfter)
}
