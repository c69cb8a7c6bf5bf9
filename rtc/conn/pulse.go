package conn

import (
	"bytes"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/rtc"
)

const (
	// roamAfter is the silence of the pair in use after which a check that comes
	// in on another pair makes that one the pair in use, if the pair in use also
	// fails to answer: a peer that moved is followed, a browser that tries its
	// other pairs now and then is not.
	roamAfter = keepalive + overdue
	// unseenAfter is the same where our checks of the pair in use do not pass
	// here, as those to a relay by TCP, and nothing is known of their answers.
	unseenAfter = time.Second
	// betterEvery is how often a pair that would be a better path is checked, and
	// spareEvery one that would not, which keeps the mappings of NATs (RFC 4787
	// section 4.3): pion checks all of them five times a second.
	betterEvery = calm
	spareEvery  = 20 * time.Second
	// answeredWithin is how fresh the answer must be that shows a better path to
	// carry both ways.
	answeredWithin = 2 * time.Second
	// insists is the time between two checks of the peer on a better pair that
	// tells that its checks there are answered: until then it sends one each
	// betterEvery.
	insists = keepalive + keepalive/2
	// relapse is how soon after moving up a move down makes the better path wait
	// before it is used again, from firstWait on and twice as long each time.
	relapse   = 10 * time.Second
	firstWait = 5 * time.Second
	maxWait   = 5 * time.Minute
	// tooSoon is the time between two checks of one pair that are made at the same
	// tick of pion: the second is left out.
	tooSoon = keepalive / 4
	// silentAfter is the silence of a peer that was sending without pause after
	// which what it is sent takes a second way too, and watchFor how long after it
	// last sent so.
	silentAfter = 120 * time.Millisecond
	watchFor    = 3 * time.Second
)

// maxPairs bounds the pairs that are remembered. Peers use one or two, of a dozen that
// several sockets and addresses make.
const maxPairs = 32

// maxSpares bounds the pairs whose checks are counted.
const maxSpares = 256

// pulse gathers the evidence of life of one session and decides when to follow
// a peer whose address changed, and when to move to a better path.
type pulse struct {
	start time.Time
	heard atomic.Int64 // nanoseconds since start of the newest authenticated packet; 0: none
	got   atomic.Int64 // authenticated packets since the last check was made

	path    atomic.Pointer[inUse] // the pair in use
	carried atomic.Int64          // packets sent since the last check, checks left out
	doze    doze                  // nobody is expected to answer
	known   addresses
	stays   bool         // the peer chooses the path by rules of its own: we do not move up
	watch   atomic.Int64 // nanoseconds since start until when silence of the peer is suspicious
	moves   func()       // unless nil, told that the path is another one
	first   bool         // the first pair that works both ways is used at once
	guess   guess        // guarded by mu; made before anything is known to work both ways

	checks, checked [rtc.PathDirect + 1]atomic.Int64 // ours that went out, theirs that came in

	mu       sync.Mutex
	pairs    []*seenPair         // guarded by mu; those that a check came in on, newest last
	selected endpoints           // guarded by mu; in use, zero before
	cadence  cadence             // guarded by mu; of the checks of the pair in use
	made     time.Time           // guarded by mu; when pion last made a check of the pair in use
	dense    bool                // guarded by mu; the peer was sending more than a few packets
	kept     func()              // guarded by mu; sends the newest check that was kept back
	rtt      smoothRTT           // guarded by mu; of the pair in use, or the one before
	spares   map[spare]time.Time // guarded by mu; when a check of each last went out
	climb    climb               // guarded by mu
}

// inUse describes the pair in use. It is never changed once stored.
type inUse struct {
	stats rtc.TransportStats // without its RTT
	ends  endpoints
	port  uint16 // of the socket, for a pair without a relay of ours
}

// seenPair is a pair and when the newest check of the peer came in on it.
type seenPair struct {
	pair *ice.CandidatePair
	at   time.Time
}

// spare names a pair that is not in use: the port of its socket and where it
// leads.
type spare struct {
	port uint16
	to   netip.AddrPort
}

// climb keeps a session from going back and forth between a path that is
// better and one that works. It has no clock and no lock.
type climb struct {
	at    time.Time // when we moved up last
	until time.Time // before then we do not
	wait  time.Duration
}

