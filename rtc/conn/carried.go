package conn

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/deadline"

	"github.com/meet-term/meet/rtc"
)

// carriedQueue is how many packets that were carried to us may wait to be read;
// the newest are dropped beyond that.
const carriedQueue = 128

// carriedConn is the socket of a carried pair: what ICE sends from it goes into
// frames to a third person. Methods that ICE does not use fail.
type carriedConn struct {
	transport.UDPConn // nil: only what is below exists
	net               *liveNet
	route             *route
	local             *net.UDPAddr
	packets           chan carriedPacket
	until             *deadline.Deadline

	closing sync.Once
	closed  chan struct{}

	mu      sync.Mutex
	waiting []byte // guarded by mu; the newest check that found no way
	port    uint16 // guarded by mu; where it was to go
}

// carriedPacket is one that came in.
type carriedPacket struct {
	from uint16
	data []byte
}

// firstPort is the first of the ports that are made up for carried pairs.
const firstPort = 1024

// listenCarried makes the socket of a carried pair.
func (n *liveNet) listenCarried(addr netip.Addr) (transport.UDPConn, error) {
	if n.route == nil || addr != n.self {
		return nil, fmt.Errorf("bind %v: %w", addr, os.ErrInvalid)
	}
	n.route.mu.Lock()
	defer n.route.mu.Unlock()
	port := firstPort + rand.N(uint16(1<<16-firstPort))
	for n.route.conns[port] != nil {
		port = firstPort + rand.N(uint16(1<<16-firstPort))
	}
	c := &carriedConn{
		net: n, route: n.route, local: &net.UDPAddr{IP: addr.AsSlice(), Port: int(port)},
		packets: make(chan carriedPacket, carriedQueue), until: deadline.New(), closed: make(chan struct{}),
	}
	n.route.conns[port] = c
	n.setCarriedPort(port, true)
	return c, nil
}

// LocalAddr returns the address that stands for us.
func (c *carriedConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns nil: the socket is not connected.
func (c *carriedConn) RemoteAddr() net.Addr { return nil }

// SetDeadline bounds reading; writing never waits.
func (c *carriedConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline bounds reading.
func (c *carriedConn) SetReadDeadline(t time.Time) error {
	c.until.Set(t)
	return nil
}

// SetWriteDeadline does nothing: writing never waits.
func (c *carriedConn) SetWriteDeadline(time.Time) error { return nil }

// Close ends the socket.
func (c *carriedConn) Close() error {
	c.closing.Do(func() {
		close(c.closed)
		c.route.mu.Lock()
		delete(c.route.conns, uint16(c.local.Port))
		c.route.mu.Unlock()
		c.until.Set(time.Time{})
	})
	return nil
}

// ReadFromAddrPort waits for one packet.
func (c *carriedConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		select {
		case <-c.closed:
			return 0, netip.AddrPort{}, net.ErrClosed
		case <-c.until.Done():
			return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
		case p := <-c.packets:
			from := netip.AddrPortFrom(c.route.addr, p.from)
			if n, whole := c.net.size.received(b, copy(b, p.data), from); whole {
				return n, from, nil
			}
		}
	}
}

// ReadFrom waits for one packet.
func (c *carriedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.ReadFromAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(addr), nil
}

// WriteTo sends one packet.
func (c *carriedConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	return c.WriteToAddrPort(b, udpAddrPort(addr))
}

// WriteToAddrPort sends one packet, unless it is a check that need not go out or
// is for anybody but the peer.
func (c *carriedConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if to.Addr() != c.route.addr {
		return len(b), nil
	}
	check := isCheck(b)
	if !check && !c.net.pulse.sends(b) {
		return len(b), nil
	}
	if check && c.net.pulse.hold(b, uint16(c.local.Port), to, rtc.PathVia, func(b []byte) { c.send(b, to.Port(), true) }) {
		return len(b), nil
	}
	if parts := c.net.sized(c, b, to); parts != nil {
		return len(b), sendParts(c, parts, to)
	}
	c.send(b, to.Port(), check)
	return len(b), nil
}

// raw implements [sender].
func (c *carriedConn) raw(b []byte, to netip.AddrPort) error {
	c.send(b, to.Port(), isCheck(b))
	return nil
}

func (c *carriedConn) send(b []byte, to uint16, check bool) {
	if c.net.deaf.Load() {
		return
	}
	sent := c.route.send(time.Now(), b, uint16(c.local.Port), to, check)
	if !check {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting = nil; !sent {
		c.waiting, c.port = bytes.Clone(b), to
	}
}

// kick sends the check that found no way, now that there is one.
func (c *carriedConn) kick() {
	c.mu.Lock()
	b, to := c.waiting, c.port
	c.mu.Unlock()
	if b != nil {
		c.send(b, to, true)
	}
}

// deliver takes a packet of the peer. It is copied.
func (c *carriedConn) deliver(from uint16, packet []byte) {
	if c.net.deaf.Load() {
		return
	}
	select {
	case c.packets <- carriedPacket{from, bytes.Clone(packet)}:
	default:
	}
}
