package tui

import (
	"strings"
	"testing"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// adas is a view of people who call themselves the same, by their ids.
func adas(ids ...signal.PeerID) *rtc.RoomView {
	v := roomOf()
	for _, id := range ids {
		p := peer("Ada", rtc.StateConnected)
		p.ID = id
		v.Peers = append(v.Peers, p)
	}
	return v
}

// TestNamesakesInToastsAndReport: whoever is "Ada (2)" in the table is so
// everywhere.
func TestNamesakesInToastsAndReport(t *testing.T) {
	r := newRig(t, adas("1", "2"))
	r.send(viewMsg{r.f.view})
	who := rtc.Who{Peer: "2", Name: "Ada"}
	r.send(eventMsg{[]rtc.Event{rtc.Reconnected{Who: who, Attempts: 1, Outage: 7200e6}}})
	r.send(eventMsg{[]rtc.Event{call.Chat{Who: rtc.Who{Peer: "2", Name: "Ada"}, Text: "here again", Time: noon}}})
	got := printable(r.m.View())
	for _, text := range []string{"Reconnected to Ada (2) (1 attempt, 7.2 s)", "Ada (2) 12:00  here again"} {
		if !strings.Contains(got, text) {
			t.Errorf("%q is not on the screen:\n%s", text, got)
		}
	}
	r.f.view = roomOf()
	r.send(eventMsg{[]rtc.Event{rtc.PeerLeft{Who: who}}})
	if got := printable(r.m.View()); !strings.Contains(got, "Ada (2) left") {
		t.Errorf("who left has another name:\n%s", got)
	}
	if got := r.m.report.Text(); !strings.Contains(got, "with Ada, Ada (2)\n") || !strings.Contains(got, "  Ada (2): 1 outage") {
		t.Errorf("the report has other names:\n%s", got)
	}
}
