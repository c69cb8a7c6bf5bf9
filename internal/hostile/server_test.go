package hostile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	. "github.com/meet-term/meet/internal/meettest"
	"github.com/meet-term/meet/rtc"
)

// attack runs a test in a room whose server is hostile.
func attack(t *testing.T, test func(t *testing.T, r *Room, h *Hostile)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		test(t, r, r.Turn())
	})
}

// lasting is how long what a server did gets to show. Beyond the silence that makes an
// outage it tells little more, and the race detector is slow.
func lasting() time.Duration {
	if testing.Short() {
		return 5 * time.Second
	}
	return 40 * time.Second
}

// undisturbed checks that two people hear each other through something, all along.
func undisturbed(t *testing.T, r *Room, a, b *Person, what string, attack func()) {
	t.Helper()
	a.Forget()
	b.Forget()
	attack()
	r.Wait(lasting())
	before := [2]uint64{a.Packets(b), b.Packets(a)}
	r.Wait(2 * time.Second)
	for i, p := range []*Person{a, b} {
		other := []*Person{b, a}[i]
		if got := p.Packets(other) - before[i]; got < 90 {
			t.Errorf("%s: %s heard %d packets of %s in two seconds", what, p.Name, got, other.Name)
		}
		if lost := Events[rtc.PeerDisconnected](p); len(lost) > 0 {
			t.Errorf("%s: %s lost %+v", what, p.Name, lost)
		}
		if left := Events[rtc.PeerLeft](p); len(left) > 0 {
			t.Errorf("%s: %s saw %+v leave", what, p.Name, left)
		}
	}
}

// pair is two people who are connected.
func pair(t *testing.T, r *Room) (a, b *Person) {
	t.Helper()
	a, b = r.Join("a"), r.Join("b")
	r.Wait(5 * time.Second)
	if trouble := r.Trouble(); len(trouble) > 0 {
		t.Fatal(trouble)
	}
	return a, b
}

// A server that says somebody left, or is away, or that there never was anybody, ends
// no call: connections decide, not rumours.
func TestServerCannotCutAPair(t *testing.T) {
	for name, frames := range map[string]func(b *Person) []string{
		"gone":           func(b *Person) []string { return []string{event(100, b.ID, 1, "gone")} },
		"away, gone":     func(b *Person) []string { return []string{event(100, b.ID, 1, "away"), event(101, b.ID, 1, "gone")} },
		"gone, for ever": func(b *Person) []string { return []string{event(100, b.ID, 1<<53-1, "gone")} },
		"nobody is here": func(*Person) []string { return []string{`{"t":"room","seq":100,"peers":[]}`} },
		"replaced":       func(*Person) []string { return []string{`{"t":"err","code":"replaced"}`} },
		"sent away":      func(*Person) []string { return []string{`{"t":"leave","act":"stop","after":0}`} },
		"sent away, to come back": func(*Person) []string {
			return []string{`{"t":"leave","act":"rejoin","after":9007199254740991}`}
		},
		"another process of theirs": func(b *Person) []string {
			return []string{event(100, b.ID, 1<<53-1, "join") + "\nAAAA", event(101, b.ID, 1<<53-1, "away")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "gone" && name != "replaced" {
				t.Skip("the race detector is slow; without -short all are tried")
			}
			attack(t, func(t *testing.T, r *Room, h *Hostile) {
				a, b := pair(t, r)
				undisturbed(t, r, a, b, name, func() {
					for _, f := range frames(b) {
						h.Victim(a).Say(f)
					}
				})
			})
		})
	}
}

// Where the server wants us no more and everybody else is gone, the call ends, and
// says why.
func TestCallWithoutServerEndsWithItsPeople(t *testing.T) {
	attack(t, func(t *testing.T, r *Room, h *Hostile) {
		a, b := pair(t, r)
		h.Victim(a).Say(`{"t":"leave","act":"stop","after":0}`)
		r.Wait(time.Minute)
		told := slices.ContainsFunc(Events[call.Warning](a), func(w call.Warning) bool {
			return w.Code == "server-left" && strings.Contains(w.Text, "The call goes on")
		})
		if !told {
			t.Error("a was not told")
		}
		b.Leave()
		r.Wait(29 * time.Second)
		if left := Events[call.Left](a); len(left) != 0 {
			t.Errorf("it ended too soon: %+v", left)
		}
		a.ExpectRefused("stopped")
		r.Wait(3 * time.Second)
		if left := Events[call.Left](a); len(left) != 1 || left[0].Reason != "stopped" {
			t.Errorf("the end was %+v", left)
		}
	})
}

