package rtc

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/signal"
)

// The ends of a pair send fewer pictures while some are dropped, and more again
// when none are.
func TestCarriedRate(t *testing.T) {
	p, m := &carriedBetween{rate: carriedRate}, &Meter{}
	second := func(pictures, dropped uint64) int {
		m.Pictures.Add(pictures / 8)
		m.Dropped.Add(dropped)
		p.lower(m)
		return p.rate
	}
	for i, c := range []struct {
		pictures, dropped uint64
		want              int
	}{
		{1_000_000, 0, carriedRate},
		{800_000, 9, 640_000},
		{600_000, 2, 480_000},
		{480_000, 0, 600_000},
		{480_000, 0, 750_000},
		{0, 5, leastRate},
		{0, 0, leastRate * 5 / 4},
	} {
		if got := second(c.pictures, c.dropped); got != c.want {
			t.Errorf("second %d: %d bit/s, want %d", i, got, c.want)
		}
	}
}

// Both ends of a pair come to the same carriers without a word.
func TestCarriersAreAgreed(t *testing.T) {
	ids := []signal.PeerID{"a", "b", "c", "d", "e", "f"}
	carriers := func(self, far signal.PeerID) []signal.PeerID {
		m := NewManager(Config{Self: self})
		for _, id := range ids {
			if id != self {
				mb := m.member(time.Time{}, id)
				mb.known, mb.dataOpen, mb.courier.carries = true, true, true
				mb.peer.state, mb.session, mb.others = StateConnected, &testSession{path: PathDirect}, ids
			}
		}
		return m.carriersFor(far, m.members[far])
	}
	for _, far := range ids[1:] {
		one, other := carriers("a", far), carriers(far, "a")
		if len(one) != standby || !slices.Equal(one, other) || slices.Contains(one, far) || slices.Contains(one, "a") {
			t.Errorf("a to %s: %v and %v", far, one, other)
		}
	}
}

// A pair is carried when both ends have asked, and no longer than both ask; what
// was not asked for is not used.
func TestCarryTakesBothEnds(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		ann := r.meet(person("a", 1, signal.State{N: 1, Name: "ann"}))
		bob := r.meet(person("b", 1, signal.State{N: 1, Name: "bob"}))
		setPath := func(s *testSession, p Path) {
			s.mu.Lock()
			s.path = p
			s.mu.Unlock()
			s.cfg.Post(PathChanged{})
			synctest.Wait()
		}
		setPath(ann, PathDirect)
		setPath(bob, PathDirect)
		told := func(s *testSession) (out []carrying) {
			for _, line := range s.told() {
				if m, err := decodeData([]byte(line)); err == nil {
					if c, ok := m.(carrying); ok {
						out = append(out, c)
					}
				}
			}
			return out
		}
		ann.hear(carry{Peers: []signal.PeerID{"b", "b", "a", "z", "nobody"}})
		if got := told(ann); len(got) != 0 {
			t.Errorf("ann was told %+v although bob did not ask", got)
		}
		bob.hear(carry{Peers: []signal.PeerID{"a"}})
		forAnn, forBob := told(ann), told(bob)
		if len(forAnn) != 1 || len(forBob) != 1 || len(forAnn[0].Pairs) != 1 || len(forBob[0].Pairs) != 1 ||
			forAnn[0].Pairs[0].Peer != "b" || forBob[0].Pairs[0].Peer != "a" ||
			forAnn[0].Pairs[0].Number != forBob[0].Pairs[0].Number || forBob[0].Pairs[0].Number == 0 {
			t.Fatalf("ann was told %+v, bob %+v", forAnn, forBob)
		}
		setPath(bob, PathVia) // it is carried itself: one hop only
		if got := told(ann); len(got) != 1 || len(got[0].Pairs) != 0 {
			t.Errorf("ann was told %+v", got)
		}

		ann.hear(carrying{Pairs: []carryingPair{{Peer: "b", Number: 7, Trip: -1}}})
		if got := ann.legs; len(got) != 0 {
			t.Errorf("a pair that was not asked for is used: %+v", got)
		}
	})
}
