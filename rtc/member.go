package rtc

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/signal"
)

// member is one other person in the room: the state machine, its session and
// what the person says of itself. Owned by the Manager's goroutine.
type member struct {
	peer    *peer
	session Session
	epoch   signal.Epoch // of session

	known bool         // already announced, or here before us
	state signal.State // newest seen, whichever way it came
	arrival
	introduction
	absence
	debt
	hearing
	thin Thin // pictures of theirs that the path to us does not carry

	identity Identity

	dataOpen bool
	reached  bool // others were told, or are about to be, that we reach it
	news     news
	reach
	hunger
	transport TransportStats
	courier   courier
	saidPath  Path // what people were told last
	saidVia   signal.PeerID
	inVain    int            // attempts that people were told of, if there was anything to tell
	tried     Tried          // by the session before
	trouble   *ConnectFailed // why it is not reached; nil while it is, or nothing was tried
}

// browser reports whether the peer is the page.
func (mb *member) browser() bool { return strings.HasPrefix(mb.state.Agent, browserAgent) }

// browserAgent is how the page's name for itself begins.
const browserAgent = "meet web"

// member finds or makes the member of an id.
func (m *Manager) member(now time.Time, id signal.PeerID) *member {
	mb := m.members[id]
	if mb == nil {
		mb = &member{peer: newPeer(now, m.cfg.Self, id, m.cfg.Timing, &m.epochs)}
		m.members[id] = mb
	}
	return mb
}

// presence takes what the server says of a participant.
func (m *Manager) presence(now time.Time, p signal.Presence) {
	if p.Peer == m.cfg.Self || p.Peer == "" {
		return
	}
	mb := m.member(now, p.Peer)
	mb.listed(p.Away)
	if mb.peer.kept {
		mb.known = p.Inc <= mb.peer.inc // who comes back has not joined anew
		m.found(now, mb)
	}
	m.process(now, mb, p.Inc)
	m.stateOf(mb, p.State)
	if !mb.known {
		mb.known = true
		m.tellOf(mb, PeerJoined{mb.peer.who()})
	}
	m.roster, m.dirty = true, true
	m.refreshReach(now)
	m.run(now, mb)
}

// process takes the process that a sign of a person came from. A new one counts
// its states from the start, and nothing agreed with the old one holds.
func (m *Manager) process(now time.Time, mb *member, inc signal.Inc) {
	if inc > mb.peer.inc {
		mb.state.N = 0
	}
	mb.peer.present(now, inc)
	m.run(now, mb)
}

// stateOf takes a whole state of a person, its texts cleaned; an older one
// never replaces a newer one, so it may come by any way and any number of
// times.
func (m *Manager) stateOf(mb *member, s signal.State) {
	if s.N <= mb.state.N {
		return
	}
	was := mb.state
	mb.state = s
	if s.Name != "" && s.Name != mb.peer.name {
		mb.peer.name = s.Name
		if mb.identity.Key != nil && m.cfg.Proved != nil {
			m.cfg.Proved(mb.peer.who(), mb.identity) // is that whom the key is known as?
		}
	}
	m.roster, m.dirty = true, true
	if was.N == 0 || was.Media != s.Media {
		m.tellOf(mb, MediaStateChanged{mb.peer.who(), s.Media})
	}
	m.handOf(mb, was.Hand)
}

// remove takes a person off the list and gives the connection up.
func (m *Manager) remove(now time.Time, mb *member, crashed bool) {
	mb.peer.leave(now)
	m.run(now, mb)
	m.hangUp(mb)
	delete(m.members, mb.peer.id)
	if !mb.peer.kept {
		m.offList(now, mb, crashed)
	}
	if m.cfg.Gone != nil {
		m.cfg.Gone(mb.peer.id)
	}
}

// tick lets a peer act on the clock.
func (m *Manager) tick(now time.Time, mb *member) {
	if mb.session != nil {
		mb.peer.hear(now, mb.session.Pulse())
	}
	mb.peer.tick(now)
	m.settleOwed(now, mb)
	if mb.peer.stuck() {
		m.stuck++
		m.dirty = true
		m.log.Error("nothing was being done about somebody who can be reached: a fault of this program",
			"peer", mb.peer.name, "state", mb.peer.state.String(), "phase", mb.peer.phase)
		mb.peer.startAfresh(now, 0)
	}
	m.run(now, mb)
	switch {
	case mb.peer.kept && mb.peer.connected():
		m.found(now, mb)
	case mb.peer.kept && (mb.keptOver(now) || mb.session == nil):
		m.remove(now, mb, true)
	case mb.lingerOver(now), mb.left && !mb.peer.kept && !mb.peer.connected():
		m.vanished(now, mb)
	}
}

