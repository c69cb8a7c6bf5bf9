package conn

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

const (
	// authenticFor is how long after its last authentic check an address counts
	// as the peer's.
	authenticFor = 10 * time.Second
	// maxQueuedFrames is how many bytes may wait in a data channel before frames
	// that take it are dropped: they would come too late.
	maxQueuedFrames = 16 << 10
)

// carriage is what a Dialer knows of carried pairs: the routes we use ourselves
// and the bound on what we carry for others.
type carriage struct {
	budget *budget

	mu     sync.Mutex
	routes map[signal.PeerID]*route // guarded by mu
}

func newCarriage() *carriage {
	return &carriage{budget: newBudget(), routes: map[signal.PeerID]*route{}}
}

// route finds or makes the route to a peer.
func (c *carriage) route(far signal.PeerID) *route {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.routes[far]
	if r == nil {
		r = newRoute(far)
		c.routes[far] = r
	}
	return r
}

func (c *carriage) forget(far signal.PeerID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.routes, far)
}

// forward is what we carry for the peer of a session.
type forward struct {
	rtc.CarriedPair
	share *share
}

// carrier is the part of a session that has to do with carried pairs: the pairs
// that its peer carries for us, and those that we carry for it.
type carrier struct {
	mu       sync.Mutex // guards changes
	ended    bool       // guarded by mu
	legs     atomic.Pointer[map[uint32]*leg]
	forwards atomic.Pointer[map[uint32]*forward] // neither map is changed once stored
	data     atomic.Pointer[webrtc.DataChannel]  // once it is open
}

// carriedBy takes the whole list of pairs that the peer carries for us.
func (s *session) carriedBy(list []rtc.Leg) {
	c := &s.carrier
	c.mu.Lock()
	if c.ended {
		list = nil
	}
	var before map[uint32]*leg
	if p := c.legs.Load(); p != nil {
		before = *p
	}
	after := make(map[uint32]*leg, len(list))
	var added, removed []*leg
	for _, l := range list {
		if old := before[l.Number]; old != nil && old.Far == l.Far {
			after[l.Number] = old
			s.dialer.carriage.route(l.Far).update(old, l)
			continue
		}
		if l.Far != s.cfg.Peer && after[l.Number] == nil {
			after[l.Number] = &leg{Leg: l, by: s}
			added = append(added, after[l.Number])
		}
	}
	for n, l := range before {
		if after[n] != l {
			removed = append(removed, l)
		}
	}
	c.legs.Store(&after)
	c.mu.Unlock()
	for _, l := range added { // before any is removed, so that there is always one
		s.dialer.carriage.route(l.Far).add(l)
	}
	for _, l := range removed {
		s.dialer.carriage.route(l.Far).remove(l)
	}
}

// carryFor takes the whole list of pairs that we carry for the peer.
func (s *session) carryFor(list []rtc.CarriedPair) {
	c := &s.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		list = nil
	}
	after := make(map[uint32]*forward, len(list))
	for _, p := range list {
		f := &forward{CarriedPair: p, share: newShare()}
		if before := c.forwards.Load(); before != nil {
			if old := (*before)[p.Number]; old != nil && old.CarriedPair == p {
				f = old
			}
		}
		after[p.Number] = f
	}
	c.forwards.Store(&after)
}

// endCarrying is for a session that ends.
func (s *session) endCarrying() {
	s.carrier.mu.Lock()
	s.carrier.ended = true
	s.carrier.mu.Unlock()
	s.carriedBy(nil)
	s.carryFor(nil)
}

// takeFrame takes a frame that came in on a socket of the session. Nothing
// proves who sent it but the address; what is in it proves itself to the end it
// is for.
func (s *session) takeFrame(b []byte, from netip.AddrPort) {
	if !s.connected.Load() || s.failed.Load() {
		return
	}
	if path := s.pulse.path.Load(); path == nil || path.stats.Path != rtc.PathDirect ||
		path.ends.remote != from && !s.pulse.authentic(time.Now(), from) {
		return
	}
	s.handleFrame(b)
}

func (s *session) handleFrame(b []byte) {
	f, ok := getFrame(b)
	if !ok {
		return
	}
	switch f.kind {
	case frameToCarrier:
		if list := s.carrier.forwards.Load(); list != nil && (*list)[f.number] != nil {
			s.pass((*list)[f.number], b, f.packet)
		}
	case frameCarried:
		if list := s.carrier.legs.Load(); list != nil && (*list)[f.number] != nil {
			s.arrive((*list)[f.number], f)
		}
	}
}

// pass carries a frame on to the other end of its pair, if it is not too much.
func (s *session) pass(f *forward, frame, packet []byte) {
	to := s.dialer.newest(f.To)
	picture := isPicture(packet)
	if to == nil || !s.dialer.carriage.budget.allows(time.Now(), f.share, len(frame), picture) {
		f.Meter.Dropped.Add(1)
		return
	}
	frame[0] = frameCarried
	if !to.sendFrame(frame) {
		f.Meter.Dropped.Add(1)
		return
	}
	if !stun.IsMessage(packet) {
		f.Meter.Packets.Add(1)
	}
	f.Meter.Bytes.Add(uint64(len(packet)))
	if picture {
		f.Meter.Pictures.Add(uint64(len(packet)))
	}
}

// arrive takes a packet that the peer carried to us.
func (s *session) arrive(l *leg, f wrapped) {
	r := s.dialer.carriage.route(l.Far)
	if r.took(time.Now(), l, f.packet) {
		r.changed()
	}
	if c := r.conn(f.to); c != nil {
		c.deliver(f.from, f.packet)
	}
}

// sendFrame sends a frame to the peer: as it is over a direct path, through the
// data channel where a relay of TURN stands between, and not at all over a path
// that is carried itself.
func (s *session) sendFrame(frame []byte) bool {
	path := s.pulse.path.Load()
	if path == nil || !s.connected.Load() || s.failed.Load() {
		return false
	}
	switch path.stats.Path {
	case rtc.PathDirect:
		s.pulse.carried.Add(1)
		return s.net.write(path.port, frame, path.ends.remote) == nil
	case rtc.PathRelay:
		data := s.carrier.data.Load()
		return data != nil && data.BufferedAmount() < maxQueuedFrames && data.Send(frame) == nil
	}
	return false
}

// bears implements [bearer].
func (s *session) bears(now time.Time) (time.Duration, bool) {
	path := s.pulse.path.Load()
	if path == nil || path.stats.Path < rtc.PathRelay || !s.connected.Load() || s.failed.Load() {
		return 0, false
	}
	return s.pulse.works(now)
}

// carrierID implements [bearer].
func (s *session) carrierID() signal.PeerID { return s.cfg.Peer }

// newest returns the newest session with a peer that is connected, or nil.
func (d *Dialer) newest(peer signal.PeerID) *session {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.sessions[peer]
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].connected.Load() && !all[i].failed.Load() {
			return all[i]
		}
	}
	return nil
}

// carriedEstimate bounds the estimate of what the path carries by what a third
// person passes on of it. How a path fares that is our own decides how much we
// carry for others.
func (s *session) carriedEstimate(estimate int, suffers bool) int {
	path := s.pulse.path.Load()
	if path == nil || path.stats.Path != rtc.PathVia {
		s.dialer.carriage.budget.own(time.Now(), suffers)
		return estimate
	}
	if _, rate := s.net.route.through(); rate > 0 {
		return min(estimate, max(rate, rateMin))
	}
	return estimate
}
