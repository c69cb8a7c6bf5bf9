package rtc

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

func TestConnect(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.settled()
	w.expect(0, "0s new -> connecting", "40ms connecting -> connected", "40ms peer-connected")
	w.expect(1)
}

func TestShortCutGoesUnnoticed(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.log = nil
	w.media = false
	w.run(1900 * time.Millisecond)
	w.media = true
	w.run(time.Second)
	w.settled()
	w.expect(0)
}

// A cut while both sides keep their server: each announces the first attempt
// after 2 s of silence, and the attempts come 1, 2 and 4 s apart.
func TestThreeAttemptsThenFailed(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.log = nil
	w.media = false
	w.run(40 * time.Second)
	w.expect(1,
		"3s connected -> disconnected", "3s peer-disconnected",
		"3s reconnecting 1 of 3 in 1s",
		"9.06s reconnecting 2 of 3 in 2s",
		"16.1s reconnecting 3 of 3 in 4s",
		"25.14s disconnected -> failed", "25.14s peer-connection-failed", "25.14s reconnect-failed after 3",
	)
	w.media = true
	w.run(20 * time.Second)
	w.settled()
}

func TestRetryWorksAtOnce(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.media = false
	w.run(30 * time.Second)
	if w.sides[1].p.state != StateFailed {
		t.Fatalf("state %v", w.sides[1].p.state)
	}
	w.signal = false // nothing heals by itself: the answerer's session is gone
	w.run(time.Minute)
	w.signal, w.media = true, true
	w.log = nil
	for _, s := range w.sides {
		s.p.retry(w.now)
		s.carryOut()
	}
	w.run(time.Second)
	w.settled()
}

// Offline time burns no attempts, and a plain cut heals on the old path
// without any negotiation.
func TestCutOfEverythingHealsAlone(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.log = nil
	w.media = false
	for _, s := range w.sides {
		s.p.reach(w.now, false)
	}
	epoch, n := w.sides[1].p.epoch, w.sides[1].p.n
	w.run(5 * time.Minute)
	w.expect(0, "3s connected -> disconnected", "3s peer-disconnected")
	w.media = true
	w.run(100 * time.Millisecond)
	w.settled()
	w.expect(0, "5m1.01s disconnected -> connected", "5m1.01s peer-connected", "5m1.01s reconnected after 0, 5m0.01s")
	if w.sides[1].p.epoch != epoch || w.sides[1].p.n != n {
		t.Error("negotiated although the path healed alone")
	}
}

// Signaling that looks up but reaches nobody must not cost the path that
// would heal: no ICE restart without an answered probe.
func TestNoRestartWithoutAnAnsweredProbe(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.media, w.signal = false, false
	n, epoch := w.sides[1].p.n, w.sides[1].p.epoch
	w.run(9 * time.Second)
	if p := w.sides[1].p; p.n != n || p.epoch != epoch {
		t.Fatal("gave up the connection without hearing from the peer")
	}
	w.media = true
	w.run(100 * time.Millisecond)
	w.settled()
}

func TestRestartMendsAMovedPath(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	// The path is gone for good: only new descriptions match again.
	w.sides[0].fake.remote = "lost"
	w.run(2 * time.Second)
	w.log = nil
	w.run(2 * time.Second)
	w.settled()
	if p := w.sides[1].p; p.n != 2 || p.epoch != 1 {
		t.Errorf("epoch %d, offer %d: want one restart of the same connection", p.epoch, p.n)
	}
}

func TestAddressChangeDoesNotWaitForSilence(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.log = nil
	w.sides[0].fake.remote = "lost"
	for _, s := range w.sides {
		s.p.moved(w.now, pathLost)
		s.carryOut()
	}
	w.run(400 * time.Millisecond)
	w.settled()
	w.expect(0) // nobody noticed
}

func TestFailedSessionIsReplaced(t *testing.T) {
	for i, name := range []string{"answering side", "offering side"} {
		t.Run(name, func(t *testing.T) {
			w := newPair(t)
			w.run(time.Second)
			s := w.sides[i]
			s.p.session(w.now, s.p.epoch, SessionFailed{errors.New("dtls: bad record")})
			s.carryOut()
			w.run(3 * time.Second)
			w.settled()
			if s.p.epoch != 2 {
				t.Errorf("epoch %d, want 2", s.p.epoch)
			}
		})
	}
}

