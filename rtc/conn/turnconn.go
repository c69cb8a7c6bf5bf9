package conn

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/stun/v4"

	"github.com/meet-term/meet/rtc"
)

// ListenPacket binds a socket as [net.ListenPacket] does: one to reach a TURN
// server with.
func (n *liveNet) ListenPacket(network, address string) (net.PacketConn, error) {
	c, err := n.Net.ListenPacket(network, address)
	if err != nil {
		return nil, fmt.Errorf("bind a socket for a relay: %w", err)
	}
	t := &turnConn{PacketConn: c, net: n, channels: map[uint16]netip.AddrPort{}}
	t.permits = newPermitter(&n.logins, t.resend, c.SetReadDeadline)
	return t, nil
}

// turnConn is a socket to a TURN server. Checks pass it in a wrapping (RFC 8656
// sections 11 and 12), and are thinned like those of any other socket.
type turnConn struct {
	net.PacketConn
	net     *liveNet
	permits *permitter

	mu       sync.Mutex
	server   net.Addr                  // guarded by mu; the relay
	channels map[uint16]netip.AddrPort // guarded by mu; the peer of each channel
}

// ReadFrom reads one packet.
func (c *turnConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if answer := c.permits.next(); answer != nil {
			return copy(b, answer), c.relay(), nil
		}
		n, addr, err := c.PacketConn.ReadFrom(b)
		if err != nil {
			answer, again := c.permits.answer(err)
			switch {
			case answer != nil:
				return copy(b, answer), c.relay(), nil
			case again:
				continue
			}
			return n, addr, err
		}
		if !c.net.deaf.Load() {
			c.permits.heard(b[:n])
			return n, addr, nil
		}
	}
}

// Close ends the socket.
func (c *turnConn) Close() error {
	c.permits.end()
	return c.PacketConn.Close()
}

// relay is the address of the TURN server, once something was sent there.
func (c *turnConn) relay() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server
}

// resend sends a request to the TURN server.
func (c *turnConn) resend(b []byte) {
	if to := c.relay(); to != nil {
		_, _ = c.PacketConn.WriteTo(b, to) // what is lost is sent again
	}
}

// WriteTo sends one packet, unless it holds a check that need not go out.
func (c *turnConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	if len(b) > 0 && b[0] < 4 {
		c.mu.Lock()
		c.server = addr
		c.mu.Unlock()
		if c.permits.asks(b, true) {
			return len(b), nil
		}
	}
	to, packet := c.unwrap(b)
	switch {
	case packet == nil:
	case isCarried(to.Addr()):
		return len(b), nil
	case !isCheck(packet):
		if !c.net.pulse.sends(packet) {
			return len(b), nil
		}
		c.net.double(packet)
	default:
		local, ok := c.LocalAddr().(*net.UDPAddr)
		send := func(b []byte) { _, _ = c.PacketConn.WriteTo(b, addr) }
		if ok && c.net.pulse.hold(b, uint16(local.Port), to, rtc.PathRelay, send) {
			return len(b), nil
		}
	}
	return c.PacketConn.WriteTo(b, addr)
}

// Sizes and numbers of TURN (RFC 8656 sections 12 and 17).
const (
	channelHeader = 4
	channelFirst  = 0x4000
	channelLast   = 0x4fff
)

// unwrap returns what the relay is asked to send and to whom; nil for anything
// that is between us and the relay.
func (c *turnConn) unwrap(b []byte) (netip.AddrPort, []byte) {
	if len(b) < channelHeader {
		return netip.AddrPort{}, nil
	}
	if number := binary.BigEndian.Uint16(b); number >= channelFirst && number <= channelLast {
		c.mu.Lock()
		defer c.mu.Unlock()
		n := min(int(binary.BigEndian.Uint16(b[2:])), len(b)-channelHeader)
		return c.channels[number], b[channelHeader : channelHeader+n]
	}
	m := &stun.Message{Raw: b}
	if !stun.IsMessage(b) || m.Decode() != nil {
		return netip.AddrPort{}, nil
	}
	var peer stun.XORMappedAddress
	if peer.GetFromAs(m, stun.AttrXORPeerAddress) != nil {
		return netip.AddrPort{}, nil
	}
	to := addrPort(peer.IP.String(), peer.Port)
	switch m.Type.Method {
	case stun.MethodSend:
		data, err := m.Get(stun.AttrData)
		if err != nil {
			return netip.AddrPort{}, nil
		}
		return to, data
	case stun.MethodChannelBind:
		if number, err := m.Get(stun.AttrChannelNumber); err == nil && len(number) >= 2 {
			c.mu.Lock()
			c.channels[binary.BigEndian.Uint16(number)] = to
			c.mu.Unlock()
		}
	}
	return netip.AddrPort{}, nil
}
