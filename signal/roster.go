package signal

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/meet-term/meet/internal/rules"
)

// maxRoster bounds what a client remembers, whatever the server claims.
const maxRoster = rules.MaxRoster

// roster is what a client knows of the others. It is owned by Client.Run.
type roster map[PeerID]*rosterEntry

type rosterEntry struct {
	Presence
	// limbo is set for someone a restarted server does not list yet: when they
	// are given up. Zero otherwise.
	limbo time.Time
}

// list returns the whole roster, sorted by id.
func (r roster) list() []Presence {
	out := make([]Presence, 0, len(r))
	for _, id := range slices.Sorted(maps.Keys(r)) {
		out = append(out, r[id].Presence)
	}
	return out
}

// nextLimbo returns when the next one in limbo is given up, or zero.
func (r roster) nextLimbo() time.Time {
	var next time.Time
	for _, e := range r {
		if !e.limbo.IsZero() && (next.IsZero() || e.limbo.Before(next)) {
			next = e.limbo
		}
	}
	return next
}

// endLimbo removes those whose time is over.
func (r roster) endLimbo(now time.Time) []Event {
	var gone []Event
	for _, id := range slices.Sorted(maps.Keys(r)) {
		if e := r[id]; !e.limbo.IsZero() && !now.Before(e.limbo) {
			delete(r, id)
			gone = append(gone, PeerGone{Peer: id, Inc: e.Inc, Unsaid: true})
		}
	}
	return gone
}

// welcomed takes the server's welcome and reports it.
func (c *Client) welcomed(f welcomeFrame, now time.Time) {
	r := &c.run
	restarted := r.server != "" && r.server != f.Srv
	r.welcomed = true
	r.server, r.seq = f.Srv, f.Seq
	var changes []Event
	if f.Peers != nil {
		changes = c.settle(f.Peers, restarted, now)
	}
	c.setLink(ServerState{State: Connected})
	c.cfg.Handle(Welcome{
		Resumed: f.Resumed, Restarted: restarted, Server: f.Srv,
		Peers: r.roster.list(), ICE: f.ICE,
	})
	for _, e := range changes {
		c.cfg.Handle(e)
	}
}

// settle makes the roster agree with the server's list. Who is missing from it
// is gone, unless the server has just restarted: then they are away until they
// had the time to come back to it.
func (c *Client) settle(members []member, restarted bool, now time.Time) []Event {
	r := &c.run
	r.gap = false
	var changes []Event
	listed := make(map[PeerID]bool, len(members))
	for _, m := range members {
		listed[m.Peer] = true
		if e := c.applyMember(m.Peer, m.Inc, m.Away, []byte(m.State)); e != nil {
			changes = append(changes, e)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.roster)) {
		e := r.roster[id]
		switch {
		case listed[id]:
		case restarted || !e.limbo.IsZero():
			if e.limbo.IsZero() {
				e.limbo = now.Add(GoneAfter)
			}
			if !e.Away {
				e.Away = true
				changes = append(changes, PeerChanged{e.Presence})
			}
		default:
			delete(r.roster, id)
			changes = append(changes, PeerGone{Peer: id, Inc: e.Inc, Unsaid: true})
		}
	}
	return changes
}

// applyMember notes what the server says of someone and returns the event, nil
// when nothing is new. A nil state means that only the presence is told. Whoever
// the server lists has signed a state for this incarnation, or is not there at all.
func (c *Client) applyMember(peer PeerID, inc Inc, away bool, sealed []byte) Event {
	r := &c.run
	e := r.roster[peer]
	switch {
	case peer == c.sealer.self, e != nil && inc < e.Inc, e == nil && len(r.roster) >= maxRoster:
		return nil
	case sealed == nil && (e == nil || inc != e.Inc):
		return nil
	}
	var st State
	if sealed != nil {
		var err error
		if st, err = c.sealer.OpenState(peer, inc, sealed); err != nil {
			c.log.Warn("cannot open a state", "peer", peer, "error", err)
			return nil
		}
	}
	if e == nil || inc > e.Inc {
		// Another process: nothing of the former's state holds.
		e = &rosterEntry{Presence: Presence{Peer: peer, Inc: inc, Away: !away}}
		r.roster[peer] = e
	}
	before := e.Presence
	e.limbo = time.Time{}
	e.Away = away
	if sealed != nil && (st.N > e.State.N || before.State == State{}) {
		e.State = st
	}
	if e.Presence == before {
		return nil
	}
	return PeerChanged{e.Presence}
}

// receive handles one frame of the server. Its error ends Run.
func (c *Client) receive(frame []byte) error {
	r := &c.run
	r.pongBy = time.Time{}
	decoded, err := decodeServerFrame(frame)
	if err != nil {
		c.log.Warn("drop a frame of the server", "error", err)
		return nil
	}
	switch f := decoded.(type) {
	case sigFrame:
		m, err := c.sealer.OpenMessage(f.raw)
		if err != nil {
			c.log.Warn("drop a message", "from", f.from, "error", err)
			return nil
		}
		c.cfg.Handle(m)
	case peerFrame:
		c.receivePeer(f)
	case roomFrame:
		r.seq = f.Seq
		for _, e := range c.settle(f.Peers, false, time.Now()) {
			c.cfg.Handle(e)
		}
	case nackFrame:
		why := f.Why
		if why != NackAway {
			why = NackUnknown
		}
		c.cfg.Handle(Nack{To: f.To, Why: why})
	case iceFrame:
		c.cfg.Handle(ICEChanged(f))
	case leaveFrame:
		return c.sentAway(f)
	case errFrameText:
		refused := refusal(f.Code, f.Text)
		if refused.endsRun(true) {
			return refused
		}
		c.log.Warn("the server complains", "error", refused)
	case welcomeFrame, proveFrame, pongFrame, nil:
		// A second welcome means nothing; an unknown frame is from a newer server.
	}
	return nil
}

// receivePeer applies an event of the room and asks for the roster when one
// before it was missed.
func (c *Client) receivePeer(f peerFrame) {
	r := &c.run
	if f.Seq <= r.seq {
		return
	}
	if f.Seq != r.seq+1 && !r.gap {
		r.gap = true
		r.link.sendUrgent(encodeFrame(syncFrame{}))
	}
	r.seq = f.Seq
	var event Event
	switch f.On {
	case onJoin, onState:
		if f.Peer != c.sealer.self { // ours comes back without a body
			event = c.applyMember(f.Peer, f.Inc, false, f.state)
		}
	case onAway:
		if _, known := r.roster[f.Peer]; known {
			event = c.applyMember(f.Peer, f.Inc, true, nil)
		}
	case onGone:
		if e := r.roster[f.Peer]; e != nil && f.Inc >= e.Inc {
			delete(r.roster, f.Peer)
			event = PeerGone{Peer: f.Peer, Inc: e.Inc}
		}
	}
	if event != nil {
		c.cfg.Handle(event)
	}
}

// maxLeaveWait bounds how long a server can send its clients away for.
const maxLeaveWait = rules.MaxLeaveWait

// sentAway follows the server's request to leave.
func (c *Client) sentAway(f leaveFrame) error {
	r := &c.run
	if f.Act == leaveStop {
		return refusal(RefusedStopped, "")
	}
	if f.Act == leaveRejoin {
		r.server, r.seq = "", 0
	}
	r.link.close()
	r.link = nil
	r.pingAt, r.pongBy = time.Time{}, time.Time{}
	r.downAt, r.attempt = time.Now(), 0
	after := max(0, min(time.Duration(f.After)*time.Millisecond, maxLeaveWait))
	c.retry(errors.New("the server is restarting"), after)
	return nil
}
