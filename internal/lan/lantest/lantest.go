// Package lantest is a local network in memory, for tests in virtual time.
package lantest

import (
	"net"
	"net/netip"
	"sync"

	"github.com/meet-term/meet/internal/lan"
)

// Net carries what a machine sends to all machines, itself included, as
// multicast does. The zero value is ready.
type Net struct {
	mu    sync.Mutex
	ports map[*port]struct{} // guarded by mu
	sent  int                // guarded by mu
}

// Sent is how many messages were sent so far.
func (n *Net) Sent() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent
}

// Open connects a machine.
func (n *Net) Open(from netip.Addr) lan.Conn {
	p := &port{net: n, from: from, in: make(chan message, 64), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ports == nil {
		n.ports = map[*port]struct{}{}
	}
	n.ports[p] = struct{}{}
	return p
}

// Unplug takes a machine off the network, or back onto it.
func (n *Net) Unplug(c lan.Conn, off bool) {
	p := c.(*port)
	n.mu.Lock()
	defer n.mu.Unlock()
	p.off = off
}

type message struct {
	packet []byte
	from   netip.Addr
}

type port struct {
	net    *Net
	from   netip.Addr
	in     chan message
	closed chan struct{}
	off    bool // guarded by net.mu
	once   sync.Once
}

func (p *port) Send(packet []byte) error {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	if p.off {
		return lan.ErrNoNetwork
	}
	p.net.sent++
	for to := range p.net.ports {
		if to.off {
			continue
		}
		select {
		case to.in <- message{append([]byte(nil), packet...), p.from}:
		default: // datagrams get lost
		}
	}
	return nil
}

func (p *port) Receive(buf []byte) (int, netip.Addr, error) {
	select {
	case m := <-p.in:
		return copy(buf, m.packet), m.from, nil
	case <-p.closed:
		return 0, netip.Addr{}, net.ErrClosed
	}
}

func (p *port) Close() error {
	p.once.Do(func() {
		p.net.mu.Lock()
		delete(p.net.ports, p)
		p.net.mu.Unlock()
		close(p.closed)
	})
	return nil
}
