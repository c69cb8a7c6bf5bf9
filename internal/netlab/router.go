//go:build linux

package netlab

import (
	"fmt"
	"net/netip"
)

// Kind is a kind of network between a host and everybody else.
type Kind uint8

// The kinds of networks. The first four are NATs by how they map and filter (RFC
// 4787); all of them drop what nobody inside asked for, the router's own ports
// included. A router that answers there instead gives the mapping to itself and
// behaves as a symmetric NAT from then on.
const (
	FullCone          Kind = iota // one mapping for all, open to all
	AddressRestricted             // open to the addresses that were sent to
	PortRestricted                // open to the addresses and ports that were sent to: most homes
	Symmetric                     // another port for each address and port
	NoUDP                         // a NAT that lets no UDP out
	OnlyTCP443                    // a NAT that lets out TCP to port 443 and nothing else
	OnlyProxy                     // a NAT that lets out TCP to port 3128 and nothing else
)

var kindNames = [...]string{
	"full cone", "address-restricted", "port-restricted", "symmetric", "UDP blocked", "only TCP 443", "only a proxy",
}

// String names the kind.
func (k Kind) String() string { return kindNames[k] }

// ProxyPort is what [OnlyProxy] lets out.
const ProxyPort = 3128

// Router is a NAT of a kind with a network of its own behind it.
type Router struct {
	lab    *Lab
	ns     string
	addr   netip.Addr // towards the network outside
	inside *segment
	kind   Kind
}

// Router adds a router between the lab's network and one of its own.
func (l *Lab) Router(name string, kind Kind) *Router {
	l.tb.Helper()
	return l.router(name, kind, l.lan)
}

// Router adds a router behind this one: a double NAT.
func (r *Router) Router(name string, kind Kind) *Router {
	r.lab.tb.Helper()
	return r.lab.router(name, kind, r.inside)
}

func (l *Lab) router(name string, kind Kind, outside *segment) *Router {
	l.tb.Helper()
	if !hostName.MatchString(name) || l.hosts[name] != nil {
		l.tb.Fatalf("netlab: bad or taken name %q", name)
	}
	l.routers++
	r := &Router{lab: l, ns: l.namespace(name), addr: outside.address(l.tb), kind: kind}
	l.plug(outside, r.ns, "wan")
	r.inside = l.segment(r.ns, "home", netip.MustParseAddr(fmt.Sprintf("192.168.%d.1", 80+l.routers)))
	l.ip(r.ns, "link set wan up")
	l.forward(r.ns)
	l.ip(r.ns,
		fmt.Sprintf("address add %s/%d dev wan", r.addr, bits),
		fmt.Sprintf("route add default via %s dev wan", outside.gateway),
	)
	how := "masquerade"
	if kind == Symmetric {
		how = "masquerade random,fully-random"
	}
	l.nft(r.ns, fmt.Sprintf(`
		add table ip home
		add set ip home asked { type ipv4_addr; flags timeout; timeout 2m; }
		add chain ip home unasked { type nat hook prerouting priority dstnat; policy accept; }
		add chain ip home out { type nat hook postrouting priority srcnat; policy accept; }
		add chain ip home own { type filter hook input priority filter; policy accept; }
		add chain ip home through { type filter hook forward priority filter; policy accept; }
		add rule ip home out oifname wan %s
		add rule ip home own iifname wan ct state established,related accept
		add rule ip home own iifname wan drop
	`, how))
	switch kind {
	case AddressRestricted:
		l.nft(r.ns, "add rule ip home through oifname wan meta l4proto udp update @asked { ip daddr }")
	case NoUDP:
		l.nft(r.ns, "add rule ip home through oifname wan meta l4proto udp drop")
	case OnlyTCP443, OnlyProxy:
		port := 443
		if kind == OnlyProxy {
			port = ProxyPort
		}
		l.nft(r.ns, fmt.Sprintf(`
			add rule ip home through iifname wan ct state established,related accept
			add rule ip home through oifname wan tcp dport %d accept
			add rule ip home through oifname wan reject with icmp type admin-prohibited
		`, port))
	case FullCone, PortRestricted, Symmetric:
	}
	return r
}

// Host adds a machine behind the router. A full cone and an address-restricted
// NAT send what comes unasked to the machine added last: they are beds for one.
func (r *Router) Host(name string) *Host {
	r.lab.tb.Helper()
	h := r.lab.host(name, r.inside)
	const unasked = "meta l4proto udp udp dport 1024-65535 dnat to %s"
	switch r.kind {
	case FullCone:
		r.lab.nft(r.ns, "flush chain ip home unasked\nadd rule ip home unasked iifname wan "+fmt.Sprintf(unasked, h.Addr()))
	case AddressRestricted:
		r.lab.nft(r.ns, "flush chain ip home unasked\nadd rule ip home unasked iifname wan ip saddr @asked "+fmt.Sprintf(unasked, h.Addr()))
	case PortRestricted, Symmetric, NoUDP, OnlyTCP443, OnlyProxy:
	}
	return h
}

// Addr returns the address that others see.
func (r *Router) Addr() netip.Addr { return r.addr }
