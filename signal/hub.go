package signal

import (
	"crypto/subtle"
	"sync"
	"time"
)

// room is what the server knows of one room: who is in it, and the number of
// its last event. Frames are queued under its lock and written after it is
// released, so that everyone hears its events in order and nobody waits for a
// slow one.
type room struct {
	server *Server
	id     string
	opened time.Time

	mu    sync.Mutex // guards what follows and the fields of its seats
	seats map[PeerID]*seat
	seq   uint64
	// The events from runStart on are all about runPeer: whoever missed only
	// events about itself missed nothing.
	runPeer  PeerID
	runStart uint64
	dropped  bool // the server forgot the room; nobody may enter
}

// seat is a member of a room. It outlives its connections.
type seat struct {
	peer      PeerID
	inc       Inc
	token     string // the client's resume token
	try       uint64 // the dial of its latest connection
	n         uint64 // number of its state
	state     []byte // sealed
	conn      *conn  // nil: no connection
	away      bool
	awaySince time.Time
	renewAt   time.Time // when it is to be offered fresh ICE servers; zero: never
}

// update runs change with the lock of the room held, and writes what change
// queued once the lock is released, even if it panics. It returns how many bytes
// were queued.
func (r *room) update(change func(f *flushList)) (queued int) {
	f := flushList{}
	defer f.flush()
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&f)
	return f.bytes
}

// join seats the client of c as h asks and reports whether it came back to its
// seat.
func (r *room) join(c *conn, h helloFrame, proved bool) (resumed bool, err error) {
	c.cost += r.update(func(f *flushList) {
		var s *seat
		if s, resumed, err = r.seatFor(h, proved); err == nil {
			r.sit(c, s, resumed, h, r.offer(s, c, time.Now()), f)
			c.seat, c.room = s, r
		}
	})
	if err == nil {
		c.nc.SetReadDeadline(time.Time{}) // it has said hello in time
	}
	return resumed, err
}

// sit gives the seat to the client of c, tells the others and welcomes it.
func (r *room) sit(c *conn, s *seat, resumed bool, h helloFrame, ice []ICEServer, f *flushList) {
	if old := s.conn; old != nil {
		old.replaced(f)
	}
	missed := r.missed(s.peer, h)
	changed := !resumed || s.away || h.N > s.n
	if !resumed || h.N > s.n {
		s.n, s.state = h.N, append([]byte(nil), h.state...)
	}
	on := onState
	if !resumed {
		on = onJoin
	}
	s.inc, s.token, s.try = h.Inc, h.Resume, h.Try
	s.conn, s.away = c, false
	c.away.Store(false)
	if changed {
		r.tell(s, on, false, f)
	}
	welcome := welcomeFrame{
		Srv: r.server.id, Seq: r.seq, Resumed: resumed,
		ICE: ice, Hb: Heartbeat.Milliseconds(), Lim: r.server.limits(),
	}
	if !resumed || missed {
		welcome.Peers = r.roster(s.peer)
	}
	f.send(c, encodeFrame(welcome))
}

// offer returns the ICE servers for a member and notes when to renew them.
func (r *room) offer(s *seat, c *conn, now time.Time) []ICEServer {
	ask := r.server.cfg.ICE
	if ask == nil {
		return nil
	}
	asked := false
	defer func() {
		if !asked && s.conn == nil && !s.away { // it panicked: nobody has the new seat
			delete(r.seats, s.peer)
		}
	}()
	servers, renew := ask(ICERequest{Room: r.id, Peer: s.peer, Host: c.host, Local: c.local()})
	asked = true
	s.renewAt = time.Time{}
	if renew > 0 {
		s.renewAt = now.Add(renew)
	}
	return servers
}

