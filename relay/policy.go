package relay

import (
	"net/netip"
	"sync"
	"time"
)

// policy says where the relay may send to.
type policy struct {
	allow []netip.Prefix
	own   func() []netip.Addr // of this machine, and Config.Public
}

// never are addresses nobody gets to through us, whatever is allowed: those that
// mean this machine or its own link, and where clouds keep a machine's secrets.
var never = prefixes(
	"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "::1/128", "fe80::/10", "ff00::/8", "fd00:ec2::254/128",
)

// private are networks that are not the public Internet (RFC 6890): the server
// may be in one of them, where others trust it.
var private = prefixes(
	"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16",
	"192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "fc00::/7", "fec0::/10",
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, p := range list {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// embedded returns the IPv4 address that an IPv6 one stands for on the way of a
// translator (RFC 6052) or of a tunnel (RFC 3056); others are returned as they are.
func embedded(a netip.Addr) netip.Addr {
	b := a.As16()
	switch {
	case a.Is4():
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case netip.MustParsePrefix("2002::/16").Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}

// permits reports whether the relay may send to an address that is not another
// allocation of its own.
func (p policy) permits(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	for _, own := range p.own() {
		if own == a {
			return false
		}
	}
	target := embedded(a)
	switch {
	case contains(never, a), contains(never, target):
		return false
	case contains(p.allow, a) || contains(p.allow, target):
		return true
	}
	return !contains(private, a) && !contains(private, target)
}

// ownFor is how long the list of this machine's addresses is believed.
const ownFor = 10 * time.Second

// ownAddresses returns what reads the addresses of this machine, now and then.
func ownAddresses(cfg Config) func() []netip.Addr {
	var mu sync.Mutex
	var known []netip.Addr
	var at time.Time
	return func() []netip.Addr {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); at.IsZero() || now.Sub(at) > ownFor {
			known, at = append(cfg.Addresses(), cfg.Public...), now
		}
		return known
	}
}
