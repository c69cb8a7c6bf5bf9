package conn

import (
	"bytes"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/rtc"
)

// roamAfter is the silence of the pair in use after which a check that comes in
// on another pair makes that one the pair in use, if the pair in use also fails
// to answer: a peer that moved is followed, a browser that tries its other pairs
// now and then is not.
const roamAfter = keepalive + overdue

// maxPairs bounds the pairs that are remembered. Peers use one or two.
const maxPairs = 16

// pulse gathers the evidence of life of one session and decides when to follow
// a peer whose address changed.
type pulse struct {
	start time.Time
	heard atomic.Int64 // nanoseconds since start of the newest authenticated packet; 0: none

	path    atomic.Pointer[rtc.TransportStats] // the pair in use, without its RTT
	carried atomic.Int64                       // packets sent since the last check, checks left out
	doze    doze                               // nobody is expected to answer

	mu       sync.Mutex
	pairs    []*ice.CandidatePair // guarded by mu; those that a check came in on, newest last
	selected [2]string            // guarded by mu; local and remote address in use, "" before
	cadence  cadence              // guarded by mu; of the checks of the pair in use
	kept     func()               // guarded by mu; sends the newest check that was kept back
	rtt      smoothRTT            // guarded by mu; of the pair in use, or the one before
}

func newPulse() *pulse { return &pulse{start: time.Now()} }

// touch notes that an authenticated packet arrived now.
func (p *pulse) touch() {
	p.heard.Store(int64(time.Since(p.start)))
	p.doze.heard()
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
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remember(pair)
	if p.selected[1] == "" || p.selected == endpoints(pair) {
		return false, nil
	}
	inUse := p.pairInUse()
	if inUse == nil {
		return false, nil
	}
	if now.Sub(lastSign(inUse)) < roamAfter || !p.cadence.failing(now, p.signsOf(inUse)) {
		return false, p.alarm(now)
	}
	p.use(endpoints(pair))
	return true, nil
}

// use makes another pair the one in use. Called with mu held.
func (p *pulse) use(endpoints [2]string) {
	if p.selected != endpoints {
		p.selected, p.cadence, p.rtt.begins = endpoints, cadence{}, true
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
// kept back. port is that of the socket, to where the check goes; send sends a
// packet there later.
func (p *pulse) hold(check []byte, port int, to string, send func(packet []byte)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	inUse := p.pairInUse()
	if inUse == nil || p.selected[1] != to || basePort(inUse.Local) != port {
		return false
	}
	now := time.Now()
	if p.doze.on.Load() {
		if now.Sub(p.cadence.sent) < dozeCheck-keepalive/2 {
			return true
		}
		p.cadence.went(now)
		return false
	}
	if !p.cadence.hold(now, p.signsOf(inUse), int(p.carried.Swap(0))) {
		return false
	}
	packet := bytes.Clone(check)
	p.kept = func() { send(packet) }
	return true
}

// basePort is the port of the socket behind a local candidate (RFC 8445 section
// 5.1.1).
func basePort(c ice.Candidate) int {
	if base := c.RelatedAddress(); base != nil && base.Port != 0 {
		return base.Port
	}
	return c.Port()
}

// remember puts pair last among the pairs. Called with mu held.
func (p *pulse) remember(pair *ice.CandidatePair) {
	for _, known := range p.pairs {
		if known == pair {
			return
		}
	}
	if len(p.pairs) == maxPairs {
		oldest := 0
		for i, known := range p.pairs {
			if lastSign(known).Before(lastSign(p.pairs[oldest])) {
				oldest = i
			}
		}
		p.pairs = append(p.pairs[:oldest], p.pairs[oldest+1:]...)
	}
	p.pairs = append(p.pairs, pair)
}

// pairInUse returns the newest pair between the addresses in use, or nil.
// Called with mu held.
func (p *pulse) pairInUse() *ice.CandidatePair {
	for i := len(p.pairs) - 1; i >= 0; i-- {
		if endpoints(p.pairs[i]) == p.selected {
			return p.pairs[i]
		}
	}
	return nil
}

// changed is told by pion of a new pair in use.
func (p *pulse) changed(pair *webrtc.ICECandidatePair) {
	if pair == nil || pair.Local == nil || pair.Remote == nil {
		return
	}
	local, remote := join(pair.Local.Address, int(pair.Local.Port)), join(pair.Remote.Address, int(pair.Remote.Port))
	p.path.Store(&rtc.TransportStats{
		Relay:         pair.Local.Typ == webrtc.ICECandidateTypeRelay || pair.Remote.Typ == webrtc.ICECandidateTypeRelay,
		LocalType:     pair.Local.Typ.String(),
		RemoteType:    pair.Remote.Typ.String(),
		LocalAddress:  local,
		RemoteAddress: remote,
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.use([2]string{local, remote})
}

// restart forgets the pair in use, before an ICE restart gives it up. What was
// heard stays heard.
func (p *pulse) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.use([2]string{})
}

// snapshot returns the evidence so far.
func (p *pulse) snapshot() rtc.Pulse {
	var out rtc.Pulse
	if ns := p.heard.Load(); ns != 0 {
		out.Heard = p.start.Add(time.Duration(ns))
	}
	p.mu.Lock()
	for _, pair := range p.pairs {
		if t := pair.LastResponseReceivedAt(); t.After(out.Answered) {
			out.Answered = t
		}
	}
	p.mu.Unlock()
	if out.Answered.After(out.Heard) {
		out.Heard = out.Answered
	}
	return out
}

// transport returns the path in use.
func (p *pulse) transport() rtc.TransportStats {
	path := p.path.Load()
	if path == nil {
		return rtc.TransportStats{}
	}
	out := *path
	p.mu.Lock()
	defer p.mu.Unlock()
	if pair := p.pairInUse(); pair != nil {
		out.RTT = p.signsOf(pair).rtt
	}
	return out
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

func endpoints(p *ice.CandidatePair) [2]string {
	return [2]string{
		join(p.Local.Address(), p.Local.Port()),
		join(p.Remote.Address(), p.Remote.Port()),
	}
}

func join(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
