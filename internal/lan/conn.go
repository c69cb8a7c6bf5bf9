package lan

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/meet-term/meet/internal/crash"
)

// The groups of multicast DNS (RFC 6762 section 3).
var (
	group4 = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}
	group6 = &net.UDPAddr{IP: net.ParseIP("ff02::fb"), Port: 5353}
)

// interfaces are those whose networks have neighbours: up, with multicast, and
// not point-to-point, as VPNs are.
func interfaces() []net.Interface {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []net.Interface
	for _, i := range all {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagMulticast != 0 && i.Flags&(net.FlagPointToPoint|net.FlagLoopback) == 0 {
			out = append(out, i)
		}
	}
	return out
}

// ErrNoNetwork is returned by Open on a machine without a network that carries
// multicast.
var ErrNoNetwork = errors.New("there is no local network with multicast here")

// sockets is the Conn of this machine: one socket for IPv4 and one for IPv6,
// members of the group on every interface.
type sockets struct {
	v4 *ipv4.PacketConn // nil: none
	v6 *ipv6.PacketConn // nil: none

	in      chan datagram
	closed  chan struct{}
	reading sync.WaitGroup
	once    sync.Once
}

type datagram struct {
	packet []byte
	from   netip.Addr
}

// Open joins the multicast group on every local network.
func Open() (Conn, error) {
	on := interfaces()
	if len(on) == 0 {
		return nil, ErrNoNetwork
	}
	s := &sockets{in: make(chan datagram, 16), closed: make(chan struct{})}
	var errs []error
	// The system would choose an interface by its default route, which is none
	// on an island and a VPN's elsewhere; so one is named, and the others join.
	for _, i := range on {
		if s.v4 == nil {
			if c, err := net.ListenMulticastUDP("udp4", &i, group4); err == nil {
				s.v4 = ipv4.NewPacketConn(c)
			} else {
				errs = append(errs, err)
			}
		}
		if s.v6 == nil {
			if c, err := net.ListenMulticastUDP("udp6", &i, group6); err == nil {
				s.v6 = ipv6.NewPacketConn(c)
			} else {
				errs = append(errs, err)
			}
		}
	}
	if s.v4 == nil && s.v6 == nil {
		return nil, fmt.Errorf("join the multicast group: %w", errors.Join(errs...))
	}
	if s.v4 != nil {
		_ = s.v4.SetMulticastTTL(255) // RFC 6762 section 11; without, answers are ignored by some
		_ = s.v4.SetMulticastLoopback(true)
		crash.GoIn(&s.reading, func() {
			s.read(func(b []byte) (int, net.Addr, error) { n, _, a, err := s.v4.ReadFrom(b); return n, a, err })
		})
	}
	if s.v6 != nil {
		_ = s.v6.SetMulticastHopLimit(255)
		_ = s.v6.SetMulticastLoopback(true)
		crash.GoIn(&s.reading, func() {
			s.read(func(b []byte) (int, net.Addr, error) { n, _, a, err := s.v6.ReadFrom(b); return n, a, err })
		})
	}
	s.join(on)
	return s, nil
}

// join makes the sockets members on interfaces that came up since.
func (s *sockets) join(on []net.Interface) {
	for _, i := range on { // an error is: a member already, or not of this family
		if s.v4 != nil {
			_ = s.v4.JoinGroup(&i, group4)
		}
		if s.v6 != nil {
			_ = s.v6.JoinGroup(&i, group6)
		}
	}
}

func (s *sockets) read(from func([]byte) (int, net.Addr, error)) {
	buf := make([]byte, maxPacket)
	for {
		n, addr, err := from(buf)
		if err != nil {
			return // closed; anything else would come again and again
		}
		u, ok := addr.(*net.UDPAddr)
		if !ok || !neighbour(u.AddrPort().Addr().Unmap()) {
			continue
		}
		select {
		case s.in <- datagram{append([]byte(nil), buf[:n]...), u.AddrPort().Addr().Unmap()}:
		case <-s.closed:
			return
		}
	}
}

// neighbour reports whether an address is of a network that this machine is on
// (RFC 6762 section 11): the port may be open to others.
func neighbour(a netip.Addr) bool {
	if a.IsLinkLocalUnicast() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, x := range addrs {
		if n, ok := x.(*net.IPNet); ok && n.Contains(a.AsSlice()) {
			return true
		}
	}
	return false
}

// Send implements [Conn]. It is an error only when no network took the message.
func (s *sockets) Send(packet []byte) error {
	on := interfaces()
	s.join(on)
	sent := 0
	var errs []error
	for _, i := range on {
		if s.v4 != nil {
			_, err := s.v4.WriteTo(packet, &ipv4.ControlMessage{IfIndex: i.Index}, group4)
			if errs = append(errs, err); err == nil {
				sent++
			}
		}
		if s.v6 != nil {
			to := *group6
			to.Zone = i.Name
			_, err := s.v6.WriteTo(packet, &ipv6.ControlMessage{IfIndex: i.Index}, &to)
			if errs = append(errs, err); err == nil {
				sent++
			}
		}
	}
	if sent > 0 {
		return nil
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return ErrNoNetwork
}

// Receive implements [Conn].
func (s *sockets) Receive(buf []byte) (int, netip.Addr, error) {
	select {
	case d := <-s.in:
		return copy(buf, d.packet), d.from, nil
	case <-s.closed:
		return 0, netip.Addr{}, net.ErrClosed
	}
}

// Close implements [Conn].
func (s *sockets) Close() error {
	var errs []error
	s.once.Do(func() {
		close(s.closed)
		if s.v4 != nil {
			errs = append(errs, s.v4.Close())
		}
		if s.v6 != nil {
			errs = append(errs, s.v6.Close())
		}
		s.reading.Wait()
	})
	return errors.Join(errs...)
}