// A server that kept the states of those who were there shows nobody who is gone, and
// tells of nobody's coming: not in its roster, not as an event, not again and again.
func TestServerShowsNoGhosts(t *testing.T) {
	attack(t, func(t *testing.T, r *Room, h *Hostile) {
		var ghosts []string
		h.Down = func(_ *Victim, frame string) []string {
			if len(ghosts) > 0 && strings.HasPrefix(frame, `{"t":"welcome"`) {
				var w map[string]any
				if err := json.Unmarshal([]byte(frame), &w); err != nil {
					t.Error(err)
				}
				peers, _ := w["peers"].([]any)
				for _, g := range ghosts {
					peers = append(peers, json.RawMessage(g))
				}
				w["peers"] = peers
				b, err := json.Marshal(w)
				if err != nil {
					t.Error(err)
				}
				return []string{string(b)}
			}
			return []string{frame}
		}
		c := r.Join("c")
		r.Wait(time.Second)
		header, state, _ := strings.Cut(h.Heard(c)[0], "\n")
		if !strings.HasPrefix(header, `{"t":"hello"`) {
			t.Fatalf("c said %q", header)
		}
		c.Leave()
		a := r.Join("a") // was here when c's ghost comes
		r.Wait(time.Second)
		ghosts = []string{fmt.Sprintf(`{"peer":%q,"inc":1,"state":%q}`, c.ID, state)}
		b := r.Join("b") // is welcomed by ghosts
		r.Wait(time.Second)
		times := 20
		if testing.Short() {
			times = 3
		}
		for i := range times {
			h.Victim(a).Say(event(100+2*i, c.ID, 1, "join") + "\n" + state)
			h.Victim(a).Say(event(101+2*i, c.ID, 1, []string{"away", "gone", "state"}[i%3]) + "\n" + state)
			r.Wait(5 * time.Second)
		}
		for _, p := range []*Person{a, b} {
			for _, s := range p.Seen() {
				text := fmt.Sprintf("%T %+v", s.Event, s.Event)
				if strings.Contains(text, string(c.ID)) {
					t.Errorf("%s saw a ghost: %s", p.Name, text)
				}
			}
			if v := p.Call.View(); len(v.Peers) != 1 {
				t.Errorf("%s lists %d people", p.Name, len(v.Peers))
			}
		}
	})
}

// A hundred thousand members that the server makes up are nobody, and those who are
// there are heard as before.
func TestServerMakesUpNobody(t *testing.T) {
	attack(t, func(t *testing.T, r *Room, h *Hostile) {
		a, b := pair(t, r)
		_, state, _ := strings.Cut(h.Heard(b)[0], "\n")
		undisturbed(t, r, a, b, "100,000 members", func() {
			rosters := 200
			if testing.Short() {
				rosters = 10
			}
			for i := range rosters {
				r.Wait(50 * time.Millisecond)
				var peers []string
				for n := range 500 {
					peers = append(peers, fmt.Sprintf(`{"peer":"%022d","inc":1,"state":"%.60s"}`, 1000*i+n, state))
				}
				h.Victim(a).Say(fmt.Sprintf(`{"t":"room","seq":%d,"peers":[%s]}`, 100+i, strings.Join(peers, ",")))
			}
		})
		if v := a.Call.View(); len(v.Peers) != 1 {
			t.Errorf("a lists %d people", len(v.Peers))
		}
	})
}

// What the server keeps, repeats, swaps between people or sends back changes nothing.
func TestServerReplaysAndReorders(t *testing.T) {
	attack(t, func(t *testing.T, r *Room, h *Hostile) {
		var kept []string
		h.Down = func(v *Victim, frame string) []string {
			if !strings.HasPrefix(frame, `{"t":"sig"`) {
				return []string{frame}
			}
			kept = append(kept, frame)
			all := append([]string{frame}, kept...) // all of it, to everybody, each time
			slices.Reverse(all)
			return all
		}
		a, b := pair(t, r)
		undisturbed(t, r, a, b, "replayed messages", func() {
			for _, f := range kept {
				h.Victim(a).Say(f)
				h.Victim(b).Say(f)
			}
		})
	})
}

// A server that speaks of another version is refused, not followed.
func TestServerCannotDowngrade(t *testing.T) {
	attack(t, func(t *testing.T, r *Room, h *Hostile) {
		h.Down = func(_ *Victim, frame string) []string {
			if strings.HasPrefix(frame, `{"t":"welcome"`) {
				return []string{`{"t":"err","code":"version","text":"this server speaks meet.1"}`}
			}
			return []string{frame}
		}
		a := r.Join("a")
		a.ExpectRefused("version")
		r.Wait(5 * time.Second)
		if left := Events[call.Left](a); len(left) != 1 || left[0].Reason != "version" {
			t.Errorf("a went on: %+v", left)
		}
	})
}

func event(seq int, peer any, inc uint64, on string) string {
	return fmt.Sprintf(`{"t":"peer","seq":%d,"peer":%q,"inc":%d,"on":%q}`, seq, peer, inc, on)
}
