package rtc

import (
	"time"

	"github.com/meet-term/meet/internal/rules"
)

// repair is the ladder that mends a peer: wait, ICE restart, rebuild. An
// attempt is spent only while signaling reaches the peer, and an ICE restart,
// which gives up the pair in use before it has another, only after the other
// side has just answered through signaling (RFC 8445 section 9 gives no way
// back; a path that would heal by itself must not be given up for nothing).
type repair struct {
	step
	attempts
	trouble
	question
	given
}

// restartsBeforeRebuild is how many attempts keep the connection and restart
// its ICE before one replaces it.
const restartsBeforeRebuild = rules.RestartsBeforeRebuild

// settle ends all repair: counters and timers are cleared.
func (p *peer) settle() {
	p.climb(settledStep())
	p.clear()
	p.replaces()
	p.owe(false)
}

// grace is how long a path gets to heal alone before an attempt is spent on it:
// none when it is known to be gone.
func (p *peer) grace() time.Duration {
	if p.pathGone() {
		return 0
	}
	return p.timing.Grace
}

// recheck starts afresh if something is wrong with a peer that can be talked
// to again, and begins the first connection of one that is new.
func (p *peer) recheck(now time.Time) {
	if !p.reachable {
		return
	}
	switch {
	case p.epoch == 0 && p.settled():
		p.begin(now)
	case p.phase == phaseMending && !p.pathGone(): // it has a deadline of its own
	case p.unsettled(), p.state == StateFailed:
		p.startAfresh(now, p.grace())
	}
}

// stuck reports what must never be: a peer that could be talked to, is not
// connected, and for whom nothing will ever be tried.
func (p *peer) stuck() bool {
	return p.reachable && !p.connected() && p.state != StateClosed &&
		p.deadline().IsZero()
}

// startAfresh forgets earlier attempts and schedules the first one.
func (p *peer) startAfresh(now time.Time, delay time.Duration) {
	p.anew()
	p.trouble.begin(p.lastSign(now))
	if p.state == StateFailed {
		if p.met {
			p.enter(now, StateDisconnected)
		} else {
			p.enter(now, StateConnecting)
		}
	}
	p.schedule(now, delay)
}

// lastSign is the newest moment whose evidence belongs to the trouble.
func (p *peer) lastSign(now time.Time) time.Time {
	if !p.up {
		return now
	}
	if p.oneWay {
		return p.pulse.Answered
	}
	return p.pulse.Heard
}

// begin connects a peer for the first time. The offering side offers at
// once; the other waits a while for the offer before it asks.
func (p *peer) begin(now time.Time) {
	p.enter(now, StateConnecting)
	p.trouble.begin(now)
	if p.offers {
		p.first()
		p.rebuild(now)
		return
	}
	p.climb(askingStep(now, p.timing.Await))
}

// schedule announces the next attempt, or holds it until the peer can be
// reached.
func (p *peer) schedule(now time.Time, delay time.Duration) {
	if !p.reachable {
		p.hold()
		return
	}
	p.climb(backoffStep(now, delay))
	if !p.hears(now) {
		p.announce(p.attempt+1, delay)
	}
}

// announce tells people of an attempt, once.
func (p *peer) announce(attempt int, delay time.Duration) {
	if p.state != StateDisconnected || p.announced == attempt {
		return
	}
	p.announces(attempt)
	p.emit(Reconnecting{p.who(), attempt, len(p.timing.Backoff), delay})
}

// hold stops the clock of the repair: offline time burns no attempts, and the
// trouble is remembered until the peer can be reached. A connection being mended
// goes on, since ICE needs no signaling any more.
func (p *peer) hold() {
	if ladder[p.phase].offline {
		return
	}
	p.remember()
}

// remember keeps the trouble in mind, until the peer can be reached.
func (p *peer) remember() {
	p.climb(holdingStep())
	p.uncount()
}

// due acts on the deadline of the phase.
func (p *peer) due(now time.Time) {
	switch ladder[p.phase].due {
	case expiryNone:
	case expiryTry:
		p.try(now)
	case expiryFails:
		p.attemptFailed(now)
	}
}

