package meettest

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/transport/v5/vnet"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
)

// noCarry keeps somebody from carrying others.
func noCarry(c *call.Config) { c.NoCarry = true }

// part blocks everything between two people, both ways.
func (r *Room) part(a, b *Person) {
	r.Block(a, b)
	r.Block(b, a)
}

// rejoin lets them exchange packets again.
func (r *Room) rejoin(a, b *Person) {
	r.Unblock(a, b)
	r.Unblock(b, a)
}

// path is how packets travel from one to another, "via b" if somebody carries.
func (p *Person) path(to *Person) string {
	v, _ := p.Call.View().Peer(to.ID)
	if v.Transport.Path == rtc.PathVia {
		return "via " + v.Via
	}
	return v.Transport.Path.String()
}

// expectPath fails unless two people reach each other in one of these ways.
func (r *Room) expectPath(a, b *Person, want ...string) {
	r.T.Helper()
	for _, pair := range [][2]*Person{{a, b}, {b, a}} {
		if got := pair[0].path(pair[1]); !slices.Contains(want, got) {
			r.T.Errorf("%s to %s: %s, want %q", pair[0].Name, pair[1].Name, got, want)
		}
		if s := pair[0].state(pair[1]); s != rtc.StateConnected {
			r.T.Errorf("%s sees %s as %v", pair[0].Name, pair[1].Name, s)
		}
	}
}

// expectGap fails if one heard nothing of another for longer than limit, or saw
// the other as anything but connected.
func (p *Person) expectGap(of *Person, limit time.Duration) {
	p.room.T.Helper()
	for _, e := range Events[call.MediaResumed](p) {
		if e.Peer == of.ID {
			p.room.T.Logf("%s did not hear %s for %v", p.Name, of.Name, e.Gap)
		}
		if e.Peer == of.ID && e.Gap > limit {
			p.room.T.Errorf("%s did not hear %s for %v, more than %v", p.Name, of.Name, e.Gap, limit)
		}
	}
	for _, e := range Events[rtc.ConnectionStateChanged](p) {
		if e.Peer == of.ID && e.State != rtc.StateConnected && e.State != rtc.StateConnecting {
			p.room.T.Errorf("%s saw %s as %v", p.Name, of.Name, e.State)
		}
	}
}

// parted is a room in which the first and the last have never been able to
// exchange a packet.
func parted(t *testing.T, names []string, opt Option, test func(t *testing.T, r *Room, people []*Person)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		var people []*Person
		for i, n := range names {
			people = append(people, r.Join(n, opt))
			if i == len(names)-1 {
				r.part(people[0], people[i])
			} else {
				r.Wait(time.Second)
			}
		}
		test(t, r, people)
		for _, p := range people {
			if p.running() {
				p.Leave()
			}
		}
	})
}

func asIs(*call.Config) {}

// Two who cannot reach each other are carried by a third, who is told.
func TestCarried(t *testing.T) {
	parted(t, []string{"a", "b", "c"}, asIs, func(t *testing.T, r *Room, p []*Person) {
		a, b, c := p[0], p[1], p[2]
		joined := time.Since(r.Start)
		r.Wait(5 * time.Second)
		r.expectWell()
		r.expectPath(a, c, "via b")
		r.expectPath(a, b, "direct")
		r.expectPath(b, c, "direct")
		for _, q := range [][2]*Person{{a, c}, {c, a}} {
			if n := q[0].Packets(q[1]); n < 200 {
				t.Errorf("%s heard %d packets of %s", q[0].Name, n, q[1].Name)
			}
			v, _ := q[0].Call.View().Peer(q[1].ID)
			// The first check waited for the carrier, and counts for a while.
			if rtt := v.Transport.RTT; rtt < 4*Latency || rtt >= 5*Latency || v.Transport.LocalAddress != "" {
				t.Errorf("%s to %s: %+v", q[0].Name, q[1].Name, v.Transport)
			}
		}
		if at := slices.IndexFunc(c.Seen(), func(s Seen) bool {
			e, ok := s.Event.(rtc.PeerConnected)
			return ok && e.Peer == a.ID
		}); at < 0 || c.Seen()[at].At > joined+600*time.Millisecond {
			t.Errorf("C joined at %v and saw %v", joined, c.Timeline(a, time.Millisecond))
		}
		if got := fmt.Sprint(b.Call.View().Carrying); got != fmt.Sprintf("[[{%s a} {%s c}]]", a.ID, c.ID) {
			t.Errorf("B says that it carries %s", got)
		}
		if said := Events[rtc.CarryingChanged](b); len(said) != 1 || len(said[0].Pairs) != 1 {
			t.Errorf("B said %+v", said)
		}
		c.Leave()
		r.Wait(time.Second)
		if said := Events[rtc.CarryingChanged](b); len(said) != 2 || len(said[1].Pairs) != 0 {
			t.Errorf("B said %+v after C left", said)
		}
	})
}

