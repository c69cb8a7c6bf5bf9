package meettest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
)

// healedWithin is how long after a change of address everybody must be heard
// again.
const healedWithin = 300 * time.Millisecond

// Addresses change: those of the offering side, of the answering side, of both
// at once; for the first time and again; where the other can follow by itself,
// and where a filter keeps it from that.
func TestAddressChanges(t *testing.T) {
	for _, strict := range []bool{false, true} {
		for _, who := range []string{"a", "b", "ab"} {
			t.Run(fmt.Sprintf("%s moves, strict %v", who, strict), func(t *testing.T) {
				bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
					if strict {
						p[0].Strict()
						p[1].Strict()
					}
					for n := range 3 {
						r.moveAndExpect(fmt.Sprintf("move %d", n+1), p, who)
						r.Wait(5 * time.Second)
					}
					r.expectWell()
				})
			})
		}
	}
}

// moveAndExpect moves those whose names are in who and fails unless all are
// heard again soon, without a badge.
func (r *Room) moveAndExpect(what string, people []*Person, who string) {
	r.T.Helper()
	for _, p := range people {
		p.Forget()
	}
	for _, p := range people {
		if containsName(who, p) {
			p.Move()
		}
	}
	r.Wait(4 * time.Second)
	r.expectSound(people)
	for _, p := range people {
		for _, e := range Events[call.MediaResumed](p) {
			if e.Gap > healedWithin {
				r.T.Errorf("%s: %s heard nothing for %v", what, p.Name, e.Gap)
			}
			r.T.Logf("%s: %s heard nothing for %v", what, p.Name, e.Gap)
		}
		for _, e := range Events[rtc.ConnectionStateChanged](p) {
			r.T.Errorf("%s: %s saw %v -> %v", what, p.Name, e.Previous, e.State)
		}
		for _, q := range people {
			if p != q && p.state(q) != rtc.StateConnected {
				r.T.Errorf("%s: %s sees %s as %v", what, p.Name, q.Name, p.state(q))
			}
		}
	}
}

// expectSound fails unless everybody hears everybody.
func (r *Room) expectSound(people []*Person) {
	r.T.Helper()
	before := map[[2]*Person]uint64{}
	for _, p := range people {
		for _, q := range people {
			before[[2]*Person{p, q}] = p.Packets(q)
		}
	}
	r.Wait(time.Second)
	for pair, n := range before {
		if p, q := pair[0], pair[1]; p != q && p.Packets(q) < n+45 {
			r.T.Errorf("%s decoded %d packets of %s in a second", p.Name, p.Packets(q)-n, q.Name)
		}
	}
}

func containsName(who string, p *Person) bool {
	for _, c := range who {
		if string(c) == p.Name {
			return true
		}
	}
	return false
}

// Both change address while the server is away; it returns some seconds later.
func TestBothMoveWhileTheServerIsAway(t *testing.T) {
	for _, strict := range []bool{false, true} {
		for _, away := range []time.Duration{500 * time.Millisecond, 3 * time.Second, 8 * time.Second} {
			t.Run(fmt.Sprintf("%v, strict %v", away, strict), func(t *testing.T) {
				bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
					for _, q := range p {
						if strict {
							q.Strict()
						}
						q.Move() // an earlier one, that is followed
					}
					r.Wait(5 * time.Second)
					r.expectWell()
					r.StopServer()
					r.Wait(time.Second)
					for _, q := range p {
						q.Move()
					}
					r.Wait(away)
					for _, q := range p {
						q.Forget()
					}
					r.StartServer()
					r.Wait(2*time.Second + healedWithin)
					r.expectWell()
					r.expectSoonAfterServer(p)
					r.expectSound(p)
				})
			})
		}
	}
}