// seatFor finds or makes the seat for h. A valid token, or a newer process that
// has proved to be its owner's, takes over whatever holds the seat now.
func (r *room) seatFor(h helloFrame, proved bool) (s *seat, resumed bool, err error) {
	s = r.seats[h.Peer]
	switch {
	case r.dropped:
		return nil, false, errDropped
	case s == nil && len(r.seats) >= r.server.cfg.MaxRoomSize:
		return nil, false, &RefusedError{Code: RefusedFull}
	case s == nil:
		s = &seat{peer: h.Peer}
		r.seats[h.Peer] = s
	case h.Inc < s.inc:
		return nil, false, &RefusedError{Code: RefusedToken, Text: "a newer process has this seat"}
	case h.Inc > s.inc && !proved:
		return nil, false, errUnproved
	case h.Inc > s.inc: // a new process of the same participant
	case subtle.ConstantTimeCompare([]byte(h.Resume), []byte(s.token)) != 1:
		return nil, false, &RefusedError{Code: RefusedToken}
	case h.Try <= s.try:
		return nil, false, errStale
	default:
		return s, true, nil
	}
	return s, false, nil
}

// missed reports whether the room has seen events about others since the last
// one this client received.
func (r *room) missed(peer PeerID, h helloFrame) bool {
	if h.Srv != r.server.id || h.Seq == 0 || h.Seq > r.seq {
		return true
	}
	return h.Seq != r.seq && (r.runPeer != peer || r.runStart > h.Seq+1)
}

// roster lists everyone but the one who asks.
func (r *room) roster(but PeerID) []member {
	out := make([]member, 0, len(r.seats))
	for _, s := range r.seats {
		if s.peer != but {
			out = append(out, member{Peer: s.peer, Inc: s.inc, Away: s.away, State: string(s.state)})
		}
	}
	return out
}

// tell numbers an event about s and queues it for everyone. s itself gets it
// without the state, if echo says so, as a receipt and to keep the numbers
// without gaps.
func (r *room) tell(s *seat, on eventOn, echo bool, f *flushList) {
	r.seq++
	if r.runPeer != s.peer {
		r.runPeer, r.runStart = s.peer, r.seq
	}
	event := peerFrame{Seq: r.seq, Peer: s.peer, Inc: s.inc, On: on}
	if s.conn != nil && echo {
		f.send(s.conn, encodeFrame(event))
	}
	if on == onJoin || on == onState {
		event.state = s.state
	}
	var wire []byte
	for _, other := range r.seats {
		if other == s || other.conn == nil {
			continue
		}
		if wire == nil {
			wire = textFrame(encodeFrame(event))
		}
		f.sendWire(other.conn, wire)
	}
}

// setState stores a member's state and tells the others.
func (r *room) setState(c *conn, n uint64, state []byte) {
	c.cost += r.update(func(f *flushList) {
		if s := c.seat; s.conn == c && n > s.n {
			s.n, s.state = n, append([]byte(nil), state...)
			r.tell(s, onState, true, f)
		}
	})
}

// back notes that a member called away is heard again.
func (r *room) back(c *conn) {
	c.cost += r.update(func(f *flushList) {
		if s := c.seat; s.conn == c && s.away {
			s.away = false
			c.away.Store(false)
			r.tell(s, onState, true, f)
		}
	})
}

// lost notes that a member's connection ended.
func (r *room) lost(c *conn) {
	r.update(func(f *flushList) {
		if s := c.seat; s.conn == c {
			s.conn = nil
			if !s.away {
				s.away, s.awaySince = true, time.Now()
				r.tell(s, onAway, false, f)
			}
		}
	})
}

// leave takes a member's seat away and reports whether the room is empty now.
func (r *room) leave(c *conn) (empty bool) {
	r.update(func(f *flushList) {
		if s := c.seat; s.conn == c {
			r.remove(s, f)
		}
		empty = len(r.seats) == 0
	})
	return empty
}

func (r *room) remove(s *seat, f *flushList) {
	s.conn = nil
	delete(r.seats, s.peer)
	if left := r.server.cfg.Left; left != nil {
		left(r.id, s.peer)
	}
	r.tell(s, onGone, false, f)
}

// rosterEvery is how often a connection gets the roster, which may be a thousand
// times as long as what asks for it.
const rosterEvery = time.Second

