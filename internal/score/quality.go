package score

import "math"

const (
	bands = 32
	// span is how far below the loudest band of a frame one still hears, in dB.
	span = 45.0
	// fit bends likeness to opinion so that speech in white noise is at 4.2 for
	// 20 dB and 3.5 for 10 dB, where ViSQOL has it.
	fit = 1.2
)

// Quality is how well heard preserves clean, from 1 to 5, after ViSQOL (Hines,
// Skoglund, Kokaram, Harte 2015): the neurogram similarity of spectrograms in
// 32 bands of a gammatone filter bank, over the frames in which clean speaks.
// It is no replacement for the original (it does not warp time), but orders
// processings alike. Both are 48 kHz mono and lie on each other (Align).
func Quality(clean, heard []float32) float64 {
	bank := gammatone(2048)
	var a, b [][]float64
	frames(clean, heard, 1920, 960, 2048, func(p, q []float64) {
		a = append(a, inBands(bank, p))
		b = append(b, inBands(bank, q))
	})
	var pa, pb, peak float64
	for i := range a {
		for k := range bands {
			pa += a[i][k]
			pb += b[i][k]
			peak = max(peak, a[i][k])
		}
	}
	if pa == 0 || pb < pa*1e-12 {
		return 1
	}
	// Equally loud over all, then in dB above what can be heard in the frame.
	voiced := make([]bool, len(a))
	for i := range a {
		var top float64
		for k := range bands {
			top = max(top, a[i][k])
		}
		voiced[i] = top > peak*1e-4
		floor := 10*math.Log10(max(top, peak*1e-4)) - span
		for k := range bands {
			a[i][k] = max(0, 10*math.Log10(a[i][k]+1e-30)-floor)
			b[i][k] = max(0, 10*math.Log10(b[i][k]*pa/pb+1e-30)-floor)
		}
	}
	like, n := 0.0, 0
	for i := 1; i+1 < len(a); i++ {
		if !voiced[i] {
			continue
		}
		for k := 1; k+1 < bands; k++ {
			like += similarity(a, b, i, k)
			n++
		}
	}
	if n == 0 {
		return 1
	}
	return 1 + 4*math.Pow(max(0, like/float64(n)), fit)
}

// similarity is luminance and structure of the neighbourhood of one point.
func similarity(a, b [][]float64, i, k int) float64 {
	weights := [3]float64{0.25, 0.5, 0.25}
	var ma, mb, aa, bb, ab float64
	for di := range 3 {
		for dk := range 3 {
			w := weights[di] * weights[dk]
			x, y := a[i+di-1][k+dk-1], b[i+di-1][k+dk-1]
			ma, mb = ma+w*x, mb+w*y
			aa, bb, ab = aa+w*x*x, bb+w*y*y, ab+w*x*y
		}
	}
	aa, bb, ab = max(0, aa-ma*ma), max(0, bb-mb*mb), ab-ma*mb
	const c1, c3 = (0.01 * span) * (0.01 * span), (0.03 * span) * (0.03 * span) / 2
	return (2*ma*mb + c1) / (ma*ma + mb*mb + c1) * (ab + c3) / (math.Sqrt(aa*bb) + c3)
}

// gammatone returns the weight of every bin in every band, 50 Hz to 8 kHz in
// equal steps of the ear's bandwidth (Glasberg, Moore 1990).
func gammatone(length int) [][]float64 {
	toERB := func(f float64) float64 { return 21.4 * math.Log10(1+0.00437*f) }
	toHz := func(e float64) float64 { return (math.Pow(10, e/21.4) - 1) / 0.00437 }
	lo, hi := toERB(50), toERB(8000)
	bank := make([][]float64, bands)
	for b := range bank {
		centre := toHz(lo + (hi-lo)*float64(b)/(bands-1))
		width := 1.019 * 24.7 * (4.37*centre/1000 + 1)
		bank[b] = make([]float64, length/2)
		for k := range bank[b] {
			x := (float64(k)*rate/float64(length) - centre) / width
			w := math.Pow(1+x*x, -4) // fourth order, in power
			if w > 1e-6 {
				bank[b][k] = w
			}
		}
	}
	return bank
}

func inBands(bank [][]float64, power []float64) []float64 {
	out := make([]float64, len(bank))
	for b, weights := range bank {
		for k, w := range weights {
			if w != 0 {
				out[b] += w * power[k]
			}
		}
	}
	return out
}
