package venue

import (
	"fmt"
	"net/netip"
)

// Reach says who can get to a room that is hosted here.
type Reach uint8

// The reaches. With Machine the server listens on loopback only, with Network
// it takes connections of this machine's networks and of private addresses,
// with Internet of anybody, encrypted.
const (
	Machine Reach = iota + 1
	Network
	Internet
)

// Default is the reach unless a flag or a setting says otherwise.
const Default = Network

var reachNames = map[Reach][2]string{ // as a setting, and in words
	Machine: {"machine", "this machine"}, Network: {"network", "this network"}, Internet: {"internet", "the internet"},
}

// ParseReach reads a setting: machine, network or internet.
func ParseReach(s string) (Reach, error) {
	for r, names := range reachNames {
		if s == names[0] {
			return r, nil
		}
	}
	return 0, fmt.Errorf("%q is none of machine, network and internet", s)
}

// Setting is the reach as a setting has it.
func (r Reach) Setting() string { return reachNames[r][0] }

// String is the reach in words.
func (r Reach) String() string { return reachNames[r][1] }

// Next is the reach that comes after r when a person goes through them.
func (r Reach) Next() Reach {
	if r == Internet {
		return Machine
	}
	return r + 1
}

// cgnat are addresses of carrier-grade NATs (RFC 6598), and of overlay networks.
var cgnat = netip.MustParsePrefix("100.64.0.0/10")

// Admits reports whether somebody at the address from may connect, on a machine
// with these networks.
func (r Reach) Admits(from netip.Addr, own []netip.Prefix) bool {
	from = from.Unmap().WithZone("")
	switch {
	case from.IsLoopback() || r == Internet:
		return true
	case r == Machine:
		return false
	case from.IsPrivate() || from.IsLinkLocalUnicast():
		return true
	}
	for _, p := range own {
		if p.Contains(from) || cgnat.Contains(from) && cgnat.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

// The sentences about whom an invite is for.
const (
	OnMachine = "works on this machine only"
	OnNetwork = "works on this network"
	Anywhere  = "works anywhere"
)

// Audience says in words who can use an invite to a server at a host, which is
// a name or an address.
func Audience(host string) string {
	a, err := netip.ParseAddr(host)
	switch {
	case host == "localhost" || err == nil && a.IsLoopback():
		return OnMachine
	case err == nil && (a.IsPrivate() || a.IsLinkLocalUnicast() || cgnat.Contains(a.Unmap())):
		return OnNetwork
	case err == nil:
		return Anywhere
	}
	return "works wherever " + host + " is reached"
}
