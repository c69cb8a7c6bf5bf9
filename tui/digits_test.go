package tui

import (
	"testing"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// TestDigitsStayWithPeople: who came first keeps the key, wherever the list puts them.
func TestDigitsStayWithPeople(t *testing.T) {
	named := func(names ...string) *rtc.RoomView {
		v := roomOf()
		for _, n := range names {
			v.Peers = append(v.Peers, peer(n, rtc.StateConnected))
		}
		return v
	}
	r := newRig(t, named("mia", "zoe"))
	show := func(v *rtc.RoomView) { r.f.view = v; r.send(viewMsg{v}) }
	selects := func(key string, want signal.PeerID) {
		t.Helper()
		r.m.selected = ""
		if r.keys(key); r.m.selected != want {
			t.Errorf("%s selects %q, want %q", key, r.m.selected, want)
		}
	}
	show(named("ada", "mia", "zoe"))
	selects("1", "id-mia")
	selects("2", "id-zoe")
	selects("3", "id-ada")
	r.shows("▸3 ada", " 1 mia") // the selected row keeps its digit
	show(named("ada", "zoe"))
	selects("1", "")
	r.shows("nobody has the 1")
	show(named("ada", "bob", "zoe"))
	selects("4", "id-bob")
	show(named("ada", "bob", "mia", "zoe"))
	selects("1", "id-mia") // who comes back finds the own key
	selects("9", "")
	r.shows("nobody has the 9")

	// When none is left, those of people who left are given away.
	var d digits
	d = d.follow(many(10))
	d = d.follow(many(12))
	if d["id-guest-10"] != 0 || d["id-guest-09"] != 9 {
		t.Errorf("of eleven, nine have digits: %v", d)
	}
	v := many(12)
	v.Peers = v.Peers[1:]
	d = d.follow(v)
	if d["id-guest-10"] != 1 || d["id-guest-01"] != 0 || d["id-guest-11"] != 0 {
		t.Errorf("the digit of who left is given away once: %v", d)
	}
}

// TestKeysAnswer: a key that does nothing says why.
func TestKeysAnswer(t *testing.T) {
	r := newRig(t, roomOf())
	r.keys("9")
	r.shows("nobody else is here yet")
	r = newRig(t, many(3))
	r.keys("r")
	r.shows("all are connected: there is nothing to try again")
	r.keys("m", " ")
	r.f.now = r.f.now.Add(talkArm)
	r.send(tickMsg{gen: r.m.tickGen})
	r.shows("hold the key to talk")
}
