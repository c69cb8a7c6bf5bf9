package meettest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"

	"github.com/meet-term/meet/relay"
	"github.com/meet-term/meet/signal"
)

// NAT is a kind of router between somebody and the network, by how it maps and
// filters (RFC 4787).
type NAT uint8

// The kinds of routers.
const (
	Open              NAT = iota // none: an address of one's own
	FullCone                     // one mapping for all, open to all
	AddressRestricted            // open to the addresses that were sent to
	PortRestricted               // open to the addresses and ports that were sent to
	Symmetric                    // another mapping for each address and port
)

var natNames = [...]string{"open", "full cone", "address-restricted", "port-restricted", "symmetric"}

// String names the kind as people who write of NATs do.
func (n NAT) String() string { return natNames[n] }

// vnetType is the kind as the simulated network knows it.
func (n NAT) vnetType() *vnet.NATType {
	t := vnet.NATType{
		MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointIndependent,
		MappingLifeTime: 2 * time.Minute,
	}
	switch n {
	case Open, FullCone:
	case AddressRestricted:
		t.FilteringBehavior = vnet.EndpointAddrDependent
	case PortRestricted:
		t.FilteringBehavior = vnet.EndpointAddrPortDependent
	case Symmetric:
		t.MappingBehavior, t.FilteringBehavior = vnet.EndpointAddrPortDependent, vnet.EndpointAddrPortDependent
	}
	return &t
}

// JoinBehind adds a person behind a router of their own. Person.IP is then the
// router's outer address: blocks and cuts work on it.
func (r *Room) JoinBehind(nat NAT, name string, opts ...Option) *Person {
	r.T.Helper()
	return r.join(name, 0, nat, opts)
}

// connect puts a network behind the router of its person, or straight into the
// room's. It returns the network.
func (p *Person) connect() *vnet.Net {
	t := p.room.T
	t.Helper()
	address, router := p.IP, p.room.router
	if p.nat != Open {
		p.room.homes++
		router = p.home()
		address = fmt.Sprintf("192.168.%d.2", p.room.homes)
	}
	p.inner = address
	n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{address}})
	if err != nil {
		t.Fatalf("network of %s: %v", p.Name, err)
	}
	if err := router.AddNet(p.attach(n)); err != nil {
		t.Fatalf("connect %s: %v", p.Name, err)
	}
	if router != p.room.router {
		if err := router.Start(); err != nil {
			t.Fatalf("start the router of %s: %v", p.Name, err)
		}
	}
	return n
}

// home makes the router of a person.
func (p *Person) home() *vnet.Router {
	t := p.room.T
	t.Helper()
	silent := logging.NewDefaultLoggerFactory()
	silent.DefaultLogLevel = logging.LogLevelDisabled // it warns of each packet that it refuses
	home, err := vnet.NewRouter(&vnet.RouterConfig{
		CIDR: fmt.Sprintf("192.168.%d.0/24", p.room.homes), StaticIPs: []string{p.IP},
		NATType: p.nat.vnetType(), QueueSize: 1 << 14, LoggerFactory: silent,
	})
	if err != nil {
		t.Fatalf("make the router of %s: %v", p.Name, err)
	}
	if err := p.room.router.AddRouter(home); err != nil {
		t.Fatalf("connect the router of %s: %v", p.Name, err)
	}
	return home
}

// Reach says what the server offers people who do not reach each other.
type Reach uint8

// What a server can offer.
const (
	Nothing     Reach = iota // signaling only
	STUNOnly                 // addresses that NATs map to
	STUNAndTURN              // and a relay
)

// relayIP and relayPort are where the server's STUN and TURN are.
const (
	relayIP   = "10.0.250.1"
	relayPort = 3478
)

// Offer makes the server offer STUN or a relay, from its next start on if it is
// running: call it before anybody joins. Relay changes what the relay is set up
// with; nil: nothing.
func (r *Room) Offer(reach Reach, change func(*relay.Config)) {
	r.T.Helper()
	r.reach, r.relayConfig = reach, change
	r.StopServer()
	r.StartServer()
}

// startRelay starts the STUN and TURN of a server, if it has any.
func (r *Room) startRelay(s *serverProcess) {
	r.T.Helper()
	if r.reach == Nothing {
		return
	}
	if r.relayNet == nil {
		n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{relayIP}})
		if err != nil {
			r.T.Fatalf("network of the relay: %v", err)
		}
		if err := r.router.AddNet(n); err != nil {
			r.T.Fatalf("connect the relay: %v", err)
		}
		r.relayNet = n
	}
	c, err := r.relayNet.ListenPacket("udp4", fmt.Sprintf("%s:%d", relayIP, relayPort))
	if err != nil {
		r.T.Fatalf("listen for the relay: %v", err)
	}
	own := netip.MustParseAddr(relayIP)
	cfg := relay.Config{
		Packets: []net.PacketConn{c}, Public: []netip.Addr{own},
		Allow:     []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, // the "Internet" of the bed
		Listen:    r.relayNet.ListenPacket,
		Addresses: func() []netip.Addr { return []netip.Addr{own} },
	}
	if r.relayConfig != nil {
		r.relayConfig(&cfg)
	}
	if s.relay, err = relay.New(cfg); err != nil {
		r.T.Fatalf("start the relay: %v", err)
	}
}

// ice is what the server offers somebody.
func (s *serverProcess) ice(reach Reach) func(signal.ICERequest) ([]signal.ICEServer, time.Duration) {
	if s.relay == nil {
		return nil
	}
	offer := relay.Offer{Server: s.relay, Port: relayPort}
	return func(q signal.ICERequest) ([]signal.ICEServer, time.Duration) {
		q.Host, q.Local = relayIP, netip.Addr{}
		servers, renew := offer.ICE(q)
		if reach == STUNOnly {
			servers = servers[:1]
		}
		return servers, renew
	}
}

// left says that somebody's seat is free.
func (s *serverProcess) left(room string, peer signal.PeerID) {
	if s.relay != nil {
		s.relay.Dismiss(room, string(peer))
	}
}

// StopRelay ends the relay and leaves the server running.
func (r *Room) StopRelay() {
	r.T.Helper()
	if r.server == nil || r.server.relay == nil {
		return
	}
	if err := r.server.relay.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		r.T.Errorf("stop the relay: %v", err)
	}
}

// Relay is the relay of the running server, or nil.
func (r *Room) Relay() *relay.Server {
	if r.server == nil {
		return nil
	}
	return r.server.relay
}
