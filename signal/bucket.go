package signal

import "time"

// pace is how much somebody may use: rate units a second, and burst at once.
type pace struct{ rate, burst float64 }

// bucket counts what somebody used of a pace. Its zero value is full. It has no
// clock and no lock: who owns it tells the time.
type bucket struct {
	tokens float64 // less than 0: a debt
	at     time.Time
}

// fill adds what has come in since.
func (b *bucket) fill(p pace, now time.Time) {
	if b.at.IsZero() {
		b.tokens = p.burst
	} else {
		b.tokens = min(p.burst, b.tokens+now.Sub(b.at).Seconds()*p.rate)
	}
	b.at = now
}

// take takes n units if they are there.
func (b *bucket) take(p pace, n float64, now time.Time) bool {
	if b.fill(p, now); b.tokens < n {
		return false
	}
	b.tokens -= n
	return true
}

// charge takes n units, be they there or not, and returns after how long the debt
// is paid. No debt is larger than maxDebt: whoever shares an address with somebody
// who floods waits no longer than that.
func (b *bucket) charge(p pace, n float64, now time.Time) time.Duration {
	b.fill(p, now)
	b.tokens = max(b.tokens-n, -p.rate*maxDebt.Seconds())
	if b.tokens >= 0 {
		return 0
	}
	return time.Duration(-b.tokens / p.rate * float64(time.Second))
}

// maxDebt bounds how long anybody is made to wait.
const maxDebt = 4 * time.Second

// inDebt reports whether more was charged than there is.
func (b *bucket) inDebt(p pace, now time.Time) bool {
	b.fill(p, now)
	return b.tokens < 0
}

// full reports whether nothing is missing.
func (b *bucket) full(p pace, now time.Time) bool {
	b.fill(p, now)
	return b.tokens >= p.burst
}