func TestOneWayLossIsToldApartAndMended(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.oneWay = 1 // side 0 no longer hears
	w.run(2400 * time.Millisecond)
	if a, b := w.sides[0].p, w.sides[1].p; a.state != StateDisconnected || b.state != StateConnected {
		t.Fatalf("states %v and %v", a.state, b.state)
	}
	w.run(100 * time.Millisecond)
	if !w.sides[1].p.oneWay {
		t.Error("the side that is not heard does not know")
	}
	w.oneWay = 0
	w.run(time.Second)
	w.settled()
	if w.sides[1].p.oneWay {
		t.Error("still called one-way")
	}
}

func TestNewProcessOfThePeer(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.log = nil
	// Side 0 starts again: nothing of its old agreement is left.
	old := w.sides[0]
	fresh := &side{pair: w, index: 0, p: newPeer(w.now, "a", "b", old.p.timing, &epochs{})}
	w.sides[0] = fresh
	fresh.p.present(w.now, 1)
	fresh.p.reach(w.now, true)
	fresh.carryOut()
	w.sides[1].p.present(w.now, 2)
	w.sides[1].carryOut()
	w.run(time.Second)
	w.settled()
	w.expect(1,
		"1s connected -> disconnected", "1s peer-disconnected", "1s reconnecting 1 of 3 in 0s",
		"1.05s disconnected -> connected", "1.05s peer-connected", "1.05s reconnected after 1, 50ms")
}

func TestOldMessagesAreDropped(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	offer := signal.Offer{Epoch: w.sides[1].p.epoch, N: 1, Gen: 1, SDP: "old"}
	s := w.sides[0]
	before := s.fake
	s.p.message(w.now, offer) // a duplicate: the answer is sent again
	s.carryOut()
	offer.Epoch = 0
	s.p.message(w.now, offer)
	s.carryOut()
	w.sides[1].p.message(w.now, signal.Answer{Epoch: 1, Remote: 1, N: 1, SDP: "again"})
	w.sides[1].p.message(w.now, signal.Need{Epoch: 1, Remote: 0})
	w.sides[1].carryOut()
	if s.fake != before {
		t.Error("an old offer changed the connection")
	}
	w.run(2 * time.Second)
	w.settled()
}

func TestCandidatesWaitForTheirDescription(t *testing.T) {
	now := time.Unix(0, 0)
	p := newPeer(now, "a", "b", Timing{}.withDefaults(), &epochs{})
	p.present(now, 1)
	p.reach(now, true)
	p.message(now, signal.Candidates{Epoch: 1, Gen: 1, Candidates: []string{"early"}})
	p.message(now, signal.Offer{Epoch: 1, N: 1, Gen: 1, SDP: "o"})
	p.message(now, signal.Candidates{Epoch: 1, Gen: 1, Candidates: []string{"late"}, Done: true})
	p.message(now, signal.Candidates{Epoch: 0, Gen: 1, Candidates: []string{"stale"}})
	var got []string
	described := false
	for _, a := range p.take() {
		if d, ok := a.(do); ok {
			switch c := d.cmd.(type) {
			case AcceptOffer:
				described = true
			case AddCandidates:
				if !described {
					t.Error("candidate before the description")
				}
				got = append(got, c.Candidates...)
			}
		}
	}
	if len(got) != 2 || got[0] != "early" || got[1] != "late" {
		t.Errorf("candidates passed on: %q", got)
	}
}

func TestCandidatesAreBounded(t *testing.T) {
	now := time.Unix(0, 0)
	p := newPeer(now, "a", "b", Timing{}.withDefaults(), &epochs{})
	p.present(now, 1)
	p.reach(now, true)
	flood := make([]string, 10)
	for range 20 {
		p.message(now, signal.Candidates{Epoch: 1, Gen: 1, Candidates: flood})
	}
	p.message(now, signal.Offer{Epoch: 1, N: 1, Gen: 1, SDP: "o"})
	for range 20 {
		p.message(now, signal.Candidates{Epoch: 1, Gen: 1, Candidates: flood})
	}
	n := 0
	for _, a := range p.take() {
		if d, ok := a.(do); ok {
			if c, ok := d.cmd.(AddCandidates); ok {
				n += len(c.Candidates)
			}
		}
	}
	if n != maxCandidates {
		t.Errorf("%d candidates passed on, want %d", n, maxCandidates)
	}
}

