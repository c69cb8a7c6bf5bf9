package meettest

import (
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/pion/transport/v5"
)

// addresses are those that packets came from.
type addresses struct {
	mu   sync.Mutex
	from map[string]bool
}

func (a *addresses) note(from net.Addr) {
	if from == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.from == nil {
		a.from = map[string]bool{}
	}
	a.from[host(from.String())] = true
}

func (a *addresses) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.from))
}

// tap notes where the packets of a network come from.
func (a *addresses) tap(n transport.Net) transport.Net { return tappedNet{n, a} }

type tappedNet struct {
	transport.Net
	to *addresses
}

func (n tappedNet) ListenUDP(network string, at *net.UDPAddr) (transport.UDPConn, error) {
	c, err := n.Net.ListenUDP(network, at)
	if err != nil {
		return nil, err
	}
	return tappedConn{c, n.to}, nil
}

func (n tappedNet) ListenPacket(network, at string) (net.PacketConn, error) {
	c, err := n.Net.ListenPacket(network, at)
	if err != nil {
		return nil, err
	}
	return tappedPackets{c, n.to}, nil
}

type tappedConn struct {
	transport.UDPConn
	to *addresses
}

func (c tappedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.UDPConn.ReadFrom(b)
	c.to.note(from)
	return n, from, err
}

type tappedPackets struct {
	net.PacketConn
	to *addresses
}

func (c tappedPackets) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(b)
	c.to.note(from)
	return n, from, err
}
