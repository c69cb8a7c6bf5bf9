package front

import (
	"slices"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

func TestReport(t *testing.T) {
	var r Report
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	v := &rtc.RoomView{Room: "standup", Since: noon, Peers: []rtc.PeerView{
		{ID: "id-guest-01", Name: "guest-01"}, {ID: "id-guest-02", Name: "guest-02"}, {ID: "id-carol", Name: "carol"},
	}}
	bob, carol := rtc.Who{Peer: "id-guest-01", Name: "guest-01"}, rtc.Who{Peer: "id-carol", Name: "carol\x1b[2J"}
	r.View(v, noon)
	r.Event(rtc.Joined{}, noon)
	r.View(v, noon)
	r.Event(rtc.Reconnected{Who: bob, Attempts: 1, Outage: 1200 * time.Millisecond}, noon)
	r.View(v, noon)
	r.Event(rtc.Reconnected{Who: bob, Attempts: 2, Outage: 31 * time.Second}, noon)
	r.View(v, noon)
	r.Event(rtc.Reconnected{Who: carol, Outage: 3 * time.Second}, noon)
	r.View(v, noon)
	r.Event(rtc.ReconnectFailed{Who: carol, Attempts: 3}, noon)
	r.View(v, noon)
	r.Event(rtc.ServerStateChanged{State: signal.Reconnecting, Previous: signal.Connected}, noon)
	data := func(who rtc.Who, in, out uint64) call.PeerStats {
		return call.PeerStats{Who: who, Received: [media.Kinds]uint64{in}, Sent: [media.Kinds]uint64{out}}
	}
	r.Stats([]call.PeerStats{data(carol, 5_000_000, 1_000_000), data(bob, 7_400_000, 2_000)})
	r.Stats([]call.PeerStats{data(bob, 7_000_000, 0)})
	last := *v
	last.Peers = slices.Clone(v.Peers)
	last.Peers[1].State = rtc.StateFailed
	r.View(&last, noon.Add(34*time.Minute+5*time.Second))
	want := `standup: 34 min 5 s with carol, guest-01, guest-02
  carol: 1 outage mended in 3.0 s, reconnecting failed once
  guest-01: 2 outages mended, the longest in 31 s
  guest-02: not connected at the end
  the server was lost once
  data: 12 MB in, 1.0 MB out
`
	if got := r.Text(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := (&Report{}).Text(); got != "" {
		t.Errorf("a room that was never entered: %q", got)
	}
}
