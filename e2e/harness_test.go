//go:build linux

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The harness itself, without networks: what participants write is understood.

const sample = `{"time":"2026-01-02T03:04:05.000000001Z","event":"joined","room":"demo","self":{"id":"a","name":"A"}}
{"time":"2026-01-02T03:04:05.1Z","event":"roster","participants":[{"id":"a","name":"A","presence":"present","self":true,"state":"connected","media":{"mic":true}},{"id":"b","name":"B","presence":"away","state":"connecting","media":{"mic":true,"camera":true}}]}
{"time":"2026-01-02T03:04:05.2Z","event":"connection-state-changed","peer":"b","name":"B","state":"connected","previous":"connecting"}
{"time":"2026-01-02T03:04:05.3Z","event":"media-state-changed","peer":"a","name":"A","mic":false,"camera":false,"screen":false}
{"time":"2026-01-02T03:04:05.4Z","event":"stats","peer":"b","name":"B","path":"direct","audio":{"packets":7,"level_db":-20.5},"camera":{"frames_decoded":3,"width":640,"height":360}}
{"time":"2026-01-02T03:04:05.5Z","event":"media-resumed","peer":"b","name":"B","kind":"audio","gap_ms":900,"heard":"2026-01-02T03:04:05.56Z","heard_ms":940}
{"time":"2026-01-02T03:04:05.6Z","event":"something-new","field":1}
`

func TestTimelineUnderstandsLines(t *testing.T) {
	tl := newTimeline("A")
	for piece := range strings.SplitSeq(sample, "o") { // output comes in pieces of any size
		if _, err := tl.Write([]byte(piece + "o")); err != nil {
			t.Fatal(err)
		}
	}
	tl.Write([]byte("\nno JSON\n{\"event\":\"left\"}\n")) // the rest of the last piece, and two bad lines
	tl.look(func(v *view, events []event) {
		if len(events) != 7 || len(tl.bad) != 3 {
			t.Fatalf("%d events and %d bad lines, want 7 and 3: %q", len(events), len(tl.bad), tl.bad)
		}
		b := v.peer("B")
		if !v.joined || v.media.Mic || v.listed() != 1 || b.presence != "away" || b.state != "connected" || !b.media.Camera {
			t.Errorf("view is %+v, B is %+v", v, b)
		}
		if b.stats.Audio.Packets != 7 || b.stats.Audio.LevelDB != -20.5 || b.stats.Camera.Width != 640 {
			t.Errorf("figures of B: %+v", b.stats)
		}
	})
	at := time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC)
	if got := tl.between(at, at.Add(1), resumes("B", "audio")); len(got) != 1 || got[0].Body.(*flow).GapMS != 900 {
		t.Errorf("resumption at %v: %+v", at, got)
	} else if c := comebackAt(at.Add(-time.Second), got[0]); c != (comeback{time.Second, 1060 * time.Millisecond}) {
		t.Errorf("it took %+v", c)
	}
	if got := tl.between(at.Add(1), at.Add(time.Hour), resumes("B", "audio")); len(got) != 0 {
		t.Errorf("later: %+v", got)
	}
}

func TestTimelineWaits(t *testing.T) {
	tl := newTimeline("A")
	never := make(chan struct{})
	joined := func(v *view, _ []event) bool { return v.joined }
	if tl.until(time.Millisecond, never, joined) {
		t.Error("joined before any event")
	}
	go tl.Write([]byte(sample))
	if !tl.until(10*time.Second, never, joined) {
		t.Error("the event did not end the wait")
	}
	ended := make(chan struct{})
	close(ended)
	if tl.until(time.Hour, ended, func(v *view, _ []event) bool { return v.left != nil }) {
		t.Error("left without an event")
	}
}

func TestFigures(t *testing.T) {
	t.Setenv("MEET_BENCH", "1")
	var m measured
	b := bounds{100 * time.Millisecond, 500 * time.Millisecond}
	for _, d := range []time.Duration{30, 20, 400, 90} {
		m.addBack(t, "audio back", b, d, comeback{d * time.Millisecond / 2, d * time.Millisecond})
	}
	m.add(t, "noticed", b, time.Duration(0), 50*time.Millisecond)
	m.checkMedians(t, "audio")
	dir := t.TempDir()
	var out bytes.Buffer
	if err := m.publish(&out, dir); err != nil {
		t.Fatal(err)
	}
	const row = "| audio back | 4 | 30 | 60 | 400 | 100 |\n| noticed | 1 |  | 50 | 50 | 100 |\n"
	table, err := os.ReadFile(filepath.Join(dir, "netlab.md"))
	if err != nil || !strings.Contains(string(table), row) || !strings.Contains(out.String(), row) {
		t.Errorf("table, %v:\n%s", err, table)
	}
	if asJSON, err := os.ReadFile(filepath.Join(dir, "netlab.json")); err != nil || !strings.Contains(string(asJSON), `"median_ms": 60`) {
		t.Errorf("JSON, %v:\n%s", err, asJSON)
	}
}
