// Package mix adds voices up: gain, limiting, and who speaks. Nothing in it
// has a clock, a lock or a goroutine.
package mix

import (
	"math"

	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	// ceiling is the largest sample the limiter lets out: -0.5 dBFS, below
	// what a resampler behind us could push over full scale.
	ceiling = 0.944
	// release is how long the gain takes to recover by two thirds.
	release = 150 * pcm.SampleRate / 1000
)

// Limiter keeps a sum of voices below full scale without the crackle of
// clipping: the gain of a block slides to where its peak fits, and recovers
// slowly. The zero value is ready; it belongs to one goroutine.
type Limiter struct {
	reduction float32 // 1 - gain, so that the zero value is unity gain
}

// Apply limits one block in place. It works block by block and adds no delay:
// within the first millisecond of a sudden peak it may still have to clip.
func (l *Limiter) Apply(block []float32) {
	var peak float32
	for i, s := range block {
		if s != s { // NaN would stick in every filter behind us
			block[i], s = 0, 0
		}
		peak = max(peak, s, -s)
	}
	from := 1 - l.reduction
	to := 1 - l.reduction*float32(math.Exp(-float64(len(block))/release))
	if peak*to > ceiling {
		to = ceiling / peak
	}
	l.reduction = 1 - to
	if from == 1 && to == 1 {
		return
	}
	if l.reduction < 1e-4 {
		l.reduction = 0
	}
	// Attack within 1 ms, release over the whole block.
	n := len(block)
	if to < from {
		n = min(n, pcm.SampleRate/1000)
	}
	step := (to - from) / float32(max(n, 1))
	gain := from
	for i, s := range block {
		if i < n {
			gain += step
		} else {
			gain = to
		}
		block[i] = max(-ceiling, min(s*gain, ceiling))
	}
}

// Fader is a gain that slides to each new value within one block, so that
// turning a volume does not click. The zero value is silent and fades in.
type Fader struct {
	gain float32
}

// Add adds src, with the gain sliding to the one given, to dst.
func (f *Fader) Add(dst, src []float32, gain float32) {
	if gain == f.gain {
		if gain == 0 {
			return
		}
		for i, s := range src {
			dst[i] += s * gain
		}
		return
	}
	step := (gain - f.gain) / float32(len(src))
	for i, s := range src {
		f.gain += step
		dst[i] += s * f.gain
	}
	f.gain = gain
}
