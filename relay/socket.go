package relay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pion/turn/v5"
)

// Reasons not to make an allocation, which the client is told as 508.
var (
	errNoUser   = errors.New("no member asks for it")
	errPort     = errors.New("a port of the client's choice")
	errTCP      = errors.New("allocations over TCP are not offered")
	errQuota    = errors.New("the member has too many allocations")
	errFull     = errors.New("there are too many allocations")
	errNoFamily = errors.New("no address of this family")
	errNoPort   = errors.New("no port is free")
)

// generator makes the sockets of allocations. It implements
// turn.RelayAddressGenerator, the one place where the library asks with the name
// of the user and lets what it gets be a socket of ours.
type generator struct{ *Server }

// Validate implements turn.RelayAddressGenerator.
func (g generator) Validate() error { return nil }

// AllocateListener refuses allocations over TCP (RFC 6062): nobody here needs
// them, and they reach services that speak TCP.
func (g generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	g.stats.refusedAllocation.Add(1)
	return nil, nil, errTCP
}

// AllocateConn refuses connections over TCP (RFC 6062).
func (g generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errTCP }

// AllocatePacketConn opens a relayed address for a member. Without a member the
// library looks for an even port (RFC 8656 section 7.2), which nobody needs who
// multiplexes RTP and RTCP.
func (g generator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	conn, addr, err := g.allocate(c)
	if err != nil {
		g.stats.refusedAllocation.Add(1)
		return nil, nil, err
	}
	g.stats.allocated.Add(1)
	return conn, addr, nil
}

func (s *Server) allocate(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	switch {
	case c.UserID == "":
		return nil, nil, errNoUser
	case c.RequestedPort != 0:
		return nil, nil, errPort
	}
	m, err := s.reserve(c.UserID)
	if err != nil {
		return nil, nil, err
	}
	k, err := s.openSocket(m, c.Network)
	if err != nil {
		s.mu.Lock()
		s.unreserve(m)
		s.mu.Unlock()
		return nil, nil, err
	}
	return k, net.UDPAddrFromAddrPort(k.relayed), nil
}

// reserve counts an allocation in. Requests of one member run side by side, so
// it is counted before it is made.
func (s *Server) reserve(id string) (*member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.members[id]
	switch {
	case m == nil:
		return nil, errNoUser
	case m.allocations >= s.cfg.MaxPerMember:
		return nil, errQuota
	case s.open >= s.cfg.MaxAllocations:
		return nil, errFull
	}
	m.allocations++
	s.open++
	return m, nil
}

// unreserve undoes reserve. Called with mu held.
func (s *Server) unreserve(m *member) {
	m.allocations--
	s.open--
}

// place returns where a relayed address is bound and what others call it.
func (s *Server) place(m *member, is4 bool) (bind, public netip.Addr, err error) {
	for _, a := range s.cfg.Public {
		if a.Is4() == is4 {
			public = a
		}
	}
	s.mu.Lock()
	bind = m.local[is4]
	s.mu.Unlock()
	if !public.IsValid() && bind.IsValid() && !bind.IsLoopback() {
		return bind, bind, nil
	}
	own := s.policy.own()
	if public.IsValid() {
		for _, a := range s.cfg.Addresses() {
			if a == public {
				return a, public, nil
			}
		}
		bind = netip.IPv4Unspecified()
		if !is4 {
			bind = netip.IPv6Unspecified()
		}
		return bind, public, nil
	}
	// Signaling came another way: through a proxy, or over the other family.
	if a := outward(is4); a.IsValid() {
		for _, o := range own {
			if o == a {
				return a, a, nil
			}
		}
	}
	for _, a := range own {
		if a.Is4() == is4 && a.IsGlobalUnicast() {
			return a, a, nil
		}
	}
	return bind, public, fmt.Errorf("open a relayed address: %w", errNoFamily)
}

