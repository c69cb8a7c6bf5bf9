package rtc

import (
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/meet-term/meet/signal"
)

// The inputs of the Manager.
type (
	fromSignal  struct{ event signal.Event }
	fromSession struct {
		peer  signal.PeerID
		epoch signal.Epoch
		event SessionEvent
		in    *intake // where data was counted in
	}
	setMedia       signal.Media
	flush          chan struct{}
	retryPeer      signal.PeerID
	networkChanged struct {
		gone []netip.Addr
		woke bool
	}
	sendData struct {
		to  signal.PeerID
		msg appData
	}
)

func (f fromSignal) deliver(m *Manager, now time.Time) {
	switch e := f.event.(type) {
	case signal.ServerState:
		m.serverState(now, e)
	case signal.Welcome:
		m.welcome(now, e)
	case signal.ICEChanged:
		m.useICE(e.ICE)
	case signal.PeerChanged:
		m.presence(now, e.Presence)
	case signal.PeerGone:
		m.gone(now, e)
	case signal.Message:
		m.message(now, e)
	case signal.Nack:
		// What was not delivered is asked for again by whoever misses it.
		m.log.Debug("not delivered", "to", e.To, "why", e.Why)
	}
}

// serverState follows the link. Losing it touches no connection.
func (m *Manager) serverState(now time.Time, e signal.ServerState) {
	m.serverUp = e.State == signal.Connected
	m.server.Lost = !m.serverUp && !m.joinedAt.IsZero()
	m.server.State, m.server.Attempt = e.State, e.Attempt
	m.server.Address = e.Server
	if e.Err != nil || m.serverUp {
		m.server.Trouble = signal.Trouble(e.Err)
	}
	m.server.RetryAt = time.Time{}
	if e.RetryIn > 0 {
		m.server.RetryAt = now.Add(e.RetryIn)
	}
	m.dirty = true
	m.tell(ServerStateChanged{e.State, e.Previous, e.Attempt, e.RetryIn, e.Err, e.Server})
}

func (m *Manager) welcome(now time.Time, e signal.Welcome) {
	m.useICE(e.ICE)
	m.roster, m.dirty = true, true
	if m.joinedAt.IsZero() {
		m.joinedAt = now
		m.tell(Joined{})
		for _, p := range e.Peers {
			if p.Peer != m.cfg.Self {
				m.member(now, p.Peer).known = true // here before us: no "joined"
				m.presence(now, p)
			}
		}
	}
	m.missed(e.Peers)
	m.refreshReach(now)
	for _, mb := range m.members {
		if mb.peer.reachable {
			mb.peer.resync()
			m.run(now, mb)
		}
	}
}

// useICE takes new ICE servers: for the sessions to come, and for the ICE restarts
// of those there are.
func (m *Manager) useICE(servers []signal.ICEServer) {
	if reflect.DeepEqual(servers, m.ice) {
		return
	}
	m.ice = servers
	for _, mb := range m.members {
		if mb.session != nil {
			mb.session.Do(UseICE{servers})
		}
	}
}

// missed marks as away whom the server no longer lists while their media flows:
// it forgot them when we were both cut off from it, and who leaves on purpose
// says so over the data channel. They are not thrown out for that.
func (m *Manager) missed(listed []signal.Presence) {
	here := func(id signal.PeerID) bool {
		return slices.ContainsFunc(listed, func(p signal.Presence) bool { return p.Peer == id })
	}
	for id, mb := range m.members {
		if mb.peer.connected() && !here(id) {
			mb.strays()
		}
	}
}

// deliver of a session's event: one of a replaced session is dropped.
func (f fromSession) deliver(m *Manager, now time.Time) {
	if d, ok := f.event.(DataReceived); ok {
		f.in.release(d.Data)
	}
	mb := m.members[f.peer]
	if mb == nil || mb.epoch != f.epoch || mb.session == nil {
		return
	}
	switch e := f.event.(type) {
	case DataOpened:
		m.dataOpened(now, mb)
	case DataReceived:
		m.dataReceived(now, mb, e.Data)
	case PathChanged:
		m.pathChanged(mb)
	case SessionFailed:
		m.log.Warn("session failed", "peer", mb.peer.name, "epoch", f.epoch, "error", e.Err)
	case ICEStateChanged:
		mb.peer.hear(now, mb.session.Pulse())
	case SessionAwake:
		m.found(now, mb)
	case SessionConnected:
		m.meet(mb)
	case LocalOffer:
		mb.own(e.SDP)
	case LocalAnswer:
		mb.own(e.SDP)
	case LocalCandidates:
		// The machine's business.
	}
	mb.peer.session(now, f.epoch, f.event)
	m.run(now, mb)
}

func (s setMedia) deliver(m *Manager, now time.Time) {
	media := signal.Media(s)
	if media == m.state.Media {
		return
	}
	m.state.Media = media
	m.newState(now)
	m.tell(MediaStateChanged{Who{m.cfg.Self, m.state.Name}, media})
}

// newState tells everybody what has changed of our own state.
func (m *Manager) newState(now time.Time) {
	m.state.N++
	m.dirty, m.roster = true, true
	m.cfg.Signal.SetState(m.state)
	m.sendReports(now)
}

func (f flush) deliver(*Manager, time.Time) { close(f) }

func (r retryPeer) deliver(m *Manager, now time.Time) {
	if !m.serverUp {
		m.cfg.Signal.Nudge()
	}
	for id, mb := range m.members {
		if r == "" || id == signal.PeerID(r) {
			mb.peer.retry(now)
			m.run(now, mb)
		}
	}
}

func (n networkChanged) deliver(m *Manager, now time.Time) {
	m.cfg.Signal.Nudge()
	for _, mb := range m.members {
		path := pathKept
		if n.woke {
			path = pathDoubted
		}
		if mb.session != nil {
			if source := mb.session.Stats().Source; source.IsValid() && slices.Contains(n.gone, source) {
				path = pathLost
			}
			mb.session.Do(CheckPath{})
		}
		mb.peer.moved(now, path)
		m.run(now, mb)
	}
}

func (s sendData) deliver(m *Manager, _ time.Time) {
	b := encodeData(s.msg)
	for id, mb := range m.members {
		if mb.dataOpen && (s.to == "" || s.to == id) {
			mb.session.Do(SendData{b})
		}
	}
}
