//go:build linux

package netlab

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// bits6 is the prefix length of the IPv6 network of a lab, which is that of its LAN.
const bits6 = 64

// address6 hands out an IPv6 address that nobody had before.
func (l *Lab) address6() netip.Addr {
	if !l.next6.IsValid() {
		l.next6 = netip.MustParseAddr("2001:db8:71::1")
	}
	l.next6 = l.next6.Next()
	return l.next6
}

// AddIPv6 gives a host of the LAN an IPv6 address beside the one it has.
func (h *Host) AddIPv6() {
	h.lab.tb.Helper()
	h.allowIPv6()
	h.addr6 = h.lab.address6()
	h.lab.ip(h.ns, h.addAddress6())
}

// ToIPv6 takes the host's IPv4 address away and gives it an IPv6 address, or
// another one than it had.
func (h *Host) ToIPv6() time.Time {
	h.lab.tb.Helper()
	h.allowIPv6()
	h.addr6 = h.lab.address6()
	at := time.Now()
	h.lab.ip(h.ns, "address flush dev "+h.on.dev, h.addAddress6())
	return at
}

// ToIPv4 takes the host's IPv6 address away and gives it a new IPv4 address.
func (h *Host) ToIPv4() time.Time {
	h.addr6 = netip.Addr{}
	return h.ReplaceAddress()
}

// Addr6 returns the IPv6 address that the host has now, if it has one.
func (h *Host) Addr6() netip.Addr { return h.addr6 }

// addAddress6 skips the search for another machine with the same address, which
// would take a second.
func (h *Host) addAddress6() string {
	return fmt.Sprintf("address add %s/%d dev %s nodad", h.addr6, bits6, h.on.dev)
}

func (h *Host) allowIPv6() {
	h.lab.tb.Helper()
	path := fmt.Sprintf("/proc/sys/net/ipv6/conf/%s/disable_ipv6", h.on.dev)
	if err := command("", "ip", "netns", "exec", h.ns, "sh", "-c", "echo 0 > "+path); err != nil {
		h.lab.tb.Skipf("netlab: skipped: this machine has no IPv6: %v", err)
	}
	// As with ARP: a first request that is lost must not cost a second.
	h.lab.ip(h.ns, fmt.Sprintf("ntable change name ndisc_cache dev %s retrans 50", h.on.dev))
}

// names is the folder from which programs in a namespace get files of /etc.
const names = "/etc/netns"

// Knows gives other hosts a name on this one, for programs that start later: by all
// addresses they have now.
func (h *Host) Knows(others map[string]*Host) {
	h.lab.tb.Helper()
	var lines strings.Builder
	lines.WriteString("127.0.0.1 localhost\n")
	for name, other := range others {
		fmt.Fprintf(&lines, "%s %s\n", other.Addr(), name)
		if a := other.Addr6(); a.IsValid() {
			fmt.Fprintf(&lines, "%s %s\n", a, name)
		}
	}
	dir := filepath.Join(names, h.ns)
	h.lab.tb.Cleanup(func() { _ = os.RemoveAll(dir) }) // what is left, the next sweep removes
	if err := os.MkdirAll(dir, 0o755); err != nil {
		h.lab.tb.Fatalf("netlab: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hosts"), []byte(lines.String()), 0o644); err != nil {
		h.lab.tb.Fatalf("netlab: %v", err)
	}
}
