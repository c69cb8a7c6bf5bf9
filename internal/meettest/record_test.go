package meettest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/record"
)

// Somebody records: everybody is told, whoever comes later too, and what they said
// is there, on one clock, over a cut and a change of address.
func TestRecordedCall(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		dir := t.TempDir()
		if err := p[0].Call.Record(dir); err != nil {
			t.Fatal(err)
		}
		if err := p[0].Call.Record(dir); err != call.ErrRecording {
			t.Errorf("once more: %v", err)
		}
		r.Wait(5 * time.Second)
		if got := Events[call.RecordingChanged](p[1]); len(got) != 1 || !got[0].On || got[0].Peer != p[0].ID || got[0].Dir != "" {
			t.Errorf("b was told %+v", got)
		}
		late := r.Join("c")
		r.Wait(3 * time.Second)
		if got := Events[call.RecordingChanged](late); len(got) != 1 || !got[0].On {
			t.Errorf("c was told %+v", got)
		}
		p[1].CutMedia()
		r.Wait(3 * time.Second)
		p[1].HealMedia()
		r.Wait(4 * time.Second)
		p[1].Move()
		r.Wait(5 * time.Second)
		if err := p[0].Call.StopRecording(); err != nil {
			t.Fatal(err)
		}
		r.Wait(time.Second)
		if got := Events[call.RecordingChanged](p[1]); len(got) != 2 || got[1].On {
			t.Errorf("b was told %+v", got)
		}
		folders, err := filepath.Glob(filepath.Join(dir, "meet-test-*"))
		if err != nil || len(folders) != 1 {
			t.Fatalf("folders %v, %v", folders, err)
		}
		x, err := record.ReadIndex(folders[0])
		if err != nil {
			t.Fatal(err)
		}
		length := x.Ended.Sub(x.Started)
		names := map[string]bool{}
		for _, track := range x.Tracks {
			names[track.Name+" "+track.Kind] = true
			d, err := record.Length(filepath.Join(folders[0], track.File))
			begin := time.Duration(track.StartMS) * time.Millisecond
			if end := begin + d; err != nil || end > length+100*time.Millisecond || end < length-300*time.Millisecond {
				t.Errorf("%s is from %v to %v of %v, %v", track.File, begin, end, length, err)
			}
		}
		if !names["a mic"] || !names["b mic"] || !names["c mic"] {
			b, _ := json.Marshal(x)
			t.Errorf("there is %s", b)
		}
		if _, err := os.Stat(filepath.Join(folders[0], record.EventsName)); err != nil {
			t.Error(err)
		}
	})
}
