package echo

const (
	searchLags           = 52
	searchFrom, searchTo = 6, 86 // bins: 280 Hz to 4 kHz
	searchBins           = searchTo - searchFrom
	searchForget         = 0.986 // per look, every second block
)

// search looks for the delay of the echo: the lag at which microphone and
// reference are most coherent.
type search struct {
	cross [searchLags][searchBins]complex64
	far   [searchLags][searchBins]float32
	near  [searchBins]float32
	looks int // since the far end was first heard
	found int // lag that was best last time
	times int // in a row
	lost  int // looks without any coherence, in a row
	// Mean coherence of all lags but the best, that of the best, and the power
	// gain of the echo there.
	mean, best, gain float32
}

func (s *search) forget() {
	*s = search{}
}

// look takes in one block while the far end is heard and returns the lag, if
// it is sure of one.
func (s *search) look(r *reference, mic []complex64) (lag int, sure bool) {
	d := mic[searchFrom:searchTo]
	for k, v := range d {
		s.near[k] = searchForget*s.near[k] + real(v)*real(v) + imag(v)*imag(v)
	}
	for l := range searchLags {
		slot := r.at(l)
		x := r.spectra[slot][searchFrom:searchTo]
		xx := r.powers[slot][searchFrom:searchTo]
		c := s.cross[l][:len(x)]
		f := s.far[l][:len(x)]
		for k, v := range x {
			u, o := d[k], c[k]
			c[k] = complex(searchForget*real(o)+real(u)*real(v)+imag(u)*imag(v),
				searchForget*imag(o)+imag(u)*real(v)-real(u)*imag(v))
			f[k] = searchForget*f[k] + xx[k]
		}
	}
	s.looks++
	if s.looks < 12 || s.looks%3 != 0 {
		return 0, false
	}
	return s.judge()
}

func (s *search) judge() (lag int, sure bool) {
	var sum, best float32
	where := 0
	for l := range searchLags {
		var m float32
		for k, c := range s.cross[l] {
			m += (real(c)*real(c) + imag(c)*imag(c)) / (s.far[l][k]*s.near[k] + 1e-12)
		}
		m /= searchBins
		sum += m
		if m > best {
			best, where = m, l
		}
	}
	mean := (sum - best) / (searchLags - 1)
	s.mean, s.best = mean, best
	// What chance gives falls with what was seen.
	chance := 2.0 / float32(min(s.looks, 70))
	if best < 2*mean || best < 0.02+chance {
		s.times = 0
		if best < 2*mean && best < 0.01+chance {
			s.lost++
		}
		return 0, false
	}
	s.lost = 0
	if where < s.found-1 || where > s.found+1 {
		s.found, s.times = where, 0
	}
	s.times++
	if s.times < 3 {
		return 0, false
	}
	s.found = where
	s.measure(where)
	return where, true
}

// measure estimates the power gain of the echo that arrives with one lag.
func (s *search) measure(lag int) {
	var c, x float32
	for k, v := range s.cross[lag] {
		c += real(v)*real(v) + imag(v)*imag(v)
		x += s.far[lag][k] * s.far[lag][k]
	}
	s.gain = c / (x + 1e-12) / (share * share) * max(0, s.best-s.mean) / s.best
}

// shift follows a reference that was moved: what was at a lag is n below it.
func (s *search) shift(n int) {
	switch {
	case n >= searchLags || n <= -searchLags:
		s.forget()
		return
	case n > 0:
		copy(s.cross[:], s.cross[n:])
		copy(s.far[:], s.far[n:])
		clear(s.cross[searchLags-n:])
		clear(s.far[searchLags-n:])
	case n < 0:
		copy(s.cross[-n:], s.cross[:searchLags+n])
		copy(s.far[-n:], s.far[:searchLags+n])
		clear(s.cross[:-n])
		clear(s.far[:-n])
	}
	s.found = max(0, s.found-n)
}
