// Package netwatch notices that the machine's way into the network changed:
// an address came or went, the default route moved, the machine slept.
package netwatch

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Change is what happened since the last one.
type Change struct {
	// Gone and New are the addresses that vanished and appeared. Loopback and
	// IPv6 link-local ones are not looked at, nor those of interfaces that are
	// down or have no carrier.
	Gone, New []netip.Addr
	// Rerouted says that packets to the internet now leave from another
	// address than before, or no longer.
	Rerouted bool
	// Slept is how long the machine was suspended or the process stopped, 0 if
	// it was not.
	Slept time.Duration
}

const (
	// poll is how often clocks are compared, and addresses where the system
	// does not tell of changes.
	poll = time.Second
	// settle is how long a burst of news is left to end: an interface that
	// comes up says so a dozen times.
	settle = 50 * time.Millisecond
	// sleepMin is the least time that counts as sleep. Less is a busy machine.
	sleepMin = 3 * time.Second
)

// Watch calls f for every change until ctx ends, then returns nil. f is called
// from Watch's own goroutine, one change at a time. The state when Watch is
// called counts as known.
//
// Linux tells of changes at once (rtnetlink); elsewhere Watch looks once a
// second.
func Watch(ctx context.Context, f func(Change)) error {
	return watch(ctx, system{}, subscribe, f)
}

// machine is what a watcher looks at.
type machine interface {
	// paths returns the present way into the network.
	paths() (paths, error)
	// slept returns how long the machine has been suspended since some fixed
	// moment. Only differences matter.
	slept() time.Duration
}

// paths is the way into the network at one moment.
type paths struct {
	addrs  []netip.Addr  // sorted, without duplicates
	routes [2]netip.Addr // source of packets to the internet, IPv4 and IPv6
}

// subscribe functions send on news, without blocking, when something may have
// changed. They return at once; what they start ends with ctx, after which
// wait returns.
type subscription func(ctx context.Context, news chan<- struct{}) (wait func(), err error)

func watch(ctx context.Context, m machine, sub subscription, f func(Change)) error {
	ctx, cancel := context.WithCancel(ctx)
	news := make(chan struct{}, 1)
	wait, err := sub(ctx, news)
	told := err == nil
	if told {
		defer wait()
	}
	defer cancel()

	w := watcher{tick: time.Now(), slept: m.slept()}
	if p, err := m.paths(); err == nil {
		w.paths = p
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	calm := time.NewTimer(settle)
	defer calm.Stop()
	for {
		look := false
		select {
		case <-ctx.Done():
			return nil
		case <-news:
			calm.Reset(settle)
			continue
		case <-calm.C:
			look = true
		case <-ticker.C:
			look = !told
		}
		change := Change{Slept: w.clock(time.Now(), m.slept())}
		if look || change.Slept > 0 {
			if p, err := m.paths(); err == nil { // else it is changing right now; the next look will tell
				w.compare(p, &change)
			}
		}
		if change.Slept > 0 || change.Rerouted || len(change.Gone)+len(change.New) > 0 {
			f(change)
		}
	}
}

// watcher compares one look with the one before. It has no clock.
type watcher struct {
	paths paths
	tick  time.Time
	slept time.Duration
}

// clock returns how long the machine slept, or the process was stopped, since
// the last call.
func (w *watcher) clock(now time.Time, slept time.Duration) time.Duration {
	asleep, stopped := slept-w.slept, now.Sub(w.tick)-poll
	w.tick, w.slept = now, slept
	if asleep = max(asleep, stopped); asleep >= sleepMin {
		return asleep
	}
	return 0
}

// compare adds to c what is different in p, and remembers p.
func (w *watcher) compare(p paths, c *Change) {
	for _, a := range w.paths.addrs {
		if !slices.Contains(p.addrs, a) {
			c.Gone = append(c.Gone, a)
		}
	}
	for _, a := range p.addrs {
		if !slices.Contains(w.paths.addrs, a) {
			c.New = append(c.New, a)
		}
	}
	c.Rerouted = p.routes != w.paths.routes
	w.paths = p
}

// system is the machine we run on.
type system struct{}

func (system) paths() (paths, error) {
	ifaces, err := net.Interfaces()
	if err != nil {
		return paths{}, err
	}
	var p paths
	for _, ifc := range ifaces {
		if ifc.Flags&net.FlagUp == 0 || ifc.Flags&net.FlagRunning == 0 || ifc.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := ifc.Addrs()
		if err != nil {
			return paths{}, err
		}
		for _, addr := range addrs {
			if a, ok := address(addr); ok {
				p.addrs = append(p.addrs, a)
			}
		}
	}
	slices.SortFunc(p.addrs, func(a, b netip.Addr) int { return cmp.Compare(a.String(), b.String()) })
	p.addrs = slices.Compact(p.addrs)
	p.routes = [2]netip.Addr{source("udp4", "192.0.2.1:9"), source("udp6", "[2001:db8::1]:9")}
	return p, nil
}

func address(addr net.Addr) (netip.Addr, bool) {
	ipnet, ok := addr.(*net.IPNet)
	if !ok {
		return netip.Addr{}, false
	}
	a, ok := netip.AddrFromSlice(ipnet.IP)
	a = a.Unmap()
	return a, ok && !a.IsLoopback() && (a.Is4() || !a.IsLinkLocalUnicast())
}

// source returns the address that packets to dst would leave from. Connecting
// a datagram socket sends nothing; dst is set aside for documentation (RFC
// 5737, RFC 3849), so that the answer is that of the default route.
func source(network, dst string) netip.Addr {
	c, err := net.Dial(network, dst)
	if err != nil {
		return netip.Addr{} // no route
	}
	defer func() { _ = c.Close() }()
	local, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	return local.AddrPort().Addr().Unmap()
}

var errNotTold = errors.New("this system does not tell of changes")