func (c *climb) up(now time.Time) { c.at = now }

func (c *climb) down(now time.Time) {
	if c.at.IsZero() || now.Sub(c.at) > relapse {
		c.wait = 0
		return
	}
	c.wait = min(max(2*c.wait, firstWait), maxWait)
	c.until = now.Add(c.wait)
}

func newPulse() *pulse { return &pulse{start: time.Now(), spares: map[spare]time.Time{}} }

// touch notes that an authenticated packet arrived now.
func (p *pulse) touch() {
	p.heard.Store(int64(time.Since(p.start)))
	p.doze.heard()
	p.got.Add(1)
}

// request is called by the ICE agent for each authentic check of the peer. It
// returns true to make pair the pair in use.
func (p *pulse) request(_ *stun.Message, _, _ ice.Candidate, pair *ice.CandidatePair) bool {
	p.touch()
	if pair == nil {
		return false
	}
	follow, send := p.moved(time.Now(), pair)
	if send != nil {
		send()
	}
	return follow
}

// moved is told of a check that came in on a pair, and whether the peer is to be
// followed there. send, unless nil, asks the pair in use whether it still works.
func (p *pulse) moved(now time.Time, pair *ice.CandidatePair) (follow bool, send func()) {
	path := p.known.pathOf(pair)
	p.checked[path].Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.remember(now, pair)
	answered := !pair.LastResponseReceivedAt().IsZero()
	if !p.selected.remote.IsValid() {
		if p.first && answered {
			// Checks pass both ways. pion would wait for the answer to the one that
			// nominates the pair, a round trip more.
			return true, nil
		}
		return p.guess.make(pair, path)
	}
	inUse := p.pairInUse()
	if inUse == nil {
		return false, nil
	}
	if p.guess.open() && answered {
		again := p.guess.end(pair)
		p.use(endpointsOf(pair))
		return pair != inUse, again
	}
	if p.selected == endpointsOf(pair) {
		return false, nil
	}
	present := p.known.pathOf(inUse)
	if path > present && !p.stays && !now.Before(p.climb.until) &&
		(now.Sub(pair.LastResponseReceivedAt()) < answeredWithin || now.Sub(before) < insists) {
		p.climb.up(now)
		p.use(endpointsOf(pair))
		return true, nil
	}
	if now.Sub(lastSign(inUse)) < roamAfter || !p.failing(now, inUse) {
		// The routine check of a spare pair says nothing; one that is new, or is
		// checked often, may be where the peer is now.
		if path <= present && (before.IsZero() || now.Sub(before) < alarm) {
			return false, p.alarm(now)
		}
		return false, nil
	}
	if path < present {
		p.climb.down(now)
	}
	p.use(endpointsOf(pair))
	return true, nil
}

// failing reports whether the pair in use does not answer. Called with mu held.
func (p *pulse) failing(now time.Time, inUse *ice.CandidatePair) bool {
	if p.cadence.sent.IsZero() {
		return now.Sub(lastSign(inUse)) >= unseenAfter
	}
	return p.cadence.failing(now, p.signsOf(inUse))
}

// use makes another pair the one in use. Called with mu held.
func (p *pulse) use(ends endpoints) {
	if p.selected != ends {
		p.selected, p.cadence, p.rtt.begins = ends, cadence{}, true
		p.dense = false
	}
}

// signsOf is what is known of the pair in use. Called with mu held.
func (p *pulse) signsOf(inUse *ice.CandidatePair) signs {
	answered := inUse.LastResponseReceivedAt()
	p.rtt.take(answered, time.Duration(inUse.CurrentRoundTripTime()*float64(time.Second)))
	return signs{answered: answered, asked: inUse.LastRequestReceivedAt(), rtt: p.rtt.value}
}

// alarm has all checks go out for a while. It returns how to send the one that
// was kept back, or nil. Called with mu held.
func (p *pulse) alarm(now time.Time) (send func()) {
	if !p.cadence.doubt(now) {
		return nil
	}
	p.rtt.skips = true // pion counts from when it made the check
	return p.kept
}

// doubt is for when the path may have changed: checks go out at their fastest
// for a while, the first at once.
func (p *pulse) doubt() {
	p.mu.Lock()
	send := p.alarm(time.Now())
	p.mu.Unlock()
	if send != nil {
		send()
	}
}

