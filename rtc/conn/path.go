package conn

import (
	"crypto/sha256"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"github.com/pion/ice/v4"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// carriedNet is where the addresses of carried pairs are: a unique local prefix
// (RFC 4193) that is on no network. ICE is shown one address of it per person,
// so that a pair through a third person is one more candidate pair.
var carriedNet = netip.MustParsePrefix("fd6d:6565:7400::/64")

// carriedAddr is the address that stands for a person in carried pairs.
func carriedAddr(id signal.PeerID) netip.Addr {
	a := carriedNet.Addr().As16()
	hash := sha256.Sum256([]byte(id))
	copy(a[8:], hash[:8])
	return netip.AddrFrom16(a)
}

// isCarried reports whether an address is one of carried pairs.
func isCarried(a netip.Addr) bool { return carriedNet.Contains(a) }

// addresses remembers which addresses belong to relays, so that a path is
// called by its name even when ICE learned the address from a packet and calls
// it peer reflexive.
type addresses struct {
	mu     sync.Mutex
	relays map[netip.AddrPort]bool // guarded by mu; of the peer, as it named them
}

// maxRelays bounds what a peer can make us remember.
const maxRelays = 64

func (k *addresses) addRelay(a netip.AddrPort) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.relays == nil {
		k.relays = map[netip.AddrPort]bool{}
	}
	if len(k.relays) < maxRelays {
		k.relays[a] = true
	}
}

func (k *addresses) isRelay(a netip.AddrPort) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.relays[a]
}

// path is the way that packets to a remote address take. relayed says that
// they leave through a relay of ours.
func (k *addresses) path(to netip.AddrPort, relayed bool) rtc.Path {
	switch {
	case isCarried(to.Addr()):
		return rtc.PathVia
	case relayed || k.isRelay(to):
		return rtc.PathRelay
	}
	return rtc.PathDirect
}

// pathOf is the way a pair of candidates takes.
func (k *addresses) pathOf(p *ice.CandidatePair) rtc.Path {
	relayed := p.Local.Type() == ice.CandidateTypeRelay || p.Remote.Type() == ice.CandidateTypeRelay
	return k.path(addrPort(p.Remote.Address(), p.Remote.Port()), relayed)
}

// endpoints are the two ends of a pair as ICE names them.
type endpoints struct{ local, remote netip.AddrPort }

func endpointsOf(p *ice.CandidatePair) endpoints {
	return endpoints{
		addrPort(p.Local.Address(), p.Local.Port()), addrPort(p.Remote.Address(), p.Remote.Port()),
	}
}

// addrPort joins a literal address and a port; the zero value for anything else.
func addrPort(host string, port int) netip.AddrPort {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(port))
}

func join(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// basePort is the port of the socket behind a local candidate (RFC 8445 section
// 5.1.1).
func basePort(c ice.Candidate) uint16 {
	if base := c.RelatedAddress(); base != nil && base.Port != 0 {
		return uint16(base.Port)
	}
	return uint16(c.Port())
}
