package rtc

import (
	"slices"
	"time"

	"github.com/meet-term/meet/signal"
)

// maxOthers bounds whom a peer may claim to reach: no room is larger.
const maxOthers = 64

// sendReports tells every connected peer the whole truth about us, and looks
// at every transport for the screen.
func (m *Manager) sendReports(now time.Time) {
	m.reportAt = time.Time{}
	for _, mb := range m.members {
		if mb.session == nil {
			continue
		}
		if t := mb.session.Stats(); t != mb.transport {
			mb.transport, m.dirty = t, true
		}
		if mb.dataOpen {
			m.sendReport(mb)
			m.reportAt = now.Add(m.cfg.Timing.Report)
		}
	}
}

func (m *Manager) sendReport(mb *member) {
	r := report{State: m.state, Sent: mb.session.Flow().Sent}
	for id, other := range m.members {
		if other != mb && other.dataOpen && other.peer.connected() {
			r.Peers = append(r.Peers, id)
		}
	}
	slices.Sort(r.Peers)
	mb.session.Do(SendData{encodeData(r)})
}

// onReport compares what the peer says with what we see: its state replaces
// an older one, and media it sends that never arrives costs the connection.
func (m *Manager) onReport(now time.Time, mb *member, r report) {
	r.State.Name, r.State.Agent = m.cfg.Clean(r.State.Name, signal.MaxName), ""
	if r.State.Name == "" {
		r.State.Name = mb.state.Name
	}
	m.stateOf(mb, r.State)
	mb.others, mb.othersAt = r.Peers[:min(len(r.Peers), maxOthers)], now
	missing := mb.starving.report(now, r.Sent, mb.session.Flow().Received)
	if !slices.Equal(missing, mb.missing) {
		mb.missing, m.dirty = missing, true
	}
	if len(missing) == 0 || now.Sub(mb.starvedAt) < starvedSpacing {
		return
	}
	mb.starvedAt = now
	m.log.Warn("connected, but media does not arrive", "peer", mb.peer.name, "kinds", missing)
	mb.peer.starved(now)
	m.run(now, mb)
}

// starvedSpacing is the least time between two connections that are replaced
// because they were half dead: a peer that lies about what it sends must not
// make us rebuild without end.
const starvedSpacing = 20 * time.Second
