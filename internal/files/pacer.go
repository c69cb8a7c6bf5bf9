package files

import "time"

const (
	// target is how much sending may delay what else takes the path. Sound has a
	// buffer of more than that.
	target = 20 * time.Millisecond
	// startRate and leastRate are bytes a second, at first and at the very least.
	startRate, leastRate = 24 << 10, 8 << 10
	// mostRate is beyond any path that there is.
	mostRate = 1 << 30
	// round is the shortest time over which a path is judged.
	round = 50 * time.Millisecond
	// baseFor is how long the shortest round trip counts; paths change.
	baseFor = 15 * time.Second
	// silence is how long nothing may be acknowledged before less is sent.
	silence = time.Second
	// burst is how long it may have been quiet and be made up for.
	burst = 10 * time.Millisecond
)

// pacer finds out how fast a file may be sent: as fast as the path carries it without
// keeping anything waiting. It is the idea of LEDBAT (RFC 6817): the queue at the
// narrowest place of the path is the round trip beyond the shortest one that was seen,
// and as soon as there is one, others want the path. It has no clock.
type pacer struct {
	rate float64 // bytes a second
	fast bool    // nothing was ever too much: it grows quickly

	has    float64 // bytes that may be sent now
	filled time.Time

	base, next  time.Duration // shortest round trip, and of the time that will count next
	baseAt      time.Time
	rtt         time.Duration // the newest
	roundAt     time.Time
	queue       time.Duration // shortest in this round; negative: none seen
	bytes       float64       // acknowledged in this round
	held        bool          // the rate held us up in this round
	heard       time.Time     // the last acknowledgement, or when the silence was counted
	outstanding bool          // something is to be acknowledged
}

func newPacer(now time.Time) *pacer {
	return &pacer{rate: startRate, fast: true, filled: now, roundAt: now, baseAt: now, heard: now, queue: -1}
}

// chunk is how much goes into one message: little enough that what follows it does not
// wait for long.
func (p *pacer) chunk() int {
	return int(min(max(p.rate*0.004, 1100), chunkMax))
}

// allow reports whether n bytes may be sent now, and counts them.
func (p *pacer) allow(now time.Time, n int) bool {
	if d := now.Sub(p.filled); d > 0 {
		p.has = min(p.has+p.rate*d.Seconds(), max(p.rate*burst.Seconds(), 2*float64(n)))
		p.filled = now
	}
	if p.has < float64(n) {
		p.held = true
		return false
	}
	p.has -= float64(n)
	if !p.outstanding {
		p.outstanding, p.heard = true, now
	}
	return true
}

// wakeAt is when n bytes may be sent.
func (p *pacer) wakeAt(n int) time.Time {
	wait := (float64(n) - p.has) / p.rate * float64(time.Second)
	return p.filled.Add(max(time.Duration(wait)+time.Microsecond, 0))
}

// acked takes an acknowledgement of n more bytes. rtt is how long the newest of them
// took there and back; rest is whether more is under way.
func (p *pacer) acked(now time.Time, rtt time.Duration, n int64, rest bool) {
	p.heard, p.outstanding, p.rtt = now, rest, rtt
	if now.Sub(p.baseAt) >= baseFor {
		p.base, p.next, p.baseAt = p.next, 0, now
	}
	if p.base == 0 || rtt < p.base {
		p.base = rtt
	}
	if p.next == 0 || rtt < p.next {
		p.next = rtt
	}
	if q := rtt - p.base; p.queue < 0 || q < p.queue {
		p.queue = q
	}
	p.bytes += float64(n)
	took := now.Sub(p.roundAt)
	limit := 2 * target
	if p.fast {
		limit = target / 2
	}
	tooMuch := rtt-p.base > limit && took > p.base
	if took < max(round, rtt) && !tooMuch {
		return
	}
	carried := p.bytes / took.Seconds()
	switch {
	case tooMuch || p.queue > target:
		p.fast = false
		p.rate = max(min(p.rate, carried)*0.8, leastRate)
		p.has = -min((rtt-p.base), silence).Seconds() * p.rate // until the queue is gone
	case !p.held: // the file, the disk or the channel held us up: nothing is learned
	case p.fast:
		p.rate *= 1.6
	default:
		p.rate += p.rate * 0.15 * float64(target-p.queue) / float64(target)
	}
	p.rate = min(max(p.rate, leastRate), mostRate)
	p.roundAt, p.bytes, p.queue, p.held = now, 0, -1, false
}

// quiet is asked now and then: while nothing is acknowledged, less is sent.
func (p *pacer) quiet(now time.Time) {
	if p.outstanding && now.Sub(p.heard) >= max(silence, 4*p.rtt) {
		p.rate, p.fast, p.heard = max(p.rate/2, leastRate), false, now
	}
}

// renew begins anew on another connection, whose path may be another.
func (p *pacer) renew(now time.Time) {
	rate := min(p.rate, 1<<20)
	*p = *newPacer(now)
	p.rate = max(rate/2, leastRate)
}
