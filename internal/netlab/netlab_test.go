//go:build linux

package netlab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	echoPort = 4000
	// answerWithin is how long an answer may take on this network, where it
	// takes well under a millisecond but the first one waits for ARP.
	answerWithin = 2 * time.Second
	// silence is how long no answer must come for packets to count as lost.
	silence = 150 * time.Millisecond
)

// echo answers every UDP datagram sent to the host with what it said and the
// sender's address as the host sees it, and every TCP connection with its end.
func echo(t *testing.T, h *Host) {
	t.Helper()
	conn, err := h.ListenPacket("udp4", fmt.Sprintf(":%d", echoPort))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 64)
		for {
			n, from, err := conn.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				conn.WriteTo(fmt.Appendf(buf[:n], " %v", from), from)
			}
		}
	}()
	var l net.Listener
	if err := h.inside(func() (err error) { l, err = net.Listen("tcp4", fmt.Sprintf(":%d", echoPort)); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
}

// client is one UDP socket of a host; it numbers its questions.
type client struct {
	net.PacketConn
	asked *int
}

func open(t *testing.T, h *Host) client {
	t.Helper()
	conn, err := h.ListenPacket("udp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return client{conn, new(int)}
}

// ask returns how the host at addr sees this socket. Answers to earlier
// questions do not count.
func (c client) ask(addr netip.Addr, within time.Duration) (netip.AddrPort, error) {
	*c.asked++
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, echoPort))
	if _, err := c.WriteTo(strconv.AppendInt(nil, int64(*c.asked), 10), to); err != nil {
		return netip.AddrPort{}, err
	}
	c.SetReadDeadline(time.Now().Add(within))
	buf := make([]byte, 64)
	for {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			return netip.AddrPort{}, err
		}
		question, seen, _ := strings.Cut(string(buf[:n]), " ")
		if question == strconv.Itoa(*c.asked) {
			return netip.ParseAddrPort(seen)
		}
	}
}

// mustReach asks until there is an answer: after a cut of less than a second
// the kernel takes a while to believe in the cable.
func (c client) mustReach(t *testing.T, h *Host) netip.AddrPort {
	t.Helper()
	for deadline := time.Now().Add(answerWithin); ; {
		seen, err := c.ask(h.Addr(), answerWithin/100)
		if err == nil {
			return seen
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s should answer: %v", h.Name(), err)
		}
	}
}

func (c client) mustNotReach(t *testing.T, h *Host, want error) {
	t.Helper()
	if _, err := c.ask(h.Addr(), silence); !errors.Is(err, want) {
		t.Fatalf("asking %s gave %v, want %v", h.Name(), err, want)
	}
}

func (h *Host) tcp(to *Host) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	conn, err := h.Dial(ctx, "tcp4", fmt.Sprintf("%s:%d", to.Addr(), echoPort))
	if err == nil {
		conn.Close()
	}
	return err
}

func TestCuts(t *testing.T) {
	lab := New(t)
	a, b := lab.Host("a"), lab.Host("b")
	echo(t, b)
	c := open(t, a)
	c.mustReach(t, b)
	lost := os.ErrDeadlineExceeded
	for _, cut := range []struct {
		name       string
		cut, heal  func() time.Time
		seenByA    error
		tcpTouched bool // it would be lost as well
	}{
		{"own link down", a.LinkDown, a.LinkUp, syscall.ENETUNREACH, true},
		{"cable out", a.Unplug, a.Plug, lost, true},
		{"link of the other down", b.LinkDown, b.LinkUp, lost, true},
		{"dropped", func() time.Time { return a.Drop(Both) }, a.Pass, lost, true},
		{"dropped on the way out", func() time.Time { return a.Drop(Outgoing) }, a.Pass, lost, true},
		{"dropped on the way back", func() time.Time { return a.Drop(Incoming) }, a.Pass, lost, true},
		{"UDP dropped", func() time.Time { return a.DropUDP(Both) }, a.Pass, lost, false},
		{"UDP between two", func() time.Time { return lab.BlockUDP(a, b) }, func() time.Time { return lab.Unblock(b, a) }, lost, false},
	} {
		t.Run(cut.name, func(t *testing.T) {
			cut.cut()
			c.mustNotReach(t, b, cut.seenByA)
			if !cut.tcpTouched {
				if err := a.tcp(b); err != nil {
					t.Errorf("TCP should pass: %v", err)
				}
			}
			healed := cut.heal()
			c.mustReach(t, b)
			t.Logf("reached %v after healing began", time.Since(healed).Round(time.Millisecond))
		})
	}
}

func TestDropIsOneWay(t *testing.T) {
	lab := New(t)
	a, b := lab.Host("a"), lab.Host("b")
	heard, err := b.ListenPacket("udp4", fmt.Sprintf(":%d", echoPort))
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	c := open(t, a)
	receives := func(want bool) {
		t.Helper()
		wait := silence
		if want {
			wait = answerWithin
		}
		if _, err := c.ask(b.Addr(), time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a heard %v, want nothing", err)
		}
		heard.SetReadDeadline(time.Now().Add(wait))
		if _, _, err := heard.ReadFrom(make([]byte, 64)); (err == nil) != want {
			t.Fatalf("b read with error %v, want it to hear: %v", err, want)
		}
	}
	receives(true)
	a.Drop(Incoming)
	receives(true)
	a.Pass()
	a.Drop(Outgoing)
	receives(false)
	a.Pass()
	receives(true)
}

