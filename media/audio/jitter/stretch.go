package jitter

import "math"

const (
	// Pitch periods from 400 Hz down to 67 Hz.
	minLag = 5 * ms / 2
	maxLag = 15 * ms
	// similarity is how alike two periods must be for one to go unnoticed.
	similarity = 0.85
	// compare is the length over which they are compared, either side of the
	// joint; overlap is the length of a cross-fade.
	compare = 5 * ms
	overlap = 5 * ms
	// quiet is the power (of ±1 full scale) below which any cut goes
	// unnoticed: -55 dBov.
	quiet = 3e-6
	// coarse is the step of the first search.
	coarse = 4
)

// bestLag looks for the lag at which x around position at repeats: ahead of
// it for sign 1, behind it for sign -1. It returns 0 when nothing within reach
// of x is alike.
func bestLag(x []float32, at, sign int, least float64) int {
	lo, hi := at-compare, at+compare
	limit := maxLag
	if sign > 0 {
		limit = min(limit, len(x)-hi)
	} else {
		limit = min(limit, lo)
	}
	if lo < 0 || hi > len(x) || limit < minLag {
		return 0
	}
	a := x[lo:hi]
	if energy(a) < quiet*float64(len(a)) {
		if b := x[lo+sign*limit : hi+sign*limit]; energy(b) < quiet*float64(len(b)) {
			return limit
		}
	}
	best, bestScore := 0, least
	search := func(from, to, step int) {
		for lag := from; lag <= to; lag += step {
			if s := alike(a, x[lo+sign*lag:hi+sign*lag], step); s > bestScore {
				best, bestScore = lag, s
			}
		}
	}
	// The coarse pass reads every fourth sample, so it may be off by a few.
	bestScore = 0.7 * least
	search(minLag, limit, coarse)
	if best == 0 {
		return 0
	}
	near := best
	best, bestScore = 0, least
	search(max(minLag, near-coarse), min(limit, near+coarse), 1)
	return best
}

// alike is the normalised correlation of a and b, reading every step-th
// sample.
func alike(a, b []float32, step int) float64 {
	var ab, aa, bb float32
	b = b[:len(a)]
	for i := 0; i < len(a); i += step {
		ab += a[i] * b[i]
		aa += a[i] * a[i]
		bb += b[i] * b[i]
	}
	if aa <= 0 || bb <= 0 {
		return 0
	}
	return float64(ab) / math.Sqrt(float64(aa)*float64(bb))
}

func energy(x []float32) float64 {
	var sum float64
	for _, s := range x {
		sum += float64(s) * float64(s)
	}
	return sum
}

// crossfade mixes from into to over the length of to: to begins as from and
// ends as itself.
func crossfade(to, from []float32) {
	for i := range to {
		w := (float32(i) + 0.5) / float32(len(to))
		to[i] = from[i]*(1-w) + to[i]*w
	}
}

// shorten takes one period out of the waiting samples of q and returns how
// many samples that was; 0 if there is no period to take out.
func shorten(q *queue, least float64) int {
	x, at := q.tail()
	lag := bestLag(x, at, 1, least)
	if lag == 0 || at+lag+overlap > len(x) {
		return 0
	}
	crossfade(x[at+lag:at+lag+overlap], x[at:at+overlap])
	copy(x[at:], x[at+lag:])
	q.shrink(lag)
	return lag
}

// stretch puts one more period before the waiting samples of q and returns how
// many samples that was; 0 if there is no period to repeat.
func stretch(q *queue, least float64) int {
	x, at := q.tail()
	lag := bestLag(x, at, -1, least)
	if lag == 0 || at+lag > len(x) {
		return 0
	}
	q.grow(lag)
	x, at = q.tail()
	copy(x[at+lag:], x[at:len(x)-lag])
	// The inserted period begins like what follows and ends like what came
	// before, so both of its joints are smooth.
	for i := range lag {
		w := (float32(i) + 0.5) / float32(lag)
		x[at+i] = x[at+lag+i]*(1-w) + x[at-lag+i]*w
	}
	return lag
}

// smoothJoint fades from a continuation of what came before position at of x
// to what follows it, so that a decoder's fresh start does not click.
func smoothJoint(x []float32, at int) {
	n := min(overlap, len(x)-at)
	if n <= 0 {
		return
	}
	var tail [overlap]float32 // silence, at the very start
	if at >= maxLag+2*compare {
		lag := bestLag(x[:at], at-compare, -1, similarity/2)
		if lag == 0 {
			lag = maxLag
		}
		for i := range n {
			tail[i] = x[at-lag+i%lag]
		}
	}
	crossfade(x[at:at+n], tail[:n])
}