// Both sessions fail in the same moment: one rebuild mends both.
func TestBothSidesFailAtOnce(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.log = nil
	for _, s := range w.sides {
		s.p.session(w.now, s.p.epoch, SessionFailed{errors.New("dtls: bad record")})
		s.carryOut()
	}
	w.run(3 * time.Second)
	w.settled()
	for i, s := range w.sides {
		if s.p.epoch != 2 {
			t.Errorf("side %d: epoch %d, want one rebuild", i, s.p.epoch)
		}
	}
	w.expect(0,
		"1s connected -> disconnected", "1s peer-disconnected", "1s reconnecting 1 of 3 in 0s",
		"1.05s disconnected -> connected", "1.05s peer-connected", "1.05s reconnected after 1, 50ms")
}

// A restart has given up the old path, and the network goes once more.
func TestCutDuringARestart(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.sides[0].fake.remote = "lost" // only new descriptions match again
	for w.sides[1].p.phase != phaseMending {
		w.run(simStep)
	}
	w.media, w.signal = false, false
	for _, s := range w.sides {
		s.p.reach(w.now, false)
	}
	w.run(time.Minute)
	w.media, w.signal = true, true
	w.log = nil
	for _, s := range w.sides {
		s.p.reach(w.now, true)
		s.carryOut()
	}
	w.run(time.Second)
	w.settled()
}

// A new process of the peer comes while its old one is being repaired: nothing
// of the repair is left.
func TestNewProcessDuringRepair(t *testing.T) {
	for name, silent := range map[string]time.Duration{
		"backoff": 2500 * time.Millisecond, "mending": 5100 * time.Millisecond, "failed": 40 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			w := newPair(t)
			w.run(time.Second)
			w.media = false
			w.run(silent)
			w.sides[0] = &side{pair: w, index: 0, p: newPeer(w.now, "a", "b", Timing{}.withDefaults(), &epochs{})}
			w.inFlight = nil // they were for the process that is no more
			w.media = true
			for i, s := range w.sides {
				s.p.present(w.now, signal.Inc(1+i)) // only side 1 sees a new process
				s.p.reach(w.now, true)
				s.carryOut()
			}
			w.run(time.Second)
			w.settled()
		})
	}
}

// The clock of a machine that slept jumps: all deadlines are due at once, and
// each is acted on once.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{time.Minute, 24 * time.Hour, -time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			w := newPair(t)
			w.run(time.Second)
			w.now = w.now.Add(jump)
			w.run(2 * time.Second)
			if jump < 0 {
				w.run(-jump) // evidence from the future counts until then
			}
			w.settled()
			for i, s := range w.sides {
				for _, e := range s.seen {
					if _, failed := e.(PeerConnectionFailed); failed {
						t.Errorf("side %d failed", i)
					}
				}
			}
			if p := w.sides[1].p; p.epoch != 1 {
				t.Errorf("epoch %d: a healthy connection was replaced", p.epoch)
			}
		})
	}
}

// A peer that asks for repair without end gets one connection a second at most,
// and none at all while the present one is fine.
func TestNeedFlood(t *testing.T) {
	w := newPair(t)
	w.run(5 * time.Second)
	s := w.sides[1]
	for range 1000 {
		s.p.message(w.now, signal.Need{Epoch: s.p.remote, Remote: s.p.epoch, Restart: true})
		s.carryOut()
		w.run(simStep)
	}
	w.run(time.Second)
	w.settled()
	if s.p.epoch != 1 || s.p.n != 1 {
		t.Errorf("epoch %d, offer %d: gave up a path that works", s.p.epoch, s.p.n)
	}
	before := s.p.epoch
	for range 1000 {
		s.p.message(w.now, signal.Need{Epoch: s.p.remote, Remote: s.p.epoch})
		s.carryOut()
		w.run(simStep)
	}
	if n := s.p.epoch - before; n > 10 {
		t.Errorf("%d connections in 10 s", n)
	}
	w.run(10 * time.Second)
	w.settled()
}

