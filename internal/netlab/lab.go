//go:build linux

package netlab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// namePrefix starts the name of every namespace of this package, followed by
// the process id of its owner. Nothing without it is ever removed.
const namePrefix = "meetlab-"

// commandTimeout bounds each ip and nft command, which take milliseconds.
const commandTimeout = 20 * time.Second

// Lab is one isolated network and the hosts in it. It belongs to the test
// that made it and is torn down when the test ends, however it ends. Its
// methods, and those of its hosts, are for the test's own goroutine.
type Lab struct {
	tb     testing.TB
	prefix string   // of the names of all namespaces of this lab
	lan    *segment // what eth0 is plugged into
	mobile *segment // what eth1 is plugged into
	hosts  map[string]*Host

	routers int        // that were added
	next6   netip.Addr // the newest IPv6 address; invalid before the first

	mu         sync.Mutex // guards what cleanup needs to see whole
	namespaces []string
	processes  []*Process
}

// labs numbers the labs of this process.
var labs atomic.Int32

var hostName = regexp.MustCompile(`^[a-z][a-z0-9]{0,11}$`)

// New builds an empty lab: a switch with two networks and a router between
// them. It skips the test with a printed reason when this machine cannot do
// that, and first removes what labs of dead processes left behind.
func New(tb testing.TB) *Lab {
	tb.Helper()
	if reason := Unavailable(); reason != "" {
		tb.Skip("netlab: skipped: " + reason)
	}
	sweep(tb)
	l := &Lab{
		tb:     tb,
		prefix: fmt.Sprintf("%s%d-%d-", namePrefix, os.Getpid(), labs.Add(1)),
		hosts:  map[string]*Host{},
	}
	tb.Cleanup(l.close)
	switchNS := l.namespace("switch")
	l.lan = l.segment(switchNS, "lan", netip.MustParseAddr("10.71.0.1"))
	l.mobile = l.segment(switchNS, "mobile", netip.MustParseAddr("10.72.0.1"))
	l.forward(switchNS)
	return l
}

// Unavailable says in words why there can be no lab on this machine, or
// returns an empty string.
var Unavailable = sync.OnceValue(func() string {
	if os.Geteuid() != 0 {
		return "network namespaces need root"
	}
	for tool, from := range map[string]string{"ip": "iproute2", "nft": "nftables"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Sprintf("the command %s is missing (Debian package %s)", tool, from)
		}
	}
	probe := fmt.Sprintf("%s%d-probe", namePrefix, os.Getpid())
	if err := command("", "ip", "netns", "add", probe); err != nil {
		return "this sandbox lets nobody make a network namespace: " + err.Error()
	}
	defer func() { _ = command("", "ip", "netns", "del", probe) }() // else the next sweep does
	if err := command("add table netdev probe", "ip", "netns", "exec", probe, "nft", "-f", "-"); err != nil {
		return "nftables does not work here: " + err.Error()
	}
	return ""
})

