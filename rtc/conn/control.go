package conn

import (
	"math"
	"sync"
	"time"
)

// Bounds and steps of the rate that a path is given, in bit/s unless said
// otherwise. Packets count with their headers.
const (
	rateStart   = 1_500_000 // of a path that nothing is known of
	rateMin     = 60_000
	rateMax     = 8_000_000
	rateHeadway = 2    // the rate stays within this of what is sent, above the start
	rateCut     = 0.85 // of what arrives, when a queue grows

	queueTrouble = 45 * time.Millisecond  // standing delay above the least that tells of a queue
	queueSurely  = 150 * time.Millisecond // however much the path varies by itself
	queueGone    = 20 * time.Millisecond  // and below which it is taken to be empty
	queueHint    = 15 * time.Millisecond  // with losses beside it, a short queue that is full
	queueWorkoff = 700 * time.Millisecond
	lossTrouble  = 0.14
	lossBeside   = 0.04 // loss that tells of a short queue beside queueHint
	lossCovers   = 40   // packets without which a share of losses says nothing

	growNear  = 0.06                  // per second, as a power of e: close to where the path was full
	growFast  = 0.75                  // the same elsewhere, and in a trial
	growUntil = 20 * time.Millisecond // of queue; the closer to it, the slower
	growAhead = 1.35                  // of what is sent: more has not been tried yet
	growStep  = 80_000                // the same for sound alone: else pictures would never come back
	nearOver  = 1.1                   // how far above what arrived the path may be full
	trialWait = 2 * time.Second       // after the last sign of a queue until more is tried at once

	arrivalsWindow = 400 * time.Millisecond // what arrives is counted over
	lossWindow     = time.Second
	standing       = 150 * time.Millisecond // the least delay within counts
	standingLong   = time.Second            // the same where the path varies by itself: an access point that stalls
	unsteady       = 25 * time.Millisecond  // from one feedback to the next: the path varies by itself
	varyOver       = 24                     // feedbacks that this is smoothed over
	delayMemory    = 30 * time.Second       // half of how long the least delay is remembered
	outageAfter    = 500 * time.Millisecond // without feedback while something is sent: the path was cut
	flightMemory   = time.Second            // after which a packet without word is in flight no more
	foreignTries   = 2                      // cuts that leave the queue as it is, until it is known to be others'
	blameFor       = 3 * time.Second        // cuts closer together are of one trouble
	reportEvery    = 800 * time.Millisecond // of receiver reports of several kinds one counts
)

// control judges what the path of a session carries in our direction, from what
// the peer says of the arrival of each packet (transport-wide feedback, see
// docs/adr/0024-lines.md). It looks at the delay one way, which a queue in the
// other direction does not touch. It has neither clock nor goroutine.
type control struct {
	mu sync.Mutex // guards all

	rate float64
	cap  float64 // what the peer or a person allows; 0: anything

	history [sentMemory]sentPacket
	flight  int // bytes sent whose fate is unknown
	oldest  uint16
	newest  uint16
	started bool

	arrivals []arrivedPacket // of late, in order of their feedback
	fates    []fates         // of late
	missing  []uint16        // by the last feedback; the next may know better
	delays   []delaySample
	varies   time.Duration    // by how much the least delay of one feedback differs from the next, smoothed
	base     [2]time.Duration // the least delays of this half of the memory, and of that before
	baseAt   time.Time
	movedAt  time.Time // when the path became another one
	hasBase  bool
	turn     time.Duration // the least time from a packet to the word of it
	heard    time.Time     // the last feedback
	clock    unwrap

	before   float64   // the rate before the last cuts in a row
	full     float64   // what arrived when the path was last full; 0: it never was
	trouble  time.Time // when it last was
	cutAt    time.Time
	cutQueue time.Duration
	useless  int  // cuts in a row that changed nothing
	draining bool // a queue is being worked off
	trial    bool // more is tried

	reported time.Time // the last receiver report that counted
	outage   bool
}

const sentMemory = 2048 // packets; a power of two

type sentPacket struct {
	at      time.Time
	size    int32
	seq     uint16
	pending bool // nothing was heard of it
	missing bool // the last feedback said that it did not come
}

type arrivedPacket struct {
	at   time.Duration // on the peer's clock
	sent time.Time
	size int
}

// fates are how many packets one feedback said were lost and came.
type fates struct {
	at         time.Time
	lost, came int
}

type delaySample struct {
	at   time.Time
	late time.Duration
}

