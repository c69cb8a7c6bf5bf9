package conn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// maxAddresses is how many of our own addresses of one family are offered.
const maxAddresses = 8

// systemNet is the network of this machine. pion's own reads the interfaces
// once and goes on offering addresses that are gone; this one looks each time.
type systemNet struct{ *stdnet.Net }

func newSystemNet() (systemNet, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return systemNet{}, fmt.Errorf("read the network interfaces: %w", err)
	}
	return systemNet{n}, nil
}

// Interfaces reads the interfaces of this moment.
func (systemNet) Interfaces() ([]*transport.Interface, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("read the network interfaces: %w", err)
	}
	return n.Interfaces()
}

// liveNet is the network as the ICE agent of one session sees it.
//
// pion binds one socket to each address, so that a session dies with its
// address. Here an agent is shown one address of each family and its socket is
// bound to the wildcard: the kernel routes it over whatever interface there
// is, and it outlives every change of address. The other addresses are offered
// to the peer with the port of the same socket (see expand).
//
// One more address is shown that no network has: what is bound to it is carried
// by a third person (see carriedConn).
type liveNet struct {
	logins logins
	transport.Net
	deaf     atomic.Bool       // what arrives is thrown away
	pulse    *pulse            // decides which checks go out
	size     *pathSize         // how large packets may be
	route    *route            // to the peer through third persons; nil: there is none
	hostPort atomic.Uint32     // of the socket of IPv4; 0 without one
	answers  func([]byte) bool // takes what answers requests of ours, not of ICE
	ports    atomic.Uint32     // of the carried pair, ours and the peer's
	self     netip.Addr        // that stands for us in carried pairs; invalid: there is none
	frames   func(frame []byte, from netip.AddrPort)

	mu       sync.Mutex
	shown    [2]netip.Addr   // guarded by mu; what the agent was shown, IPv4 and IPv6
	all      [2][]netip.Addr // guarded by mu; the addresses these stand for
	loopback bool            // guarded by mu; there is nothing but loopback
	sockets  map[socketName]socket
}

// socketName tells the sockets of a session apart.
type socketName struct {
	v4   bool
	port uint16
}

// socket writes a packet as it is.
type socket func(packet []byte, to netip.AddrPort) error

func newLiveNet(base transport.Net, p *pulse) *liveNet {
	return &liveNet{
		Net: base, pulse: p, size: newPathSize(), sockets: map[socketName]socket{},
		frames:  func([]byte, netip.AddrPort) {},
		answers: func([]byte) bool { return false },
	}
}

// bound notes a socket; the function returned forgets it.
func (n *liveNet) bound(local *net.UDPAddr, write socket) (closed func()) {
	name := socketName{local.IP.To4() != nil, uint16(local.Port)}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sockets[name] = write
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.sockets, name)
	}
}

// write sends a packet of ours, which ICE knows nothing of, from the socket with
// a port.
func (n *liveNet) write(port uint16, packet []byte, to netip.AddrPort) error {
	n.mu.Lock()
	write := n.sockets[socketName{to.Addr().Is4(), port}]
	n.mu.Unlock()
	if write == nil {
		return net.ErrClosed
	}
	return write(packet, to)
}

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// Interfaces shows one pseudo-interface with at most one address per family.
func (n *liveNet) Interfaces() ([]*transport.Interface, error) {
	ifaces, err := n.Net.Interfaces()
	if err != nil {
		return nil, err
	}
	addrs, loopback := usableLocal(ifaces)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shown, n.all, n.loopback = [2]netip.Addr{}, [2][]netip.Addr{}, loopback
	flags := net.FlagUp | net.FlagRunning
	if loopback {
		flags |= net.FlagLoopback
	}
	shown := transport.NewInterface(net.Interface{Index: 1, MTU: 1500, Name: "any", Flags: flags})
	for _, a := range addrs {
		f := family(a)
		if len(n.all[f]) == 0 {
			n.shown[f] = a
			shown.AddAddress(&net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())})
		}
		if len(n.all[f]) < maxAddresses {
			n.all[f] = append(n.all[f], a)
		}
	}
	if n.self.IsValid() {
		shown.AddAddress(&net.IPNet{IP: n.self.AsSlice(), Mask: net.CIDRMask(128, 128)})
	}
	return []*transport.Interface{shown}, nil
}

// standsFor returns the addresses that the shown address a stands for, a first.
func (n *liveNet) standsFor(a netip.Addr) []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f := family(a); n.shown[f] == a {
		return slices.Clone(n.all[f])
	}
	return []netip.Addr{a}
}

// loopbackOnly says whether the machine had no other address when last asked.
func (n *liveNet) loopbackOnly() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.loopback
}

