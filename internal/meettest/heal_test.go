package meettest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

func TestCutsOfEveryLength(t *testing.T) {
	lengths := []time.Duration{1, 3, 5, 10, 25, 60, 300}
	if testing.Short() { // such as under the race detector, where time costs more
		lengths = lengths[:4]
	}
	for _, d := range lengths {
		d *= time.Second
		t.Run(d.String(), func(t *testing.T) {
			bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
				p[1].Cut()
				r.Wait(d)
				p[1].Heal()
				healed := time.Now()
				settle := 5 * time.Second
				if d >= time.Minute { // a server that is gone for so long is looked for every 10 s
					settle += 10 * time.Second
				}
				r.Wait(settle)
				r.expectWell()
				for _, q := range p {
					for _, e := range Events[call.MediaResumed](q) {
						back := e.Perceived.Sub(healed)
						t.Logf("%s heard the other again %v after the heal", q.Name, back)
						if back > heardWithin && d <= 30*time.Second {
							t.Errorf("%s was deaf for %v after the heal", q.Name, back)
						}
					}
				}
			})
		})
	}
}

// Only the datagrams between two of three are lost; signaling lives. All
// attempts are spent, then it is called failed; after the heal it mends.
func TestPathBlockedWhileSignalingLives(t *testing.T) {
	bubbleWith(t, []string{"a", "b", "c"}, noCarry, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		r.Block(a, b)
		r.Block(b, a)
		r.Wait(40 * time.Second)
		if s := a.state(b); s != rtc.StateFailed {
			t.Errorf("A sees B as %v", s)
		}
		if failed := Events[rtc.ReconnectFailed](a); len(failed) != 1 || failed[0].Attempts != 3 {
			t.Errorf("reconnect-failed: %+v", failed)
		}
		if n := len(Events[rtc.Reconnecting](a)); n != 3 {
			t.Errorf("%d attempts were announced", n)
		}
		r.Unblock(a, b)
		r.Unblock(b, a)
		r.Wait(16 * time.Second)
		r.expectWell()
	})
}

func TestRetryMendsAtOnce(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		a.CutMedia()
		r.Wait(40 * time.Second)
		a.HealMedia()
		a.Call.Retry("")
		r.Wait(time.Second)
		if a.state(b) != rtc.StateConnected || b.state(a) != rtc.StateConnected {
			t.Errorf("states %v and %v a second after the retry", a.state(b), b.state(a))
		}
	})
}

func TestOneWayLoss(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		r.Block(a, b) // B no longer hears A
		r.Wait(4 * time.Second)
		if s := b.state(a); s != rtc.StateDisconnected {
			t.Errorf("B sees A as %v", s)
		}
		v, _ := a.Call.View().Peer(b.ID)
		if v.State != rtc.StateConnected || !v.OneWay {
			t.Errorf("A sees B as %v, one-way %v", v.State, v.OneWay)
		}
		r.Unblock(a, b)
		r.Wait(5 * time.Second)
		r.expectWell()
		if v, _ := a.Call.View().Peer(b.ID); v.OneWay {
			t.Error("A still says that B does not hear")
		}
	})
}

// A quiet peer, muted and without a camera, is never called disconnected.
func TestQuietPeersStayConnected(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		for _, q := range p {
			q.Call.SetMic(false)
		}
		r.Wait(10 * time.Minute)
		for _, q := range p {
			if e := Events[rtc.ConnectionStateChanged](q); len(e) != 0 {
				t.Errorf("%s saw %+v", q.Name, e)
			}
		}
	})
}

func TestServerRestart(t *testing.T) {
	downs := []time.Duration{0, 2 * time.Second, 20 * time.Second, 2 * time.Minute}
	if testing.Short() {
		downs = downs[:2]
	}
	for _, down := range downs {
		t.Run(down.String(), func(t *testing.T) {
			bubble(t, []string{"a", "b", "c"}, func(t *testing.T, r *Room, p []*Person) {
				r.StopServer()
				r.Wait(down)
				for _, q := range p {
					if n := q.Call.Mesh().ConnectedCount(); n != 2 {
						t.Errorf("%s is connected with %d without a server", q.Name, n)
					}
				}
				p[0].Call.SetMic(false) // told over the data channels as well
				r.Wait(time.Second)
				if v, _ := p[1].Call.View().Peer(p[0].ID); v.Media.Mic {
					t.Error("a mute is not seen without a server")
				}
				r.StartServer()
				limit := 3 * time.Second
				if down > time.Minute {
					limit = 11 * time.Second // the backoff has grown
				}
				r.Wait(limit)
				r.expectWell()
				for _, q := range p {
					if e := Events[call.MediaResumed](q); len(e) != 0 {
						t.Errorf("%s lost media: %+v", q.Name, e)
					}
					if e := Events[rtc.ConnectionStateChanged](q); len(e) != 0 {
						t.Errorf("%s saw %+v", q.Name, e)
					}
				}
			})
		})
	}
}

