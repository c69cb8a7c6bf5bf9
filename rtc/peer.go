package rtc

import (
	"time"

	"github.com/meet-term/meet/signal"
)

// peer is the state machine of one other person: what we believe of the
// connection and what is being done about it. It is pure: no clock, lock or
// goroutine; every input takes the time it happened and leaves actions in
// out. The Manager owns it.
//
// Its concerns live in one file each: peer.go the inputs, negotiate.go offers,
// answers and candidates, repair.go what is done on each rung of the ladder. What it
// knows is in values that are changed by their own methods only: [standing] and [signs]
// (signs.go), [link] and [generation] (generation.go), [step] and [attempts]
// (ladder.go), [trouble], [question] and [given] (trouble.go).
type peer struct {
	id     signal.PeerID
	name   string
	offers bool // we have the larger id and make every offer of the pair
	timing Timing

	inc       signal.Inc // their process; a higher one replaces a lower
	reachable bool       // signaling reaches them, by the server or a third peer

	kept bool // gone, and its silent connection is only glanced at

	standing
	signs
	negotiation
	repair

	out []action
}

func newPeer(now time.Time, self, id signal.PeerID, timing Timing, e *epochs) *peer {
	return &peer{
		id: id, name: string(id), offers: self > id, timing: timing,
		standing: standing{since: now}, negotiation: negotiation{epochs: e},
	}
}

// take returns what is to be done and forgets it.
func (p *peer) take() []action {
	out := p.out
	p.out = nil
	return out
}

func (p *peer) act(a action)    { p.out = append(p.out, a) }
func (p *peer) emit(e Event)    { p.act(emit{e}) }
func (p *peer) who() Who        { return Who{Peer: p.id, Name: p.name} }
func (p *peer) cmd(c Command)   { p.act(do{p.epoch, c}) }
func (p *peer) connected() bool { return p.state == StateConnected }
func (p *peer) unsettled() bool { return !p.settled() }

// present says that the server lists the peer's process inc.
func (p *peer) present(now time.Time, inc signal.Inc) {
	replaced := p.inc != 0 && inc > p.inc
	p.inc = max(p.inc, inc)
	if replaced {
		p.replaced(now)
	}
}

// reach says whether signaling gets through to the peer at present.
func (p *peer) reach(now time.Time, reachable bool) {
	if p.reachable == reachable {
		return
	}
	p.reachable = reachable
	if reachable {
		p.resync()
		p.recheck(now)
		return
	}
	if p.unsettled() {
		p.hold()
	}
}

// replaced starts over with a new process of the same person: every
// agreement with the old one is void.
func (p *peer) replaced(now time.Time) {
	p.lose(now)
	p.drop()
	p.forget()
	p.startAfresh(now, 0)
}

// hear takes the latest evidence of life of the current session.
func (p *peer) hear(now time.Time, pulse Pulse) {
	if p.epoch == 0 {
		return
	}
	p.note(pulse)
	p.judge(now)
}

// judge compares the evidence of life with the clock and moves the state.
func (p *peer) judge(now time.Time) {
	if !p.up {
		if p.connected() && !now.Before(p.outage.Add(p.timing.Silence)) {
			p.lose(now) // a rebuild that takes longer than people should not notice
		}
		return
	}
	hears := p.hears(now)
	answered := now.Sub(p.pulse.Answered) < p.timing.Unanswered
	p.oneSided(hears && !answered)
	switch {
	case !hears && p.connected():
		p.cut(p.pulse.Heard)
		p.lose(now)
		p.startAfresh(now, p.timing.Backoff[0])
	case hears && answered && p.recovered(now):
		p.heal(now)
	case p.oneWay && p.connected() && !p.unsettled():
		p.startAfresh(now, 0)
	}
}

// recovered reports whether what is heard is newer than the trouble.
func (p *peer) recovered(now time.Time) bool {
	if p.settled() && p.connected() {
		return false
	}
	if p.pathGone() && now.Sub(p.goneAt) < p.timing.Grace {
		return false // the other side has had no time to follow us
	}
	return p.outlived(p.pulse.Heard) && p.outlived(p.pulse.Answered)
}

// lose marks a connected peer as disconnected. Peers that never were
// connected stay as they are: they are still connecting.
func (p *peer) lose(now time.Time) {
	if !p.connected() {
		return
	}
	p.cutSince(now)
	p.announces(0)
	p.enter(now, StateDisconnected)
	p.emit(PeerDisconnected{p.who()})
}

// heal marks the peer as connected and ends all repair.
func (p *peer) heal(now time.Time) {
	attempts := p.attempt
	p.settle()
	was := p.state
	outage := p.signs.ends()
	if p.gaveUpAt.Before(outage) {
		attempts = 0 // nothing was replaced: whatever was being tried, the path is the old one
	}
	if was == StateConnected {
		return
	}
	p.enter(now, StateConnected)
	p.emit(PeerConnected{p.who()})
	if p.met && !outage.IsZero() {
		p.emit(Reconnected{p.who(), attempts, now.Sub(outage)})
	}
	p.meets()
}

// leave ends the peer for good.
func (p *peer) leave(now time.Time) {
	if p.connected() {
		p.emit(PeerDisconnected{p.who()})
	}
	p.settle()
	p.drop()
	p.enter(now, StateClosed)
}

// enter moves to a state and says so.
func (p *peer) enter(now time.Time, s State) {
	if p.becomes(now, s) {
		p.emit(ConnectionStateChanged{p.who(), s, p.previous})
	}
}

// iceChanged records pion's view, which is shown but decides nothing.
func (p *peer) iceChanged(s ICEState) {
	if was, changed := p.iceBecomes(s); changed {
		p.emit(ICEConnectionStateChanged{p.who(), s, was})
	}
}

// wakeAt is when the machine next has something to do by itself; zero is
// never. It is the only timer of a peer.
func (p *peer) wakeAt(now time.Time) time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	sooner(p.deadline())
	switch {
	case p.epoch == 0:
	case !p.up:
		if p.connected() {
			sooner(p.outage.Add(p.timing.Silence))
		}
	case p.connected() && !p.unsettled() && !p.oneWay:
		sooner(p.pulse.Heard.Add(p.timing.Silence))
		sooner(p.pulse.Answered.Add(p.timing.Unanswered))
	case p.kept:
		sooner(now.Add(p.timing.Glance))
	default:
		sooner(now.Add(p.timing.Poll))
	}
	if p.owed {
		sooner(p.gaveUpAt.Add(p.timing.Spacing))
	}
	return at
}

// tick does what is due. The Manager calls hear with a fresh pulse before it.
func (p *peer) tick(now time.Time) {
	if p.epoch != 0 {
		p.judge(now)
	}
	if p.over(now) {
		p.due(now)
	}
	if p.owed && !now.Before(p.gaveUpAt.Add(p.timing.Spacing)) {
		p.owe(false)
		p.onNeed(now, signal.Need{Epoch: p.remote, Remote: p.epoch, Restart: true})
	}
}
