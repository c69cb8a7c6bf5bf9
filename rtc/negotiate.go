package rtc

import (
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/signal"
)

// negotiation is what both sides have agreed on for the current epoch.
//
// One side of a pair, the larger id, makes every offer: pion has no rollback
// (RFC 8829 section 4.1.10.2), so two offers must never cross. An epoch is
// one PeerConnection; messages name the sender's epoch and the receiver's as
// the sender knows it, and what belongs to a replaced connection is dropped.
type negotiation struct {
	epochs *epochs // shared by all pairs, so that a number is never used again
	link
	generation
	early []signal.Candidates // of the peer, ahead of their description
}

// epochs hands out epoch numbers, each once. The Manager owns it.
type epochs struct{ last signal.Epoch }

func (e *epochs) next() signal.Epoch { e.last++; return e.last }

// maxCandidates bounds the peer's candidates of one ICE generation: each
// costs a pair with every local one, and an address to send checks to.
const maxCandidates = rules.MaxGeneration

// rebuild replaces the connection by a new one and offers it.
func (p *peer) rebuild(now time.Time) {
	p.open(now)
	p.generation.next(1, 1, true)
	p.cmd(MakeOffer{N: 1, Gen: 1})
	p.climb(mendingStep(now, p.timing))
}

// restart keeps the connection and negotiates new ICE credentials and
// candidates for it.
func (p *peer) restart(now time.Time) {
	p.generation.next(p.n+1, p.gen+1, true)
	p.replacePath(now)
	p.cmd(MakeOffer{N: p.n, Gen: p.gen, Restart: true})
	p.climb(mendingStep(now, p.timing))
}

// replacePath notes that the path in use is given up for another.
func (p *peer) replacePath(now time.Time) {
	p.giveUp(now)
	p.trouble.begin(now)
	p.replaces()
}

// open drops the current session, if any, and dials one of a new epoch.
func (p *peer) open(now time.Time) {
	if p.connected() {
		p.cutSince(p.lastSign(now))
	}
	p.drop()
	p.dials(p.epochs.next())
	p.giveUp(now)
	p.trouble.begin(now)
	p.act(dial{p.epoch})
	p.iceChanged(ICENew)
}

// drop closes the session. What the peer is known to have reached (remote)
// stays, so that its older messages remain recognisable.
func (p *peer) drop() {
	if p.epoch == 0 {
		return
	}
	p.act(hangUp{p.epoch})
	p.iceChanged(ICEClosed)
	p.link.ends()
	p.generation.next(0, 0, false)
	p.reset(Pulse{})
	p.replaces()
	p.owe(false)
}

// forget voids what was agreed with a process of the peer that is no more.
func (p *peer) forget() {
	p.theirs(0)
	p.early = nil
}

// message takes a body that the peer sent through signaling.
func (p *peer) message(now time.Time, b signal.Body) {
	switch b := b.(type) {
	case signal.Offer:
		p.onOffer(now, b)
	case signal.Answer:
		p.onAnswer(now, b)
	case signal.Candidates:
		p.onCandidates(b)
	case signal.Need:
		p.onNeed(now, b)
	case signal.Probe:
		p.act(send{signal.ProbeAck{Epoch: p.epoch, Remote: p.remote, N: b.N, Silent: !p.hears(now) || p.pathGone()}})
	case signal.ProbeAck:
		p.onProbeAck(now, b)
	case signal.Bye, signal.App:
		// The Manager ends the peer, and takes what people say; a session is never ended
		// alone.
	}
}

func (p *peer) onOffer(now time.Time, o signal.Offer) {
	if p.offers || o.Epoch < p.remote || o.Epoch == 0 || o.N == 0 {
		return
	}
	if o.Epoch > p.remote {
		p.theirs(o.Epoch)
		p.open(now)
		if p.state == StateNew {
			p.enter(now, StateConnecting)
		}
	}
	switch {
	case p.epoch == 0: // our end of it failed: only a new epoch helps
		p.act(send{p.need(false)})
		return
	case o.N == p.n:
		p.resync()
		return
	case o.N < p.n:
		return
	}
	p.generation.next(o.N, o.Gen, false)
	if o.Restart {
		p.replacePath(now)
	}
	p.cmd(AcceptOffer{N: o.N, Gen: o.Gen, SDP: o.SDP})
	p.apply()
	p.passEarly()
	if p.phase == phaseSettled || p.phase == phaseHolding {
		p.some()
	}
	p.climb(mendingStep(now, p.timing))
}

func (p *peer) onAnswer(now time.Time, a signal.Answer) {
	if !p.offers || p.offer == nil || a.Remote != p.epoch || a.N != p.n || a.Epoch == 0 {
		return
	}
	if p.remote != 0 && a.Epoch != p.remote && p.up {
		// They answer our old connection with a new one of theirs: DTLS
		// would hang without an error.
		p.rebuild(now)
		return
	}
	p.theirs(a.Epoch)
	p.apply()
	p.cmd(AcceptAnswer{N: a.N, Gen: a.Gen, SDP: a.SDP})
	p.passEarly()
}

// onCandidates passes candidates of the current generation on, keeps those
// that are ahead of their description, and drops the rest.
func (p *peer) onCandidates(c signal.Candidates) {
	if p.offers && c.Remote != p.epoch {
		return
	}
	ahead := c.Epoch > p.remote || c.Epoch == p.remote && (c.Gen > p.gen || c.Gen == p.gen && !p.applied)
	switch {
	case ahead:
		n := 0
		for _, e := range p.early {
			n += len(e.Candidates)
		}
		if n+len(c.Candidates) <= maxCandidates && len(p.early) < maxCandidates {
			p.early = append(p.early, c)
		}
	case c.Epoch == p.remote && c.Gen == p.gen && p.epoch != 0:
		p.pass(c)
	}
}

