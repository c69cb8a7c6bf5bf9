package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/meet-term/meet/relay/probe"
	"github.com/meet-term/meet/signal"
)

// The doctor takes a seat, tries the relay for real, and leaves.
func TestDoctorTriesARelay(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := newRelayingHost(l, signal.ServerConfig{Logger: slog.New(slog.DiscardHandler)}, encryption{}, relaying{
		on: true, public: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
	})
	defer func() {
		if err := h.stop(); err != nil {
			t.Error(err)
		}
	}()
	said := map[string]finding{}
	for _, f := range lookAtReach(context.Background(), "ws://"+l.Addr().String()) {
		said[f.What] = f
	}
	for what, want := range map[string]string{
		"proxy": "None", "NAT": "None towards the server", "relay by UDP": "Works", "relay by TCP": "Works", "calls": "with everybody",
	} {
		if f := said[what]; !f.OK || !strings.Contains(f.Text, want) {
			t.Errorf("%s: %+v, want %q", what, f, want)
		}
	}
	if _, tried := said["relay by TLS"]; tried {
		t.Error("a relay over TLS was tried, and none is offered")
	}
}

func TestDoctorWithoutAServer(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("MEET_SERVER", "")
	os.Unsetenv("MEET_SERVER")
	found := lookAtReach(t.Context(), "")
	if f := found[len(found)-1]; f.OK || f.Hint == "" {
		t.Errorf("%+v", f)
	}
	found = lookAtReach(t.Context(), "ws://127.0.0.1:1")
	if f := found[len(found)-1]; f.OK || !strings.Contains(f.Text, "not reached") {
		t.Errorf("%+v", f)
	}
}

// What is found says with whom a call will work.
func TestVerdict(t *testing.T) {
	works, broken := map[probe.Transport]string{probe.TCP: ""}, map[probe.Transport]string{probe.UDP: "no answer"}
	for _, c := range []struct {
		r    reach
		ok   bool
		want string
	}{
		{reach{relays: works}, true, "all of it goes through the server"},
		{reach{udp: true, relays: works, nat: probe.NAT{Mapping: probe.OtherPort, Filtering: probe.SentTo}}, true, "with most homes through the server"},
		{reach{udp: true, relays: works, nat: probe.NAT{Mapping: probe.NoNAT}}, true, "directly with everybody"},
		{reach{udp: true, relays: works, nat: probe.NAT{Mapping: probe.SamePort, Filtering: probe.SentTo}}, true, "directly with most"},
		{reach{relays: broken}, false, "same network only"},
		{reach{udp: true, relays: broken, nat: probe.NAT{Mapping: probe.OtherPort}}, false, "open network only"},
		{reach{udp: true, relays: broken, nat: probe.NAT{Mapping: probe.SamePort}}, true, "with most people"},
	} {
		all := c.r.findings()
		if f := all[len(all)-1]; f.What != "calls" || f.OK != c.ok || !strings.Contains(f.Text, c.want) {
			t.Errorf("%+v: %+v", c.r, f)
		}
	}
}

func TestRelayFlags(t *testing.T) {
	r, err := relayFlags{
		turn: true, public: []string{"198.51.100.7", "2001:db8::7"}, ports: "40000-40999", to: []string{"10.1.2.3/8"},
		iceServers: []string{"turn:a:b@x"}, secret: "s", trustsProxy: true,
	}.relaying()
	if err != nil || !r.on || r.off || len(r.public) != 2 || r.first != 40000 || r.last != 40999 || r.allow[0].String() != "10.0.0.0/8" ||
		len(r.foreign) != 1 || r.secret != "s" || !r.proxied {
		t.Errorf("%+v, %v", r, err)
	}
	for _, bad := range []relayFlags{
		{public: []string{"meet.example"}}, {public: []string{"0.0.0.0"}}, {public: []string{"fe80::1%eth0"}},
		{ports: "5"}, {ports: "0-5"}, {ports: "6-5"}, {ports: "1-99999"}, {ports: "a-b"},
		{to: []string{"10.0.0.1"}}, {to: []string{"x"}}, {iceServers: []string{"turn:x"}},
	} {
		var usage usageError
		if _, err := bad.relaying(); !errors.As(err, &usage) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	at := func(address string) net.Listener { return fakeListener{address} }
	for _, c := range []struct {
		r      relaying
		at     string
		wanted bool
	}{
		{relaying{}, "127.0.0.1:1", false}, {relaying{}, "0.0.0.0:1", true}, {relaying{}, "192.168.1.5:1", true},
		{relaying{on: true}, "127.0.0.1:1", true}, {relaying{off: true}, "0.0.0.0:1", false},
	} {
		if got := c.r.wanted(at(c.at)); got != c.wanted {
			t.Errorf("%+v at %s: %v", c.r, c.at, got)
		}
	}
}

type fakeListener struct{ address string }

func (f fakeListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (f fakeListener) Close() error              { return nil }
func (f fakeListener) Addr() net.Addr {
	a, err := net.ResolveTCPAddr("tcp", f.address)
	if err != nil {
		panic(err)
	}
	return a
}
