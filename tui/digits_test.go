package tui

import (
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/meet-term/meet/media"
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

// TestNoInviteToTheDead: what nobody can use is neither copied nor shown as a code.
func TestNoInviteToTheDead(t *testing.T) {
	v := roomOf()
	v.Since = noon.Add(0)
	v.Server = rtc.ServerView{State: signal.Connecting, Attempt: 2, Address: "meet.exmaple:7077", Trouble: "no such host"}
	r := newRig(t, v)
	r.shows("nobody else is here yet", "Nobody can join: meet.exmaple:7077 is")
	r.keys("y")
	r.shows("there is no invite to an address that does not answer")
	r.hides("copied", "in a browser")
	up := *v
	up.Server = rtc.ServerView{State: signal.Connected}
	r.f.view = &up
	r.send(viewMsg{r.f.view})
	r.shows("in a browser")
}

// TestLobbyShowsYou: one sees oneself before the others do, and only with the camera on.
func TestLobbyShowsYou(t *testing.T) {
	r := newRigWith(t, newFake(roomOf()), func(opt *Options) { opt.Join = func() {} })
	r.send(sampleMsg{sources: []media.Source{{Kind: media.Mic, Name: "one", Wanted: true}, {Kind: media.Camera, Name: "two", Wanted: true}}})
	if len(r.f.tiles) != 1 || r.f.tiles[0].Peer != self || r.f.tiles[0].Kind != media.Camera {
		t.Fatalf("the lobby shows %v", r.f.tiles)
	}
	tile, lines := r.f.tiles[0], splitLines(printable(r.m.View()))
	for y := tile.Y; y < tile.Y+tile.Rows; y++ {
		if row := []rune(lines[y]); string(row[tile.X:tile.X+tile.Cols]) != strings.Repeat("░", tile.Cols) {
			t.Fatalf("no hole in line %d: %q", y, lines[y])
		}
	}
	r.keys("v")
	if len(r.f.tiles) != 0 {
		t.Errorf("the camera is off and the lobby shows %v", r.f.tiles)
	}
	r.keys("v")
	for w := 1; w < 130; w += 7 {
		for h := 1; h < 45; h++ {
			r.send(tea.WindowSizeMsg{Width: w, Height: h})
			for _, tile := range r.f.tiles {
				if tile.X < 0 || tile.Y < 0 || tile.X+tile.Cols > w || tile.Y+tile.Rows > h-2 {
					t.Fatalf("%dx%d: %+v", w, h, tile)
				}
			}
		}
	}
}

// TestDigitsSettle: those who were here before us turn up in any order, and have digits
// in that of the list; who comes later takes the next.
func TestDigitsSettle(t *testing.T) {
	r := newRig(t, roomOf())
	show := func(after time.Duration, names ...string) {
		v := roomOf()
		v.Since = noon
		for _, n := range names {
			v.Peers = append(v.Peers, peer(n, rtc.StateConnected))
		}
		r.f.now, r.f.view = noon.Add(after), v
		r.send(viewMsg{v})
	}
	show(0, "zoe")
	show(time.Second, "bob", "zoe")
	show(settleDigits, "ann", "bob", "zoe")
	if d := r.m.digits; d["id-bob"] != 1 || d["id-zoe"] != 2 || d["id-ann"] != 3 {
		t.Errorf("got %v", d)
	}
}
