package front

import (
	"strings"
	"testing"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// adas is what alice sees of people who call themselves the same, by their ids.
func adas(ids ...signal.PeerID) *rtc.RoomView {
	v := &rtc.RoomView{Room: "standup", Self: "self", Name: "alice"}
	for _, id := range ids {
		v.Peers = append(v.Peers, rtc.PeerView{ID: id, Name: "Ada", State: rtc.StateConnected})
	}
	return v
}

func TestNamesakesKeepTheirNames(t *testing.T) {
	var n Names
	want := func(v *rtc.RoomView, names ...string) {
		t.Helper()
		var got []string
		for _, p := range n.View(v).Peers {
			got = append(got, p.Name)
		}
		if strings.Join(got, ", ") != strings.Join(names, ", ") {
			t.Errorf("got %q, want %q", got, names)
		}
	}
	event := func(ev rtc.Event, text string) {
		t.Helper()
		if got, _ := Describe(n.Event(ev)); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	ada := func(id signal.PeerID) rtc.Who { return rtc.Who{Peer: id, Name: "Ada"} }
	want(adas("1"), "Ada")
	event(rtc.PeerJoined{Who: ada("2")}, "Ada (2) joined") // before the view has her
	want(adas("1", "2"), "Ada", "Ada (2)")
	want(adas("2", "1"), "Ada", "Ada (2)") // in the order of their numbers
	event(rtc.HearingLost{Who: ada("2"), Heard: true}, "You do not hear Ada (2)")
	event(rtc.HearingLost{Who: ada("2"), Hears: true}, "Ada (2) does not hear you")
	event(rtc.HearingLost{Who: ada("2")}, "You and Ada (2) do not hear each other")
	event(rtc.HearingChanged{Who: ada("2")}, "") // no toast yet
	event(rtc.Reconnected{Who: ada("2"), Attempts: 1}, "Reconnected to Ada (2) (1 attempt, 0.0 s)")
	event(rtc.ReconnectFailed{Who: ada("1"), Attempts: 3}, "Failed to reconnect to Ada after 3 attempts")
	want(adas("2"), "Ada (2)") // who is still the same
	event(rtc.HandRaised{Who: ada("2"), On: true, Place: 1}, "Ada (2)'s hand is up")
	event(rtc.HandRaised{Who: ada("2"), On: true, Place: 3}, "Ada (2)'s hand is up, number 3 in line")
	event(rtc.HandRaised{Who: ada("2")}, "Ada (2)'s hand is down")
	event(rtc.HandRaised{Who: rtc.Who{Peer: "self", Name: "alice"}, Own: true, On: true, Place: 2}, "Your hand is up, number 2 in line")
	event(rtc.PeerLeft{Who: ada("1")}, "Ada left")
	want(adas("2", "3"), "Ada (2)", "Ada (3)")
	want(adas("2", "3", "1"), "Ada", "Ada (2)", "Ada (3)")
	event(rtc.PeerLeft{Who: rtc.Who{Name: "Ada"}}, "Ada left")

	alice := adas("4")
	alice.Peers[0].Name, alice.Peers[0].Inc = "alice", 1 // as we are called ourselves
	want(alice, "alice (2)")
	v := adas("5", "6")
	long := strings.Repeat("x", 3*maxNameRunes)
	v.Peers[0].Name, v.Peers[1].Name = long, long
	want(v, long, long[:maxNameRunes-4]+" (2)")
}

// TestNamesakesAgree: who of two is "(2)" is the same on both screens, in whichever
// order the views came: whoever came later.
func TestNamesakesAgree(t *testing.T) {
	first, second := rtc.PeerView{ID: "z", Inc: 10, Name: "Bob"}, rtc.PeerView{ID: "a", Inc: 20, Name: "Bob"}
	view := func(me rtc.PeerView, peers ...rtc.PeerView) *rtc.RoomView {
		return &rtc.RoomView{Self: me.ID, Inc: me.Inc, Name: me.Name, Peers: peers}
	}
	for name, at := range map[string]struct{ me, other rtc.PeerView }{"first": {first, second}, "second": {second, first}} {
		var n Names
		n.View(view(at.me)) // alone at first
		v := n.View(view(at.me, at.other))
		got := map[signal.PeerID]string{v.Self: v.Name, v.Peers[0].ID: v.Peers[0].Name}
		if got["z"] != "Bob" || got["a"] != "Bob (2)" {
			t.Errorf("%s sees %v", name, got)
		}
	}
	third := rtc.PeerView{ID: "m", Inc: 15, Name: "Bob"}
	var n Names
	v := n.View(view(rtc.PeerView{ID: "0", Name: "alice"}, second, third, first))
	if v.Peers[0].ID != "z" || v.Peers[1].Name != "Bob (2)" || v.Peers[1].ID != "m" || v.Peers[2].Name != "Bob (3)" {
		t.Errorf("listed as %v", v.Peers)
	}
	me := n.View(view(second, rtc.PeerView{ID: "b", Inc: 30, Name: "Bob (2)"}, first))
	if me.Name == me.Peers[0].Name || me.Name == me.Peers[1].Name || me.Peers[0].Name == me.Peers[1].Name {
		t.Errorf("two share a name: %q and %v", me.Name, me.Peers)
	}
}
