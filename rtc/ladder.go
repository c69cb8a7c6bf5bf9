package rtc

import "time"

// phase is what the repair of a peer is doing. A closed set, each a row of [ladder].
type phase uint8

const (
	phaseSettled phase = iota // nothing to mend
	phaseHolding              // something to mend, but signaling does not reach the peer: no clock runs
	phaseBackoff              // the next attempt begins at the deadline
	phaseAsking               // a probe or a need is out; the other side must react by the deadline
	phaseMending              // a restarted or new connection must carry something by the deadline
	phaseResting              // three attempts failed; a slow retry begins at the deadline
	phases                    // how many there are
)

// String returns the name that docs/PROTOCOL.md uses.
func (ph phase) String() string { return ladder[ph].name }

// expiry is what the end of a phase's time means. A closed set.
type expiry uint8

const (
	expiryNone  expiry = iota // it has no deadline
	expiryTry                 // an attempt begins
	expiryFails               // the attempt has come to nothing
)

// rung is a row of the ladder.
type rung struct {
	name    string
	due     expiry // what the deadline brings
	offline bool   // it goes on when signaling no longer reaches the peer
}

// ladder is how a peer is mended, phase by phase. docs/ARCHITECTURE.md shows it with
// what leads into each phase and out of it.
var ladder = [phases]rung{
	phaseSettled: {name: "settled"},
	phaseHolding: {name: "holding"},
	phaseBackoff: {name: "backoff", due: expiryTry},
	phaseAsking:  {name: "asking", due: expiryFails},
	phaseMending: {name: "mending", due: expiryFails, offline: true},
	phaseResting: {name: "resting", due: expiryTry},
}

// step is where on the ladder a peer stands. It is left as a whole for another.
type step struct {
	phase phase
	at    time.Time // deadline; zero if the phase has none
}

// settledStep and holdingStep have no deadline.
func settledStep() step { return step{phase: phaseSettled} }
func holdingStep() step { return step{phase: phaseHolding} }

// backoffStep waits for the next attempt.
func backoffStep(now time.Time, delay time.Duration) step { return step{phaseBackoff, now.Add(delay)} }

// askingStep waits for the other side.
func askingStep(now time.Time, wait time.Duration) step { return step{phaseAsking, now.Add(wait)} }

// mendingStep waits for a connection to carry something.
func mendingStep(now time.Time, t Timing) step { return step{phaseMending, now.Add(t.Mend)} }

// restingStep waits for the next slow retry.
func restingStep(now time.Time, t Timing) step { return step{phaseResting, now.Add(t.Rest)} }

// climb takes another step, up or down.
func (s *step) climb(to step) { *s = to }

// settled reports that there is nothing to mend.
func (s *step) settled() bool { return s.phase == phaseSettled }

// deadline is when the phase is over; zero if that is not a matter of time.
func (s *step) deadline() time.Time {
	if ladder[s.phase].due == expiryNone {
		return time.Time{}
	}
	return s.at
}

// over reports whether the deadline has passed.
func (s *step) over(now time.Time) bool {
	at := s.deadline()
	return !at.IsZero() && !now.Before(at)
}

// attempts counts what was tried in a row since the last success or fresh start.
type attempts struct {
	attempt   int  // spent
	exhausted bool // all of them were, and failed was shown
	announced int  // the one last announced and not yet begun
	inVain    int  // those that came to nothing, ever
}

// anew counts from the beginning. What was announced stays so.
func (a *attempts) anew() { a.attempt, a.exhausted = 0, false }

// clear ends all attempts.
func (a *attempts) clear() { a.anew(); a.announced = 0 }

// uncount forgets what was spent while nobody could be reached.
func (a *attempts) uncount() { a.attempt = 0 }

// count counts one more. Slow retries are not counted.
func (a *attempts) count() {
	if !a.exhausted {
		a.attempt++
	}
}

// first makes this the first attempt.
func (a *attempts) first() { a.attempt = 1 }

// some makes this the first attempt unless it is a later one.
func (a *attempts) some() { a.attempt = max(a.attempt, 1) }

// announces notes that attempt n was announced; 0 is none.
func (a *attempts) announces(n int) { a.announced = n }

// failed counts an attempt that came to nothing.
func (a *attempts) failed() { a.inVain++ }

// exhaust says that the last one was spent.
func (a *attempts) exhaust() { a.exhausted = true }
