package signal

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// AddressLimits is what one address may use of a server, so that it cannot take
// the server from the others. An IPv6 network of 64 bits counts as one address,
// since whoever has one address of it has all. The zero value has the defaults.
type AddressLimits struct {
	// Connections is how many WebSockets may be open at once; 0: 256, negative:
	// none of these limits is kept. Twice as many connections of any kind may be,
	// those that say nothing included.
	Connections int
	// Dials is how many WebSockets may be opened per second; 0: 20. A second for
	// each of Connections may be opened at once, as after a restart.
	Dials int
	// Rooms is how many new rooms may be opened per minute; 0: 120. As many may be
	// opened at once.
	Rooms int
	// Bytes is how much may be read of an address and written because of it, per
	// second; 0: 4 MiB. Eight times as much may be at once.
	Bytes int
}

func (l AddressLimits) withDefaults() AddressLimits {
	for _, d := range []struct {
		field *int
		value int
	}{{&l.Connections, 256}, {&l.Dials, 20}, {&l.Rooms, 120}, {&l.Bytes, 4 << 20}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// limitKind is one of the limits that /metrics counts.
type limitKind int

const (
	limitConnections limitKind = iota
	limitDials
	limitRequests
	limitRooms
	limitRosters
	limitBytes
	limitKinds
)

var limitNames = [limitKinds]string{"connections", "dials", "requests", "rooms", "rosters", "bytes"}

// weightUnit is how many bytes weigh as much as a frame.
const weightUnit = 4 << 10

// weight is what a frame counts for, with the bytes that were read and written
// because of it.
func weight(bytes int) float64 { return float64(1 + bytes/weightUnit) }

// Guard keeps the limits of each address. It is safe for use by several
// goroutines.
type Guard struct {
	limits  AddressLimits
	proxied bool // connections are a proxy's
	// The paces of an address: of connections that come in, of requests, of
	// WebSockets, of new rooms, and of weight.
	arrivals, requests, dials, rooms, bytes pace

	hits [limitKinds]atomic.Int64

	mu        sync.Mutex // guards what follows and all but the weight of its visitors
	addresses map[string]*visitor
	sweepAt   time.Time
}

// visitor is what an address uses.
type visitor struct {
	open, sockets, refusing           int
	arrived, requested, dialed, opens bucket

	mu     sync.Mutex // guards what follows; taken after the guard's
	weight bucket
}

// NewGuard returns a Guard. Behind a proxy connections are not counted, since all
// are the proxy's, but requests are.
func NewGuard(limits AddressLimits, proxied bool) *Guard {
	l := limits.withDefaults()
	dials, sockets := float64(l.Dials), float64(l.Connections)
	return &Guard{
		limits: l, proxied: proxied, addresses: make(map[string]*visitor),
		arrivals: pace{2 * dials, 2 * (sockets + dials)},
		requests: pace{10 * dials, 10 * (sockets + dials)},
		dials:    pace{dials, sockets + dials},
		rooms:    pace{float64(l.Rooms) / 60, float64(l.Rooms)},
		bytes:    pace{float64(l.Bytes) / weightUnit, 8 * float64(l.Bytes) / weightUnit},
	}
}

// off reports whether no limit is kept.
func (g *Guard) off() bool { return g.limits.Connections < 0 }

// networkOf is what an address counts as.
func networkOf(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}

// visitorLocked returns what is known of an address.
func (g *Guard) visitorLocked(address string) *visitor {
	key := networkOf(address)
	v := g.addresses[key]
	if v == nil {
		v = &visitor{}
		g.addresses[key] = v
	}
	return v
}

// sweep forgets addresses that use nothing.
func (g *Guard) sweep(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.sweepAt) < forgetEvery {
		return
	}
	g.sweepAt = now
	for key, v := range g.addresses {
		if g.idleLocked(v, now) {
			delete(g.addresses, key)
		}
	}
}

// forgetEvery is how often addresses that use nothing are forgotten.
const forgetEvery = 10 * time.Second

func (g *Guard) idleLocked(v *visitor, now time.Time) bool {
	if v.open > 0 || v.sockets > 0 || v.refusing > 0 {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.arrived.full(g.arrivals, now) && v.requested.full(g.requests, now) && v.dialed.full(g.dials, now) &&
		v.opens.full(g.rooms, now) && v.weight.full(g.bytes, now)
}

func (g *Guard) hit(k limitKind) { g.hits[k].Add(1) }

// Why something of an address is refused, for people.
var (
	errCrowded   = errors.New("too many connections from this address")
	errDialing   = errors.New("too many new connections from this address; try again in a few seconds")
	errRequests  = errors.New("too many requests from this address; try again in a few seconds")
	errManyRooms = errors.New("too many new rooms from this address; try again in a minute")
)

// arrive counts a connection that came in, or says why it is refused.
func (g *Guard) arrive(address string, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.visitorLocked(address)
	switch {
	case v.open >= 2*g.limits.Connections:
		g.hit(limitConnections)
		return errCrowded
	case !v.arrived.take(g.arrivals, 1, now):
		g.hit(limitDials)
		return errDialing
	}
	v.open++
	return nil
}

func (g *Guard) depart(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v := g.addresses[networkOf(address)]; v != nil {
		v.open--
	}
}

// request counts a request that is not for a WebSocket; it costs as much as so
// many.
func (g *Guard) request(address string, cost float64, now time.Time) error {
	if g.off() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.visitorLocked(address).requested.take(g.requests, cost, now) {
		g.hit(limitRequests)
		return errRequests
	}
	return nil
}

// admit counts a WebSocket. With an error there is none.
func (g *Guard) admit(address string, now time.Time) (*visitor, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.visitorLocked(address)
	switch {
	case g.off():
	case v.sockets >= g.limits.Connections:
		g.hit(limitConnections)
		return nil, errCrowded
	case !v.dialed.take(g.dials, 1, now):
		g.hit(limitDials)
		return nil, errDialing
	}
	v.sockets++
	return v, nil
}

func (g *Guard) release(v *visitor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v.sockets--
}

// newRoom counts a room that a visitor opens, or what costs as much as so many.
func (g *Guard) newRoom(v *visitor, cost float64, now time.Time) error {
	if g.off() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !v.opens.take(g.rooms, cost, now) {
		g.hit(limitRooms)
		return errManyRooms
	}
	return nil
}

// charge counts weight, and returns how long the visitor is to wait for it.
func (g *Guard) charge(v *visitor, weight float64, now time.Time) time.Duration {
	if g.off() {
		return 0
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.weight.charge(g.bytes, weight, now)
}

// inDebt reports whether a visitor has used more than it may.
func (g *Guard) inDebt(v *visitor, now time.Time) bool {
	if g.off() {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.weight.inDebt(g.bytes, now)
}

// WriteMetrics writes how often each limit was met, in the text format of
// Prometheus.
func (g *Guard) WriteMetrics(w io.Writer) {
	const name = "meet_limited_total"
	fmt.Fprintf(w, "# HELP %s What was refused or made to wait, by the limit of an address or a connection it met.\n# TYPE %s counter\n", name, name)
	for k, label := range limitNames {
		fmt.Fprintf(w, "%s{limit=%q} %d\n", name, label, g.hits[k].Load())
	}
}

// hostOf is the address of a connection's other end without its port.
func hostOf(a net.Addr) string {
	if host, _, err := net.SplitHostPort(a.String()); err == nil {
		return host
	}
	return a.String()
}