// run carries out what a peer's machine wants done.
func (m *Manager) run(now time.Time, mb *member) {
	for actions := mb.peer.take(); len(actions) > 0; actions = mb.peer.take() {
		for _, a := range actions {
			m.log.Debug("do", "peer", mb.peer.name, "action", logged{a})
			switch a := a.(type) {
			case dial:
				m.dial(mb, a.epoch)
			case hangUp:
				m.hangUp(mb)
			case do:
				if mb.session != nil && mb.epoch == a.epoch {
					mb.described(a.cmd)
					mb.session.Do(a.cmd)
				}
			case send:
				m.send(mb, a.body)
			case emit:
				m.dirty = true
				if _, back := a.event.(Reconnected); back && !m.serverUp {
					m.cfg.Signal.Nudge() // the network is back: so may the server be
				}
				m.tellOf(mb, a.event)
				if _, gone := a.event.(PeerDisconnected); gone && mb.peer.state != StateClosed {
					m.lost(now, mb)
				}
			}
		}
	}
	if mb.peer.inVain != mb.inVain {
		mb.inVain = mb.peer.inVain
		m.unreached(mb)
	}
}

// described notes the certificate of the other end.
func (mb *member) described(c Command) {
	switch c := c.(type) {
	case AcceptOffer:
		mb.their(c.SDP)
	case AcceptAnswer:
		mb.their(c.SDP)
	default: // nothing else has one
	}
}

func (m *Manager) dial(mb *member, epoch signal.Epoch) {
	m.hangUp(mb)
	mb.begin()
	id := mb.peer.id
	mb.epoch = epoch
	var in intake
	mb.session = m.cfg.Dialer.Dial(SessionConfig{
		Peer: id, Epoch: epoch, Offerer: mb.peer.offers, ICE: m.ice, Browser: mb.browser(),
		Post: func(e SessionEvent) {
			d, isData := e.(DataReceived)
			if isData && !in.admit(d.Data) {
				return
			}
			if !m.mail.post(fromSession{id, epoch, e, &in}) && isData {
				in.release(d.Data)
			}
		},
	})
}

// hangUp closes the session and forgets what belonged to it.
func (m *Manager) hangUp(mb *member) {
	if mb.session == nil {
		return
	}
	s := mb.session
	mb.session, mb.epoch, mb.tried = nil, 0, s.Tried()
	mb.dataOpen, mb.transport = false, TransportStats{}
	mb.reachesNobody()
	mb.feed()
	mb.courier, m.carryStale = courier{}, true
	s.Close()
	crash.GoIn(&m.closing, s.Wait)
}

// store publishes the present as an immutable view.
func (m *Manager) store() {
	v := &RoomView{
		Room: m.cfg.Room, Open: m.cfg.Open, Self: m.cfg.Self, Inc: m.cfg.Inc, Name: m.state.Name,
		Media: m.state.Media, Hand: m.state.Hand, Server: m.server, Since: m.joinedAt, Stuck: m.stuck,
		Peers: make([]PeerView, 0, len(m.members)), Carrying: m.carriedView(),
	}
	for _, mb := range m.members {
		if mb.peer.kept || !mb.here || !mb.known && mb.state.N == 0 {
			continue // gone, or heard of, but not there or not introduced
		}
		v.Peers = append(v.Peers, mb.view(m.cfg.Timing))
		if t := &v.Peers[len(v.Peers)-1].Transport; t.Via != "" {
			v.Peers[len(v.Peers)-1].Via = m.nameOf(t.Via)
		}
	}
	m.sayCarried(v.Carrying)
	slices.SortFunc(v.Peers, func(a, b PeerView) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	m.view.Store(v)
}

func (mb *member) view(t Timing) PeerView {
	p := mb.peer
	v := PeerView{
		ID: p.id, Inc: p.inc, Name: p.name, Away: mb.away, Media: mb.state.Media, Hand: mb.state.Hand,
		State: p.state, Previous: p.previous, ICE: p.ice, OneWay: p.oneWay, Unheard: mb.unheard, Silent: mb.silent, Thin: mb.thin, Since: p.since,
		Identity: mb.identity,
		Repair:   p.repair.view(p.state, len(t.Backoff)), Missing: names(mb.missing),
	}
	if p.connected() {
		v.Transport = mb.transport
	} else if mb.trouble != nil {
		v.Trouble = mb.trouble.Reasons()
	}
	return v
}
