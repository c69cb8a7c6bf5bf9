package hostile

import (
	"crypto/ed25519"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/known"
	. "github.com/meet-term/meet/internal/meettest"
	"github.com/meet-term/meet/rtc"
)

// apart lets everybody see only whom the server wants them to: of each pair of ids, the
// first sees the second.
func apart(t *testing.T, shown map[[2]string]bool) func(to *Victim, frame string) []string {
	sees := func(to *Victim, id string) bool { return to.ID == id || shown[[2]string{to.ID, id}] }
	return func(to *Victim, frame string) []string {
		header, body, _ := strings.Cut(frame, "\n")
		var f map[string]any
		if err := json.Unmarshal([]byte(header), &f); err != nil {
			t.Errorf("frame %.100q: %v", frame, err)
		}
		switch f["t"] {
		case "peer":
			if id, _ := f["peer"].(string); !sees(to, id) {
				return nil
			}
		case "welcome", "room":
			var left []any
			all, _ := f["peers"].([]any)
			for _, p := range all {
				if id, _ := p.(map[string]any)["peer"].(string); sees(to, id) {
					left = append(left, p)
				}
			}
			f["peers"] = left
			if left == nil {
				f["peers"] = []any{}
			}
			b, err := json.Marshal(f)
			if err != nil {
				t.Error(err)
			}
			return []string{string(b)}
		}
		if body != "" {
			return []string{header + "\n" + body}
		}
		return []string{frame}
	}
}

// A server that guesses the name of an open room, keeps two people apart and sits
// between them as the one to the other, with connections of its own to both, cannot
// make their words the same; and whoever met before reads loudly that it is another.
func TestWordsRevealAServerInTheMiddle(t *testing.T) {
	attack(t, func(t *testing.T, r *Room, h *Hostile) {
		shown := map[[2]string]bool{}
		h.Down = apart(t, shown)
		book := known.Open(filepath.Join(t.TempDir(), "book"))
		as := func(name string) Option { return func(c *call.Config) { c.Name = name } }
		// Who is who follows from names alone, before anybody joins.
		ids := map[string]string{}
		for _, name := range []string{"a", "b", "m", "n"} {
			ids[name] = string(IDOf(t, name))
		}
		for _, p := range [][2]string{{"a", "m"}, {"m", "a"}, {"b", "n"}, {"n", "b"}} {
			shown[[2]string{ids[p[0]], ids[p[1]]}] = true
		}
		if _, err := book.Meet("b", PersonOf("b").Public().(ed25519.PublicKey), time.Unix(1, 0)); err != nil {
			t.Fatal(err) // a met b before
		}
		a := r.Join("a", func(c *call.Config) { c.People = book })
		b := r.Join("b")
		m, n := r.Join("m", as("b")), r.Join("n", as("a"))
		r.Wait(5 * time.Second)
		av, bv := a.Call.View(), b.Call.View()
		if len(av.Peers) != 1 || len(bv.Peers) != 1 || av.Peers[0].ID != m.ID || bv.Peers[0].ID != n.ID ||
			av.Peers[0].State != rtc.StateConnected || bv.Peers[0].State != rtc.StateConnected {
			t.Fatalf("the attack does not work: a sees %+v, b sees %+v", av.Peers, bv.Peers)
		}
		one, other := av.Peers[0], bv.Peers[0]
		if one.Name != "b" || other.Name != "a" {
			t.Fatalf("they are called %q and %q", one.Name, other.Name)
		}
		if one.Identity.Words == "" || other.Identity.Words == "" || one.Identity.Words == other.Identity.Words {
			t.Errorf("a reads %q, b reads %q", one.Identity.Words, other.Identity.Words)
		}
		if one.Identity.Mark != rtc.MarkChanged {
			t.Errorf("to a, who knows b, it is %q", one.Identity.Mark)
		}
		if other.Identity.Mark != rtc.MarkNew {
			t.Errorf("to b, who knows nobody, it is %q", other.Identity.Mark)
		}
	})
}