// hold is asked about every check that pion sends, and reports whether it is
// kept back. port is that of the socket, to where the check goes, path the way
// it takes; send sends a packet there later.
func (p *pulse) hold(check []byte, port uint16, to netip.AddrPort, path rtc.Path, send func(packet []byte)) bool {
	held := p.holds(time.Now(), check, port, to, path, send)
	if !held {
		p.checks[path].Add(1)
	}
	return held
}

func (p *pulse) holds(now time.Time, check []byte, port uint16, to netip.AddrPort, path rtc.Path, send func(packet []byte)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.guess.asks(spare{port, to}, check, send)
	inUse := p.pairInUse()
	if inUse == nil || p.guess.open() {
		return false
	}
	if p.selected.remote != to || basePort(inUse.Local) != port {
		return p.holdSpare(now, inUse, spare{port, to}, path)
	}
	if now.Sub(p.made) < tooSoon {
		return true // one of the two that pion makes of the pair in use
	}
	p.made = now
	if p.doze.on.Load() {
		if now.Sub(p.cadence.sent) < dozeCheck-keepalive/2 {
			return true
		}
		p.cadence.went(now)
		return false
	}
	p.silence(now, inUse)
	if !p.cadence.hold(now, p.signsOf(inUse), int(p.carried.Swap(0))) {
		return false
	}
	packet := bytes.Clone(check)
	p.kept = func() { send(packet) }
	return true
}

// silence raises the alarm when a peer that was sending stops: either it has
// nothing more to say, or the path is gone. Called with mu held, once for each
// check of the pair in use.
func (p *pulse) silence(now time.Time, inUse *ice.CandidatePair) {
	got := p.got.Swap(0)
	switch {
	case got >= busy:
		p.watch.Store(int64(now.Sub(p.start) + watchFor))
	case got == 0 && p.dense:
		p.cadence.until = now.Add(alarm)
	case now.Sub(inUse.LastResponseReceivedAt()) <= keepalive:
		p.watch.Store(0) // it answers, and has nothing to say
	}
	p.dense = got >= busy
}

// suspects reports whether a peer that was sending has fallen silent, and nothing
// shows yet that the path carries.
func (p *pulse) suspects() bool {
	until := p.watch.Load()
	if until == 0 {
		return false
	}
	now := int64(time.Since(p.start))
	return now < until && now-p.heard.Load() > int64(silentAfter)
}

// holdSpare decides on the checks of a pair that is not in use: it is asked
// rarely whether it works, unless it is needed or would be better. Called with
// mu held.
func (p *pulse) holdSpare(now time.Time, inUse *ice.CandidatePair, pair spare, path rtc.Path) bool {
	every := spareEvery
	switch {
	case p.doze.on.Load():
	case now.Before(p.cadence.until), p.failing(now, inUse):
		every = 0
	case path > p.known.pathOf(inUse):
		every = betterEvery
		if p.answers(now, pair) {
			every = 0 // insist
		}
	}
	if last, asked := p.spares[pair]; asked && now.Sub(last) < every-keepalive/2 {
		return true
	}
	if len(p.spares) >= maxSpares {
		clear(p.spares)
	}
	p.spares[pair] = now
	return false
}

// answers reports whether a pair has just answered a check. pion makes another
// pair of the same two ends when it is told of an address that it has learned from
// a check before, and from then on notes answers there only. Called with mu held.
func (p *pulse) answers(now time.Time, pair spare) bool {
	return slices.ContainsFunc(p.pairs, func(known *seenPair) bool {
		return spareOf(known.pair) == pair && now.Sub(known.pair.LastResponseReceivedAt()) < answeredWithin
	})
}

// remember puts pair among the pairs and returns when the check before this one
// came in on it. Called with mu held.
func (p *pulse) remember(now time.Time, pair *ice.CandidatePair) (before time.Time) {
	for _, known := range p.pairs {
		if known.pair == pair {
			before, known.at = known.at, now
			return before
		}
	}
	if len(p.pairs) == maxPairs {
		p.forgetOldest()
	}
	p.pairs = append(p.pairs, &seenPair{pair, now})
	return time.Time{}
}

