package iceserver

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want Server
	}{
		{"stun:stun.example", Server{URL: "stun:stun.example"}},
		{"stun:stun.example:3478", Server{URL: "stun:stun.example:3478"}},
		{" STUN://[2001:db8::1]:3478 ", Server{URL: "stun:[2001:db8::1]:3478"}},
		{"stun:2001:db8::1", Server{URL: "stun:[2001:db8::1]"}},
		{"turn:ada:secret@turn.example:3478", Server{URL: "turn:turn.example:3478", User: "ada", Password: "secret"}},
		{"turn:ada:a%3Ab%40c@turn.example?transport=tcp", Server{URL: "turn:turn.example?transport=tcp", User: "ada", Password: "a:b@c"}},
		{"turns:shared@10.0.0.1:443", Server{URL: "turns:10.0.0.1:443?transport=tcp", Secret: "shared"}},
	} {
		if got, err := Parse(c.text); err != nil || got != c.want {
			t.Errorf("%q: %+v, %v, want %+v", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{
		"", "turn.example", "http://x", "turn:turn.example", "stun:a:b@x", "turn:@x", "turn:a:@x", "turn:a:b@", "turn:a:b@x y",
		"turn:a:b@x:0", "turn:a:b@x:99999", "turn:a:b@x?transport=quic", "stun:x?transport=tcp", "turn:%zz@x", "turn:a:b@-x",
	} {
		if got, err := Parse(bad); err == nil {
			t.Errorf("%q is taken: %+v", bad, got)
		} else if strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%q: %q", bad, err)
		}
	}
}

// Credentials of a shared secret are those of the TURN REST draft; the values were
// made with openssl dgst -sha1 -hmac.
func TestOffer(t *testing.T) {
	at := time.Unix(1_700_000_000, 0).Add(-Lifetime)
	got := Server{URL: "turn:x", Secret: "north"}.Offer("meet", at)
	if got.Username != "1700000000:meet" || got.Credential != "NXrlbK+4WrBvg7B9/cIAO1oQokg=" {
		t.Errorf("%+v", got)
	}
	if got := (Server{URL: "turn:x", User: "a", Password: "b"}).Offer("meet", at); got.Username != "a" || got.Credential != "b" {
		t.Errorf("%+v", got)
	}
}

// A server may have us talk to itself and to whom the person named, and to nobody
// else: not to our router, not to this machine, not to somebody it wants flooded.
func TestBelieved(t *testing.T) {
	offer := func(urls ...string) []signal.ICEServer {
		return []signal.ICEServer{{URLs: urls, Username: "u", Credential: "c"}}
	}
	for _, c := range []struct {
		name    string
		host    string
		urls    []string
		believe []string
	}{
		{"its own host", "meet.example", []string{"stun:meet.example:7077", "turn:MEET.example:1?transport=tcp"}, []string{"stun:meet.example:7077", "turn:MEET.example:1?transport=tcp"}},
		{"named", "meet.example", []string{"turn:turn.example"}, []string{"turn:turn.example"}},
		{"others", "meet.example", []string{"stun:192.168.1.1:53", "stun:127.0.0.1", "turn:localhost:22", "stun:[::1]:1", "turn:victim.example", "stun:meet.example.evil.example"}, nil},
		{"a private server", "192.168.1.5", []string{"turn:192.168.1.5:7077", "turn:192.168.1.1:7077"}, []string{"turn:192.168.1.5:7077"}},
		{"an address in two spellings", "::ffff:10.0.0.1", []string{"turn:10.0.0.1:1", "turn:[2001:db8::1]:1"}, []string{"turn:10.0.0.1:1"}},
		{"IPv6", "2001:db8::1", []string{"turn:[2001:DB8:0::1]:1"}, []string{"turn:[2001:DB8:0::1]:1"}},
		{"nonsense", "meet.example", []string{"http:meet.example", "turn", "", "turn:meet.example:x", "turn:a@meet.example"}, nil},
	} {
		believed, refused := Believed(offer(c.urls...), c.host, []string{"turn.example"})
		var got []string
		for _, s := range believed {
			got = append(got, s.URLs...)
			if s.Username != "u" || s.Credential != "c" {
				t.Errorf("%s: %+v", c.name, s)
			}
		}
		if !slices.Equal(got, c.believe) || len(refused)+len(got) != len(c.urls) {
			t.Errorf("%s: believed %v, refused %v", c.name, got, refused)
		}
	}
	many := make([]signal.ICEServer, 100)
	for i := range many {
		many[i] = signal.ICEServer{URLs: slices.Repeat([]string{"stun:meet.example"}, 100)}
	}
	if believed, _ := Believed(many, "meet.example", nil); len(believed) != maxServers || len(believed[0].URLs) != maxURLs {
		t.Errorf("%d servers of 100 were taken", len(believed))
	}
}