func TestBlockConcernsTwoOnly(t *testing.T) {
	lab := New(t)
	a, b, c := lab.Host("a"), lab.Host("b"), lab.Host("c")
	echo(t, b)
	echo(t, c)
	fromA, fromC := open(t, a), open(t, c)
	lab.BlockUDP(a, b)
	lab.BlockUDP(a, c)
	fromA.mustNotReach(t, b, os.ErrDeadlineExceeded)
	fromA.mustNotReach(t, c, os.ErrDeadlineExceeded)
	fromC.mustReach(t, b)
	lab.Unblock(a, c)
	fromA.mustReach(t, c)
	fromA.mustNotReach(t, b, os.ErrDeadlineExceeded)
	lab.Unblock(a, b)
	fromA.mustReach(t, b)
}

func TestAddressChanges(t *testing.T) {
	lab := New(t)
	a, b := lab.Host("a"), lab.Host("b")
	echo(t, b)
	c := open(t, a)
	seen := map[netip.Addr]bool{c.mustReach(t, b).Addr(): true}
	for i, change := range []func() time.Time{a.ReplaceAddress, a.MoveToInterface, a.MoveToInterface, a.ReplaceAddress} {
		change()
		now := c.mustReach(t, b).Addr()
		if now != a.Addr() || seen[now] {
			t.Fatalf("change %d: b sees %v, want the new address %v", i, now, a.Addr())
		}
		seen[now] = true
		a.LinkDown() // and the new one can be cut as well
		c.mustNotReach(t, b, syscall.ENETUNREACH)
		a.LinkUp()
		c.mustReach(t, b)
	}
}

func TestNAT(t *testing.T) {
	lab := New(t)
	home := lab.NAT("home")
	a, b := home.Host("a"), lab.Host("b")
	echo(t, b)
	c := open(t, a)
	before := c.mustReach(t, b)
	if before.Addr() != home.Addr() || a.Addr() == home.Addr() {
		t.Fatalf("b sees %v, want the router's address %v", before, home.Addr())
	}
	if again := c.mustReach(t, b); again != before {
		t.Fatalf("the mapping changed from %v to %v by itself", before, again)
	}
	if err := a.tcp(b); err != nil {
		t.Errorf("TCP through the router: %v", err)
	}
	home.Rebind()
	if after := c.mustReach(t, b); after.Addr() != home.Addr() || after.Port() == before.Port() {
		t.Fatalf("after rebinding b sees %v, want another port than %v", after, before)
	}
	if _, err := open(t, b).ask(a.Addr(), silence); err == nil {
		t.Error("a can be reached from outside by its private address")
	}
}

func TestHostsSeeOnlyTheLab(t *testing.T) {
	lab := New(t)
	a := lab.Host("a")
	if out := a.Run("ip", "-o", "link", "show"); strings.Count(out, "\n") != 3 {
		t.Errorf("interfaces of a host, want lo, eth0, eth1:\n%s", out)
	}
	if _, err := a.Try("ip", "route", "get", "192.0.2.1"); err != nil {
		t.Errorf("no default route: %v", err)
	}
	if _, err := a.Try("false"); err == nil {
		t.Error("a command that fails is reported as a success")
	}
}

func TestTearDown(t *testing.T) {
	var lab *Lab
	var p *Process
	t.Run("lab", func(t *testing.T) {
		lab = New(t)
		p = lab.Host("a").Start(lab.Host("a").Command("sleep", "1000"))
		if err := syscall.Kill(p.Pid(), 0); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := p.ExitCode(0); err != nil {
		t.Errorf("a program outlived its lab: %v", err)
	}
	if left := namespacesOf(t, lab.prefix); len(left) > 0 {
		t.Errorf("namespaces outlived their lab: %v", left)
	}
}

func TestExitCode(t *testing.T) {
	a := New(t).Host("a")
	for want, script := range map[int]string{0: "true", 3: "exit 3", -1: "kill -9 $$"} {
		if got, err := a.Start(a.Command("sh", "-c", script)).ExitCode(answerWithin); err != nil || got != want {
			t.Errorf("%q gave exit status %d, %v, want %d", script, got, err, want)
		}
	}
}

func TestSweep(t *testing.T) {
	lab := New(t)
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	left := fmt.Sprintf("%s%d-1-a", namePrefix, dead.Process.Pid)
	if err := command("", "ip", "netns", "add", left); err != nil {
		t.Fatal(err)
	}
	sleeper := exec.Command("ip", "netns", "exec", left, "sleep", "1000")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() { started <- sleeper.Wait() }()
	for deadline := time.Now().Add(answerWithin); ; { // until it is inside
		if out, err := exec.Command("ip", "netns", "pids", left).Output(); err == nil && len(out) > 0 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("no process in %s: %v", left, err)
		}
	}
	sweep(t)
	if got := namespacesOf(t, left); len(got) > 0 {
		t.Errorf("still there: %v", got)
	}
	select {
	case <-started:
	case <-time.After(answerWithin):
		t.Error("the program of a dead run still runs")
		sleeper.Process.Kill()
	}
	if len(namespacesOf(t, lab.prefix)) == 0 {
		t.Error("the sweep took the namespaces of a live lab")
	}
}

func TestOwnerOf(t *testing.T) {
	for name, want := range map[string]int{
		"meetlab-12-3-a": 12, "meetlab-12-probe": 12,
		"meetlab-12": 0, "meetlab-x-1-a": 0, "meetlab--1-a": 0, "other-12-3-a": 0, "meetlab-0-1-a": 0,
	} {
		if pid, ok := ownerOf(name); ok != (want > 0) || ok && pid != want {
			t.Errorf("ownerOf(%q) = %d, %v, want %d", name, pid, ok, want)
		}
	}
}

func namespacesOf(t *testing.T, prefix string) []string {
	t.Helper()
	entries, err := os.ReadDir("/run/netns")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names
}
