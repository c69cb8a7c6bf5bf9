package rtc

import (
	"bytes"
	"slices"
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// reach is whom a peer can reach, by its last report.
type reach struct {
	others   []signal.PeerID
	othersAt time.Time // when it came
}

// reaches takes a report.
func (r *reach) reaches(now time.Time, others []signal.PeerID) { r.others, r.othersAt = others, now }

// reachesNobody says that what was reported does not hold any more.
func (r *reach) reachesNobody() { r.others = nil }

// maxOthers bounds whom a peer may claim to reach: no room is larger.
const maxOthers = rules.MaxOthers

// sendReports tells every connected peer the whole truth about us, and looks
// at every transport for the screen.
func (m *Manager) sendReports(now time.Time) {
	m.reportAt = time.Time{}
	m.watchCarried()
	for _, mb := range m.members {
		if mb.session == nil || mb.peer.kept {
			continue
		}
		m.pathChanged(mb)
		if mb.dataOpen {
			m.sendReport(mb)
			m.reportAt = now.Add(m.cfg.Timing.Report)
		}
	}
}

// reportAfter is how soon everybody is told whom we reach now. In a room that
// comes together that changes several times in a row.
const reportAfter = rules.ReportAfter

// reportSoon has the next reports sent before their time.
func (m *Manager) reportSoon(now time.Time) {
	if at := now.Add(reportAfter); !m.reportAt.IsZero() && at.Before(m.reportAt) {
		m.reportAt = at
	}
}

// sendReport tells one peer, if there is news.
func (m *Manager) sendReport(mb *member) {
	r := report{State: m.state, Sent: mb.session.Flow().Sent, Carry: !m.cfg.NoCarry}
	for id, other := range m.members {
		if other != mb && other.dataOpen && other.peer.connected() {
			r.Peers = append(r.Peers, id)
		}
	}
	slices.Sort(r.Peers)
	if b := encodeData(r); mb.news.tells(b) {
		mb.session.Do(SendData{b})
	}
}

// news decides which reports are sent. One that says nothing new can wait: in a
// large room where nobody speaks they would be half of all packets. The zero value
// is ready, for a new connection.
type news struct {
	said []byte // the report that was sent last
	due  int    // how many more are to be sent, new or not
	kept int    // how many were not sent since
}

const (
	// staleReports is how many reports in a row may be left out.
	staleReports = rules.StaleReports
	// freshReports is how many are sent after a change on either side: who has
	// just lost somebody trusts the word of a third peer only if that had the
	// time to notice as well (see carrier).
	freshReports = rules.FreshReports
)

// tells reports whether b, which is what there is to report now, is to be sent.
func (n *news) tells(b []byte) bool {
	if !bytes.Equal(b, n.said) {
		n.due = freshReports
	}
	if n.due == 0 && n.kept < staleReports {
		n.kept++
		return false
	}
	n.said, n.due, n.kept = b, max(0, n.due-1), 0
	return true
}

// heard is told that the peer had something new to say.
func (n *news) heard() { n.due = freshReports }

// onReport compares what the peer says with what we see: its state replaces
// an older one, and media it sends that never arrives costs the connection.
func (m *Manager) onReport(now time.Time, mb *member, r report) {
	r.State.Name, r.State.Agent = m.cfg.Clean(r.State.Name, signal.MaxName), ""
	if r.State.Name == "" {
		r.State.Name = mb.state.Name
	}
	m.stateOf(mb, r.State)
	others := r.Peers[:min(len(r.Peers), maxOthers)]
	if !slices.Equal(others, mb.others) {
		mb.news.heard()
		m.carryStale = true
	}
	if r.Carry != mb.courier.carries {
		mb.courier.carries, m.carryStale = r.Carry, true
	}
	mb.reaches(now, others)
	missing := mb.starving.report(now, r.Sent, mb.session.Flow().Received)
	m.dirty = mb.misses(missing) || m.dirty
	if !mb.acts(now) {
		return
	}
	m.log.Warn("connected, but media does not arrive", "peer", mb.peer.name, "kinds", names(missing))
	mb.peer.starved(now)
	m.run(now, mb)
}

// hunger is what does not arrive of a peer that sends it.
type hunger struct {
	starving  starvation
	missing   []media.Kind
	starvedAt time.Time // when a starved connection was last replaced
}

// feed begins anew, for another connection.
func (h *hunger) feed() { h.starving, h.missing = starvation{}, nil }

// misses takes what does not arrive, and reports whether that is news.
func (h *hunger) misses(kinds []media.Kind) bool {
	changed := !slices.Equal(kinds, h.missing)
	if changed {
		h.missing = kinds
	}
	return changed
}

// acts reports whether the connection is to be replaced now, and notes that it is.
func (h *hunger) acts(now time.Time) bool {
	if len(h.missing) == 0 || now.Sub(h.starvedAt) < starvedSpacing {
		return false
	}
	h.starvedAt = now
	return true
}

// names are the kinds as people read them. The log would print numbers of one byte
// as text.
func names(kinds []media.Kind) []string {
	var out []string
	for _, k := range kinds {
		out = append(out, k.String())
	}
	return out
}

// starvedSpacing is the least time between two connections that are replaced
// because they were half dead: a peer that lies about what it sends must not
// make us rebuild without end.
const starvedSpacing = rules.StarvedSpacing