// Who carries may leave, or die without a word, when there is another.
func TestCarrierGoes(t *testing.T) {
	for _, how := range []string{"leaves", "is killed"} {
		t.Run(how, func(t *testing.T) {
			parted(t, []string{"a", "b", "c", "d"}, asIs, func(t *testing.T, r *Room, p []*Person) {
				a, d := p[0], p[3]
				r.Wait(5 * time.Second)
				r.expectPath(a, d, "via b", "via c")
				by, other := p[1], p[2]
				if a.path(d) == "via c" {
					by, other = other, by
				}
				a.Forget()
				d.Forget()
				if how == "leaves" {
					by.Leave()
				} else {
					by.Kill()
				}
				r.Wait(3 * time.Second)
				r.expectPath(a, d, "via "+other.Name)
				a.expectGap(d, 300*time.Millisecond)
				d.expectGap(a, 300*time.Millisecond)
			})
		})
	}
}

// A direct way that opens is taken without a gap.
func TestDirectWayOpens(t *testing.T) {
	parted(t, []string{"a", "b", "c"}, asIs, func(t *testing.T, r *Room, p []*Person) {
		a, c := p[0], p[2]
		r.Wait(5 * time.Second)
		r.expectPath(a, c, "via b")
		a.Forget()
		c.Forget()
		r.rejoin(a, c)
		r.Wait(1500 * time.Millisecond)
		r.expectPath(a, c, "direct")
		r.Wait(10 * time.Second)
		r.expectPath(a, c, "direct")
		a.expectGap(c, 0)
		c.expectGap(a, 0)
	})
}

// A direct way that dies is left at once for the carried one, again and again.
func TestDirectWayDies(t *testing.T) {
	bubble(t, []string{"a", "b", "c"}, func(t *testing.T, r *Room, p []*Person) {
		a, c := p[0], p[2]
		for i := range 4 {
			r.Wait(time.Duration(i) * 70 * time.Millisecond) // at another phase of the checks
			r.part(a, c)
			r.Wait(2 * time.Second)
			r.expectPath(a, c, "via b")
			r.Wait(20 * time.Second)
			r.rejoin(a, c)
			r.Wait(3 * time.Second)
			r.expectPath(a, c, "direct")
		}
		a.expectGap(c, 500*time.Millisecond)
		c.expectGap(a, 500*time.Millisecond)
	})
}

// A cut of the carrier heals as a cut of a direct path does.
func TestCarrierIsCut(t *testing.T) {
	parted(t, []string{"a", "b", "c"}, asIs, func(t *testing.T, r *Room, p []*Person) {
		a, b, c := p[0], p[1], p[2]
		r.Wait(5 * time.Second)
		for _, d := range []time.Duration{time.Second, 5 * time.Second, 20 * time.Second} {
			b.CutMedia()
			r.Wait(d)
			a.Forget()
			b.HealMedia()
			r.Wait(5 * time.Second)
			r.expectWell()
			r.expectPath(a, c, "via b")
			for _, e := range Events[call.MediaResumed](a) {
				if e.Peer == c.ID {
					t.Logf("after a cut of %v: C was not heard for %v", d, e.Gap)
					if e.Gap-d > time.Second {
						t.Errorf("A heard C again %v after a cut of %v", e.Gap-d, d)
					}
				}
			}
		}
	})
}

// Somebody who does not want to carry does not, and people are told so.
func TestNobodyCarries(t *testing.T) {
	parted(t, []string{"a", "b", "c"}, noCarry, func(t *testing.T, r *Room, p []*Person) {
		a, c := p[0], p[2]
		r.Wait(time.Minute)
		if s := a.state(c); s != rtc.StateFailed {
			t.Errorf("A sees C as %v", s)
		}

		failed := Events[rtc.ConnectFailed](a)
		if len(failed) != 1 {
			t.Fatalf("A was told %+v", failed)
		}
		const want = "Cannot reach c: direct blocked, no relay offered by the server, b could carry but does not."
		if got := failed[0].Sentence(); got != want {
			t.Errorf("A was told %q", got)
		}
		if v, _ := a.Call.View().Peer(c.ID); v.Trouble == "" || v.Transport != (rtc.TransportStats{}) {
			t.Errorf("A sees %+v", v)
		}
		p[1].Leave()
		r.Wait(20 * time.Second)
		if failed = Events[rtc.ConnectFailed](a); len(failed) != 2 || failed[1].Tried[2].Result != "nobody else in the room" {
			t.Errorf("A was told %+v", failed)
		}
	})
}