// ListenUDP binds the wildcard address of laddr's family and lets the socket
// pass for one on laddr. Without an address, as pion asks for a socket to learn a
// NAT's mapping with, it passes for what it is.
func (n *liveNet) ListenUDP(network string, laddr *net.UDPAddr) (transport.UDPConn, error) {
	bind := laddr
	named := laddr != nil && laddr.IP != nil && !laddr.IP.IsUnspecified()
	if named {
		if a, ok := addrFrom(laddr.IP); ok && isCarried(a) {
			return n.listenCarried(a)
		}
		bind = &net.UDPAddr{IP: net.IPv4zero, Port: laddr.Port}
		if network = "udp4"; laddr.IP.To4() == nil {
			network, bind.IP = "udp6", net.IPv6unspecified
		}
	}
	c, err := n.Net.ListenUDP(network, bind)
	if err != nil {
		return nil, fmt.Errorf("bind a %s socket: %w", network, err)
	}
	local, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, errors.Join(transport.ErrNotUDPAddress, c.Close())
	}
	if named {
		local = &net.UDPAddr{IP: laddr.IP, Port: local.Port, Zone: laddr.Zone}
		n.noteHost(local)
	}
	if u, ok := c.(*net.UDPConn); ok {
		s := &udpConn{UDPConn: u, local: local, net: n}
		s.closed = n.bound(local, func(b []byte, to netip.AddrPort) error {
			_, err := u.WriteToUDPAddrPort(b, to)
			return err
		})
		return s, nil
	}
	s := &namedConn{UDPConn: c, local: local, net: n}
	s.closed = n.bound(local, func(b []byte, to netip.AddrPort) error {
		_, err := c.WriteTo(b, net.UDPAddrFromAddrPort(to))
		return err
	})
	return s, nil
}

// isFrame reports whether a packet is a frame of a carried pair.
func isFrame(b []byte) bool { return len(b) > 0 && (b[0] == frameToCarrier || b[0] == frameCarried) }

// udpAddrPort is the address of a datagram.
func udpAddrPort(addr net.Addr) netip.AddrPort {
	u, ok := addr.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return plain(u.AddrPort())
}

// plain takes an IPv4 address out of its IPv6 clothing.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// namedConn is a socket of a simulated network under another local address.
type namedConn struct {
	transport.UDPConn
	local  *net.UDPAddr
	net    *liveNet
	closed func()
}

// ReadFrom reads one packet.
func (c *namedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, addr, err := c.UDPConn.ReadFrom(b)
		switch {
		case err != nil:
			return n, addr, err
		case c.net.deaf.Load():
		case isFrame(b[:n]):
			c.net.frames(b[:n], udpAddrPort(addr))
		case c.net.answers(b[:n]):
		default:
			if n, whole := c.net.size.received(b, n, udpAddrPort(addr)); whole {
				return n, addr, nil
			}
		}
	}
}

// WriteTo sends one packet, unless it is a check that need not go out.
func (c *namedConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	to := udpAddrPort(addr)
	send := func(b []byte) { _, _ = c.UDPConn.WriteTo(b, addr) }
	if c.net.keeps(b, uint16(c.local.Port), to, send) {
		return len(b), nil
	}
	if parts := c.net.sized(c, b, to); parts != nil {
		return len(b), sendParts(c, parts, to)
	}
	return c.UDPConn.WriteTo(b, addr)
}

// raw implements [sender].
func (c *namedConn) raw(b []byte, to netip.AddrPort) error {
	_, err := c.UDPConn.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return err
}

// LocalAddr returns the address the socket passes for.
func (c *namedConn) LocalAddr() net.Addr { return c.local }

// Close closes the socket.
func (c *namedConn) Close() error {
	c.closed()
	return c.UDPConn.Close()
}

// keeps reports whether a packet for a real network stays here: a check that
// need not go out, or anything for an address that no network has.
func (n *liveNet) keeps(b []byte, port uint16, to netip.AddrPort, send func([]byte)) bool {
	switch {
	case isCarried(to.Addr()):
		return true
	case !isCheck(b):
		if !n.pulse.sends(b) {
			return true
		}
		n.double(b)
		return false
	}
	return n.pulse.hold(b, port, to, n.pulse.known.path(to, false), send)
}

// double sends a packet by a third person as well when the peer has suddenly
// fallen silent: until ICE has seen that the path is gone and has found another,
// hundreds of milliseconds pass. Who gets it twice drops one.
func (n *liveNet) double(packet []byte) {
	from, to := n.carriedPorts()
	if to != 0 && n.pulse.suspects() && !stun.IsMessage(packet) {
		n.route.send(time.Now(), packet, from, to, false)
	}
}

// carriedPorts are our port and the peer's of the carried pair; 0 without one.
func (n *liveNet) carriedPorts() (from, to uint16) {
	ports := n.ports.Load()
	return uint16(ports >> 16), uint16(ports)
}