// command runs a program with input on its stdin; its output is part of the
// error.
func command(input string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("run %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// ip runs lines of iproute2 commands inside namespace ns, as one process.
func (l *Lab) ip(ns string, lines ...string) {
	l.tb.Helper()
	batch := strings.Join(lines, "\n") + "\n"
	if err := command(batch, "ip", "-n", ns, "-batch", "-"); err != nil {
		l.tb.Fatalf("netlab: %v\nbatch:\n%s", err, batch)
	}
}

// nft applies a script to namespace ns, whole or not at all.
func (l *Lab) nft(ns, script string) {
	l.tb.Helper()
	if err := command(script, "ip", "netns", "exec", ns, "nft", "-f", "-"); err != nil {
		l.tb.Fatalf("netlab: %v\nscript:\n%s", err, script)
	}
}

// namespace makes a namespace with its loopback up and IPv6 off.
func (l *Lab) namespace(name string) string {
	l.tb.Helper()
	ns := l.prefix + name
	if err := command("", "ip", "netns", "add", ns); err != nil {
		l.tb.Fatalf("netlab: %v", err)
	}
	l.mu.Lock()
	l.namespaces = append(l.namespaces, ns)
	l.mu.Unlock()
	const noIPv6 = `for f in /proc/sys/net/ipv6/conf/all/disable_ipv6 /proc/sys/net/ipv6/conf/default/disable_ipv6
		do test ! -e $f || echo 1 > $f; done`
	if err := command("", "ip", "netns", "exec", ns, "sh", "-c", noIPv6); err != nil {
		l.tb.Fatalf("netlab: %v", err)
	}
	l.ip(ns, "link set lo up")
	return ns
}

// forward makes namespace ns a router.
func (l *Lab) forward(ns string) {
	l.tb.Helper()
	if err := command("", "ip", "netns", "exec", ns, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"); err != nil {
		l.tb.Fatalf("netlab: %v", err)
	}
}

// segment is one bridged network and the side of it that filters. Its next
// free address and port are owned by the lab's test goroutine.
type segment struct {
	ns      string // where the bridge is
	bridge  string
	gateway netip.Addr // of the bridge itself, the router of its hosts
	next    netip.Addr
	ports   int
}

// bits is the prefix length of every segment.
const bits = 24

func (l *Lab) segment(ns, bridge string, gateway netip.Addr) *segment {
	l.tb.Helper()
	l.ip(ns,
		fmt.Sprintf("link add %s type bridge", bridge),
		fmt.Sprintf("address add %s/%d dev %s", gateway, bits, bridge),
		fmt.Sprintf("link set %s up", bridge),
	)
	l.nft(ns, "add table netdev lab")
	return &segment{ns: ns, bridge: bridge, gateway: gateway, next: gateway.Next()}
}

// address hands out an address of the segment that nobody had before.
func (s *segment) address(tb testing.TB) netip.Addr {
	tb.Helper()
	a := s.next
	s.next = a.Next()
	if a.As4()[3] == 255 {
		tb.Fatalf("netlab: network %s has no address left", s.bridge)
	}
	return a
}

// plug connects a new interface dev of namespace ns to the segment, down and
// without an address, and returns the switch's end of the cable.
func (l *Lab) plug(s *segment, ns, dev string) (port string) {
	l.tb.Helper()
	s.ports++
	port = fmt.Sprintf("%s%d", s.bridge, s.ports)
	l.ip(s.ns,
		fmt.Sprintf("link add %s type veth peer name %s netns %s", port, dev, ns),
		fmt.Sprintf("link set %s master %s", port, s.bridge),
		fmt.Sprintf("link set %s up", port),
	)
	// When a virtual link comes up, the first ARP request may be lost because
	// the port of the bridge is not up yet, and Linux asks again a second
	// later. That second belongs to the bed and not to what is measured on it.
	l.ip(ns, fmt.Sprintf("ntable change name arp_cache dev %s retrans 50", dev))
	l.nft(s.ns, fmt.Sprintf(`
		add chain netdev lab from_%[1]s { type filter hook ingress device %[1]s priority 0; policy accept; }
		add chain netdev lab to_%[1]s { type filter hook egress device %[1]s priority 0; policy accept; }
	`, port))
	return port
}

// close ends every program that was started in the lab and removes all its
// namespaces, with which interfaces, routes and filters go too.
func (l *Lab) close() {
	l.mu.Lock()
	processes, namespaces := l.processes, l.namespaces
	l.processes, l.namespaces = nil, nil
	l.mu.Unlock()
	for _, p := range processes {
		p.Kill()
	}
	for _, p := range processes {
		if !p.await(commandTimeout) {
			l.tb.Errorf("netlab: %s does not die", p)
		}
	}
	var errs []error
	for _, ns := range namespaces {
		errs = append(errs, command("", "ip", "netns", "del", ns))
	}
	if err := errors.Join(errs...); err != nil {
		l.tb.Errorf("netlab: tear down: %v", err)
	}
}
