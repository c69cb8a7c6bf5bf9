package main

import (
	"net"
	"net/netip"
	"testing"
)

func TestListenAddress(t *testing.T) {
	for in, want := range map[string]string{"7077": ":7077", ":7077": ":7077", "127.0.0.1:1": "127.0.0.1:1", "[::]:80": "[::]:80"} {
		if got, err := listenAddress(in); err != nil || got != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "here", ":70770", "70770", "::1", "1:2:3"} {
		if got, err := listenAddress(in); err == nil || status(err) != exitUsage {
			t.Errorf("%q is %q, %v", in, got, err)
		}
	}
}

// The sentence has an address that others can reach, never [::], and says when
// there is none.
func TestServedSentence(t *testing.T) {
	lan := []netip.Addr{netip.MustParseAddr("192.168.1.5"), netip.MustParseAddr("fd00::5")}
	for name, c := range map[string]struct {
		at   servedAt
		own  []netip.Addr
		want string
	}{
		"loopback": {servedAt{listen: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7077}}, lan,
			"on this machine only, people join with: meet join http://127.0.0.1:7077/ROOM (for others: meet serve --listen :7077)"},
		"everywhere": {servedAt{listen: &net.TCPAddr{IP: net.IPv6unspecified, Port: 7077}}, lan,
			"others on this network join with: meet join http://192.168.1.5:7077/ROOM"},
		"our own authority": {servedAt{listen: &net.TCPAddr{IP: net.IPv6unspecified, Port: 443}, secure: true, authority: "FP"}, lan,
			`others on this network join with: meet join "https://192.168.1.5:443/#ROOM..FP"`},
		"no network": {servedAt{listen: &net.TCPAddr{IP: net.IPv4zero, Port: 7077}}, nil,
			"there is no network here; on this machine, people join with: meet join http://127.0.0.1:7077/ROOM"},
		"one address": {servedAt{listen: &net.TCPAddr{IP: net.ParseIP("5.5.5.1"), Port: 7077}}, lan,
			"others anywhere join with: meet join http://5.5.5.1:7077/ROOM"},
		"behind a NAT": {servedAt{listen: &net.TCPAddr{IP: net.IPv4zero, Port: 7077}, public: []string{"5.5.5.1"}}, lan,
			"others anywhere join with: meet join http://5.5.5.1:7077/ROOM"},
		"IPv6": {servedAt{listen: &net.TCPAddr{IP: net.ParseIP("fd00::5"), Port: 7077}}, lan,
			`others on this network join with: meet join "http://[fd00::5]:7077/ROOM"`},
		"a proxy": {servedAt{listen: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7077}, proxied: true}, lan,
			"others join through the proxy in front: meet join https://ITS-NAME/ROOM"},
	} {
		if got := c.at.sentence(c.own); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}
