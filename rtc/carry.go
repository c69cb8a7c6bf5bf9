package rtc

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"hash/fnv"
	"math/bits"
	"slices"
	"time"

	"github.com/meet-term/meet/signal"
)

// Two people who cannot exchange packets are carried by a third who can with
// both. Each end asks by itself whoever says that it reaches the other; a pair is
// carried once both ends have asked for it, so that nobody is sent what they did
// not ask for. Which of several carriers is used is the session's business.
const (
	// standby is how many are asked in advance for a pair that has a path.
	standby = 2
	// maxCarriers is how many are asked for a pair that has none.
	maxCarriers = 8
	// maxCarried is how many pairs one carries.
	maxCarried = 128
	// carriedRate is how much of pictures a carrier passes on, in bit/s, each way
	// of a pair.
	carriedRate = 1_500_000
	// leastRate is what it never asks them to fall below.
	leastRate = 100_000
	// busyReports of the last eight report intervals in which something but checks
	// was carried begin that a carrier is said to carry a pair, and none of them
	// ends it: a check now and then is not carrying, nor is a moment of doubt.
	busyReports = 3
)

// carry is the whole list of people that the sender wants carried to and from
// by the receiver.
type carry struct {
	Peers []signal.PeerID `json:"peers"`
}

// carrying is the whole list of pairs that the sender carries for the receiver.
type carrying struct {
	Pairs []carryingPair `json:"pairs"`
}

// carryingPair is one of them.
type carryingPair struct {
	Peer   signal.PeerID `json:"peer"` // the other end
	Number uint32        `json:"n"`    // of the frames of the pair
	Trip   int           `json:"ms"`   // round trip between the sender and that end
	Rate   int           `json:"rate"` // pictures passed on, in bit/s
}

func (carry) dataMessage()    {}
func (carrying) dataMessage() {}

// courier is what a member has to do with carried pairs.
type courier struct {
	carries bool            // it says that it carries for others
	asked   []signal.PeerID // whom we last asked it to carry to
	wants   []signal.PeerID // whom it asked us to carry it to
	told    []carryingPair  // what it was last told that we carry
	offers  []carryingPair  // what it carries for us
}

// pairKey names the two ends of a pair, the smaller id first.
type pairKey [2]signal.PeerID

func keyOf(a, b signal.PeerID) pairKey {
	if a > b {
		a, b = b, a
	}
	return pairKey{a, b}
}

// carriedBetween is a pair that we carry.
type carriedBetween struct {
	number  uint32
	meter   *Meter
	rate    int    // of pictures that the ends are told to send, in bit/s
	packets uint64 // at the last look, like the next two
	dropped uint64
	picture uint64
	active  uint8 // a bit for each of the last looks: something was carried
	busy    bool  // people are told
}

// refreshCarry brings who carries for whom up to the present.
func (m *Manager) refreshCarry() {
	m.carryStale = false
	want := map[signal.PeerID][]signal.PeerID{} // by carrier
	for far, target := range m.members {
		if target.known && !target.browser() {
			for _, id := range m.carriersFor(far, target) {
				want[id] = append(want[id], far)
			}
		}
	}
	for id, mb := range m.members {
		slices.Sort(want[id])
		if mb.dataOpen && !slices.Equal(want[id], mb.courier.asked) {
			mb.courier.asked = want[id]
			mb.session.Do(SendData{encodeData(carry{want[id]})})
		}
	}
	m.refreshCarried()
}

// carriersFor lists who is to be asked to carry to a peer. Both ends come to the
// same list without a word, because it is ordered by a hash of the three ids.
func (m *Manager) carriersFor(far signal.PeerID, target *member) []signal.PeerID {
	var able []signal.PeerID
	for id, mb := range m.members {
		if id != far && mb.dataOpen && mb.courier.carries && mb.peer.connected() &&
			mb.path() >= PathRelay && slices.Contains(mb.others, far) {
			able = append(able, id)
		}
	}
	pair := keyOf(m.cfg.Self, far)
	slices.SortFunc(able, func(a, b signal.PeerID) int {
		return cmp.Or(cmp.Compare(rank(pair, a), rank(pair, b)), cmp.Compare(a, b))
	})
	most := maxCarriers
	if target.peer.connected() && target.path() >= PathRelay {
		most = standby
	}
	return able[:min(most, len(able))]
}

