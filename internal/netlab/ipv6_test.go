//go:build linux

package netlab

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// A host loses one kind of address and gets the other, and can be reached by both
// while it has both; names follow what a host has.
func TestIPv6(t *testing.T) {
	lab := New(t)
	a, b := lab.Host("a"), lab.Host("b")
	b.AddIPv6()
	a.Knows(map[string]*Host{"meet.lab": b})
	hosts := a.Run("cat", "/etc/hosts")
	for _, addr := range []netip.Addr{b.Addr(), b.Addr6()} {
		if !strings.Contains(hosts, addr.String()+" meet.lab\n") {
			t.Errorf("%v is not among the names:\n%s", addr, hosts)
		}
	}
	heard, err := b.ListenPacket("udp", "[::]:4001")
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	reaches := func(to netip.Addr) netip.Addr {
		t.Helper()
		c, err := a.ListenPacket("udp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 4001))); err != nil {
			t.Fatal(err)
		}
		heard.SetReadDeadline(time.Now().Add(answerWithin))
		_, from, err := heard.ReadFrom(make([]byte, 8))
		if err != nil {
			t.Fatalf("to %v: %v", to, err)
		}
		return from.(*net.UDPAddr).AddrPort().Addr().Unmap()
	}
	for range 2 {
		if from := reaches(b.Addr()); from != a.Addr() {
			t.Errorf("b sees %v, want %v", from, a.Addr())
		}
		a.ToIPv6()
		if from := reaches(b.Addr6()); from != a.Addr6() {
			t.Errorf("b sees %v, want %v", from, a.Addr6())
		}
		a.ToIPv4()
	}
}

// Large datagrams vanish, small ones and TCP pass, and nobody is told.
func TestDropLarge(t *testing.T) {
	lab := New(t)
	a, b := lab.Host("a"), lab.Host("b")
	heard, err := b.ListenPacket("udp4", ":4001")
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	c, err := a.ListenPacket("udp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const limit, headers = 576, 28
	b.DropLarge(limit)
	for size, passes := range map[int]bool{limit - headers: true, limit - headers + 1: false} {
		if _, err := c.WriteTo(make([]byte, size), net.UDPAddrFromAddrPort(netip.AddrPortFrom(b.Addr(), 4001))); err != nil {
			t.Fatal(err)
		}
		heard.SetReadDeadline(time.Now().Add(map[bool]time.Duration{true: answerWithin, false: silence}[passes]))
		_, _, err := heard.ReadFrom(make([]byte, 2000))
		if passes && err != nil || !passes && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a payload of %d bytes: %v", size, err)
		}
	}
}
