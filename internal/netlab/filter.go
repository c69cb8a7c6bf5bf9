//go:build linux

package netlab

import (
	"fmt"
	"strings"
	"time"
)

// Direction says which packets of a host are meant.
type Direction uint8

// The directions, as the host sees them.
const (
	Both     Direction = iota // what it sends and what it is sent
	Outgoing                  // what it sends
	Incoming                  // what it is sent
)

// rule drops the packets of one host that match an expression of nftables.
type rule struct {
	dir   Direction
	match string
	other *Host // set if it is about what goes between two hosts
}

// anyIP leaves ARP alone: a loss that the link does not notice happens
// further away than the next machine.
const (
	anyIP = "meta protocol { ip, ip6 }"
	udp   = "meta l4proto udp"
)

// Drop makes all packets of the host vanish without a trace, with its link
// up. It adds to what is dropped already.
func (h *Host) Drop(dir Direction) time.Time {
	h.lab.tb.Helper()
	return h.filter(append(h.on.rules, rule{dir: dir, match: anyIP}))
}

// DropUDP is Drop for UDP alone: media stops, TCP still passes.
func (h *Host) DropUDP(dir Direction) time.Time {
	h.lab.tb.Helper()
	return h.filter(append(h.on.rules, rule{dir: dir, match: udp}))
}

// DropLarge drops UDP in packets of more than size bytes, both ways, and tells
// nobody, as tunnels do.
func (h *Host) DropLarge(size int) time.Time {
	h.lab.tb.Helper()
	const ipv6Header = 40 // which the length of IPv6 leaves out
	return h.filter(append(h.on.rules,
		rule{match: fmt.Sprintf("ip length > %d %s", size, udp)},
		rule{match: fmt.Sprintf("ip6 length > %d %s", size-ipv6Header, udp)},
	))
}

// Pass ends whatever Drop, DropUDP, DropLarge and Block did at this host's interface.
func (h *Host) Pass() time.Time {
	h.lab.tb.Helper()
	return h.filter(nil)
}

// BlockUDP drops UDP between two hosts, in both directions, by the addresses
// they have now. Each still reaches everybody else.
func (l *Lab) BlockUDP(a, b *Host) time.Time {
	l.tb.Helper()
	return a.filter(append(a.on.rules,
		rule{dir: Outgoing, match: fmt.Sprintf("ip daddr %s %s", b.on.addr, udp), other: b},
		rule{dir: Incoming, match: fmt.Sprintf("ip saddr %s %s", b.on.addr, udp), other: b},
	))
}

// Unblock ends BlockUDP of the same two hosts, in any order.
func (l *Lab) Unblock(a, b *Host) time.Time {
	l.tb.Helper()
	at := a.filter(a.on.without(b))
	b.filter(b.on.without(a))
	return at
}

// without returns the rules that are not about h.
func (n *nic) without(h *Host) []rule {
	var left []rule
	for _, r := range n.rules {
		if r.other != h {
			left = append(left, r)
		}
	}
	return left
}

// filter puts exactly these rules in force at the switch's end of the cable,
// in one transaction.
func (h *Host) filter(rules []rule) time.Time {
	h.lab.tb.Helper()
	n := h.on
	n.rules = rules
	var s strings.Builder
	fmt.Fprintf(&s, "flush chain netdev lab from_%[1]s\nflush chain netdev lab to_%[1]s\n", n.port)
	for _, r := range rules {
		if r.dir != Incoming {
			fmt.Fprintf(&s, "add rule netdev lab from_%s %s drop\n", n.port, r.match)
		}
		if r.dir != Outgoing {
			fmt.Fprintf(&s, "add rule netdev lab to_%s %s drop\n", n.port, r.match)
		}
	}
	at := time.Now()
	h.lab.nft(n.net.ns, s.String())
	return at
}