// went notes a packet that was sent, with its transport-wide number.
func (c *control) went(now time.Time, seq uint16, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started {
		c.started, c.oldest = true, seq
	}
	p := &c.history[seq%sentMemory]
	if p.pending {
		c.flight -= int(p.size)
	}
	*p = sentPacket{at: now, size: int32(size), seq: seq, pending: true}
	c.newest = seq
	c.flight += size
}

// forget takes packets out of flight that nothing was heard of for long. Called
// with mu held.
func (c *control) forget(now time.Time) {
	for c.started && c.oldest != c.newest+1 {
		p := &c.history[c.oldest%sentMemory]
		if p.pending && p.seq == c.oldest {
			if now.Sub(p.at) < flightMemory {
				return
			}
			p.pending = false
			c.flight -= int(p.size)
		}
		c.oldest++
	}
}

// arrived takes feedback: which packets came, and when. It returns whether the
// path carries less than it is given.
func (c *control) arrived(now time.Time, f transportFeedback) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rate == 0 {
		c.rate = rateStart
	}
	since := now.Sub(c.heard)
	first := c.heard.IsZero()
	c.heard = now
	offset := c.clock.add(f.reference)
	least := time.Duration(math.MaxInt64)
	cut := !first && since > outageAfter
	if cut {
		c.arrivals, c.fates, c.delays = c.arrivals[:0], c.fates[:0], c.delays[:0]
	}
	fate := fates{at: now}
	doubtful := c.missing
	c.missing = nil
	for _, a := range f.packets {
		p := &c.history[a.seq%sentMemory]
		if p.seq != a.seq || !p.pending && !p.missing {
			continue
		}
		if p.pending {
			p.pending = false
			c.flight -= int(p.size)
			if !a.came && cut {
				continue // what was lost in a cut says nothing of the rate
			}
			if !a.came {
				// Streams are read side by side: it may only be late to be counted.
				p.missing = true
				c.missing = append(c.missing, a.seq)
				continue
			}
		}
		if !a.came {
			continue
		}
		p.missing = false
		fate.came++
		at := offset + a.at
		c.arrivals = append(c.arrivals, arrivedPacket{at, p.at, int(p.size)})
		if p.at.Before(c.movedAt) {
			continue // it took another path
		}
		least = min(least, at-time.Duration(p.at.UnixNano()))
		if turn := now.Sub(p.at); c.turn == 0 || turn < c.turn {
			c.turn = turn
		}
	}
	for _, seq := range doubtful {
		if p := &c.history[seq%sentMemory]; p.seq == seq && p.missing {
			p.missing = false
			fate.lost++
		}
	}
	if n := len(f.packets); n > 0 {
		c.unheard(f.packets[0].seq)
	}
	c.forget(now)
	if !cut {
		c.fates = append(c.fates, fate)
	}
	if least == math.MaxInt64 {
		return
	}
	c.delayed(now, least)
	c.expire(now)
	c.step(now, min(since, arrivalsWindow), first || cut)
}

// unheard takes packets before seq out of flight: the feedback about them was
// lost. Called with mu held.
func (c *control) unheard(seq uint16) {
	for c.started && int16(seq-c.oldest) > 0 && c.oldest != c.newest+1 {
		if p := &c.history[c.oldest%sentMemory]; p.pending && p.seq == c.oldest {
			p.pending = false
			c.flight -= int(p.size)
		}
		c.oldest++
	}
}

// delayed notes the least delay of one feedback. The clocks differ by who knows
// how much: only differences of delays count. Called with mu held.
func (c *control) delayed(now time.Time, least time.Duration) {
	switch {
	case !c.hasBase:
		c.hasBase, c.baseAt, c.base = true, now, [2]time.Duration{least, least}
	case now.Sub(c.baseAt) >= delayMemory:
		c.baseAt, c.base = now, [2]time.Duration{least, c.base[0]}
	default:
		c.base[0] = min(c.base[0], least)
	}
	if n := len(c.delays); n > 0 {
		c.varies += ((least - c.delays[n-1].late).Abs() - c.varies) / varyOver
	}
	c.delays = append(c.delays, delaySample{now, least})
}

// expire forgets what is too old to count. Called with mu held.
func (c *control) expire(now time.Time) {
	newest := c.arrivals[len(c.arrivals)-1].at
	drop := 0
	for drop < len(c.arrivals) && c.arrivals[drop].at < newest-arrivalsWindow {
		drop++
	}
	c.arrivals = c.arrivals[:copy(c.arrivals, c.arrivals[drop:])]
	for drop = 0; drop < len(c.fates) && now.Sub(c.fates[drop].at) > lossWindow; drop++ {
	}
	c.fates = c.fates[:copy(c.fates, c.fates[drop:])]
	for drop = 0; drop < len(c.delays) && now.Sub(c.delays[drop].at) > c.stands(); drop++ {
	}
	c.delays = c.delays[:copy(c.delays, c.delays[drop:])]
}

