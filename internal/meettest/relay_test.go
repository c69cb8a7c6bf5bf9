package meettest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/relay"
)

// relayed runs a test with two people whom only the relay connects.
func relayed(t *testing.T, change func(*relay.Config), test func(t *testing.T, r *Room, a, b *Person)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		r.Offer(STUNAndTURN, change)
		a, b := r.JoinBehind(Symmetric, "a"), r.JoinBehind(Symmetric, "b")
		r.Wait(4 * time.Second)
		r.expectWell()
		expectWay(t, a, b, true)
		for _, p := range r.People() {
			p.Forget()
		}
		r.Start = time.Now()
		test(t, r, a, b)
		for _, p := range r.People() {
			p.Leave()
		}
	})
}

// gap is the longest time that somebody heard nothing.
func gap(p *Person) (longest time.Duration) {
	for _, e := range Events[call.MediaResumed](p) {
		longest = max(longest, e.Gap)
	}
	return longest
}

// A cut of a relayed call heals as one of a direct call does.
func TestRelayedCut(t *testing.T) {
	for _, d := range []time.Duration{time.Second, 5 * time.Second, 20 * time.Second} {
		t.Run(d.String(), func(t *testing.T) {
			relayed(t, nil, func(t *testing.T, r *Room, a, b *Person) {
				b.Cut()
				r.Wait(d)
				b.Heal()
				r.Wait(5 * time.Second)
				r.expectWell()
				for _, p := range []*Person{a, b} {
					if back := gap(p) - d; back < 0 || back > 300*time.Millisecond {
						t.Errorf("%s heard again %v after the heal", p.Name, back)
					}
				}
			})
		})
	}
}

// The server dies and the relay with it, and comes back knowing nobody: calls
// that need the relay are back a moment later, all others never end.
func TestRelayDies(t *testing.T) {
	for _, down := range []time.Duration{0, 3 * time.Second, 15 * time.Second} {
		t.Run(down.String(), func(t *testing.T) {
			relayed(t, nil, func(t *testing.T, r *Room, a, b *Person) {
				c := r.Join("c")
				r.Wait(3 * time.Second)
				for _, p := range r.People() {
					p.Forget()
				}
				r.StopServer()
				r.Wait(down)
				r.StartServer()
				r.Wait(12 * time.Second)
				r.expectWell()
				for _, p := range []*Person{a, b} {
					back := gap(p) - down
					t.Logf("%s heard again %v after the server was back", p.Name, back)
					if back > 4*time.Second {
						t.Errorf("%s heard again %v after the server was back", p.Name, back)
					}
				}
				if g := gap(c); g != 0 {
					t.Errorf("c, who needs no relay, heard nothing for %v", g)
				}
			})
		})
	}
}

// Credentials end while a call is relayed: it goes on, and mends with new ones.
func TestCredentialsEndInACall(t *testing.T) {
	short := func(c *relay.Config) { c.Lifetime = 20 * time.Second }
	relayed(t, short, func(t *testing.T, r *Room, a, b *Person) {
		r.Wait(2 * time.Minute)
		r.expectWell()
		if g := max(gap(a), gap(b)); g != 0 {
			t.Errorf("nothing was heard for %v", g)
		}
		b.CutMedia() // until new candidates are gathered
		r.Wait(12 * time.Second)
		b.HealMedia()
		r.Wait(10 * time.Second)
		r.expectWell()
	})
}

// A relay that is full, or gives somebody nothing more, leaves those who need
// none in the call.
func TestRelayIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		r.Offer(STUNAndTURN, func(c *relay.Config) { c.MaxAllocations = 2 })
		for _, name := range []string{"a", "b", "c", "d"} {
			r.JoinBehind(PortRestricted, name)
		}
		r.Wait(4 * time.Second)
		r.expectWell()
		for _, p := range r.People() {
			p.Leave()
		}
	})
}

// Somebody whose call is relayed moves to another network: the relay knows its
// clients by their address, so that all of it is made anew.
func TestRelayedMove(t *testing.T) {
	for _, mover := range []string{"a", "b"} { // the side that answers, and the one that offers
		t.Run(mover, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := New(t)
				r.Offer(STUNAndTURN, nil)
				relayOnly := func(c *call.Config) { c.RelayOnly = true }
				people := map[string]*Person{"a": r.Join("a", relayOnly), "b": r.Join("b", relayOnly)}
				r.Wait(4 * time.Second)
				expectWay(t, people["a"], people["b"], true)
				for _, p := range people {
					p.Forget()
				}
				people[mover].Move()
				r.Wait(8 * time.Second)
				r.expectWell()
				expectWay(t, people["a"], people["b"], true)
				for _, p := range people {
					t.Logf("%s heard nothing for %v", p.Name, gap(p))
					if gap(p) > time.Second {
						t.Errorf("%s heard nothing for %v", p.Name, gap(p))
					}
					p.Leave()
				}
			})
		})
	}
}