// Answers nobody asked for and probes without end change nothing.
func TestProbeFlood(t *testing.T) {
	w := newPair(t)
	w.run(5 * time.Second)
	w.log = nil
	for _, s := range w.sides {
		for n := range uint32(1000) {
			s.p.message(w.now, signal.Probe{Epoch: 9, Remote: 9, N: n})
			s.p.message(w.now, signal.ProbeAck{Epoch: 9, Remote: 9, N: n, Silent: true})
			s.p.message(w.now, signal.ProbeAck{Epoch: s.p.remote, Remote: s.p.epoch, N: s.p.probe, Silent: true})
		}
		s.carryOut()
	}
	w.run(5 * time.Second)
	w.settled()
	w.expect(0)
	if p := w.sides[1].p; p.epoch != 1 || p.n != 1 {
		t.Errorf("epoch %d, offer %d", p.epoch, p.n)
	}
}

// moves is a change of address that the other side cannot follow by itself, as
// from IPv4 to IPv6 or behind a NAT: only new descriptions match again. The link
// to the server of those who move is away for a moment.
func (w *pair) moves(away time.Duration, who ...int) {
	for _, s := range w.sides {
		s.fake.remote = "lost"
	}
	for _, i := range who {
		w.sides[i].p.moved(w.now, pathLost)
		w.sides[i].p.reach(w.now, false)
		w.sides[i].carryOut()
	}
	w.run(away)
	for _, i := range who {
		w.sides[i].p.reach(w.now, true)
		w.sides[i].carryOut()
	}
}

// Who knows that its path is gone says so, and nobody waits for silence.
func TestMovesHealAtOnce(t *testing.T) {
	for name, who := range map[string][]int{
		"the answering side": {0}, "the offering side": {1}, "both": {0, 1}, "both, the other way round": {1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPair(t)
			w.run(time.Second)
			for n := range 3 {
				w.log = nil
				w.moves(100*time.Millisecond, who...)
				w.run(200 * time.Millisecond)
				w.settled()
				w.expect(0) // nobody noticed
				w.expect(1)
				if p := w.sides[1].p; p.epoch != 1 || int(p.n) != n+2 {
					t.Errorf("move %d: epoch %d, offer %d: want one restart of the same connection", n, p.epoch, p.n)
				}
				w.run(5 * time.Second)
			}
		})
	}
}

// A second move right after the first: the offering side serves it as soon as
// repairs may follow each other again, without being asked twice.
func TestMovesInARow(t *testing.T) {
	for name, who := range map[string]int{"the answering side": 0, "the offering side": 1} {
		t.Run(name, func(t *testing.T) {
			w := newPair(t)
			w.run(5 * time.Second)
			w.log = nil
			w.moves(50*time.Millisecond, who)
			w.run(150 * time.Millisecond)
			w.settled()
			w.moves(50*time.Millisecond, who)
			w.run(1100 * time.Millisecond)
			w.settled()
			w.expect(0)
			w.expect(1)
		})
	}
}

// Trouble that begins while nobody can be reached is remembered: the path is
// gone at both ends while the server is away.
func TestTroubleWhileUnreachableIsRemembered(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 3 * time.Second, time.Minute} {
		t.Run(away.String(), func(t *testing.T) {
			w := newPair(t)
			w.run(5 * time.Second)
			for _, s := range w.sides {
				s.p.reach(w.now, false)
			}
			w.moves(away, 0, 1)
			w.run(250 * time.Millisecond)
			w.settled()
		})
		t.Run("a relay dies, "+away.String(), func(t *testing.T) {
			w := newPair(t)
			w.run(5 * time.Second)
			for _, s := range w.sides {
				s.p.reach(w.now, false)
				s.fake.remote = "lost"
			}
			w.run(away)
			for _, s := range w.sides {
				s.p.reach(w.now, true)
				s.carryOut()
			}
			w.run(5 * time.Second)
			w.settled()
		})
	}
}

// A path that healed by itself is not said to have taken an attempt, whatever was
// being tried meanwhile.
func TestHealedAloneIsNoAttempt(t *testing.T) {
	w := newPair(t)
	w.run(time.Second)
	w.media, w.signal = false, false // attempts are made and reach nobody
	w.run(4 * time.Second)
	w.log = nil
	w.media = true
	w.run(200 * time.Millisecond)
	w.settled()
	for i := range w.sides {
		w.expectLast(i, "reconnected after 0, 4.01s")
	}
}

func (w *pair) expectLast(i int, want string) {
	w.t.Helper()
	got := w.timeline(i)
	if len(got) == 0 || !strings.HasSuffix(got[len(got)-1], " "+want) {
		w.t.Errorf("timeline of side %d ends otherwise than with %q: %q", i, want, got)
	}
}