// Addresses that could not be learned when the two met are learned later, and the
// path becomes direct without a gap.
func TestAddressLearnedLater(t *testing.T) {
	for _, late := range []string{"a", "c"} { // c makes the offers
		t.Run(late, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := New(t)
				r.Offer(STUNOnly, nil)
				a := r.JoinBehind(PortRestricted, "a")
				r.setNoSTUN(a, late == "a")
				b := r.Join("b")
				r.Wait(time.Second)
				c := r.JoinBehind(PortRestricted, "c")
				r.setNoSTUN(c, late == "c")
				r.Wait(5 * time.Second)
				r.expectPath(a, c, "via b")
				a.Forget()
				c.Forget()
				r.setNoSTUN(a, false)
				r.setNoSTUN(c, false)
				r.Wait(time.Minute)
				r.expectPath(a, c, "direct")
				a.expectGap(c, 0)
				c.expectGap(a, 0)
				for _, p := range []*Person{a, b, c} {
					p.Leave()
				}
			})
		})
	}
}

// setNoSTUN keeps somebody from learning their address from the server.
func (r *Room) setNoSTUN(p *Person, on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.block[[2]string{p.IP, relayIP}] = on
}

// Ends and carriers may change their addresses.
func TestCarriedMoves(t *testing.T) {
	for _, who := range []string{"a", "c", "ac", "b"} {
		t.Run(who, func(t *testing.T) {
			parted(t, []string{"a", "b", "c"}, asIs, func(t *testing.T, r *Room, p []*Person) {
				a, c := p[0], p[2]
				r.Wait(5 * time.Second)
				r.expectPath(a, c, "via b")
				a.Forget()
				c.Forget()
				for _, q := range p {
					if containsName(who, q) {
						q.Move()
					}
				}
				r.part(a, c) // by their new addresses
				r.Wait(5 * time.Second)
				r.expectPath(a, c, "via b")
				a.expectGap(c, 600*time.Millisecond)
				c.expectGap(a, 600*time.Millisecond)
			})
		})
	}
}

// A leg that is relayed itself carries through its data channel.
func TestCarriedOverARelayedLeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		r.Offer(STUNAndTURN, nil)
		a, b := r.Join("a"), r.Join("b")
		r.part(a, b)
		r.Wait(2 * time.Second)
		c := r.Join("c")
		r.part(a, c)
		r.mu.Lock() // the relay does not reach c
		r.block[[2]string{c.IP, relayIP}], r.block[[2]string{relayIP, c.IP}] = true, true
		r.mu.Unlock()
		r.Wait(5 * time.Second)
		r.expectPath(a, b, "relay")
		r.expectPath(b, c, "direct")
		r.expectPath(a, c, "via b")
		a.Forget()
		c.Forget()
		before := a.Packets(c)
		r.Wait(5 * time.Second)
		if n := a.Packets(c) - before; n < 240 {
			t.Errorf("A heard %d of 250 packets", n)
		}
		a.expectGap(c, 0)
		for _, p := range []*Person{a, b, c} {
			p.Leave()
		}
	})
}

// Those who need nobody to carry pay for it with a packet now and then.
func TestStandbyIsCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		p := []*Person{r.Join("a"), r.Join("b"), r.Join("c")}
		r.Wait(3 * time.Second)
		var frames, all atomic.Int64
		r.router.AddChunkFilter(func(c vnet.Chunk) bool {
			all.Add(1)
			if b := c.UserData(); len(b) > 0 && (b[0] == 0xc8 || b[0] == 0xc9) {
				frames.Add(1)
			}
			return true
		})
		r.Wait(time.Minute)
		// One check of each pair every 20 s, by two hops, and its answer.
		if n := frames.Load(); n == 0 || n > 4*3*4 {
			t.Errorf("%d frames in a minute, of %d packets", n, all.Load())
		}
		for _, q := range p {
			if said := Events[rtc.CarryingChanged](q); len(said) != 0 {
				t.Errorf("%s said %+v", q.Name, said)
			}
			q.Leave()
		}
	})
}

// Every two kinds of routers without a relay, and a third person whom both reach:
// everybody is in the call.
func TestNATsWithAThird(t *testing.T) {
	kinds := []NAT{Open, FullCone, AddressRestricted, PortRestricted, Symmetric}
	for i, first := range kinds {
		for _, second := range kinds[i:] {
			t.Run(fmt.Sprintf("%v and %v", first, second), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := New(t)
					r.Offer(STUNOnly, nil)
					a, b, c := r.JoinBehind(first, "a"), r.Join("b"), r.JoinBehind(second, "c")
					r.Wait(4 * time.Second)
					want := "direct"
					if second == Symmetric && first >= PortRestricted {
						want = "via b"
					}
					r.expectPath(a, c, want)
					r.expectPath(a, b, "direct")
					r.expectPath(b, c, "direct")
					if a.Packets(c) == 0 || c.Packets(a) == 0 {
						t.Errorf("%d and %d packets were heard", a.Packets(c), c.Packets(a))
					}
					for _, p := range []*Person{a, b, c} {
						p.Leave()
					}
				})
			})
		}
	}
}
