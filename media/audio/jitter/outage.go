package jitter

import "github.com/meet-term/meet/media/audio/pcm"

// An outage is not jitter. What a network held back while it was away, as an
// access point does for seconds, comes in one burst when it is over. Nobody
// wants to hear it any more, and it says nothing of the packets to come: the
// buffer leaves it out and goes on with the newest.

// All figures in samples.
const (
	// outageGap is the least time without a packet that is an outage, if the
	// buffer ran dry meanwhile.
	outageGap = 350 * ms
	// outageLate is how much later than others the first packet after it must
	// come: only then was it held back.
	outageLate = 120 * ms
	// outageKnown is how often an outage of less than a second may be over
	// within outageMemory: a path that stalls more often than that has jitter.
	outageKnown  = 2
	outageMemory = 10 * pcm.SampleRate
	// afterwards is how long after an outage packets may come that it held
	// back. Until then the delay may exceed its target by maxExcess.
	afterwards = 2 * pcm.SampleRate
	maxExcess  = 100 * ms

	// catchWindow is what is looked at to tell a burst, and catchFor how long
	// its end is waited for.
	catchWindow = 20 * ms
	catchFor    = 240 * ms
)

// outages tells the outages of a path from its jitter. All times are arrival
// times in samples.
type outages struct {
	last  int64 // the newest arrival
	until int64 // packets that come before may have been held back
	short [outageKnown]int64
}

// over reports whether a packet that has now arrived, so much later than the
// fastest ones, ends an outage.
func (o *outages) over(now, relative int64, dry bool) bool {
	gap := now - o.last
	o.last = max(o.last, now)
	if !dry || gap < outageGap || relative < outageLate {
		return false
	}
	if gap < maxTarget {
		oldest := o.short[0]
		copy(o.short[:], o.short[1:])
		o.short[outageKnown-1] = now
		if oldest > 0 && now-oldest < outageMemory {
			return false
		}
	}
	o.until = now + afterwards
	return true
}

// recent reports whether what comes now may have been held back by an outage.
func (o *outages) recent(now int64) bool { return now < o.until }

// catcher waits, before the first sample of a stream or after an outage, for
// the end of the burst that may have begun. The player owns it.
type catcher struct {
	on     bool
	waited int64 // playout time
	newest int64 // media time at the start of the window
}

// begin starts the wait.
func (c *catcher) begin() { *c = catcher{on: true, newest: unknown} }

// done is asked about every block while packets up to newest are there, and
// reports whether the burst is over.
func (c *catcher) done(newest int64) bool {
	if c.newest == unknown {
		c.newest = newest
	}
	c.waited += concealBlock
	if c.waited%catchWindow > 0 {
		return false
	}
	came := newest - c.newest
	c.newest = newest
	c.on = came > 2*catchWindow && c.waited < catchFor
	return !c.on
}