// setCarriedPort notes our port of the carried pair, or the peer's.
func (n *liveNet) setCarriedPort(port uint16, ours bool) {
	for {
		old := n.ports.Load()
		from, to := uint16(old>>16), uint16(old)
		if ours {
			from = port
		} else {
			to = port
		}
		if n.ports.CompareAndSwap(old, uint32(from)<<16|uint32(to)) {
			return
		}
	}
}

// udpConn is a socket of this machine under another local address. It offers
// pion the calls that do not allocate (ice.AddrPortReaderWriter).
type udpConn struct {
	*net.UDPConn
	local  *net.UDPAddr
	net    *liveNet
	closed func()
}

// raw implements [sender].
func (c *udpConn) raw(b []byte, to netip.AddrPort) error {
	_, err := c.WriteToUDPAddrPort(b, to)
	return err
}

// LocalAddr returns the address the socket passes for.
func (c *udpConn) LocalAddr() net.Addr { return c.local }

// Close closes the socket.
func (c *udpConn) Close() error {
	c.closed()
	return c.UDPConn.Close()
}

// maxReadErrors is how many errors in a row a read survives.
const maxReadErrors = 16

// ReadFromAddrPort reads one packet. Errors that belong to the network and not
// to the socket, as some systems report when an interface goes, are skipped:
// pion would stop listening for good.
func (c *udpConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for failures := 0; ; {
		n, addr, err := c.ReadFromUDPAddrPort(b)
		switch {
		case err == nil && c.net.deaf.Load():
			failures = 0
		case err == nil && isFrame(b[:n]):
			failures = 0
			c.net.frames(b[:n], plain(addr))
		case err == nil && c.net.answers(b[:n]):
			failures = 0
		case err == nil:
			failures = 0
			if n, whole := c.net.size.received(b, n, addr); whole {
				return n, addr, nil
			}
		case failures == maxReadErrors ||
			errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded):
			return n, addr, err
		default:
			failures++
		}
	}
}

// WriteToAddrPort sends one packet, unless it is a check that need not go out.
func (c *udpConn) WriteToAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	send := func(b []byte) { _, _ = c.WriteToUDPAddrPort(b, addr) }
	if c.net.keeps(b, uint16(c.local.Port), plain(addr), send) {
		return len(b), nil
	}
	if parts := c.net.sized(c, b, addr); parts != nil {
		return len(b), sendParts(c, parts, addr)
	}
	return c.WriteToUDPAddrPort(b, addr)
}

// addrFrom converts an IP address; an IPv4 address in IPv6 clothing becomes
// plain.
func addrFrom(ip net.IP) (netip.Addr, bool) {
	a, ok := netip.AddrFromSlice(ip)
	return a.Unmap(), ok
}

// usableLocal returns the addresses of ours that a peer may reach, best first:
// ordinary ones, else link-local ones, else loopback and true, so that two
// participants on a machine without any network still meet.
func usableLocal(ifaces []*transport.Interface) (addrs []netip.Addr, loopback bool) {
	var ordinary, linkLocal, local []netip.Addr
	for _, ifc := range ifaces {
		if ifc.Flags&net.FlagUp == 0 {
			continue
		}
		list, err := ifc.Addrs()
		if err != nil {
			continue // it went away while we looked
		}
		for _, addr := range list {
			ipnet, ok := addr.(*net.IPNet)
			if !ok {
				continue
			}
			a, ok := addrFrom(ipnet.IP)
			switch {
			case !ok || a.IsUnspecified() || a.IsMulticast():
			case a.IsLoopback():
				local = append(local, a)
			case a.IsLinkLocalUnicast():
				if a.Is4() { // IPv6 needs a zone, which means nothing to a peer
					linkLocal = append(linkLocal, a)
				}
			default:
				ordinary = append(ordinary, a)
			}
		}
	}
	switch {
	case len(ordinary) > 0:
		return ordinary, false
	case len(linkLocal) > 0:
		return linkLocal, false
	default:
		return local, true
	}
}

// metadata is where clouds answer questions about a machine's secrets.
var metadata = netip.MustParseAddr("169.254.169.254")

// usableRemote says whether checks may be sent to an address that a peer
// named. Loopback is refused, unless we have nothing else ourselves: a peer
// must not make us knock at services of this machine.
func usableRemote(a netip.Addr, loopbackOnly bool) bool {
	switch {
	case !a.IsValid(), a.IsUnspecified(), a.IsMulticast(), a == metadata:
		return false
	case a.IsLoopback():
		return loopbackOnly
	case a.Is4():
		return a.As4()[0] != 0 && a.As4()[0] < 240 // "this network", reserved and broadcast (RFC 6890)
	default:
		return true
	}
}
