package echo

const (
	shadowPartitions = 10
	shadowBins       = 128
	shadowFrame      = 2 * shadowBins
	shadowNew        = BlockSamples * shadowFrame / frameSamples
	shadowStep       = 0.5
)

// shadow is a plain filter of the lower quarter of the band that always learns
// fast (NLMS). It is never heard; when it does better than the Kalman filter
// for a while, the room has changed and the latter must doubt what it knows.
type shadow struct {
	fft            *fft
	w              [shadowPartitions][]complex64
	echo           []complex64
	inv            []float32
	frame          [shadowFrame]float32
	own, main, all float32 // powers, smoothed over 200 ms
}

func newShadow() *shadow {
	s := &shadow{fft: newFFT(shadowFrame), echo: make([]complex64, shadowBins+1), inv: make([]float32, shadowBins)}
	for i := range s.w {
		s.w[i] = make([]complex64, shadowBins)
	}
	return s
}

func (s *shadow) forget() {
	for i := range s.w {
		clear(s.w[i])
	}
	s.own, s.main, s.all = 0, 0, 0
}

// step learns from one block and returns the powers of its own error, of the
// Kalman filter's and of the microphone in its band.
func (s *shadow) step(r *reference, lag int, mic, e []complex64) (own, main, all float32) {
	out := s.echo
	clear(out)
	clear(s.inv)
	for p := range s.w {
		slot := r.at(lag + p)
		x := r.spectra[slot][:shadowBins]
		xx := r.powers[slot][:shadowBins]
		w := s.w[p][:shadowBins]
		out, inv := out[:shadowBins], s.inv[:shadowBins]
		for i, v := range x {
			u := w[i]
			out[i] += complex(real(v)*real(u)-imag(v)*imag(u), real(v)*imag(u)+imag(v)*real(u))
			inv[i] += xx[i]
		}
	}
	s.fft.inverse(s.frame[:], out)
	clear(s.frame[:shadowFrame-shadowNew])
	s.fft.forward(out, s.frame[:])
	for i := range shadowBins {
		m, u := mic[i], out[i]
		err := complex(real(m)-real(u), imag(m)-imag(u))
		out[i] = err
		own += real(err)*real(err) + imag(err)*imag(err)
		v := e[i]
		main += real(v)*real(v) + imag(v)*imag(v)
		all += real(m)*real(m) + imag(m)*imag(m)
		s.inv[i] = shadowStep / (s.inv[i] + 1e-3)
	}
	for p := range s.w {
		x := r.spectra[r.at(lag+p)][:shadowBins]
		w := s.w[p][:shadowBins]
		out, inv := out[:shadowBins], s.inv[:shadowBins]
		for i, v := range x {
			u, mu := out[i], inv[i]
			w[i] += complex(mu*(real(v)*real(u)+imag(v)*imag(u)), mu*(real(v)*imag(u)-imag(v)*real(u)))
		}
	}
	return own, main, all
}

// wins reports whether the shadow has been better than the Kalman filter for a
// while, by 3 dB, and starts over.
func (s *shadow) wins(own, main, all float32) bool {
	const r = 0.1
	s.own += r * (own - s.own)
	s.main += r * (main - s.main)
	s.all += r * (all - s.all)
	if s.main < 2*s.own || s.main < 0.002*s.all {
		return false
	}
	s.main = s.own
	return true
}

func (s *shadow) shift(n int) {
	for ; n > 0; n-- {
		w := s.w[0]
		copy(s.w[:], s.w[1:])
		s.w[shadowPartitions-1] = w
		clear(w)
	}
	for ; n < 0; n++ {
		w := s.w[shadowPartitions-1]
		copy(s.w[1:], s.w[:shadowPartitions-1])
		s.w[0] = w
		clear(w)
	}
}