// outward is the address that this machine uses towards the Internet, or none.
// No packet is sent.
func outward(is4 bool) netip.Addr {
	to, network := "192.0.2.1:9", "udp4"
	if !is4 {
		to, network = "[2001:db8::1]:9", "udp6"
	}
	c, err := net.Dial(network, to)
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	a, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil || a.Addr().IsLoopback() {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// portTries is how many ports of a range are tried before it counts as full.
const portTries = 64

// openSocket binds the socket of an allocation and lists it.
func (s *Server) openSocket(m *member, network string) (*socket, error) {
	is4 := network != "udp6"
	bind, public, err := s.place(m, is4)
	if err != nil {
		return nil, err
	}
	c, err := s.bind(network, bind)
	if err != nil {
		return nil, err
	}
	local, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the address of a socket: %w", err), c.Close())
	}
	k := &socket{PacketConn: c, relay: s, member: m, relayed: netip.AddrPortFrom(public, local.Port())}
	k.near = k.relayed
	if bind != public {
		// Sockets of this machine meet on loopback, not on the way around a NAT that
		// may not send back what comes from inside.
		k.near = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), local.Port())
		if !is4 {
			k.near = netip.AddrPortFrom(netip.IPv6Loopback(), local.Port())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[k.relayed] = k
	if k.near != k.relayed {
		s.bound[k.near] = k
	}
	return k, nil
}

func (s *Server) bind(network string, a netip.Addr) (net.PacketConn, error) {
	if s.cfg.FirstPort == 0 {
		c, err := s.cfg.Listen(network, net.JoinHostPort(a.String(), "0"))
		if err != nil {
			return nil, fmt.Errorf("open a relayed address: %w", err)
		}
		return c, nil
	}
	size := int(s.cfg.LastPort-s.cfg.FirstPort) + 1
	at := rand.IntN(size)
	for i := range min(size, portTries) {
		port := int(s.cfg.FirstPort) + (at+i)%size
		if c, err := s.cfg.Listen(network, net.JoinHostPort(a.String(), strconv.Itoa(port))); err == nil {
			return c, nil
		}
	}
	return nil, errNoPort
}

// socket is the relayed address of one allocation, between the library and the
// network. Each packet of either direction passes here.
type socket struct {
	net.PacketConn
	relay   *Server
	member  *member
	relayed netip.AddrPort // what others call it
	near    netip.AddrPort // what other sockets of this machine call it
	once    sync.Once

	mu      sync.Mutex // guards the verdict that was given last
	last    netip.AddrPort
	to      net.Addr // nil: refused
	verdict time.Time
}

// WriteTo sends a packet of the member, or drops it if it may not go there or
// the member sends too much.
func (k *socket) WriteTo(b []byte, addr net.Addr) (int, error) {
	s := k.relay
	u, ok := addr.(*net.UDPAddr)
	if !ok {
		return len(b), nil
	}
	to := k.target(u)
	switch {
	case to == nil:
		s.stats.droppedAddress.Add(1)
		return len(b), nil
	case !k.member.up.AllowN(time.Now(), len(b)):
		s.stats.droppedRate.Add(1)
		return len(b), nil
	}
	n, err := k.PacketConn.WriteTo(b, to)
	if err != nil {
		s.stats.droppedSend.Add(1)
		if errors.Is(err, net.ErrClosed) {
			return n, err
		}
		return len(b), nil // such as a host that is unreachable: a lost packet
	}
	s.stats.packets.Add(1)
	s.stats.bytes.Add(uint64(len(b)))
	return n, nil
}

// target returns where a packet for addr is to be sent, or nil. The last answer
// is kept for a moment: most packets go where the one before went.
func (k *socket) target(addr *net.UDPAddr) net.Addr {
	a := addr.AddrPort()
	a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last == a && now.Sub(k.verdict) < time.Second {
		return k.to
	}
	k.last, k.verdict, k.to = a, now, k.relay.target(a)
	return k.to
}

// target judges an address with its port. Allocations of this server are always
// allowed, whatever its addresses: it is by them that two people meet who reach
// nothing but the server. Everything else of this machine is not.
func (s *Server) target(a netip.AddrPort) net.Addr {
	s.mu.Lock()
	k := s.sockets[a]
	s.mu.Unlock()
	switch {
	case k != nil:
		return net.UDPAddrFromAddrPort(k.near)
	case a.Port() != 0 && s.policy.permits(a.Addr()):
		return net.UDPAddrFromAddrPort(a)
	}
	return nil
}

// permits says whether a member may ask for permission to an address (RFC 8656
// section 9): the first of two checks, made without the port.
func (s *Server) permits(_ net.Addr, ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	a = a.Unmap()
	if ok && (s.policy.permits(a) || s.isRelayed(a)) {
		return true
	}
	s.stats.refusedAddress.Add(1)
	return false
}

// isRelayed reports whether allocations are at an address.
func (s *Server) isRelayed(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := range s.sockets {
		if at.Addr() == a {
			return true
		}
	}
	return false
}

// ReadFrom reads a packet for the member.
func (k *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, addr, err := k.PacketConn.ReadFrom(b)
		if err != nil {
			return n, addr, err
		}
		if !k.member.down.AllowN(time.Now(), n) {
			k.relay.stats.droppedRate.Add(1)
			continue
		}
		k.relay.stats.packets.Add(1)
		k.relay.stats.bytes.Add(uint64(n))
		return n, k.source(addr), nil
	}
}

// source returns what the member calls the sender of a packet.
func (k *socket) source(addr net.Addr) net.Addr {
	if k.near == k.relayed {
		return addr
	}
	u, ok := addr.(*net.UDPAddr)
	if !ok || !u.IP.IsLoopback() {
		return addr
	}
	a := u.AddrPort()
	k.relay.mu.Lock()
	from := k.relay.bound[netip.AddrPortFrom(a.Addr().Unmap(), a.Port())]
	k.relay.mu.Unlock()
	if from == nil {
		return addr
	}
	return net.UDPAddrFromAddrPort(from.relayed)
}

// Close ends the allocation.
func (k *socket) Close() error {
	k.once.Do(func() {
		s := k.relay
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.sockets, k.relayed)
		delete(s.bound, k.near)
		s.unreserve(k.member)
	})
	return k.PacketConn.Close()
}