func (p *peer) pass(c signal.Candidates) {
	n := p.admit(len(c.Candidates))
	if n == 0 && !c.Done {
		return
	}
	p.cmd(AddCandidates{Candidates: c.Candidates[:n], Done: c.Done})
}

// passEarly passes what waited for the description that was just applied.
func (p *peer) passEarly() {
	waiting := p.early
	p.early = nil
	for _, c := range waiting {
		p.onCandidates(c)
	}
}

// onNeed serves a peer that cannot offer itself.
func (p *peer) onNeed(now time.Time, nd signal.Need) {
	switch {
	case !p.offers:
		return
	case p.making:
		return
	case p.offer != nil:
		p.resync()
		return
	case nd.Remote != 0 && nd.Remote < p.epoch:
		return // asked before they saw the present connection
	case p.epoch != 0 && now.Sub(p.gaveUpAt) < p.timing.Spacing:
		// Just done. If it does not help, or the path has gone once more, that
		// holds in a moment as well.
		p.owe(p.up && nd.Restart && p.current(nd))
		return
	case !p.up:
		p.some()
		p.rebuild(now)
		return
	case nd.Gone && nd.Restart && p.current(nd):
		// They know, and have just said so through signaling: there is nothing
		// left to ask for.
		p.some()
		p.mend(now, true)
		return
	}
	// They asked while the path was broken, and the message may have waited as
	// long as the path: ask how it is now, before anything is given up.
	p.ask(nd.Restart && p.current(nd))
	p.act(send{p.probeBody()})
	if p.settled() {
		p.doubts()
		return
	}
	p.some()
	p.climb(askingStep(now, p.timing.Ask))
}

// onProbeAck acts on the other side's word of this moment. A path that carries
// again is not given up, whatever was asked for while it did not.
func (p *peer) onProbeAck(now time.Time, a signal.ProbeAck) {
	if !p.offers || a.N != p.probe {
		return
	}
	agrees := a.Remote == p.epoch && a.Epoch == p.remote
	wish := p.wish
	doubt := p.settles()
	switch {
	case p.phase == phaseAsking && agrees && !a.Silent && !p.pathGone() && p.outlived(p.pulse.Heard):
		p.climb(askingStep(now, p.timing.Grace)) // it is healing by itself
	case p.phase == phaseAsking:
		p.mend(now, wish && agrees)
	case doubt && p.settled() && (a.Silent || !agrees || !wish):
		p.first()
		p.mend(now, wish && agrees)
	}
}

// current reports whether a need is about the connection of this moment.
func (p *peer) current(nd signal.Need) bool { return nd.Remote == p.epoch && nd.Epoch == p.remote }

func (p *peer) need(restart bool) signal.Need {
	return signal.Need{Epoch: p.epoch, Remote: p.remote, Restart: restart, Gone: restart && p.pathGone()}
}

func (p *peer) probeBody() signal.Probe {
	return signal.Probe{Epoch: p.epoch, Remote: p.remote, N: p.probe}
}

// resync sends again what the peer may have missed while signaling was down:
// the offer until it is answered, the answer while it is the newest, and all
// candidates with them. Receiving any of it twice is harmless.
func (p *peer) resync() {
	switch {
	case p.offer != nil:
		p.act(send{*p.offer})
	case p.answer != nil:
		p.act(send{*p.answer})
	default:
		return
	}
	if len(p.local) > 0 || p.done {
		p.act(send{p.candidates(p.local, p.done)})
	}
}

func (p *peer) candidates(c []string, done bool) signal.Candidates {
	return signal.Candidates{Epoch: p.epoch, Remote: p.remote, Gen: p.gen, Candidates: c, Done: done}
}

// session takes an event of the session of an epoch.
func (p *peer) session(now time.Time, epoch signal.Epoch, e SessionEvent) {
	if epoch != p.epoch || epoch == 0 {
		return // of a connection that was replaced
	}
	switch e := e.(type) {
	case LocalOffer:
		if p.making && e.N == p.n {
			p.offered(signal.Offer{Epoch: p.epoch, Remote: p.remote, N: e.N, Gen: e.Gen, Restart: e.Restart, SDP: e.SDP})
			p.act(send{*p.offer})
		}
	case LocalAnswer:
		if e.N == p.n {
			p.answered(signal.Answer{Epoch: p.epoch, Remote: p.remote, N: e.N, Gen: e.Gen, SDP: e.SDP})
			p.act(send{*p.answer})
		}
	case LocalCandidates:
		if e.Gen == p.gen {
			p.gathered(e.Candidates, e.Done)
			p.act(send{p.candidates(e.Candidates, e.Done)})
		}
	case ICEStateChanged:
		p.iceChanged(e.State)
	case SessionConnected:
		p.sessionConnected(now)
	case SessionFailed:
		p.sessionFailed(now)
	case DataOpened, DataReceived, SessionAwake, PathChanged:
		// The Manager's business.
	}
}

// sessionConnected is success, and the only one a new connection can have.
func (p *peer) sessionConnected(now time.Time) {
	p.comes()
	p.reset(Pulse{Heard: now, Answered: now})
	p.heal(now)
}

// sessionFailed gives the session up: after an error of SDP or DTLS nothing
// but a new one helps.
func (p *peer) sessionFailed(now time.Time) {
	if p.connected() {
		p.cutSince(p.lastSign(now))
	}
	p.lose(now)
	p.drop()
	if p.phase == phaseMending {
		p.attemptFailed(now)
		return
	}
	if p.settled() {
		p.startAfresh(now, 0)
	}
}
