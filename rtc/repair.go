package rtc

import (
	"time"

	"github.com/meet-term/meet/internal/rules"
)

// phase is what the repair of a peer is doing. A closed set.
type phase uint8

const (
	phaseSettled phase = iota // nothing to mend
	phaseHolding              // something to mend, but signaling does not reach the peer: no clock runs
	phaseBackoff              // the next attempt begins at the deadline
	phaseAsking               // a probe or a need is out; the other side must react by the deadline
	phaseMending              // a restarted or new connection must carry something by the deadline
	phaseResting              // three attempts failed; a slow retry begins at the deadline
)

// repair is the ladder that mends a peer: wait, ICE restart, rebuild. An
// attempt is spent only while signaling reaches the peer, and an ICE restart,
// which gives up the pair in use before it has another, only after the other
// side has just answered through signaling (RFC 8445 section 9 gives no way
// back; a path that would heal by itself must not be given up for nothing).
type repair struct {
	phase      phase
	at         time.Time // deadline of the phase; zero when it has none
	attempt    int       // spent in a row since the last success or fresh start
	exhausted  bool      // all of them were spent and failed was shown
	troubledAt time.Time // evidence of life must be newer than this to count as mended
	announced  int       // the attempt last announced and not yet begun
	probe      uint32    // number of the last probe
	wish       bool      // that probe is for an ICE restart; else for a new connection
	doubt      uint32    // number of a probe sent to learn whether a need still holds; 0 without one
	inVain     int       // attempts that came to nothing, ever
	gaveUpAt   time.Time // when a connection was last given up for another
	goneAt     time.Time // when our end of the path in use was found to be gone; zero while it is there
	owed       bool      // a need came too soon after the last repair: it is served when Spacing is over
}

// restartsBeforeRebuild is how many attempts keep the connection and restart
// its ICE before one replaces it.
const restartsBeforeRebuild = rules.RestartsBeforeRebuild

// settle ends all repair: counters and timers are cleared.
func (p *peer) settle() {
	p.phase, p.at, p.attempt, p.exhausted = phaseSettled, time.Time{}, 0, false
	p.announced, p.goneAt, p.owed = 0, time.Time{}, false
}

// pathGone reports whether the path in use is known to be gone. Until something
// replaces it, or the other side follows us, hearing something proves nothing:
// whoever answers a check from our new address may still send to the old one.
func (p *peer) pathGone() bool { return !p.goneAt.IsZero() }

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
	case p.epoch == 0 && p.phase == phaseSettled:
		p.begin(now)
	case p.phase == phaseMending && !p.pathGone(): // it has a deadline of its own
	case p.phase != phaseSettled, p.state == StateFailed:
		p.startAfresh(now, p.grace())
	}
}

// stuck reports what must never be: a peer that could be talked to, is not
// connected, and for whom nothing will ever be tried.
func (p *peer) stuck() bool {
	return p.reachable && !p.connected() && p.state != StateClosed &&
		(p.phase == phaseSettled || p.phase == phaseHolding || p.at.IsZero())
}

// startAfresh forgets earlier attempts and schedules the first one.
func (p *peer) startAfresh(now time.Time, delay time.Duration) {
	p.attempt, p.exhausted = 0, false
	p.troubledAt = p.lastSign(now)
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
	p.troubledAt = now
	if p.offers {
		p.attempt = 1
		p.rebuild(now)
		return
	}
	p.await(phaseAsking, now.Add(p.timing.Await))
}

// await enters a phase with a deadline.
func (p *peer) await(ph phase, until time.Time) { p.phase, p.at = ph, until }

// schedule announces the next attempt, or holds it until the peer can be
// reached.
func (p *peer) schedule(now time.Time, delay time.Duration) {
	if !p.reachable {
		p.hold()
		return
	}
	p.await(phaseBackoff, now.Add(delay))
	if !p.hears(now) {
		p.announce(p.attempt+1, delay)
	}
}

// announce tells people of an attempt, once.
func (p *peer) announce(attempt int, delay time.Duration) {
	if p.state != StateDisconnected || p.announced == attempt {
		return
	}
	p.announced = attempt
	p.emit(Reconnecting{p.who(), attempt, len(p.timing.Backoff), delay})
}

// hold stops the clock of the repair: offline time burns no attempts, and the
// trouble is remembered until the peer can be reached. A connection being mended
// goes on, since ICE needs no signaling any more.
func (p *peer) hold() {
	if p.phase == phaseMending {
		return
	}
	p.phase, p.at, p.attempt = phaseHolding, time.Time{}, 0
}

// due acts on the deadline of the phase.
func (p *peer) due(now time.Time) {
	switch p.phase {
	case phaseSettled, phaseHolding:
		p.at = time.Time{}
	case phaseBackoff, phaseResting:
		p.try(now)
	case phaseAsking, phaseMending:
		p.attemptFailed(now)
	}
}

// try begins one attempt.
func (p *peer) try(now time.Time) {
	if !p.reachable {
		p.hold()
		return
	}
	if !p.exhausted {
		p.attempt++
		p.announce(p.attempt, 0)
	}
	p.announced = 0
	if !p.offers {
		p.act(send{p.need(p.mayRestart())})
		p.await(phaseAsking, now.Add(p.timing.Await))
		return
	}
	if !p.up {
		p.rebuild(now) // nothing that could heal by itself is given up
		return
	}
	p.probe++
	p.wish = p.mayRestart()
	p.act(send{p.probeBody()})
	p.await(phaseAsking, now.Add(p.timing.Ask))
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
	p.inVain++
	if !p.reachable {
		p.phase = phaseBackoff // leave mending, so that hold applies
		p.hold()
		return
	}
	if p.attempt < len(p.timing.Backoff) && !p.exhausted {
		p.schedule(now, p.timing.Backoff[p.attempt])
		return
	}
	if !p.exhausted {
		p.exhausted = true
		p.lose(now) // one-way trouble that nothing helped
		p.enter(now, StateFailed)
		p.emit(PeerConnectionFailed{p.who()})
		if p.met {
			p.emit(ReconnectFailed{p.who(), p.attempt})
		}
	}
	p.await(phaseResting, now.Add(p.timing.Rest))
}

// hears reports whether anything was heard of the peer lately.
func (p *peer) hears(now time.Time) bool {
	return p.up && now.Sub(p.pulse.Heard) < p.timing.Silence
}

// retry is a person's wish to try now.
func (p *peer) retry(now time.Time) {
	if p.connected() && p.phase == phaseSettled || p.state == StateClosed {
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
		p.goneAt = now
		p.startAfresh(now, 0)
		p.troubledAt = now
	case path != pathKept:
		p.startAfresh(now, p.timing.Grace)
		p.troubledAt = now
	case p.phase != phaseSettled:
		p.startAfresh(now, p.grace())
	}
}

// starved says that the connection is up and does not carry what it should:
// only a new one is likely to.
func (p *peer) starved(now time.Time) {
	if !p.connected() || p.phase != phaseSettled || !p.reachable {
		return
	}
	p.attempt = 1
	if p.offers {
		p.rebuild(now)
		return
	}
	p.act(send{p.need(false)})
	p.await(phaseAsking, now.Add(p.timing.Await))
	p.troubledAt = now.Add(p.timing.Await) // being heard is not what is wrong
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