// askRoster answers a sync, or has the sweep answer it: several in rosterEvery
// have one answer.
func (r *room) askRoster(c *conn) {
	c.cost += r.update(func(f *flushList) {
		if now := time.Now(); now.Sub(c.rosterAt) < rosterEvery {
			r.server.guard.hit(limitRosters)
			c.rosterDue = true
		} else {
			r.sendRoster(c, now, f)
		}
	})
}

func (r *room) sendRoster(c *conn, now time.Time, f *flushList) {
	c.rosterAt, c.rosterDue = now, false
	f.send(c, encodeFrame(roomFrame{Seq: r.seq, Peers: r.roster(c.seat.peer)}))
}

// sweepRoster answers a sync that had to wait, once its address is not in debt.
func (r *room) sweepRoster(c *conn, now time.Time, f *flushList) {
	if !c.rosterDue || now.Sub(c.rosterAt) < rosterEvery || r.server.guard.inDebt(c.visitor, now) {
		return
	}
	before := f.bytes
	r.sendRoster(c, now, f)
	r.server.guard.charge(c.visitor, weight(f.bytes-before), now)
}

// target returns the connection of a member, or why there is none.
func (r *room) target(to PeerID, inc Inc) (*conn, NackReason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s := r.seats[to]; {
	case s == nil || s.inc != inc:
		return nil, NackUnknown
	case s.conn == nil:
		return nil, NackAway
	default:
		return s.conn, ""
	}
}

// sweep pings who is silent, calls them away, closes and forgets them as the
// times of the protocol say. It reports whether the room is empty now.
func (r *room) sweep(now time.Time) (empty bool) {
	r.update(func(f *flushList) {
		for _, s := range r.seats {
			r.sweepSeat(s, now, f)
		}
		empty = len(r.seats) == 0
	})
	return empty
}

func (r *room) sweepSeat(s *seat, now time.Time, f *flushList) {
	if s.away && now.Sub(s.awaySince) >= GoneAfter {
		if s.conn != nil {
			f.kill(s.conn)
		}
		r.remove(s, f)
		return
	}
	if s.conn == nil {
		return
	}
	if !s.renewAt.IsZero() && !now.Before(s.renewAt) {
		f.send(s.conn, encodeFrame(iceFrame{r.offer(s, s.conn, now)}))
	}
	r.sweepRoster(s.conn, now, f)
	silence := s.conn.silence(now)
	if silence >= AwayAfter && !s.away {
		s.away, s.awaySince = true, now
		s.conn.away.Store(true)
		r.tell(s, onAway, true, f)
	}
	switch {
	case silence >= CloseAfter:
		f.kill(s.conn)
	case silence >= Heartbeat+sweepEvery && now.Sub(s.conn.pinged) >= Heartbeat:
		// A browser in the background may pause its timers, yet it answers a
		// ping of the WebSocket protocol.
		s.conn.pinged = now
		f.sendWire(s.conn, pingWire)
	}
}

// drop marks an empty room as forgotten and reports whether it was empty.
func (r *room) drop() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seats) > 0 || r.dropped {
		return false
	}
	r.dropped = true
	return true
}

// count returns how many members are present and away.
func (r *room) count() (present, away int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.seats {
		if s.away {
			away++
		}
	}
	return len(r.seats) - away, away
}

// flushList collects, under the lock of a room, the connections to write to or
// to close once it is released.
type flushList struct {
	conns []*conn
	dead  []*conn
	bytes int // queued
}

func (f *flushList) send(c *conn, frame []byte) { f.sendWire(c, textFrame(frame)) }

func (f *flushList) sendWire(c *conn, wire []byte) {
	f.bytes += len(wire)
	if c.enqueue(wire) {
		f.conns = append(f.conns, c)
	}
}

func (f *flushList) kill(c *conn) { f.dead = append(f.dead, c) }

func (f *flushList) flush() {
	for _, c := range f.conns {
		c.flush()
	}
	for _, c := range f.dead {
		c.kill()
	}
}