// stands is for how long a delay must last to be one of a queue: longer where the
// delays vary by themselves. Called with mu held.
func (c *control) stands() time.Duration {
	if c.varies > unsteady {
		return standingLong
	}
	return standing
}

// queue is for how long packets stand in queues that are not always there.
// Called with mu held.
func (c *control) queue() time.Duration {
	if len(c.delays) == 0 {
		return 0
	}
	least := c.delays[0].late
	for _, d := range c.delays[1:] {
		least = min(least, d.late)
	}
	return max(least-min(c.base[0], c.base[1]), 0)
}

// arriving is the rate at which packets arrive. Called with mu held.
func (c *control) arriving() float64 {
	return c.rateBy(func(a arrivedPacket) time.Duration { return a.at })
}

// sending is the rate at which what arrived was sent. Called with mu held.
func (c *control) sending() float64 {
	return c.rateBy(func(a arrivedPacket) time.Duration { return time.Duration(a.sent.UnixNano()) })
}

// rateBy is the rate of what arrived of late, by one of its times. Called with mu
// held.
func (c *control) rateBy(when func(arrivedPacket) time.Duration) float64 {
	if len(c.arrivals) < 2 {
		return 0
	}
	bytes := 0
	first, last := when(c.arrivals[0]), when(c.arrivals[0])
	for _, a := range c.arrivals {
		bytes += a.size
		first, last = min(first, when(a)), max(last, when(a))
	}
	return float64(bytes) * 8 / max(last-first, arrivalsWindow/2).Seconds()
}

// losing is the share of packets lost of late. Called with mu held.
func (c *control) losing() float64 {
	lost, came := 0, 0
	for _, f := range c.fates {
		lost, came = lost+f.lost, came+f.came
	}
	if lost+came < lossCovers {
		return 0
	}
	return float64(lost) / float64(lost+came)
}

// step adapts the rate to what is known now. Called with mu held.
func (c *control) step(now time.Time, since time.Duration, fresh bool) {
	queue, loss := c.queue(), c.losing()
	if c.draining && queue <= queueGone {
		c.draining, c.useless = false, 0
	}
	long := len(c.delays) > 1 || c.draining // one report alone is no standing queue
	troubled := long && queue > min(max(queueTrouble, 2*c.varies), queueSurely) ||
		loss > lossTrouble || loss > lossBeside && queue > queueHint
	switch {
	case fresh:
	case troubled:
		c.trial = false
		c.trouble = now
		c.shrink(now, queue)
	case c.draining:
		c.trouble = now
	default:
		c.grow(now, since, queue)
	}
	c.rate = min(max(c.rate, rateMin), rateMax)
}

// shrink goes to what arrives and a little below, in one step, and waits until
// that has shown. Called with mu held.
func (c *control) shrink(now time.Time, queue time.Duration) {
	if !c.cutAt.IsZero() && now.Sub(c.cutAt) < c.turn+2*standing {
		return
	}
	if c.draining && queue >= c.cutQueue*9/10 && c.rate > 3*rateMin {
		if c.useless++; c.useless >= foreignTries {
			// Whatever stands in the way is not ours and does not yield to us.
			c.useless, c.draining, c.full = 0, false, 0
			least := min(c.base[0], c.base[1]) + queue
			c.base = [2]time.Duration{least, least}
			return
		}
	}
	if c.draining && queue < c.cutQueue*3/4 {
		c.cutQueue, c.cutAt = queue, now // it shrinks: that will do
		return
	}
	if now.Sub(c.cutAt) > blameFor {
		c.before = c.rate
	}
	c.full = c.arriving()
	c.rate = min(c.rate, c.full) * rateCut
	c.cutAt, c.cutQueue, c.draining = now, queue, true
	if queue < queueGone { // loss alone: there is nothing to work off
		c.draining = false
		c.fates = c.fates[:0]
	}
}

