package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
)

// Paths, their absence, and what is carried are told in the table, the link panel,
// the tile, the header, the toasts and the report.
func TestPathsAreShown(t *testing.T) {
	const why = "direct blocked, no relay offered by the server, nobody else in the room reaches bob"
	s := NewStyles(Theme{})
	bob := rtc.PeerView{ID: "b", Name: "bob", State: rtc.StateConnected, Via: "carl"}
	if got := (badge{peer: bob}).Text(s, badgeMax); !strings.Contains(got, "connected via carl") {
		t.Errorf("badge: %q", got)
	}
	if got := (badge{peer: bob}).Text(s, badgeShort); !strings.HasSuffix(got, " via carl") {
		t.Errorf("short badge: %q", got)
	}
	panel := func(p rtc.PeerView, l call.PeerStats) string {
		return ansi.Strip(strings.Join(linkBox{peer: &p, known: true, stats: l, now: time.Now()}.Render(s, 70), "\n"))
	}
	if got := panel(bob, call.PeerStats{Transport: rtc.TransportStats{Path: rtc.PathVia, RTT: 40 * time.Millisecond}, Via: "carl"}); !strings.Contains(got, "via carl") {
		t.Errorf("panel:\n%s", got)
	}
	lost := rtc.PeerView{ID: "b", Name: "bob", State: rtc.StateFailed, Trouble: why}
	got := panel(lost, call.PeerStats{Now: call.Rates{Loss: 0.2}})
	if !strings.Contains(got, "none") || strings.Contains(got, "20%") || strings.Contains(got, "0 ms\n") ||
		!strings.Contains(strings.Join(strings.Fields(got), " "), "tried direct blocked, no relay offered by the server, nobody else") {
		t.Errorf("panel without a path:\n%s", got)
	}
	if got := front.LinkText(call.PeerStats{}); got != "no path" {
		t.Errorf("line: %q", got)
	}

	failed := rtc.ConnectFailed{Who: rtc.Who{Peer: "b", Name: "bob"}, Tried: []rtc.Attempted{
		{Way: "direct", Result: "blocked"}, {Way: "relay", Result: "no relay offered by the server"},
		{Way: "third person", Result: "nobody else in the room reaches bob"},
	}}
	if got, _ := front.Describe(failed); got != "Cannot reach bob: "+why+"." {
		t.Errorf("toast: %q", got)
	}
	pair := rtc.CarriedView{{Peer: "a", Name: "ann"}, {Peer: "b", Name: "bob\x1b[31m"}}
	if got, _ := front.Describe(rtc.CarryingChanged{Pairs: []rtc.CarriedView{pair}}); got != "Carrying ann - bob" {
		t.Errorf("toast: %q", got)
	}
	h := header{room: "demo", connected: 3, people: 3, inside: true, carrying: []rtc.CarriedView{pair}}
	for _, w := range []int{40, 60, 80, 100, 140} {
		if got := ansi.Strip(h.Render(s, w)); ansi.StringWidth(got) != w || w >= 100 && !strings.Contains(got, "carrying ann - bob") {
			t.Errorf("header of %d cells: %q", w, got)
		}
	}

	view := many(2)
	view.Peers[0].State, view.Peers[0].Trouble = rtc.StateConnecting, why
	sc := screenOf(view, 100, 40)
	sc.stats = byPeer(figures(view))
	if tiles := sc.Tiles(); len(tiles) > 0 && tiles[0].Peer == view.Peers[0].ID {
		t.Error("a picture covers why there is none")
	}
	if got := ansi.Strip(strings.Join(sc.tileBox(placedPicture{picture: picture{view.Peers[0].ID, media.Camera, 0}, box: rect{w: 40, h: 12}}).lines, "\n")); !strings.Contains(got, "direct blocked") {
		t.Errorf("tile:\n%s", got)
	}
	var r front.Report
	r.Event(failed, time.Now())
	r.View(&rtc.RoomView{Since: time.Now()}, time.Now())
	if got := r.Text(); !strings.Contains(got, "not reached: "+why) {
		t.Errorf("report: %q", got)
	}
}
