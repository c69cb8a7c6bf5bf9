package conn

import (
	"net"
	"net/netip"
	"sync"

	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/rtc"
)

// source knows which address of this machine packets to the peer leave from.
// Sockets are bound to the wildcard address, so that it changes without a word
// when an address goes; and what pion calls the local address of a pair is the
// one it was made with, a NAT's or a relay's.
type source struct {
	net *liveNet

	mu   sync.Mutex
	to   string     // guarded by mu; what addr was looked up for
	addr netip.Addr // guarded by mu; invalid: there is no way at present
}

// look asks the system again, if there is a path.
func (s *source) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to != "" {
		s.addr = s.net.sourceTo(s.to)
	}
}

// complete adds to t the present source, in place of the address that a pair of
// a host candidate was made with.
func (s *source) complete(t rtc.TransportStats) rtc.TransportStats {
	if t.RemoteAddress == "" {
		return t
	}
	s.mu.Lock()
	if s.to != t.RemoteAddress {
		s.to, s.addr = t.RemoteAddress, s.net.sourceTo(t.RemoteAddress)
	}
	t.Source = s.addr
	s.mu.Unlock()
	if local, err := netip.ParseAddrPort(t.LocalAddress); err == nil && t.Source.IsValid() &&
		t.LocalType == webrtc.ICECandidateTypeHost.String() {
		t.LocalAddress = join(t.Source.String(), int(local.Port()))
	}
	return t
}

// sourceTo returns the address that packets to a remote address and port leave
// from. Connecting a datagram socket sends nothing.
func (n *liveNet) sourceTo(remote string) netip.Addr {
	to, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	network := "udp4"
	if to.Addr().Is6() {
		network = "udp6"
	}
	c, err := n.Net.DialUDP(network, nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return netip.Addr{} // no way there
	}
	defer func() { _ = c.Close() }()
	local, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	a, _ := addrFrom(local.IP)
	if a.IsUnspecified() { // a simulated network does not choose before it sends
		return n.first(family(to.Addr()))
	}
	return a
}

// first returns the first of our addresses of a family, or an invalid one.
func (n *liveNet) first(of int) netip.Addr {
	ifaces, err := n.Net.Interfaces()
	if err != nil {
		return netip.Addr{}
	}
	addrs, _ := usableLocal(ifaces)
	for _, a := range addrs {
		if family(a) == of {
			return a
		}
	}
	return netip.Addr{}
}
