package score

import (
	"math"
	"math/cmplx"
	"sync"
)

const rate = 48000

// Transform is an in-place FFT; the length is a power of two.
func Transform(x []complex128, inverse bool) {
	n := len(x)
	for i, j := 1, 0; i < n; i++ {
		bit := n >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
		if i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for size := 2; size <= n; size <<= 1 {
		turn := turns(size)
		for at := 0; at < n; at += size {
			lo, hi := x[at:at+size/2], x[at+size/2:at+size]
			for k, a := range lo {
				w, v := turn[k], hi[k]
				if inverse {
					w = complex(real(w), -imag(w))
				}
				b := complex(real(v)*real(w)-imag(v)*imag(w), real(v)*imag(w)+imag(v)*real(w))
				lo[k], hi[k] = a+b, a-b
			}
		}
	}
}

var known sync.Map // size to []complex128

// turns are the twiddles of one size.
func turns(size int) []complex128 {
	if t, ok := known.Load(size); ok {
		return t.([]complex128)
	}
	t := make([]complex128, size/2)
	for k := range t {
		t[k] = cmplx.Rect(1, -2*math.Pi*float64(k)/float64(size))
	}
	known.Store(size, t)
	return t
}

// Align shifts heard so that it lies on clean, looking for up to reach samples
// of delay, and returns it in the length of clean, and the delay.
func Align(clean, heard []float32, reach int) ([]float32, int) {
	n := 1
	for n < len(clean)+reach {
		n *= 2
	}
	both := make([]complex128, n)
	for i, v := range clean {
		both[i] = complex(float64(v), 0)
	}
	for i, v := range heard[:min(len(heard), n)] {
		both[i] += complex(0, float64(v))
	}
	Transform(both, false)
	cross := make([]complex128, n)
	for k := range both {
		a, b := both[k], cmplx.Conj(both[(n-k)%n])
		cross[k] = cmplx.Conj((a+b)/2) * (a - b) / 2i
	}
	Transform(cross, true)
	best := 0
	for d := range reach {
		if math.Abs(real(cross[d])) > math.Abs(real(cross[best])) {
			best = d
		}
	}
	out := make([]float32, len(clean))
	copy(out, heard[min(best, len(heard)):])
	return out, best
}

// frames calls f with the power spectrum of every frame of two signals.
func frames(a, b []float32, size, hop, length int, f func(a, b []float64)) {
	win := make([]float64, size)
	for i := range win {
		win[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(size))
	}
	x := make([]complex128, length)
	pa, pb := make([]float64, length/2), make([]float64, length/2)
	for at := 0; at+size <= min(len(a), len(b)); at += hop {
		clear(x)
		for i, w := range win {
			x[i] = complex(float64(a[at+i])*w, float64(b[at+i])*w)
		}
		Transform(x, false)
		for k := range pa {
			p, q := x[k], cmplx.Conj(x[(length-k)%length])
			s, d := (p+q)/2, (p-q)/2
			pa[k] = real(s)*real(s) + imag(s)*imag(s)
			pb[k] = real(d)*real(d) + imag(d)*imag(d)
		}
		f(pa, pb)
	}
}
