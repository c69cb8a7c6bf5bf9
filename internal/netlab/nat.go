//go:build linux

package netlab

import (
	"fmt"
	"net/netip"
	"time"
)

// NAT is a router that hides the hosts behind it, as at home: they reach the
// others, who see the router's address and a port of its choice, and can
// only answer.
type NAT struct {
	lab    *Lab
	ns     string
	addr   netip.Addr // towards the lab's network
	inside *segment
	epoch  int // how often it was rebound
}

// natPorts is how many ports a NAT maps to before [NAT.Rebind].
const natPorts = 2000

// NAT adds a router between the lab's network and a private one of its own.
func (l *Lab) NAT(name string) *NAT {
	l.tb.Helper()
	if !hostName.MatchString(name) || l.hosts[name] != nil {
		l.tb.Fatalf("netlab: bad or taken name %q", name)
	}
	n := &NAT{lab: l, ns: l.namespace(name), addr: l.lan.address(l.tb)}
	l.plug(l.lan, n.ns, "wan")
	n.inside = l.segment(n.ns, "home", netip.MustParseAddr("192.168.71.1"))
	l.ip(n.ns, "link set wan up")
	l.forward(n.ns)
	l.ip(n.ns,
		fmt.Sprintf("address add %s/%d dev wan", n.addr, bits),
		fmt.Sprintf("route add default via %s dev wan", l.lan.gateway),
	)
	l.nft(n.ns, `
		add table ip nat
		add chain ip nat in { type filter hook prerouting priority raw; policy accept; }
		add chain ip nat out { type nat hook postrouting priority srcnat; policy accept; }
	`)
	n.masquerade()
	return n
}

// Host adds a machine behind the router.
func (n *NAT) Host(name string) *Host {
	n.lab.tb.Helper()
	return n.lab.host(name, n.inside)
}

// Addr returns the address that others see.
func (n *NAT) Addr() netip.Addr { return n.addr }

// Rebind makes the router forget its mappings and use other ports from now
// on, as one that was restarted does. The hosts behind it notice nothing.
func (n *NAT) Rebind() time.Time {
	n.lab.tb.Helper()
	n.epoch++
	at := time.Now()
	n.masquerade()
	return at
}

// masquerade gives the router the port range of its epoch. The kernel keeps
// mappings by conntrack zone: in a new zone it knows none, from one packet to
// the next, while making it delete them would take it an unknown time.
func (n *NAT) masquerade() {
	n.lab.tb.Helper()
	first := 20000 + n.epoch*natPorts
	n.lab.nft(n.ns, fmt.Sprintf(`
		flush chain ip nat in
		flush chain ip nat out
		add rule ip nat in ct zone set %d
		add rule ip nat out oifname wan ip protocol { tcp, udp } masquerade to :%d-%d
		add rule ip nat out oifname wan masquerade
	`, n.epoch+1, first, first+natPorts-1))
}
