package front

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// The report in a file says who was there when, and nothing of it is Markdown that
// somebody else wrote.
func TestReportFile(t *testing.T) {
	at := time.Date(2026, 1, 2, 9, 0, 0, 0, time.Local)
	view := func(names ...string) *rtc.RoomView {
		v := &rtc.RoomView{Room: "team", Since: at}
		for _, n := range names {
			v.Peers = append(v.Peers, rtc.PeerView{ID: signal.PeerID(n), Name: n, State: rtc.StateConnected})
		}
		return v
	}
	var r Report
	if b, err := r.JSON(); b != nil || err != nil || r.Markdown() != "" {
		t.Errorf("a call that never was: %s, %v", b, err)
	}
	r.View(view("Bob"), at.Add(time.Minute))
	r.View(view("Bob", "Eve |[x](http://y)"), at.Add(2*time.Minute))
	bob := rtc.Who{Peer: "Bob", Name: "Bob"}
	r.Event(rtc.Reconnected{Who: bob, Attempts: 1, Outage: 1200 * time.Millisecond}, at.Add(3*time.Minute))
	r.View(view("Eve |[x](http://y)"), at.Add(5*time.Minute))
	r.Stats([]call.PeerStats{})

	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var d reportData
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.People) != 2 || d.Room != "team" || !d.From.Equal(at) || !d.To.Equal(at.Add(5*time.Minute)) {
		t.Fatalf("got %s", b)
	}
	p := d.People[0]
	if p.Name != "Bob" || !p.From.Equal(at.Add(time.Minute)) || !p.To.Equal(at.Add(2*time.Minute)) || len(p.OutagesMS) != 1 || p.OutagesMS[0] != 1200 {
		t.Errorf("Bob is %+v", p)
	}
	text := r.Markdown()
	for _, want := range []string{"# team", "2026-01-02 09:00, 5 min 0 s", "| Bob | 09:01:00 | 09:02:00 | 1 outage mended in 1.2 s |", `Eve \|\[x\]\(http://y\)`, "never broken"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
