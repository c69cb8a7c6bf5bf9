package rtc

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

// pair is two machines, a fake signaling path and a fake media path, driven
// by one clock: step by step, exact to the millisecond.
type pair struct {
	t        *testing.T
	start    time.Time
	now      time.Time
	sides    [2]*side // the second has the larger id and offers
	media    bool     // the media path carries packets
	oneWay   int      // 1 + the side that no longer hears; 0 for none
	signal   bool     // signaling carries messages
	inFlight []flight
	log      []string
}

// side is one end: a machine and the fake of its session.
type side struct {
	pair  *pair
	index int
	p     *peer
	fake  fakeSession
	seen  []Event
}

// fakeSession connects when both ends hold each other's newest descriptions.
type fakeSession struct {
	epoch     signal.Epoch
	local     string // our newest description
	remote    string // theirs
	connected bool
	pulse     Pulse
}

type flight struct {
	at   time.Time
	to   int
	body signal.Body
}

const (
	simStep    = 10 * time.Millisecond
	simLatency = 20 * time.Millisecond
)

func newPair(t *testing.T) *pair {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &pair{t: t, start: start, now: start, media: true, signal: true}
	ids := [2]signal.PeerID{"a", "b"}
	for i := range w.sides {
		s := &side{pair: w, index: i}
		s.p = newPeer(start, ids[i], ids[1-i], Timing{}.withDefaults(), &epochs{})
		w.sides[i] = s
	}
	for _, s := range w.sides {
		s.p.present(w.now, 1)
		s.p.reach(w.now, true)
		s.carryOut()
	}
	return w
}

// run advances the clock.
func (w *pair) run(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(simStep)
		w.deliver()
		w.beat()
		for _, s := range w.sides {
			s.p.hear(w.now, s.fake.pulse)
			if at := s.p.wakeAt(w.now); !at.IsZero() && !w.now.Before(at) {
				s.p.tick(w.now)
			}
			s.carryOut()
		}
	}
}

func (w *pair) deliver() {
	due := slices.Clone(w.inFlight)
	w.inFlight = w.inFlight[:0]
	for _, f := range due {
		if w.now.Before(f.at) {
			w.inFlight = append(w.inFlight, f)
			continue
		}
		if !w.signal {
			continue
		}
		s := w.sides[f.to]
		s.p.message(w.now, f.body)
		s.carryOut()
	}
}

// beat carries the media: both ends hear each other when their descriptions
// match and the path is there.
func (w *pair) beat() {
	a, b := w.sides[0], w.sides[1]
	match := a.fake.epoch != 0 && b.fake.epoch != 0 && a.fake.local != "" &&
		a.fake.local == b.fake.remote && b.fake.local == a.fake.remote
	if !match || !w.media {
		return
	}
	for i, s := range w.sides {
		if w.oneWay != 0 && w.oneWay-1 == i {
			continue
		}
		s.fake.pulse.Heard = w.now
		if w.oneWay == 0 {
			s.fake.pulse.Answered = w.now
		}
		if !s.fake.connected && w.oneWay == 0 {
			s.fake.connected = true
			s.p.session(w.now, s.fake.epoch, SessionConnected{})
			s.carryOut()
		}
	}
}

func (s *side) carryOut() {
	for _, a := range s.p.take() {
		switch a := a.(type) {
		case dial:
			s.fake = fakeSession{epoch: a.epoch}
		case hangUp:
			if s.fake.epoch == a.epoch {
				s.fake = fakeSession{}
			}
		case do:
			if s.fake.epoch == a.epoch {
				s.command(a.cmd)
			}
		case send:
			s.pair.inFlight = append(s.pair.inFlight, flight{s.pair.now.Add(simLatency), 1 - s.index, a.body})
		case emit:
			s.seen = append(s.seen, a.event)
			s.pair.log = append(s.pair.log, fmt.Sprintf("%v %s: %s", s.pair.now.Sub(s.pair.start), s.p.id, describe(a.event)))
		}
	}
}

func (s *side) command(c Command) {
	ours := func(n uint32) string { return fmt.Sprintf("%d.%d.%d", s.index, s.fake.epoch, n) }
	switch c := c.(type) {
	case MakeOffer:
		s.fake.local, s.fake.remote = ours(c.N), "" // break before make
		s.p.session(s.pair.now, s.fake.epoch, LocalOffer{N: c.N, Gen: c.Gen, Restart: c.Restart, SDP: s.fake.local})
	case AcceptOffer:
		s.fake.local, s.fake.remote = ours(c.N), c.SDP
		s.p.session(s.pair.now, s.fake.epoch, LocalAnswer{N: c.N, Gen: c.Gen, SDP: s.fake.local})
	case AcceptAnswer:
		s.fake.remote = c.SDP
	}
	s.carryOut()
}

func describe(e Event) string {
	switch e := e.(type) {
	case ConnectionStateChanged:
		return fmt.Sprintf("%s -> %s", e.Previous, e.State)
	case Reconnecting:
		return fmt.Sprintf("reconnecting %d of %d in %v", e.Attempt, e.Of, e.Delay)
	case Reconnected:
		return fmt.Sprintf("reconnected after %d, %v", e.Attempts, e.Outage)
	case ReconnectFailed:
		return fmt.Sprintf("reconnect-failed after %d", e.Attempts)
	}
	return e.EventName()
}

// timeline is what happened on one side, without the noise of ICE.
func (w *pair) timeline(i int) []string {
	var out []string
	for _, l := range w.log {
		var at, who string
		if n, _ := fmt.Sscanf(l, "%s %s", &at, &who); n == 2 && who == string(w.sides[i].p.id)+":" &&
			!slices.Contains([]string{"ice-connection-state-changed"}, l[len(at)+len(who)+2:]) {
			out = append(out, at+" "+l[len(at)+len(who)+2:])
		}
	}
	return out
}

func (w *pair) expect(i int, want ...string) {
	w.t.Helper()
	got := w.timeline(i)
	if !slices.Equal(got, want) {
		w.t.Errorf("timeline of side %d:\n got %q\nwant %q", i, got, want)
	}
	w.log = nil
}

// settled fails unless both sides are connected and nothing is left to do.
func (w *pair) settled() {
	w.t.Helper()
	for i, s := range w.sides {
		if !s.p.connected() || s.p.phase != phaseSettled || s.p.attempt != 0 {
			w.t.Errorf("side %d: state %v, phase %d, attempt %d", i, s.p.state, s.p.phase, s.p.attempt)
		}
	}
}