// grow carefully where the path was full of late, and fast anywhere else.
// Called with mu held.
func (c *control) grow(now time.Time, since, queue time.Duration) {
	near := c.full > 0 && c.rate < nearOver*c.full
	calm := now.Sub(c.trouble)
	c.trial = c.full == 0 || !near || calm >= trialWait
	if c.full > 0 && c.rate > 2*c.full {
		c.full = 0
	}
	sending := c.sending()
	top := max(rateStart, rateHeadway*sending)
	if c.full > 0 { // the start was too much once
		top = max(rateHeadway*sending, sending+growStep)
		if near || c.trial {
			top = min(top, max(growAhead*sending, sending+growStep))
		}
	}
	if c.rate >= top {
		return
	}
	if c.trouble.IsZero() && queue <= queueGone {
		c.rate = top // nothing says that it carries less
		return
	}
	by := growNear
	if c.trial {
		by = growFast
	}
	by *= max(1-float64(queue)/float64(growUntil), 0)
	c.rate = min(c.rate*math.Exp(by*since.Seconds()), top)
}

// report takes a receiver report of a peer that gives no other feedback: more
// than a few losses halve the rate by and by, none let it grow.
func (c *control) report(now time.Time, loss float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rate == 0 {
		c.rate = rateStart
	}
	if now.Sub(c.heard) < 2*outageAfter+time.Second || now.Sub(c.reported) < reportEvery {
		return
	}
	c.reported = now
	switch {
	case loss > 0.5 && !c.outage:
		c.outage = true // a cut, which says nothing of the rate
		return
	case loss > lossTrouble:
		c.rate *= 1 - 0.5*loss
	case loss < 0.02:
		c.rate *= 1.15
	}
	c.outage = false
	c.rate = min(max(c.rate, rateMin), rateStart)
}

// verdict is what is known of a path at a time.
type verdict struct {
	rate    float64       // that it may be given, bit/s
	steady  float64       // that it may be given once no queue is left of before
	window  int           // bytes that may be in flight
	flight  int           // that are
	queue   time.Duration // that stands on it
	suffers bool          // it carries less than it is given
	// troubled says that it did so of late: what was lost may have been lost to that.
	troubled bool
	known    bool    // the path was full once, or what it carries is known
	trial    bool    // more is being tried
	sending  float64 // what is sent that arrives
}

// judge says what the path may be given now. While a queue is worked off that is
// less than what arrives.
func (c *control) judge(now time.Time) verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rate == 0 {
		c.rate = rateStart
	}
	c.forget(now)
	v := verdict{
		rate: c.rate, steady: c.rate, flight: c.flight, queue: c.queue(), trial: c.trial,
		suffers: c.draining, troubled: !c.trouble.IsZero() && now.Sub(c.trouble) < troubleFor, known: !c.trouble.IsZero(), sending: c.sending(),
	}
	if c.draining {
		v.rate *= max(1-float64(v.queue)/float64(queueWorkoff), 0.2)
	}
	if c.cap > 0 {
		v.rate, v.steady = min(v.rate, c.cap), min(v.steady, c.cap)
	}
	switch {
	case c.heard.IsZero():
		v.window = windowFirst
	case now.Sub(c.heard) >= flightMemory:
		v.window = math.MaxInt // a peer that gives no feedback, or a path that is cut
	case c.trouble.IsZero():
		v.window = int(v.rate / 8 * (c.turn + windowSlack/2 + 3*c.varies).Seconds())
	default:
		v.window = int(v.rate / 8 * (c.turn + windowSlack + 3*c.varies).Seconds())
	}
	v.window = max(v.window, windowLeast)
	return v
}

// troubleFor is for how long losses are put down to a path that was full.
const troubleFor = 1500 * time.Millisecond

const (
	// windowSlack is how long packets may wait on the way in all, beyond what the
	// first took.
	windowSlack = 100 * time.Millisecond
	windowLeast = 3 * maxSize
	windowFirst = 12 * maxSize // until the peer has said anything
)

// limit sets what the peer or a person allows, in bit/s; 0: anything.
func (c *control) limit(bps float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cap = bps; bps > 0 {
		c.cap = max(bps, rateMin)
	}
}

// blameless is told that what was lost of late was not lost to a full path: the
// rate is what it was before.
func (c *control) blameless(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining && c.queue() > queueTrouble {
		return // part of it was
	}
	c.rate, c.full, c.draining, c.fates = max(c.rate, c.before), 0, false, c.fates[:0]
	c.trouble = time.Time{}
}

// moved is told that the path is another one: its delay is too.
func (c *control) moved(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.history {
		c.history[i].pending, c.history[i].missing = false, false
	}
	c.flight, c.missing = 0, nil
	c.hasBase, c.turn, c.draining, c.useless = false, 0, false, 0
	c.varies = 0
	c.arrivals, c.delays, c.fates = c.arrivals[:0], c.delays[:0], c.fates[:0]
	c.movedAt = now
}
