package echo

import "math"

// fft transforms real blocks of one power-of-two length (at least 8) to and
// from their spectrum of n/2+1 bins. Radix 4 after Stockham, which needs no
// reordering; the products are written out because Go's own complex product
// looks after NaN.
type fft struct {
	stages [][]complex64 // three twiddles per butterfly and stage
	turn   []complex64   // what parts the two halves of a real transform
	a, b   []complex64
}

func newFFT(n int) *fft {
	f := &fft{a: make([]complex64, n/2), b: make([]complex64, n/2)}
	root := func(k, n int) complex64 {
		s, c := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
		return complex(float32(c), float32(s))
	}
	for m := n / 2; m > 2; m /= 4 {
		stage := make([]complex64, 0, 3*m/4)
		for p := range m / 4 {
			stage = append(stage, root(p, m), root(2*p, m), root(3*p, m))
		}
		f.stages = append(f.stages, stage)
	}
	for k := range n/4 + 1 {
		f.turn = append(f.turn, root(k, n))
	}
	return f
}

// complex transforms f.a and returns the result, which is f.a or f.b.
func (f *fft) complex() []complex64 {
	x, y := f.a, f.b
	s := 1
	for _, stage := range f.stages {
		quarter := len(stage) / 3
		for p := range quarter {
			t := stage[3*p : 3*p+3 : 3*p+3]
			w1r, w1i, w2r, w2i, w3r, w3i := real(t[0]), imag(t[0]), real(t[1]), imag(t[1]), real(t[2]), imag(t[2])
			a := x[s*p : s*p+s]
			b := x[s*(p+quarter):][:len(a)]
			c := x[s*(p+2*quarter):][:len(a)]
			d := x[s*(p+3*quarter):][:len(a)]
			o := y[4*s*p : 4*s*p+4*s]
			o0 := o[:len(a)]
			o1 := o[s:][:len(a)]
			o2 := o[2*s:][:len(a)]
			o3 := o[3*s:][:len(a)]
			for q, av := range a {
				bv, cv, dv := b[q], c[q], d[q]
				acr, aci := real(av)+real(cv), imag(av)+imag(cv)
				amr, ami := real(av)-real(cv), imag(av)-imag(cv)
				bdr, bdi := real(bv)+real(dv), imag(bv)+imag(dv)
				jr, ji := imag(dv)-imag(bv), real(bv)-real(dv) // i(b-d)
				o0[q] = complex(acr+bdr, aci+bdi)
				r, i := amr-jr, ami-ji
				o1[q] = complex(r*w1r-i*w1i, r*w1i+i*w1r)
				r, i = acr-bdr, aci-bdi
				o2[q] = complex(r*w2r-i*w2i, r*w2i+i*w2r)
				r, i = amr+jr, ami+ji
				o3[q] = complex(r*w3r-i*w3i, r*w3i+i*w3r)
			}
		}
		x, y = y, x
		s *= 4
	}
	if 2*s == len(x) {
		lo, hi := x[:s], x[s:][:s]
		olo, ohi := y[:s], y[s:][:s]
		for q, a := range lo {
			b := hi[q]
			olo[q] = complex(real(a)+real(b), imag(a)+imag(b))
			ohi[q] = complex(real(a)-real(b), imag(a)-imag(b))
		}
		x = y
	}
	return x
}

// forward writes the spectrum of src to dst.
func (f *fft) forward(dst []complex64, src []float32) {
	h := len(f.a)
	src = src[:2*h]
	for i := range f.a {
		f.a[i] = complex(src[2*i], src[2*i+1])
	}
	z := f.complex()
	dst = dst[:h+1]
	dst[0] = complex(real(z[0])+imag(z[0]), 0)
	dst[h] = complex(real(z[0])-imag(z[0]), 0)
	for k := 1; k <= h/2; k++ {
		a, b, w := z[k], z[h-k], f.turn[k]
		sr, si := (real(a)+real(b))/2, (imag(a)-imag(b))/2
		dr, di := (real(a)-real(b))/2, (imag(a)+imag(b))/2
		// -i·w·d
		tr, ti := real(w)*di+imag(w)*dr, imag(w)*di-real(w)*dr
		dst[k] = complex(sr+tr, si+ti)
		dst[h-k] = complex(sr-tr, ti-si)
	}
}

// inverse writes the block of a spectrum to dst.
func (f *fft) inverse(dst []float32, src []complex64) {
	h := len(f.a)
	src = src[:h+1]
	scale := 1 / float32(2*h)
	// The conjugate goes in and comes out, which turns the transform around.
	dc, ny := real(src[0]), real(src[h])
	f.a[0] = complex((dc+ny)*scale, -(dc-ny)*scale)
	for k := 1; k <= h/2; k++ {
		a, b, w := src[k], src[h-k], f.turn[k]
		sr, si := (real(a)+real(b))*scale, (imag(a)-imag(b))*scale
		dr, di := (real(a)-real(b))*scale, (imag(a)+imag(b))*scale
		// i·conj(w)·d
		tr, ti := real(w)*dr+imag(w)*di, real(w)*di-imag(w)*dr
		tr, ti = -ti, tr
		f.a[k] = complex(sr+tr, -(si + ti))
		f.a[h-k] = complex(sr-tr, -(ti - si))
	}
	z := f.complex()
	dst = dst[:2*h]
	for i, v := range z {
		dst[2*i] = real(v)
		dst[2*i+1] = -imag(v)
	}
}
