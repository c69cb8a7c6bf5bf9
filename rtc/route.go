package rtc

import (
	"slices"
	"time"

	"github.com/meet-term/meet/signal"
)

// refreshReach works out whom signaling reaches: everyone the server lists as
// here while the link is up, and whoever a connected third peer can reach.
func (m *Manager) refreshReach(now time.Time) {
	for id, mb := range m.members {
		if !mb.known {
			continue
		}
		reachable := m.serverUp && !mb.away || m.carrier(id) != nil
		if reachable && !mb.peer.reachable && mb.session != nil {
			mb.peer.hear(now, mb.session.Pulse()) // it may have healed already
		}
		mb.peer.reach(now, reachable)
		m.run(now, mb)
	}
}

// carrier finds a third peer that can pass a message on to id, or nil. Its word
// that it is connected with id must be from after we lost id, or it may not
// have noticed yet that id is gone. To one whose own path is gone nothing gets:
// whoever changes address loses the server and all paths in one moment, and must
// begin when the server is back, not wait for what was said into the void. The
// choice does not depend on the order of a map.
func (m *Manager) carrier(id signal.PeerID) *member {
	var best *member
	var lost time.Time
	switch target := m.members[id]; {
	case target.peer.state == StateDisconnected:
		lost = target.peer.since.Add(m.cfg.Timing.Report)
	case target.peer.connected() && m.serverUp:
		return nil // the server lost id a moment before us: wait for fresh words
	}
	for other, mb := range m.members {
		if other == id || !mb.dataOpen || !mb.peer.connected() || mb.peer.pathGone() || mb.othersAt.Before(lost) || !slices.Contains(mb.others, id) {
			continue
		}
		if best == nil || other < best.peer.id {
			best = mb
		}
	}
	return best
}

// send passes a body to a peer: by the server if it reaches them, else sealed
// through a third peer. With neither it is dropped; what matters is sent
// again when there is a way.
func (m *Manager) send(mb *member, body signal.Body) {
	id, inc := mb.peer.id, mb.peer.inc
	if m.serverUp && !mb.away {
		m.cfg.Signal.Send(id, inc, body)
		return
	}
	via := m.carrier(id)
	if via == nil || m.cfg.Sealer == nil {
		return
	}
	frame, err := m.cfg.Sealer.SealMessage(id, inc, body)
	if err != nil {
		m.log.Warn("seal for a third peer to carry", "error", err)
		return
	}
	via.session.Do(SendData{encodeData(relay{From: m.cfg.Self, To: id, Frame: string(frame)})})
}

// message takes a body from a peer, whichever way it came.
func (m *Manager) message(now time.Time, e signal.Message) {
	mb := m.members[e.From]
	if mb == nil || e.Inc < mb.peer.inc {
		return
	}
	m.meet(mb)
	m.process(now, mb, e.Inc)
	switch b := e.Body.(type) {
	case signal.Bye:
		m.remove(now, mb, false)
		return
	case signal.App:
		if m.cfg.Data != nil {
			m.cfg.Data(mb.peer.id, b.Kind, b.Data)
		}
		return
	case signal.Offer, signal.Answer, signal.Candidates, signal.Need, signal.Probe, signal.ProbeAck:
	}
	if mb.session != nil && mb.peer.unsettled() {
		mb.peer.hear(now, mb.session.Pulse())
	}
	mb.peer.message(now, e.Body)
	m.run(now, mb)
}

func (m *Manager) dataOpened(now time.Time, mb *member) {
	mb.dataOpen = true
	m.setThin(mb, Thin{}) // until told otherwise
	if m.reportAt.IsZero() {
		m.reportAt = now.Add(m.cfg.Timing.Report)
	}
	mb.news = news{}
	m.sendReport(mb)
	m.introduce(mb)
	if m.cfg.DataOpen != nil {
		m.cfg.DataOpen(mb.peer.id)
	}
}

// dataReceived takes a message of the data channel. What cannot be read is
// dropped: the peer may be newer than we are, or hostile.
func (m *Manager) dataReceived(now time.Time, mb *member, b []byte) {
	msg, err := decodeData(b)
	if err != nil {
		m.log.Debug("data message dropped", "peer", mb.peer.name, "error", err)
		return
	}
	switch msg := msg.(type) {
	case report:
		m.onReport(now, mb, msg)
	case relay:
		m.onRelay(now, mb, msg)
	case carry:
		m.onCarry(mb, msg)
	case carrying:
		m.onCarrying(now, mb, msg)
	case appData:
		if m.cfg.Data != nil {
			m.cfg.Data(mb.peer.id, msg.Kind, msg.Data)
		}
	case identity:
		m.onIdentity(mb, msg)
	case reveal:
		m.onReveal(mb, msg)
	case farewell:
		m.remove(now, mb, false)
	}
}

// onRelay takes a frame meant for us, or passes it on: one hop, and only
// from the one who wrote it.
func (m *Manager) onRelay(now time.Time, mb *member, r relay) {
	if r.To == m.cfg.Self {
		if m.cfg.Sealer == nil {
			return
		}
		msg, err := m.cfg.Sealer.OpenMessage([]byte(r.Frame))
		if err != nil {
			m.log.Debug("relayed frame dropped", "by", mb.peer.name, "error", err)
			return
		}
		m.message(now, msg)
		return
	}
	to := m.members[r.To]
	if r.From != mb.peer.id || to == nil || !to.dataOpen || len(r.Frame) > signal.MaxFrame {
		return
	}
	to.session.Do(SendData{encodeData(r)})
}