// A path breaks for good while the server is gone: a third peer carries the
// descriptions of a new one.
func TestRepairThroughAThirdPeer(t *testing.T) {
	bubbleWith(t, []string{"a", "b", "c"}, noCarry, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		r.StopServer()
		r.Wait(5 * time.Second)
		// Both sessions fail at once: only new descriptions help.
		r.Block(a, b)
		r.Block(b, a)
		r.Wait(8 * time.Second)
		r.Unblock(a, b)
		r.Unblock(b, a)
		r.Wait(6 * time.Second)
		if a.state(b) != rtc.StateConnected || b.state(a) != rtc.StateConnected {
			t.Errorf("states %v and %v", a.state(b), b.state(a))
		}
		if n := len(Events[rtc.Reconnecting](a)) + len(Events[rtc.Reconnecting](b)); n == 0 {
			t.Error("no attempt was made although a third peer could carry it")
		}
		r.StartServer()
		r.Wait(5 * time.Second)
		r.expectWell()
	})
}

func TestServerGoneAroundACut(t *testing.T) {
	for name, test := range map[string]func(r *Room, b *Person){
		"before": func(r *Room, b *Person) {
			r.StopServer()
			r.Wait(3 * time.Second)
			b.Cut()
			r.Wait(5 * time.Second)
			b.Heal()
			r.Wait(3 * time.Second)
			r.StartServer()
		},
		"during": func(r *Room, b *Person) {
			b.Cut()
			r.Wait(3 * time.Second)
			r.StopServer()
			r.Wait(3 * time.Second)
			r.StartServer()
			r.Wait(3 * time.Second)
			b.Heal()
		},
		"after": func(r *Room, b *Person) {
			b.Cut()
			r.Wait(5 * time.Second)
			b.Heal()
			r.StopServer()
			r.Wait(5 * time.Second)
			r.StartServer()
		},
		"dead to the end of the cut": func(r *Room, b *Person) {
			b.Cut()
			r.Wait(3 * time.Second)
			r.StopServer()
			b.Heal()
			r.Wait(time.Second)
			r.StartServer()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, []string{"a", "b", "c"}, func(_ *testing.T, r *Room, p []*Person) {
				test(r, p[1])
				r.Wait(10 * time.Second)
				r.expectWell()
			})
		})
	}
}

// The network goes at every moment of a connection's making and mending.
func TestCutDuringNegotiation(t *testing.T) {
	step := 10 * time.Millisecond
	if testing.Short() {
		step = 70 * time.Millisecond
	}
	for at := time.Duration(0); at <= 200*time.Millisecond; at += step {
		t.Run(fmt.Sprintf("first offer, %v", at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := New(t)
				r.Join("a")
				r.Wait(time.Second)
				b := r.Join("b")
				r.Wait(at)
				b.Cut()
				r.Wait(6 * time.Second)
				b.Heal()
				r.Wait(10 * time.Second)
				r.expectWell()
				for _, p := range r.People() {
					p.Leave()
				}
			})
		})
		t.Run(fmt.Sprintf("restart, %v", at), func(t *testing.T) {
			bubble(t, []string{"a", "b"}, func(_ *testing.T, r *Room, p []*Person) {
				p[1].CutMedia()
				r.Wait(3*time.Second + at) // an attempt begins after 3 s
				p[1].CutServer()
				r.Wait(5 * time.Second)
				p[1].Heal()
				r.Wait(10 * time.Second)
				r.expectWell()
			})
		})
	}
}

func TestCrashAndLeave(t *testing.T) {
	bubble(t, []string{"a", "b", "c"}, func(t *testing.T, r *Room, p []*Person) {
		a, b, c := p[0], p[1], p[2]
		c.Leave()
		r.Wait(100 * time.Millisecond)
		if left := Events[rtc.PeerLeft](a); len(left) != 1 || left[0].Crashed {
			t.Errorf("A saw %+v when C left", left)
		}
		b.Kill()
		r.Wait(2 * time.Second)
		v, ok := a.Call.View().Peer(b.ID)
		if !ok || !v.Away {
			t.Errorf("A sees B, who crashed, as %+v", v)
		}
		r.Wait(20 * time.Second)
		if _, ok := a.Call.View().Peer(b.ID); !ok {
			t.Error("B was forgotten too soon")
		}
		r.Wait(12 * time.Second)
		if _, ok := a.Call.View().Peer(b.ID); ok {
			t.Error("B is still listed")
		}
		if left := Events[rtc.PeerLeft](a); len(left) != 2 || !left[1].Crashed {
			t.Errorf("A saw %+v", left)
		}
	})
}

// The same person, started again after a crash, is the same row.
func TestNewProcessOfAPerson(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		for _, q := range p {
			other := p[0]
			if q == other {
				other = p[1]
			}
			q.Kill()
			r.Wait(3 * time.Second)
			q.Again(func(c *call.Config) { c.Start = signal.Media{} })
			r.Wait(2 * time.Second)
			r.expectWell()
			if v := other.Call.View(); len(v.Peers) != 1 || v.Peers[0].ID != q.ID || v.Peers[0].Media.Mic {
				t.Errorf("%s sees %+v", other.Name, v.Peers)
			}
		}
	})
}

func TestEightPeopleCutAtOnce(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	bubble(t, names, func(t *testing.T, r *Room, p []*Person) {
		for _, q := range p {
			q.Cut()
		}
		r.Wait(15 * time.Second)
		for _, q := range p {
			if n := q.Call.View().Reconnecting(); n != 7 {
				t.Errorf("%s is reconnecting to %d", q.Name, n)
			}
		}
		for _, q := range p {
			q.Heal()
		}
		r.Wait(5 * time.Second)
		r.expectWell()
	})
}
