package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/signal"
)

// A page whose name resolves to loopback gets nothing, whatever port it is;
// servers behind a proxy, or on an address of their own, take every name.
func TestKnownAs(t *testing.T) {
	loopback, public := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{IP: net.IPv4(5, 5, 5, 1)}
	for name, c := range map[string]struct {
		cfg   signal.ServerConfig
		host  string
		local net.Addr
		want  bool
	}{
		"elsewhere":     {signal.ServerConfig{}, "evil.example", loopback, false},
		"a public one":  {signal.ServerConfig{}, "meet.example", public, true},
		"an origin":     {signal.ServerConfig{Origins: []string{"https://meet.example"}}, "meet.example", loopback, true},
		"not an origin": {signal.ServerConfig{Origins: []string{"https://meet.example"}}, "evil.example", loopback, false},
	} {
		if got := knownAs(c.cfg)(c.host, c.local); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if knownAs(signal.ServerConfig{TrustProxy: true}) != nil {
		t.Error("a proxy may hand on any name")
	}
	s := httptest.NewServer(venue.NewFront(signal.NewServer(signal.ServerConfig{}), knownAs(signal.ServerConfig{})))
	defer s.Close()
	for host, want := range map[string]int{"": 200, "evil.example": 421} {
		req, err := http.NewRequest(http.MethodGet, s.URL+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %q: %s", host, resp.Status)
		}
	}
}

// Only what a flag, a setting or nothing at all says is opened.
func TestReachOfFlags(t *testing.T) {
	for name, c := range map[string]struct {
		flags   reachFlags
		setting string
		want    venue.Reach
		wrong   bool
	}{
		"nothing":           {want: venue.Network},
		"a setting":         {setting: "machine", want: venue.Machine},
		"a flag before it":  {flags: reachFlags{internet: true}, setting: "machine", want: venue.Internet},
		"local":             {flags: reachFlags{local: true}, want: venue.Machine},
		"a setting of none": {setting: "moon", want: venue.Network},
		"two":               {flags: reachFlags{local: true, lan: true}, wrong: true},
	} {
		f := joinFlags{reaches: c.flags}
		f.settings.Reach = c.setting
		if got, _, err := f.reach(); (err != nil) != c.wrong || err == nil && got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, args := range [][]string{
		{"join", "demo", "--local", "--internet"}, {"join", "demo", "--lan", "--server", "ws://x:1"}, {"join", "https://x/demo", "--local"},
	} {
		if got, err := run(t, args...); got != exitUsage {
			t.Errorf("%v: status %d, %v", args, got, err)
		}
	}
}
