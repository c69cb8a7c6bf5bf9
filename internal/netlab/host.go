//go:build linux

package netlab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Host is a machine in a lab, in a network namespace of its own. Its fields
// are owned by the test's goroutine.
type Host struct {
	lab  *Lab
	name string
	ns   string
	nics []*nic // eth0 and eth1
	on   *nic   // what carries the default route when the link is up

	addr6 netip.Addr // invalid without one
}

// nic is an interface of a host with its cable.
type nic struct {
	dev   string
	net   *segment
	port  string // the switch's end of the cable, in the segment's namespace
	addr  netip.Addr
	rules []rule // in force on the switch's end
}

// Host adds a machine to the lab, or returns the one of that name. Names are
// lower case letters and digits.
func (l *Lab) Host(name string) *Host {
	l.tb.Helper()
	if h := l.hosts[name]; h != nil {
		return h
	}
	return l.host(name, l.lan)
}

func (l *Lab) host(name string, first *segment) *Host {
	l.tb.Helper()
	if !hostName.MatchString(name) || name == "switch" || l.hosts[name] != nil {
		l.tb.Fatalf("netlab: bad or taken host name %q", name)
	}
	h := &Host{lab: l, name: name, ns: l.namespace(name)}
	for i, s := range []*segment{first, l.mobile} {
		dev := fmt.Sprintf("eth%d", i)
		h.nics = append(h.nics, &nic{dev: dev, net: s, port: l.plug(s, h.ns, dev), addr: s.address(l.tb)})
	}
	h.on = h.nics[0]
	l.ip(h.ns, append([]string{h.on.addAddress()}, h.on.up()...)...)
	l.hosts[name] = h
	return h
}

func (n *nic) addAddress() string {
	return fmt.Sprintf("address add %s/%d dev %s", n.addr, bits, n.dev)
}

// up are the commands that bring the interface up. The kernel restores the
// network's own route by itself, the default route it does not.
func (n *nic) up() []string {
	return []string{
		fmt.Sprintf("link set %s up", n.dev),
		fmt.Sprintf("route add default via %s dev %s", n.net.gateway, n.dev),
	}
}

func (n *nic) down() string { return fmt.Sprintf("link set %s down", n.dev) }

// Name returns the host's name in the lab.
func (h *Host) Name() string { return h.name }

// Addr returns the address that the host has now.
func (h *Host) Addr() netip.Addr { return h.on.addr }

// LinkDown takes the host's interface down from the inside, as switching
// Wi-Fi off does: its routes are gone and sending fails at once with
// ENETUNREACH.
func (h *Host) LinkDown() time.Time {
	h.lab.tb.Helper()
	at := time.Now()
	h.lab.ip(h.ns, h.on.down())
	return at
}

// LinkUp undoes LinkDown, the default route included. Packets pass at once,
// unless the link was down for less than a second: the kernel reports one
// change of a carrier per second.
func (h *Host) LinkUp() time.Time {
	h.lab.tb.Helper()
	at := time.Now()
	h.lab.ip(h.ns, h.on.up()...)
	return at
}

// Unplug takes the switch's end of the cable down: the host's interface is
// still up, with its address and routes, but has no carrier.
func (h *Host) Unplug() time.Time {
	h.lab.tb.Helper()
	at := time.Now()
	h.lab.ip(h.on.net.ns, fmt.Sprintf("link set %s down", h.on.port))
	return at
}

// Plug undoes Unplug, as quickly as LinkUp does.
func (h *Host) Plug() time.Time {
	h.lab.tb.Helper()
	at := time.Now()
	h.lab.ip(h.on.net.ns, fmt.Sprintf("link set %s up", h.on.port))
	return at
}

// ReplaceAddress gives the host's interface another address of the same
// network in place of the old one, as a new DHCP lease does.
func (h *Host) ReplaceAddress() time.Time {
	h.lab.tb.Helper()
	h.on.addr = h.on.net.address(h.lab.tb)
	at := time.Now()
	h.lab.ip(h.ns,
		"address flush dev "+h.on.dev,
		h.on.addAddress(),
		fmt.Sprintf("route add default via %s dev %s", h.on.net.gateway, h.on.dev),
	)
	return at
}

// MoveToInterface changes to the host's other interface, with another address
// in another network: the one in use goes down and loses its address, the
// other comes up. Calling it again moves back, to a new address.
func (h *Host) MoveToInterface() time.Time {
	h.lab.tb.Helper()
	from, to := h.nics[0], h.nics[1]
	if h.on == to {
		from, to = to, from
		to.addr = to.net.address(h.lab.tb)
	}
	h.on = to
	lines := []string{"address flush dev " + from.dev, from.down(), to.addAddress()}
	at := time.Now()
	h.lab.ip(h.ns, append(lines, to.up()...)...)
	return at
}

// Command prepares a program to run on the host. The command's process id is
// that of the program itself.
func (h *Host) Command(args ...string) *exec.Cmd {
	return exec.Command("ip", h.inNamespace(args)...)
}

func (h *Host) inNamespace(args []string) []string {
	return append([]string{"netns", "exec", h.ns}, args...)
}

// Run runs a program on the host to its end and returns what it printed. The
// test fails if the program does.
func (h *Host) Run(args ...string) string {
	h.lab.tb.Helper()
	out, err := h.Try(args...)
	if err != nil {
		h.lab.tb.Fatalf("netlab: on %s: %v", h.name, err)
	}
	return out
}

// Try is Run for a program that may fail: its output is part of the error.
func (h *Host) Try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ip", h.inNamespace(args)...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("run %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Dial connects from inside the host to an address, which must be numeric.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := h.inside(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// ListenPacket opens a socket inside the host.
func (h *Host) ListenPacket(network, address string) (net.PacketConn, error) {
	var conn net.PacketConn
	err := h.inside(func() (err error) {
		conn, err = net.ListenPacket(network, address)
		return err
	})
	return conn, err
}

// Listen opens a listening TCP socket inside the host.
func (h *Host) Listen(address string) (net.Listener, error) {
	var l net.Listener
	err := h.inside(func() (err error) {
		l, err = net.Listen("tcp4", address)
		return err
	})
	return l, err
}

// inside runs f on a thread that is in the host's namespace: what f opens
// stays there. The thread is thrown away afterwards.
func (h *Host) inside(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		done <- h.enter(f)
	}()
	return <-done
}

func (h *Host) enter(f func() error) error {
	fd, err := unix.Open("/run/netns/"+h.ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open namespace of %s: %w", h.name, err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter namespace of %s: %w", h.name, err)
	}
	return f()
}