// forgetOldest makes room among the pairs. The one in use stays: it is silent when the
// peer has moved, and whoever has forgotten it follows nobody. Called with mu held.
func (p *pulse) forgetOldest() {
	oldest := -1
	for i, known := range p.pairs {
		if endpointsOf(known.pair) != p.selected && (oldest < 0 || lastSign(known.pair).Before(lastSign(p.pairs[oldest].pair))) {
			oldest = i
		}
	}
	oldest = max(oldest, 0) // or all are of the ends in use, and the newest of them stays
	p.pairs = slices.Delete(p.pairs, oldest, oldest+1)
}

// pairInUse returns the newest pair between the addresses in use, or nil.
// Called with mu held.
func (p *pulse) pairInUse() *ice.CandidatePair {
	for i := len(p.pairs) - 1; i >= 0; i-- {
		if endpointsOf(p.pairs[i].pair) == p.selected {
			return p.pairs[i].pair
		}
	}
	return nil
}

// changed is told by pion of a new pair in use.
func (p *pulse) changed(pair *webrtc.ICECandidatePair) {
	if pair == nil || pair.Local == nil || pair.Remote == nil {
		return
	}
	ends := endpoints{
		addrPort(pair.Local.Address, int(pair.Local.Port)), addrPort(pair.Remote.Address, int(pair.Remote.Port)),
	}
	relayed := pair.Local.Typ == webrtc.ICECandidateTypeRelay
	to := &inUse{ends: ends, port: ends.local.Port(), stats: rtc.TransportStats{
		Path: p.known.path(ends.remote, relayed || pair.Remote.Typ == webrtc.ICECandidateTypeRelay),
	}}
	if to.stats.Path != rtc.PathVia {
		to.stats.LocalType, to.stats.RemoteType = pair.Local.Typ.String(), pair.Remote.Typ.String()
		to.stats.LocalAddress, to.stats.RemoteAddress = ends.local.String(), ends.remote.String()
	}
	if pair.Local.RelatedPort != 0 {
		to.port = pair.Local.RelatedPort
	}
	if relayed {
		to.port = 0
	}
	p.path.Store(to)
	p.mu.Lock()
	p.use(ends)
	p.mu.Unlock()
	if p.moves != nil {
		p.moves()
	}
}

// restart forgets the pair in use, before an ICE restart gives it up. What was
// heard stays heard.
func (p *pulse) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.use(endpoints{})
}

// snapshot returns the evidence so far.
func (p *pulse) snapshot() rtc.Pulse {
	var out rtc.Pulse
	if ns := p.heard.Load(); ns != 0 {
		out.Heard = p.start.Add(time.Duration(ns))
	}
	p.mu.Lock()
	for _, known := range p.pairs {
		if t := known.pair.LastResponseReceivedAt(); t.After(out.Answered) {
			out.Answered = t
		}
	}
	p.mu.Unlock()
	if out.Answered.After(out.Heard) {
		out.Heard = out.Answered
	}
	return out
}

// works reports whether the pair in use answers, and its round trip.
func (p *pulse) works(now time.Time) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	inUse := p.pairInUse()
	if inUse == nil {
		return p.rtt.value, true // it is so new that nothing is known
	}
	return p.signsOf(inUse).rtt, !p.failing(now, inUse)
}

// transport returns the path in use.
func (p *pulse) transport() rtc.TransportStats {
	path := p.path.Load()
	if path == nil {
		return rtc.TransportStats{}
	}
	out := path.stats
	p.mu.Lock()
	defer p.mu.Unlock()
	if pair := p.pairInUse(); pair != nil {
		out.RTT = p.signsOf(pair).rtt
	}
	return out
}

// authentic reports whether a check of the peer lately came in from an address.
func (p *pulse) authentic(now time.Time, from netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, known := range p.pairs {
		if endpointsOf(known.pair).remote == from && now.Sub(lastSign(known.pair)) < authenticFor {
			return true
		}
	}
	return false
}

// lastSign is when an ICE message last arrived on the pair. Media is not asked:
// pion books all of it on the pair in use, wherever it came from.
func lastSign(p *ice.CandidatePair) time.Time {
	request, response := p.LastRequestReceivedAt(), p.LastResponseReceivedAt()
	if response.After(request) {
		return response
	}
	return request
}
