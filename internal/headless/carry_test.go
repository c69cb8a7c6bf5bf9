package headless

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
)

// What is told of paths, and of their absence.
func TestPathLines(t *testing.T) {
	bob := rtc.Who{Peer: "b", Name: "bob"}
	for _, c := range []struct {
		event rtc.Event
		want  string
	}{
		{rtc.PathChangedTo{Who: bob, Path: rtc.PathVia, Previous: rtc.PathDirect, Via: "carl"},
			`{"event":"path-changed","name":"bob","path":"via","peer":"b","previous":"direct",`},
		{rtc.PathChangedTo{Who: bob, Path: rtc.PathRelay, Previous: rtc.PathNone},
			`{"event":"path-changed","name":"bob","path":"relay","peer":"b","previous":"none",`},
		{rtc.ConnectFailed{Who: bob, Tried: []rtc.Attempted{{Way: "direct", Result: "blocked"}, {Way: "relay", Result: "no relay offered by the server"}}},
			`{"event":"connect-failed","name":"bob","peer":"b","text":"Cannot reach bob: direct blocked, no relay offered by the server.",` +
				`"time":"2026-01-02T03:04:05Z","tried":[{"result":"blocked","way":"direct"},{"result":"no relay offered by the server","way":"relay"}]`},
		{rtc.CarryingChanged{Pairs: []rtc.CarriedView{{{Peer: "a", Name: "ann"}, bob}}},
			`{"event":"carrying-changed","pairs":[[{"name":"ann","peer":"a"},{"name":"bob","peer":"b"}]],`},
		{rtc.CarryingChanged{}, `{"event":"carrying-changed","pairs":[],`},
	} {
		if got := sorted(t, line(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), c.event, nil, call.Place{})); !strings.HasPrefix(got, c.want) {
			t.Errorf("got %s\nwant %s", got, c.want)
		}
	}
}

// Somebody without a path has no round trip either; one who is carried says by
// whom.
func TestStatsPath(t *testing.T) {
	for path, want := range map[rtc.Path]string{
		rtc.PathNone: `"path":"none"`, rtc.PathVia: `"path":"via"`, rtc.PathRelay: `"path":"relay"`, rtc.PathDirect: `"path":"direct"`,
	} {
		s := call.PeerStats{Who: rtc.Who{Peer: "b", Name: "bob"}, Via: "carl"}
		s.Transport.Path, s.Transport.RTT = path, time.Millisecond
		b, err := json.Marshal(stats(time.Time{}, s))
		got := string(b)
		if err != nil || !strings.Contains(got, want) ||
			strings.Contains(got, `"via":"carl"`) != (path == rtc.PathVia) || strings.Contains(got, "rtt_ms") != (path != rtc.PathNone) {
			t.Errorf("%v: %s (%v)", path, got, err)
		}
	}
}
