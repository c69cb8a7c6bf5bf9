package conn

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/transport/v5/vnet"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// pair is two people on one simulated network, connected.
type pair struct {
	wan      *wan
	ann, bob *person
	link     *link
	stop     chan struct{}
	wg       sync.WaitGroup
}

func newPair(t *testing.T, delay time.Duration) *pair {
	t.Helper()
	p := &pair{wan: newWAN(t, delay), stop: make(chan struct{})}
	p.ann = newPerson(t, "ann", p.wan.host(t, "10.0.0.1"))
	p.bob = newPerson(t, "bob", p.wan.host(t, "10.0.0.2"))
	p.wan.start(t)
	p.link = connect(t, p.ann, p.bob, 1, delay)
	p.link.await()
	return p
}

func (p *pair) talk() {
	p.ann.talk(p.stop, &p.wg)
	p.bob.talk(p.stop, &p.wg)
}

func (p *pair) end(t *testing.T) {
	t.Helper()
	close(p.stop)
	p.wg.Wait()
	for _, e := range []*end{p.link.a, p.link.b} {
		if err := e.failure(); err != nil {
			t.Errorf("%s failed: %v", e.name, err)
		}
	}
	p.link.close()
	if err := p.wan.router.Stop(); err != nil {
		t.Error(err)
	}
}

// A plain cut heals without any negotiation, within tens of milliseconds of
// the network's return, whatever it lasted.
func TestCutHealsAlone(t *testing.T) {
	for _, cut := range []time.Duration{3 * time.Second, 10 * time.Second, 25 * time.Second} {
		t.Run(cut.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newPair(t, 10*time.Millisecond)
				p.talk()
				time.Sleep(2 * time.Second)
				p.ann.forgetMedia()
				p.bob.forgetMedia()
				time.Sleep(time.Second)

				p.wan.setCut("10.0.0.1", true)
				time.Sleep(cut)
				p.link.a.session.Do(rtc.SendData{Data: []byte("during the cut")})
				p.wan.setCut("10.0.0.1", false)
				time.Sleep(3 * time.Second)

				for _, who := range []*person{p.ann, p.bob} {
					for k, most := range map[media.Kind]time.Duration{
						media.Mic: 40 * time.Millisecond, media.Camera: 120 * time.Millisecond, media.Screen: 120 * time.Millisecond,
					} {
						gap := who.longestGap(k)
						t.Logf("%s: %s back %v after healing", who.id, k, gap-cut)
						if gap < cut || gap > cut+most {
							t.Errorf("%s: %s was silent for %v over a cut of %v", who.id, k, gap, cut)
						}
					}
				}
				if got := p.link.b.messages(); len(got) != 1 {
					t.Errorf("messages: %q", got)
				}
				p.end(t)
			})
		})
	}
}

// The pulse of a peer that sends no media never misses, and a silence of two
// seconds is told exactly: it is dated by what was heard last. While all is well
// few checks are sent, and after a cut many.
func TestPulse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 10*time.Millisecond)
		checks := p.wan.countChecks()
		sessions := []rtc.Session{p.link.a.session, p.link.b.session}
		const minute = 6000
		for range minute {
			time.Sleep(10 * time.Millisecond)
			for i, s := range sessions {
				if pulse := s.Pulse(); time.Since(pulse.Heard) > calm+50*time.Millisecond ||
					time.Since(pulse.Answered) > calm+50*time.Millisecond {
					t.Fatalf("session %d, all is well: heard %v, answered %v ago", i,
						time.Since(pulse.Heard), time.Since(pulse.Answered))
				}
			}
		}
		if n, want := checks(), 2*int64(time.Minute/calm); n < want-2 || n > want+12 { // a probe of the path's size may begin one doubt
			t.Errorf("%d checks in a minute, want %d", n, want)
		}
		cut := time.Now()
		p.wan.setCut("10.0.0.1", true)
		time.Sleep(30 * time.Millisecond) // what was on the wire
		for i, s := range sessions {
			if heard := s.Pulse().Heard; heard.Before(cut.Add(-calm)) || heard.After(cut.Add(20*time.Millisecond)) {
				t.Errorf("session %d: last heard %v before the cut", i, cut.Sub(heard))
			}
		}
		before := []rtc.Pulse{sessions[0].Pulse(), sessions[1].Pulse()}
		checks()
		time.Sleep(5 * time.Second)
		// All of them, but for the calm that the cut came into.
		if n, most := checks(), 2*int64(5*time.Second/keepalive); n > most || n < most-2*int64(calm/keepalive) {
			t.Errorf("%d checks in 5 s of a cut, want up to %d", n, most)
		}
		for i, s := range sessions {
			if now := s.Pulse(); now != before[i] {
				t.Errorf("session %d: pulse %v moved to %v during the cut", i, before[i], now)
			}
		}
		healed := time.Now()
		p.wan.setCut("10.0.0.1", false)
		time.Sleep(keepalive + 50*time.Millisecond)
		for i, s := range sessions {
			if pulse := s.Pulse(); !pulse.Heard.After(healed) || !pulse.Answered.After(healed) {
				t.Errorf("session %d: not heard again", i)
			}
		}
		p.end(t)
	})
}

