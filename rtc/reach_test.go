package rtc

import (
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

// What each way met, in the words that people read.
func TestReasons(t *testing.T) {
	by := func(direct, relay, via int) (out [PathDirect + 1]int) {
		out[PathDirect], out[PathRelay], out[PathVia] = direct, relay, via
		return out
	}
	type other struct {
		reaches, carries bool
		path             Path
	}
	for _, c := range []struct {
		name   string
		tried  Tried
		others map[string]other
		server bool
		want   string
	}{
		{"two alone", Tried{Offered: by(2, 0, 1)}, nil, true,
			"direct blocked, no relay offered by the server, nobody else in the room"},
		{"a third who reaches nobody", Tried{Offered: by(2, 0, 1)}, map[string]other{"carl": {}}, true,
			"direct blocked, no relay offered by the server, nobody else in the room reaches bob"},
		{"a third who does not carry", Tried{Offered: by(2, 0, 1)}, map[string]other{"carl": {reaches: true, path: PathDirect}}, true,
			"direct blocked, no relay offered by the server, carl could carry but does not"},
		{"a third who is carried itself", Tried{Offered: by(2, 0, 1)}, map[string]other{"carl": {true, true, PathVia}}, true,
			"direct blocked, no relay offered by the server, reached only through others: carl, who could carry"},
		{"thirds in vain", Tried{Offered: by(2, 0, 1)}, map[string]other{"carl": {true, true, PathDirect}, "ann": {true, true, PathRelay}}, true,
			"direct blocked, no relay offered by the server, no answer via ann or carl"},
		{"one way", Tried{Offered: by(2, 0, 1), Heard: by(1, 0, 0)}, nil, true,
			"direct only from bob to here, no relay offered by the server, nobody else in the room"},
		{"a relay that is dead", Tried{Offered: by(2, 0, 1), Relays: 2}, nil, true,
			"direct blocked, the relay does not answer, nobody else in the room"},
		{"a relay in vain", Tried{Offered: by(0, 1, 0), Relays: 2, Relayed: 1}, nil, true,
			"direct without an address of bob, the relay does not reach bob, nobody else in the room"},
		{"no answer at all", Tried{Relays: 2}, nil, true, "no answer came from bob through the server"},
		{"the server gone too", Tried{Offered: by(1, 0, 0)}, nil, false,
			"direct blocked, no relay offered by the server, nobody else in the room, the server is not reached either"},
	} {
		m := NewManager(Config{Self: "z"})
		m.serverUp = c.server
		bob := m.member(time.Time{}, "b")
		bob.peer.name, bob.tried = "bob", c.tried
		for name, o := range c.others {
			mb := m.member(time.Time{}, signal.PeerID("id of "+name))
			mb.peer.name, mb.peer.state, mb.courier.carries = name, StateConnected, o.carries
			mb.session = &testSession{path: o.path}
			if o.reaches {
				mb.others = append(mb.others, "b")
			}
		}
		e := ConnectFailed{bob.peer.who(), m.tried(bob)}
		if got := e.Reasons(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	if got := (ConnectFailed{Who{Name: "bob"}, []Attempted{{"direct", "blocked"}}}).Sentence(); got != "Cannot reach bob: direct blocked." {
		t.Errorf("the sentence is %q", got)
	}
}
