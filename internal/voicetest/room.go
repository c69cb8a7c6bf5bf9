package voicetest

import (
	"math"
	"math/rand/v2"

	"github.com/meet-term/meet/internal/score"
)

// Room returns the response of a made room from loudspeaker to microphone: the
// direct sound, a few early reflections and a tail that falls by 60 dB in rt60
// seconds. ratio is the direct sound's energy over all else, in dB. Its energy
// is one and it lasts so many seconds.
func Room(rt60, ratio, seconds float64, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 5))
	n := int(seconds * Rate)
	h := make([]float32, n)
	for i := Rate / 1000; i < n; i++ {
		h[i] = float32(r.NormFloat64() * math.Exp(-6.9078*float64(i)/Rate/rt60))
	}
	// What a loudspeaker and walls do to treble.
	y := float32(0)
	for i, v := range h {
		y += 0.6 * (v - y)
		h[i] = y
	}
	for range 6 {
		h[Rate/1000+r.IntN(Rate/100)] += float32(3 * r.NormFloat64())
	}
	scale(h, math.Sqrt(1/(power(h)*float64(n))))
	direct := math.Sqrt(math.Pow(10, ratio/10))
	// Not between two samples: a loudspeaker rings for a few.
	for i, v := range []float64{0.4, 1, 0.3, -0.35, -0.1, 0.12, -0.05} {
		h[i] += float32(direct * v / 1.2)
	}
	scale(h, math.Sqrt(1/(power(h)*float64(n))))
	return h
}

// Convolve returns x through a response, in the length of x.
func Convolve(x, h []float32) []float32 {
	size := 1 << 14
	for size < 2*len(h) {
		size *= 2
	}
	step := size - len(h)
	spectrum := make([]complex128, size)
	for i, v := range h {
		spectrum[i] = complex(float64(v), 0)
	}
	score.Transform(spectrum, false)
	out := make([]float32, len(x)+2*size)
	block := make([]complex128, size)
	part := func(at int) float64 {
		if at < len(x) {
			return float64(x[at])
		}
		return 0
	}
	for at := 0; at < len(x); at += 2 * step {
		clear(block)
		for i := range step { // two pieces in one transform
			block[i] = complex(part(at+i), part(at+step+i))
		}
		score.Transform(block, false)
		for k := range block {
			block[k] *= spectrum[k]
		}
		score.Transform(block, true)
		for i, v := range block {
			out[at+i] += float32(real(v) / float64(size))
			out[at+step+i] += float32(imag(v) / float64(size))
		}
	}
	return out[:len(x)]
}

const (
	taps   = 32
	phases = 512
)

var kernel = func() (k [phases + 1][taps]float32) {
	for p := range k {
		for j := range taps {
			x := float64(j-taps/2+1) - float64(p)/phases
			v := 1.0
			if x != 0 {
				v = math.Sin(math.Pi*x) / (math.Pi * x)
			}
			w := math.Cos(math.Pi * x / taps)
			k[p][j] = float32(v * w * w)
		}
	}
	return k
}()

// Warp returns x read at the positions that at gives for every sample.
func Warp(x []float32, at func(i int) float64) []float32 {
	out := make([]float32, len(x))
	for i := range out {
		pos := at(i)
		whole := math.Floor(pos)
		k := &kernel[int((pos-whole)*phases+0.5)]
		from := int(whole) - taps/2 + 1
		if from < 0 || from+taps > len(x) {
			continue
		}
		sum := float32(0)
		for j, v := range x[from : from+taps] {
			sum += v * k[j]
		}
		out[i] = sum
	}
	return out
}
