package echo

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestFFT(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{16, 256, 512, 1024} {
		f := newFFT(n)
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		got := make([]complex64, n/2+1)
		f.forward(got, x)
		for k := range got {
			var re, im float64
			for i, v := range x {
				s, c := math.Sincos(-2 * math.Pi * float64(k*i%n) / float64(n))
				re += float64(v) * c
				im += float64(v) * s
			}
			if math.Hypot(re-float64(real(got[k])), im-float64(imag(got[k]))) > 1e-4*float64(n)/16 {
				t.Fatalf("bin %d of %d is %v, want %v", k, n, got[k], complex(re, im))
			}
		}
		back := make([]float32, n)
		f.inverse(back, got)
		for i := range x {
			if math.Abs(float64(back[i]-x[i])) > 1e-5 {
				t.Fatalf("sample %d of %d comes back as %v, was %v", i, n, back[i], x[i])
			}
		}
	}
}

func BenchmarkFFT(b *testing.B) {
	f := newFFT(1024)
	x, s := make([]float32, 1024), make([]complex64, 513)
	for b.Loop() {
		f.forward(s, x)
	}
}
