package meettest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
)

// heardFrom returns the chat messages of somebody in the order they were shown.
func (p *Person) heardFrom(of *Person) []string {
	var out []string
	for _, e := range Events[call.Chat](p) {
		if e.Peer == of.ID {
			out = append(out, e.Text)
		}
	}
	return out
}

// What is said while a pair is cut arrives at once, once and in order: through the
// server, or sealed through a third person without one, or over a connection whose
// packets the third person carries.
func TestChatWhileAPairIsCut(t *testing.T) {
	for name, c := range map[string]struct{ server, carry bool }{
		"with the server": {server: true}, "through a third person": {},
		"carried, with the server": {true, true}, "carried": {carry: true},
	} {
		t.Run(name, func(t *testing.T) {
			server, option := c.server, noCarry
			if c.carry {
				option = func(*call.Config) {}
			}
			bubbleWith(t, []string{"a", "b", "c"}, option, func(t *testing.T, r *Room, p []*Person) {
				a, b, c := p[0], p[1], p[2]
				if !server {
					r.StopServer()
					r.Wait(3 * time.Second)
				}
				r.Block(a, b)
				r.Block(b, a)
				var want []string
				say := func(text string) {
					a.Call.Say(text)
					want = append(want, text)
				}
				r.Wait(time.Second)
				say("before anybody noticed")
				r.Wait(3 * time.Second)
				if got := b.heardFrom(a); !slices.Equal(got, want) {
					t.Errorf("B was told %q, want %q", got, want)
				}
				r.Wait(time.Second)
				for i := range 3 {
					say(fmt.Sprint("line ", i))
					r.Wait(200 * time.Millisecond)
				}
				if got := b.heardFrom(a); !slices.Equal(got, want) {
					t.Errorf("B was told %q, want %q", got, want)
				}
				r.Unblock(a, b)
				r.Unblock(b, a)
				r.Wait(6 * time.Second)
				say("after")
				r.Wait(time.Second)
				for _, q := range []*Person{b, c} {
					if got := q.heardFrom(a); !slices.Equal(got, want) {
						t.Errorf("%s was told %q, want %q", q.Name, got, want)
					}
				}
				if e := Events[rtc.Undelivered](a); len(e) != 0 {
					t.Errorf("A was told %+v", e)
				}
				if !server {
					r.StartServer()
					r.Wait(3 * time.Second)
				}
			})
		})
	}
}

// Two people whom nobody can carry: what was said before the cut was noticed takes
// the server when it is.
func TestChatTakesTheServer(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		r.Block(a, b)
		r.Block(b, a)
		r.Wait(time.Second)
		a.Call.Say("before anybody noticed")
		r.Wait(1500 * time.Millisecond)
		a.Call.Say("after")
		r.Wait(100 * time.Millisecond)
		if got := b.heardFrom(a); !slices.Equal(got, []string{"before anybody noticed", "after"}) {
			t.Errorf("B was told %q", got)
		}
		r.Unblock(a, b)
		r.Unblock(b, a)
		r.Wait(6 * time.Second)
		if got := b.heardFrom(a); len(got) != 2 {
			t.Errorf("in the end B was told %q", got)
		}
	})
}

// Without any way the sender is told, once, and it follows when there is one.
func TestChatWithoutAnyWay(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		b.Cut()
		r.Wait(8 * time.Second)
		a.Call.Say("one")
		a.Call.Say("two")
		r.Wait(4 * time.Second)
		if e := Events[rtc.Undelivered](a); len(e) != 1 || e[0].Peer != b.ID {
			t.Errorf("A was told %+v", e)
		}
		b.HealServer()
		r.Wait(2 * time.Second)
		if got := b.heardFrom(a); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("with the server back B was told %q", got)
		}
		b.HealMedia()
		r.Wait(4 * time.Second)
		if got := b.heardFrom(a); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("in the end B was told %q", got)
		}
	})
}

// Of what is said while there is no way, the newest fifty lines arrive, in order.
func TestChatThatWaitsIsBounded(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		b.Cut()
		r.Wait(8 * time.Second)
		var want []string
		for i := range 60 {
			a.Call.Say(fmt.Sprint("line ", i))
			want = append(want, fmt.Sprint("line ", i))
			r.Wait(10 * time.Millisecond)
		}
		r.Wait(time.Second)
		b.HealServer()
		r.Wait(4 * time.Second)
		if got := b.heardFrom(a); !slices.Equal(got, want[10:]) {
			t.Errorf("B was told %d lines: %q", len(got), got)
		}
		b.HealMedia()
		r.Wait(4 * time.Second)
	})
}