// One-way loss: who still hears but is not answered can tell.
func TestPulseOneWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 10*time.Millisecond)
		p.wan.mu.Lock()
		p.wan.drop = func(c vnet.Chunk) bool { return strings.HasPrefix(c.SourceAddr().String(), "10.0.0.1:") }
		p.wan.mu.Unlock()
		began := time.Now()
		time.Sleep(3 * time.Second)
		ann, bob := p.link.a.session.Pulse(), p.link.b.session.Pulse()
		if time.Since(ann.Heard) > 300*time.Millisecond {
			t.Errorf("ann hears bob's checks, yet heard nothing for %v", time.Since(ann.Heard))
		}
		if ann.Answered.After(began.Add(50 * time.Millisecond)) {
			t.Error("ann takes herself for heard")
		}
		if bob.Heard.After(began.Add(50 * time.Millisecond)) {
			t.Error("bob hears ann")
		}
		p.end(t)
	})
}

// An ICE restart keeps the connection: same tracks, same channel.
func TestICERestartKeepsMedia(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 10*time.Millisecond)
		p.talk()
		time.Sleep(2 * time.Second)
		p.ann.forgetMedia()
		p.bob.forgetMedia()
		time.Sleep(time.Second)
		for n := uint32(2); n < 6; n++ {
			p.link.a.session.Do(rtc.MakeOffer{N: n, Gen: n, Restart: true})
			time.Sleep(2 * time.Second)
		}
		p.link.b.session.Do(rtc.SendData{Data: []byte("still here")})
		time.Sleep(100 * time.Millisecond)
		if got := p.link.a.messages(); len(got) != 1 {
			t.Errorf("messages: %q", got)
		}
		for _, who := range []*person{p.ann, p.bob} {
			t.Logf("%s: longest gap %v", who.id, who.longestGap(media.Mic))
			if gap := who.longestGap(media.Mic); gap > 400*time.Millisecond {
				t.Errorf("%s: silent for %v at a restart", who.id, gap)
			}
		}
		gathered := func(gen uint32) func(rtc.SessionEvent) bool {
			return func(ev rtc.SessionEvent) bool {
				c, ok := ev.(rtc.LocalCandidates)
				return ok && c.Gen == gen && len(c.Candidates) > 0
			}
		}
		for _, e := range []*end{p.link.a, p.link.b} {
			for gen := uint32(1); gen < 6; gen++ {
				if e.count(gathered(gen)) != 1 {
					t.Errorf("%s: %d candidates of generation %d", e.name, e.count(gathered(gen)), gen)
				}
			}
		}
		p.end(t)
	})
}