// try begins one attempt.
func (p *peer) try(now time.Time) {
	if !p.reachable {
		p.hold()
		return
	}
	p.count()
	if !p.exhausted {
		p.announce(p.attempt, 0)
	}
	p.announces(0)
	if !p.offers {
		p.act(send{p.need(p.mayRestart())})
		p.climb(askingStep(now, p.timing.Await))
		return
	}
	if !p.up {
		p.rebuild(now) // nothing that could heal by itself is given up
		return
	}
	p.ask(p.mayRestart())
	p.act(send{p.probeBody()})
	p.climb(askingStep(now, p.timing.Ask))
}

// mayRestart reports whether the connection is worth an ICE restart.
func (p *peer) mayRestart() bool {
	return p.up && !p.exhausted && p.attempt <= restartsBeforeRebuild
}

// mend carries the attempt out, now that the other side has reacted. A
// connection that is gone meanwhile cannot be restarted, nor one whose last offer
// was never answered.
func (p *peer) mend(now time.Time, restart bool) {
	if restart && p.up && p.offer == nil {
		p.restart(now)
		return
	}
	p.rebuild(now)
}

// attemptFailed ends an attempt: the next one, or failed and rest.
func (p *peer) attemptFailed(now time.Time) {
	p.failed()
	if !p.reachable {
		p.remember()
		return
	}
	if p.attempt < len(p.timing.Backoff) && !p.exhausted {
		p.schedule(now, p.timing.Backoff[p.attempt])
		return
	}
	if !p.exhausted {
		p.exhaust()
		p.lose(now) // one-way trouble that nothing helped
		p.enter(now, StateFailed)
		p.emit(PeerConnectionFailed{p.who()})
		if p.met {
			p.emit(ReconnectFailed{p.who(), p.attempt})
		}
	}
	p.climb(restingStep(now, p.timing))
}

// hears reports whether anything was heard of the peer lately.
func (p *peer) hears(now time.Time) bool {
	return p.up && now.Sub(p.pulse.Heard) < p.timing.Silence
}

// retry is a person's wish to try now.
func (p *peer) retry(now time.Time) {
	if p.connected() && p.settled() || p.state == StateClosed {
		return
	}
	p.startAfresh(now, 0)
}

// pathChange is what a change of our network means for the path in use.
type pathChange uint8

const (
	pathKept    pathChange = iota // it may be what it was
	pathDoubted                   // we slept: nobody knows
	pathLost                      // its packets left from an address that we no longer have
)

// moved says that our own addresses changed, or that we slept.
func (p *peer) moved(now time.Time, path pathChange) {
	switch {
	case p.state == StateClosed:
	case path == pathLost && p.epoch != 0:
		p.loses(now)
		p.startAfresh(now, 0)
		p.trouble.begin(now)
	case path != pathKept:
		p.startAfresh(now, p.timing.Grace)
		p.trouble.begin(now)
	case p.unsettled():
		p.startAfresh(now, p.grace())
	}
}

// starved says that the connection is up and does not carry what it should:
// only a new one is likely to.
func (p *peer) starved(now time.Time) {
	if !p.connected() || p.unsettled() || !p.reachable {
		return
	}
	p.first()
	if p.offers {
		p.rebuild(now)
		return
	}
	p.act(send{p.need(false)})
	p.climb(askingStep(now, p.timing.Await))
	p.starve(now.Add(p.timing.Await))
}

// view is what a person is told of the repair.
func (r *repair) view(state State, of int) RepairView {
	v := RepairView{}
	if state == StateConnected {
		return v
	}
	v.Of = of
	switch r.phase {
	case phaseSettled:
	case phaseHolding:
		v.Waiting = true
	case phaseBackoff:
		v.Attempt, v.NextAt = r.attempt+1, r.at
	case phaseAsking, phaseMending:
		v.Attempt = r.attempt
	case phaseResting:
		v.Attempt, v.NextAt = r.attempt, r.at
	}
	return v
}
