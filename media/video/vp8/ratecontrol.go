package vp8

// rateControl chooses the quantiser so that the stream keeps to its bit rate,
// and drops frames when it cannot. It thinks of a sender that drains a queue at
// the target rate: level is what waits in it.
type rateControl struct {
	bitsPerSecond float64
	interval      float64 // seconds between frames, smoothed
	minIndex      int
	maxIndex      int

	level float64 // bits in the queue
	// Bits of tokens per unit of complexity over step size, and bits of
	// everything else per frame, learnt from past frames.
	inter, key float64
	overhead   float64
	lastIndex  int     // of the last inter frame
	weight     float64 // of the next frame among those of its pattern; 1 without layers
}

// The queue is to hold aimDelay seconds at most on average, and frames are
// dropped from maxDelay on.
const (
	aimDelay = 0.15
	maxDelay = 0.6
)

func newRateControl(kbps int, fps float64) rateControl {
	r := rateControl{weight: 1, minIndex: 4, maxIndex: 120, inter: 1.2, key: 1.6, lastIndex: 40}
	r.set(kbps)
	r.expect(fps)
	return r
}

// set changes the rate; the queue keeps its contents.
func (r *rateControl) set(kbps int) { r.bitsPerSecond = float64(kbps) * 1000 }

// expect says how many frames a second will come; when they do, their time
// stamps count.
func (r *rateControl) expect(fps float64) { r.interval = 1 / fps }

// drain lets the queue drain for a time, in seconds, and says whether it is
// still so full that a frame must be dropped.
func (r *rateControl) drain(seconds float64) (drop bool) {
	r.interval = max(r.interval+0.1*(seconds-r.interval), 1.0/120)
	r.level = max(r.level-seconds*r.bitsPerSecond, 0)
	return r.level > maxDelay*r.bitsPerSecond
}

// target is the size in bits to aim at for the next frame.
func (r *rateControl) target(key bool) float64 {
	perFrame := r.bitsPerSecond * r.interval
	if key {
		// A key frame may take some frames' worth of time.
		return max(min(6*perFrame, 0.4*r.bitsPerSecond)-r.level, 2*perFrame)
	}
	// Work off within half a second what is in the queue beyond its due.
	excess := r.level - aimDelay*r.bitsPerSecond/2
	t := (perFrame - excess*2*r.interval) * r.weight
	return min(max(t, perFrame/4), 2*perFrame*r.weight)
}

// choose returns the quantiser index for a frame of the given complexity, the
// sum of absolute differences that remain to be coded.
func (r *rateControl) choose(complexity int, key bool) int {
	step := float64(complexity) / r.affordable(key)
	index := r.minIndex
	for index < r.maxIndex && float64(acQuant[index]) < step {
		index++
	}
	return index
}

// affordable is the complexity that the next frame has room for with a step
// size of 1.
func (r *rateControl) affordable(key bool) float64 {
	if key {
		return r.target(key) / r.key
	}
	t := r.target(key)
	return max(t-r.overhead, t/4) / r.inter
}

// coded notes the outcome of a frame: its size and that of its tokens alone.
func (r *rateControl) coded(bits, tokens, complexity, index int, key bool) {
	r.level += float64(bits)
	if key {
		r.learnKey(tokens, complexity, index)
		return
	}
	r.lastIndex = index
	r.overhead += 0.2 * (float64(bits-tokens) - r.overhead)
	if tokens < 1000 || complexity < 1000 {
		return // too little to learn from
	}
	k := float64(tokens) * float64(acQuant[index]) / float64(complexity)
	// Learn quickly that frames get larger, slowly that they get smaller.
	weight := 0.2
	if k > r.inter {
		weight = 0.4
	}
	r.inter += weight * (k - r.inter)
}

// learnKey notes the size of a key frame.
func (r *rateControl) learnKey(tokens, complexity, index int) {
	if complexity > 0 {
		r.key = float64(tokens) * float64(acQuant[index]) / float64(complexity)
	}
}