// Between two NATs, whose mappings the two learn from a STUN server, the checks
// are as calm as elsewhere.
func TestCalmBetweenNATs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const delay = 10 * time.Millisecond
		p := &pair{wan: newWAN(t, delay), stop: make(chan struct{})}
		strict := vnet.NATType{
			MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointAddrPortDependent,
			MappingLifeTime: 30 * time.Second,
		}
		p.ann = newPerson(t, "ann", p.wan.hostBehind(t, 1, strict))
		p.bob = newPerson(t, "bob", p.wan.hostBehind(t, 2, strict))
		server := p.wan.host(t, "10.0.0.9")
		p.wan.start(t)
		stop := serveSTUN(t, server, "10.0.0.9")
		p.link = connect(t, p.ann, p.bob, 1, delay, signal.ICEServer{URLs: []string{"stun:10.0.0.9:3478"}})
		p.link.await()
		time.Sleep(5 * time.Second)
		for _, e := range []*end{p.link.a, p.link.b} {
			if path := e.session.Stats(); path.LocalType != "srflx" || path.RTT != 2*delay {
				t.Errorf("%s: %+v, nothing is tested", e.name, path)
			}
		}
		checks := p.wan.countChecks()
		time.Sleep(time.Minute)
		// Each passes three routers. The three pairs that are not in use are kept
		// open by one side.
		spares := 3 * 3 * int64(time.Minute/spareEvery)
		if n, want := checks(), 3*2*int64(time.Minute/calm)+spares; n < want-4-spares || n > want+4 {
			t.Errorf("%d checks in a minute, want %d", n, want)
		}
		stop()
		p.end(t)
	})
}

// A NAT forgets us and gives us another port: the peer follows without any
// signaling, whichever side is the offering one.
func TestNATRebindingIsFollowed(t *testing.T) {
	for _, offerer := range []string{"ann", "bob"} {
		t.Run(fmt.Sprintf("%s offers", offerer), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := &pair{wan: newWAN(t, 10*time.Millisecond), stop: make(chan struct{})}
				// ann is behind a NAT whose mappings last for a second of silence
				p.ann = newPerson(t, "ann", p.wan.hostBehindNAT(t, time.Second))
				p.bob = newPerson(t, "bob", p.wan.host(t, "10.0.0.2"))
				p.wan.start(t)
				first, second := p.ann, p.bob
				if offerer == "bob" {
					first, second = p.bob, p.ann
				}
				p.link = connect(t, first, second, 1, 10*time.Millisecond)
				p.link.await()
				p.talk()
				time.Sleep(2 * time.Second)
				bobs := p.link.b.session
				if offerer == "bob" {
					bobs = p.link.a.session
				}
				before := bobs.Stats().RemoteAddress
				p.ann.forgetMedia()
				p.bob.forgetMedia()
				time.Sleep(time.Second)

				const cut = 3 * time.Second
				p.wan.setCut("192.168.0.2", true)
				time.Sleep(cut)
				p.wan.setCut("192.168.0.2", false)
				time.Sleep(3 * time.Second)

				after := bobs.Stats().RemoteAddress
				if before == after {
					t.Errorf("ann kept her address %s: nothing was tested", before)
				}
				for _, who := range []*person{p.ann, p.bob} {
					gap := who.longestGap(media.Mic)
					t.Logf("%s: silent for %v over a cut of %v; ann was %s, is %s", who.id, gap, cut, before, after)
					if gap > cut+400*time.Millisecond {
						t.Errorf("%s: silent for %v", who.id, gap)
					}
				}
				p.end(t)
			})
		})
	}
}

// A NAT gives us another port in the middle of a call, without an outage that
// anybody could notice: the peer follows all the same, soonest when we speak.
func TestQuietRebindingIsFollowed(t *testing.T) {
	for _, c := range []struct {
		name     string
		ann, bob bool // who speaks; it is ann's port that changes
		within   time.Duration
	}{
		{"both speak", true, true, 500 * time.Millisecond},
		{"who moved speaks", true, false, 500 * time.Millisecond},
		{"the other speaks", false, true, 900 * time.Millisecond},
		{"nobody speaks", false, false, 1200 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			var worst time.Duration
			for phase := time.Duration(0); phase < calm; phase += 50 * time.Millisecond {
				bubble(t, func(t *testing.T) {
					p := &pair{wan: newWAN(t, 10*time.Millisecond), stop: make(chan struct{})}
					nat := &rebinder{Net: p.wan.host(t, "10.0.0.1")}
					p.ann = newPerson(t, "ann", nat)
					p.bob = newPerson(t, "bob", p.wan.host(t, "10.0.0.2"))
					p.wan.start(t)
					p.link = connect(t, p.ann, p.bob, 1, 10*time.Millisecond)
					p.link.await()
					if c.ann {
						p.ann.talk(p.stop, &p.wg)
					}
					if c.bob {
						p.bob.talk(p.stop, &p.wg)
					}
					time.Sleep(5*time.Second + phase)
					bobs := p.link.b.session
					before, at := bobs.Stats().RemoteAddress, time.Now()
					nat.rebind(t)
					for bobs.Stats().RemoteAddress == before {
						if time.Since(at) > 10*time.Second {
							t.Fatal("bob does not follow")
						}
						time.Sleep(10 * time.Millisecond)
					}
					worst = max(worst, time.Since(at))
					time.Sleep(2 * time.Second)
					if got := p.link.a.session.Pulse(); time.Since(got.Answered) > calm+50*time.Millisecond {
						t.Errorf("afterwards ann was not answered for %v", time.Since(got.Answered))
					}
					p.end(t)
				})
			}
			t.Logf("followed within %v", worst)
			if worst > c.within {
				t.Errorf("followed after %v, want %v at most", worst, c.within)
			}
		})
	}
}

