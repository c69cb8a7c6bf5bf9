package jitter

import "github.com/meet-term/meet/media/audio/pcm"

// All figures in samples.
const (
	ms = pcm.SampleRate / 1000

	startTarget = 40 * ms
	minTarget   = 20 * ms
	maxTarget   = 1000 * ms
	// quantum is the grain of playout: a packet can wait up to one block for
	// the pull that could use it.
	quantum = pcm.BlockSamples

	// The histogram of relative delays: buckets of 5 ms up to the largest
	// target, forgetting half of its weight in about 7 s of speech.
	bucket   = 5 * ms
	buckets  = maxTarget/bucket + 1
	forget   = 0.998
	quantile = 0.95

	// The fastest packet is looked for among those of the last 4 to 5 s, in
	// slots of 1 s: short enough to follow clocks that drift.
	slotLength = pcm.SampleRate
	slots      = 5

	// losing is the share of missing packets above which one more frame of
	// delay is kept, so that FEC and copies arrive in time to be of use.
	losing   = 0.01
	lossStep = 1.0 / 128
)

// delayEstimator says how long packets must wait. A packet's transit is its
// arrival minus its timestamp, on an arbitrary base; its relative delay is how
// much that exceeds the smallest transit of late.
type delayEstimator struct {
	weights [buckets]float64
	total   float64
	samples int

	slotMin   [slots]int64 // smallest transit in each second, ring
	slot      int64        // number of the second being filled
	based     bool
	base      int64 // smallest of slotMin
	lastTrans int64
	jitter    float64 // RFC 3550, samples
	loss      float64 // moving share of packets that were missing when due
	frame     int64   // length of the last packet
}

func newDelayEstimator() delayEstimator {
	e := delayEstimator{frame: pcm.FrameSamples}
	// Before the first packet one observation of the start value stands in;
	// twenty packets outweigh it.
	e.weights[startTarget/bucket-quantum/bucket] = 1
	e.total = 1
	return e
}

// rebase forgets the transit times, which have a new base, but keeps what has
// been learnt of the network.
func (e *delayEstimator) rebase() { e.based = false }

// relative returns how much a transit exceeds the smallest of late.
func (e *delayEstimator) relative(transit int64) int64 {
	if !e.based {
		return 0
	}
	return transit - e.base
}

// add takes in the transit of one packet and returns its relative delay. One
// that an outage may have held back says nothing of the jitter.
func (e *delayEstimator) add(arrived, transit, dur int64, held bool) int64 {
	e.frame = dur
	second := max(0, arrived/slotLength)
	held = held && (transit < e.base || transit > e.base+outageLate)
	switch {
	case !e.based:
		e.based, e.slot = true, second
		for i := range e.slotMin {
			e.slotMin[i] = transit
		}
	default:
		e.jitter += (float64(abs(transit-e.lastTrans)) - e.jitter) / 16
		// A new second begins with this packet; so do those a mute left empty.
		for n := min(second-e.slot, slots); n > 0; n-- {
			e.slotMin[(second-n+1)%slots] = transit
		}
		e.slot = max(e.slot, second)
		i := e.slot % slots
		e.slotMin[i] = min(e.slotMin[i], transit)
	}
	e.lastTrans = transit
	e.base = e.slotMin[0]
	for _, m := range e.slotMin[1:] {
		e.base = min(e.base, m)
	}
	relative := transit - e.base
	if !held {
		e.observe(relative)
	}
	return relative
}

func (e *delayEstimator) observe(relative int64) {
	e.samples++
	// While the histogram is young old entries fade faster, so that the start
	// value does not linger.
	keep := min(forget, float64(e.samples)/float64(e.samples+1))
	for i := range e.weights {
		e.weights[i] *= keep
	}
	i := min((relative+bucket-1)/bucket, buckets-1)
	e.weights[i]++
	e.total = e.total*keep + 1
}

// played records whether the packet that was due had come.
func (e *delayEstimator) played(missing bool) {
	if missing {
		e.loss += (1 - e.loss) * lossStep
	} else {
		e.loss -= e.loss * lossStep
	}
}

// target returns the playout delay to keep.
func (e *delayEstimator) target() int64 {
	want := e.total * quantile
	var sum float64
	i := 0
	for ; i < buckets-1; i++ {
		if sum += e.weights[i]; sum >= want {
			break
		}
	}
	t := int64(i)*bucket + quantum
	if e.loss > losing {
		t += e.frame
	}
	return max(minTarget, min(t, maxTarget))
}

// interarrival returns the jitter of RFC 3550.
func (e *delayEstimator) interarrival() int64 { return int64(e.jitter) }
