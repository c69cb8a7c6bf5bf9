package conn

import (
	"testing"

	"github.com/pion/ice/v4"

	"github.com/meet-term/meet/rtc"
)

// A pair is guessed to work by the first check that comes in, once in the life of a
// session; ours goes out again, so that the peer knows as well. Until something answers
// no check is kept back, and what answers first is used.
func TestGuess(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPulse()
		p.first, p.guess.on = true, true
		guessed, other := testPair(t, 1), testPair(t, 2)
		sent := 0
		check := func(pair *ice.CandidatePair) bool {
			return !p.hold(bindingRequest(t), basePort(pair.Local), endpointsOf(pair).remote, rtc.PathDirect, func([]byte) { sent++ })
		}
		use := func(pair *ice.CandidatePair) {
			p.mu.Lock()
			p.use(endpointsOf(pair))
			p.mu.Unlock()
		}
		check(guessed)
		guessed.UpdateRequestReceived()
		if !p.request(nil, nil, nil, guessed) || sent != 1 {
			t.Fatalf("no guess, or our check was repeated %d times", sent)
		}
		use(guessed)
		for range 3 {
			if !check(other) || !check(guessed) {
				t.Fatal("a check is kept back while nothing has answered")
			}
		}
		if p.request(nil, nil, nil, other) {
			t.Fatal("another pair that has not answered is used")
		}
		other.UpdateRoundTripTime(1)
		if !p.request(nil, nil, nil, other) || sent != 2 {
			t.Errorf("the pair that answers is not used, or our checks were repeated %d times", sent)
		}
		p.restart()
		if p.request(nil, nil, nil, guessed) {
			t.Error("a guess is made after an ICE restart")
		}
	})
}
