// Package lipsync has what sound and pictures of one person need to come out
// together: how long the fastest of each took to get here. What came later
// than the fastest was held up on the way, and is not to be held up again.
package lipsync

import "time"

// window is how long a Path remembers at least; twice that at most. Within it
// the clocks of two machines drift apart by less than a millisecond, and a
// path that has become longer is believed after it.
const window = 5 * time.Second

// Path knows the fastest of what came lately. Its zero value knows nothing.
// It belongs to one goroutine, or is guarded by its owner.
type Path struct {
	since       time.Time // the current window began
	now, before time.Duration
	known, old  bool // now, before hold anything
}

// Saw notes that something that came at a moment had taken so long, counted
// from wherever its sender's clock starts.
func (p *Path) Saw(at time.Time, took time.Duration) {
	switch age := at.Sub(p.since); {
	case p.known && age >= 0 && age < window:
		p.now = min(p.now, took)
	default:
		p.before, p.old = p.now, p.known && age >= 0 && age < 2*window
		p.now, p.known, p.since = took, true, at
	}
}

// Fastest is how long the fastest took, and whether anything came at all.
func (p *Path) Fastest() (time.Duration, bool) {
	if p.old {
		return min(p.now, p.before), true
	}
	return p.now, p.known
}

// MediaTime counts the ticks of an RTP timestamp, which starts anywhere and
// wraps (RFC 3550 section 5.1), from its first value on. Its zero value is
// ready.
type MediaTime struct {
	last  uint32
	ticks int64
	begun bool
}

// At is the time of a timestamp on a clock of rate Hz.
func (m *MediaTime) At(timestamp uint32, rate int64) time.Duration {
	if m.begun {
		m.ticks += int64(int32(timestamp - m.last))
	}
	m.last, m.begun = timestamp, true
	return time.Duration(m.ticks/rate)*time.Second + time.Duration(m.ticks%rate)*time.Second/time.Duration(rate)
}