// Restarts made while the path is dead, or after it was for a long time, connect as
// soon as the path is back: the checks of the new generation do not run out, and
// pion does not give the path up.
func TestRestartAcrossACut(t *testing.T) {
	for _, c := range []struct {
		name         string
		cut, restart time.Duration
	}{
		{name: "restart during the cut", cut: 30 * time.Second, restart: 5 * time.Second},
		{name: "restart after minutes", cut: 10 * time.Minute, restart: 10 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newPair(t, 10*time.Millisecond)
				p.talk()
				time.Sleep(time.Second)
				p.ann.forgetMedia()
				p.bob.forgetMedia()
				time.Sleep(time.Second)
				p.wan.setCut("10.0.0.1", true)
				time.Sleep(c.restart)
				restart := func() { p.link.a.session.Do(rtc.MakeOffer{N: 2, Gen: 2, Restart: true}) }
				if c.restart < c.cut {
					restart()
				}
				time.Sleep(c.cut - c.restart)
				p.wan.setCut("10.0.0.1", false)
				if c.restart == c.cut {
					restart()
				}
				time.Sleep(5 * time.Second)
				failed := p.link.a.count(func(ev rtc.SessionEvent) bool {
					return ev == rtc.ICEStateChanged{State: rtc.ICEFailed}
				})
				if failed > 0 {
					t.Errorf("ICE failed %d times", failed)
				}
				for _, who := range []*person{p.ann, p.bob} {
					gap := who.longestGap(media.Mic)
					t.Logf("%s: back %v after healing", who.id, gap-c.cut)
					if gap < c.cut || gap > c.cut+500*time.Millisecond {
						t.Errorf("%s: silent for %v over a cut of %v", who.id, gap, c.cut)
					}
				}
				p.end(t)
			})
		})
	}
}

// A quarter of everything lost, ICE and DTLS included, delays a connection but
// does not prevent it. One in some hundred loses the end of its handshake again
// and again, while DTLS waits twice as long each time: it is replaced after as
// long as the mesh gives it.
func TestConnectAtHeavyLoss(t *testing.T) {
	const mend, most = 5 * time.Second, 4 // as in package rtc
	for seed := range uint64(5) {
		bubble(t, func(t *testing.T) {
			p := &pair{wan: newWAN(t, 10*time.Millisecond), stop: make(chan struct{})}
			p.ann = newPerson(t, "ann", p.wan.host(t, "10.0.0.1"))
			p.bob = newPerson(t, "bob", p.wan.host(t, "10.0.0.2"))
			random := rand.New(rand.NewPCG(seed, 0))
			p.wan.drop = func(vnet.Chunk) bool { return random.Float64() < 0.25 }
			p.wan.start(t)
			began := time.Now()
			for epoch := 1; ; epoch++ {
				p.link = connect(t, p.ann, p.bob, epoch, 10*time.Millisecond)
				if p.link.up(mend) {
					break
				}
				if epoch == most {
					t.Fatalf("not connected after %d times %v", most, mend)
				}
				p.link.close()
			}
			t.Logf("connected, data channel open, after %v", time.Since(began))
			p.end(t)
		})
	}
}