func rank(pair pairKey, carrier signal.PeerID) uint64 {
	h := fnv.New64a()
	for _, id := range []signal.PeerID{pair[0], pair[1], carrier} {
		h.Write([]byte(id)) // never fails
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// refreshCarried opens and closes the pairs that we carry, and tells their ends.
func (m *Manager) refreshCarried() {
	now := map[signal.PeerID][]carryingPair{}
	open := map[pairKey]bool{}
	for id, mb := range m.members {
		if !m.bears(mb) {
			continue
		}
		for _, far := range mb.courier.wants {
			other := m.members[far]
			if far == id || other == nil || !m.bears(other) || !slices.Contains(other.courier.wants, id) {
				continue
			}
			key := keyOf(id, far)
			pair := m.carried[key]
			if pair == nil {
				if len(m.carried) >= maxCarried {
					continue
				}
				pair = &carriedBetween{number: m.pairNumber(), meter: &Meter{}, rate: carriedRate}
				m.carried[key] = pair
			}
			open[key] = true
			now[id] = append(now[id], carryingPair{
				Peer: far, Number: pair.number, Rate: pair.rate,
				Trip: int(other.session.Stats().RTT.Milliseconds()),
			})
		}
	}
	for key, pair := range m.carried {
		if !open[key] {
			delete(m.carried, key)
			m.dirty = m.dirty || pair.busy
		}
	}
	for id, mb := range m.members {
		m.tellCarried(mb, now[id])
	}
}

// bears reports whether we can carry from and to somebody: one hop only.
func (m *Manager) bears(mb *member) bool {
	return !m.cfg.NoCarry && mb.dataOpen && mb.peer.connected() && mb.path() >= PathRelay
}

// tellCarried tells one end what we carry for it, if that changed.
func (m *Manager) tellCarried(mb *member, pairs []carryingPair) {
	if !mb.dataOpen {
		return
	}
	slices.SortFunc(pairs, func(a, b carryingPair) int { return cmp.Compare(a.Peer, b.Peer) })
	if slices.EqualFunc(pairs, mb.courier.told, carryingPair.like) {
		return
	}
	mb.courier.told = pairs
	list := make([]CarriedPair, len(pairs))
	for i, p := range pairs {
		list[i] = CarriedPair{Number: p.Number, To: p.Peer, Meter: m.carried[keyOf(mb.peer.id, p.Peer)].meter}
	}
	mb.session.Do(CarryFor{list})
	mb.session.Do(SendData{encodeData(carrying{pairs})})
}

// like reports whether two say the same; figures may vary a little.
func (p carryingPair) like(q carryingPair) bool {
	near := func(a, b, by int) bool { return max(a-b, b-a) <= by }
	return p.Peer == q.Peer && p.Number == q.Number &&
		near(p.Rate, q.Rate, q.Rate/10) && near(p.Trip, q.Trip, max(10, q.Trip/2))
}

// pairNumber makes the number of a new pair: one that nobody can guess.
func (m *Manager) pairNumber() uint32 {
	for {
		var b [4]byte
		_, _ = rand.Read(b[:]) // never fails
		n := binary.BigEndian.Uint32(b[:])
		taken := n == 0
		for _, p := range m.carried {
			taken = taken || p.number == n
		}
		if !taken {
			return n
		}
	}
}

// onCarry takes the list of people that a peer wants carried to.
func (m *Manager) onCarry(mb *member, c carry) {
	mb.courier.wants = c.Peers[:min(len(c.Peers), maxOthers)]
	slices.Sort(mb.courier.wants)
	mb.courier.wants = slices.Compact(mb.courier.wants)
	m.carryStale = true
}

// onCarrying takes the list of pairs that a peer carries for us. What we did not
// ask for is not used.
func (m *Manager) onCarrying(now time.Time, mb *member, c carrying) {
	before := mb.courier.offers
	mb.courier.offers = c.Pairs[:min(len(c.Pairs), maxOthers)]
	legs := make([]Leg, 0, len(mb.courier.offers))
	for _, p := range mb.courier.offers {
		if slices.Contains(mb.courier.asked, p.Peer) && p.Number != 0 {
			legs = append(legs, Leg{
				Far: p.Peer, Number: p.Number, Rate: max(p.Rate, 0),
				Trip: time.Duration(min(max(p.Trip, 0), maxTripMS)) * time.Millisecond,
			})
		}
	}
	mb.session.Do(CarriedBy{legs})
	for _, l := range legs {
		known := slices.ContainsFunc(before, func(p carryingPair) bool { return p.Peer == l.Far })
		if far := m.members[l.Far]; far != nil && !known && far.peer.state == StateFailed {
			far.peer.retry(now) // there is a way now
			m.run(now, far)
		}
	}
}

// maxTripMS is the longest round trip that a carrier is believed, in
// milliseconds.
const maxTripMS = 10_000

// watchCarried sees which of the pairs that we carry are used.
func (m *Manager) watchCarried() {
	for _, p := range m.carried {
		n := p.meter.Packets.Load()
		p.active <<= 1
		if n > p.packets {
			p.active |= 1
		}
		p.packets = n
		m.carryStale = p.lower(p.meter) || m.carryStale
		if busy := bits.OnesCount8(p.active) >= busyReports || p.busy && p.active != 0; busy != p.busy {
			p.busy, m.dirty = busy, true
		}
	}
}

// lower has the ends of a pair send fewer pictures while some are dropped, and
// more again when none are. It reports whether that is something else than before.
func (p *carriedBetween) lower(meter *Meter) bool {
	dropped, pictures := meter.Dropped.Load(), meter.Pictures.Load()
	rate := min(p.rate*5/4, carriedRate)
	if dropped > p.dropped {
		passed := int(pictures-p.picture) * 8 // of about a second
		rate = max(min(p.rate, passed)*4/5, leastRate)
	}
	p.dropped, p.picture = dropped, pictures
	changed := rate != p.rate
	p.rate = rate
	return changed
}

// carriedView lists the pairs that are carried for people to see.
func (m *Manager) carriedView() []CarriedView {
	var out []CarriedView
	for key, p := range m.carried {
		a, b := m.members[key[0]], m.members[key[1]]
		if !p.busy || a == nil || b == nil {
			continue
		}
		v := CarriedView{a.peer.who(), b.peer.who()}
		if v[1].Name < v[0].Name {
			v[0], v[1] = v[1], v[0]
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b CarriedView) int {
		return cmp.Or(cmp.Compare(a[0].Name, b[0].Name), cmp.Compare(a[1].Name, b[1].Name), cmp.Compare(a[0].Peer, b[0].Peer))
	})
	return out
}

// sayCarried tells who follows the events when the pairs that we carry change.
func (m *Manager) sayCarried(now []CarriedView) {
	if !slices.Equal(now, m.saidCarried) {
		m.saidCarried = now
		m.cfg.Handle(CarryingChanged{now})
	}
}

// pathChanged takes that a session uses another path.
func (m *Manager) pathChanged(mb *member) {
	if t := mb.session.Stats(); t != mb.transport {
		m.carryStale = m.carryStale || t.Path != mb.transport.Path
		mb.transport, m.dirty = t, true
	}
	m.sayPath(mb)
}

// sayPath tells who follows the events when the path to somebody changes.
func (m *Manager) sayPath(mb *member) {
	path, via := PathNone, signal.PeerID("")
	if mb.peer.connected() {
		path, via = mb.transport.Path, mb.transport.Via
		mb.trouble = nil
	}
	if path == mb.saidPath && via == mb.saidVia || path == PathNone {
		return
	}
	if path == PathVia && via == "" {
		return // between two carriers
	}
	previous := mb.saidPath
	mb.saidPath, mb.saidVia = path, via
	e := PathChangedTo{Who: mb.peer.who(), Path: path, Previous: previous}
	if via != "" {
		e.Via = m.nameOf(via)
	}
	m.cfg.Handle(e)
}

// nameOf is what people call a peer.
func (m *Manager) nameOf(id signal.PeerID) string {
	if mb := m.members[id]; mb != nil {
		return mb.peer.name
	}
	return string(id)
}

// path is how packets travel to a peer at present.
func (mb *member) path() Path {
	if mb.session == nil {
		return PathNone
	}
	return mb.session.Stats().Path
}
