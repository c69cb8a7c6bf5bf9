package conn

import (
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
// on another pair makes that one the pair in use: a missed keepalive and some
// jitter. A peer that is well keeps to one pair, so following it early costs
// nothing.
const roamAfter = keepalive + 80*time.Millisecond

// maxPairs bounds the pairs that are remembered. Peers use one or two.
const maxPairs = 16

// pulse gathers the evidence of life of one session and decides when to follow
// a peer whose address changed.
type pulse struct {
	start time.Time
	heard atomic.Int64 // nanoseconds since start of the newest authenticated packet; 0: none

	path atomic.Pointer[rtc.TransportStats] // the pair in use, without its RTT

	mu       sync.Mutex
	pairs    []*ice.CandidatePair // guarded by mu; those that a check came in on, newest last
	selected [2]string            // guarded by mu; local and remote address in use, "" before
}

func newPulse() *pulse { return &pulse{start: time.Now()} }

// touch notes that an authenticated packet arrived now.
func (p *pulse) touch() { p.heard.Store(int64(time.Since(p.start))) }

// request is called by the ICE agent for each authentic check of the peer. It
// returns true to make pair the pair in use.
func (p *pulse) request(_ *stun.Message, _, _ ice.Candidate, pair *ice.CandidatePair) bool {
	p.touch()
	if pair == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remember(pair)
	if p.selected[1] == "" || p.selected == endpoints(pair) {
		return false
	}
	inUse := p.pairInUse()
	if inUse == nil || time.Since(lastSign(inUse)) < roamAfter {
		return false
	}
	p.selected = endpoints(pair)
	return true
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
	p.selected = [2]string{local, remote}
}

// restart forgets the pair in use, before an ICE restart gives it up. What was
// heard stays heard.
func (p *pulse) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.selected = [2]string{}
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
		out.RTT = time.Duration(pair.CurrentRoundTripTime() * float64(time.Second))
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