// expectSoonAfterServer fails unless all are heard soon after the last of the
// links to the server is back.
func (r *Room) expectSoonAfterServer(people []*Person) {
	r.T.Helper()
	var back, heard time.Duration
	for _, p := range people {
		for _, s := range p.Seen() {
			switch e := s.Event.(type) {
			case rtc.ServerStateChanged:
				if e.State == "connected" {
					back = max(back, s.At)
				}
			case call.MediaResumed:
				heard = max(heard, s.At)
			}
		}
	}
	r.T.Logf("server back at %v, heard at %v", back, heard)
	if heard-back > healedWithin {
		r.T.Errorf("heard again %v after the server was back", heard-back)
	}
}

// The same behind the routers of two homes, with paths through their NATs and
// through a relay: the address of a pair is then not one of the machine's own.
func TestAddressChangesAtHome(t *testing.T) {
	for _, c := range []struct {
		nat    NAT
		within time.Duration
	}{
		{PortRestricted, healedWithin},
		{Symmetric, 2 * healedWithin}, // a relay is asked for a new allocation first
	} {
		for _, who := range []string{"a", "b", "ab"} {
			t.Run(fmt.Sprintf("%s moves behind a %v router", who, c.nat), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := New(t)
					r.Offer(STUNAndTURN, nil)
					people := []*Person{r.JoinBehind(c.nat, "a"), r.JoinBehind(c.nat, "b")}
					r.Wait(4 * time.Second)
					r.expectWell()
					for n := range 2 {
						for _, p := range people {
							p.Forget()
						}
						for _, p := range people {
							if containsName(who, p) {
								p.MoveInside()
							}
						}
						r.Wait(5 * time.Second)
						r.expectWell()
						r.expectSound(people)
						for _, p := range people {
							if g := gap(p); g > c.within {
								t.Errorf("move %d: %s heard nothing for %v", n+1, p.Name, g)
							} else {
								t.Logf("move %d: %s heard nothing for %v", n+1, p.Name, g)
							}
						}
					}
					for _, p := range people {
						p.Leave()
					}
				})
			})
		}
	}
}

// Several of three people change address in one moment, those who offer and those
// who answer, again and again: nobody waits for anybody's turn.
func TestSeveralMoveAtOnce(t *testing.T) {
	for _, strict := range []bool{false, true} {
		for _, who := range []string{"abc", "ab", "bc"} {
			t.Run(fmt.Sprintf("%s move, strict %v", who, strict), func(t *testing.T) {
				bubble(t, []string{"a", "b", "c"}, func(t *testing.T, r *Room, p []*Person) {
					for _, q := range p {
						if strict {
							q.Strict()
						}
					}
					for n := range 3 {
						r.moveAndExpect(fmt.Sprintf("move %d", n+1), p, who)
						for _, q := range p {
							for _, other := range p {
								if q != other && q.statsOf(other).Transport.Path != rtc.PathDirect {
									t.Errorf("move %d: %s reaches %s by %v", n+1, q.Name, other.Name, q.statsOf(other).Transport.Path)
								}
							}
						}
						r.Wait(time.Duration(n) * 777 * time.Millisecond)
					}
					r.expectWell()
				})
			})
		}
	}
}

// The same without a server: those who moved are followed by the third, who carries
// what they must tell each other.
func TestTwoMoveWithoutTheServer(t *testing.T) {
	for _, who := range []string{"ab", "bc", "ac"} {
		t.Run(who, func(t *testing.T) {
			bubble(t, []string{"a", "b", "c"}, func(t *testing.T, r *Room, p []*Person) {
				r.StopServer()
				r.Wait(2 * time.Second)
				for range 3 {
					for _, q := range p {
						q.Forget()
						if containsName(who, q) {
							q.Move()
						}
					}
					r.Wait(4 * time.Second)
					r.expectSound(p)
					for _, q := range p {
						t.Logf("%s heard nothing for %v", q.Name, gap(q))
						if g := gap(q); g > 2*time.Second {
							t.Errorf("%s heard nothing for %v", q.Name, g)
						}
					}
				}
			})
		})
	}
}
