package echo

import "math"

const (
	overlap = Delay // of two blocks that leave
	synth   = BlockSamples + overlap

	bandCount = 20
)

// bandEdges are the bins where the bands for the leak begin, about one Bark.
var bandEdges = [bandCount + 1]int{0, 4, 7, 10, 14, 18, 23, 29, 36, 44, 54, 66, 80, 98, 120, 150, 190, 240, 300, 390, bins}

// suppressor takes out of the error what the filter left of the echo, and the
// noise of the room, in one stage: the log-spectral amplitude estimator of
// Ephraim and Malah (1985) with a variance of both, between windows that are
// short on the new side (Mauler, Martin 2007).
type suppressor struct {
	fft    *fft
	window [frameSamples]float32
	out    [synth]float32

	error, echo [frameSamples]float32 // the last frame of each
	frame       [frameSamples]float32
	e, y        []complex64
	rest        [overlap]float32

	noise, presence []float32
	prior           []float32 // of the last block: what was left
	residual        []float32
	gain, around    []float32

	leakTop, leakBottom [bandCount]float32
	leak, tail          [bandCount]float32

	started int
	near    float32 // that somebody speaks here, 0 to 1
	random  uint32
}

func newSuppressor(f *fft) *suppressor {
	s := &suppressor{fft: f, e: make([]complex64, bins), y: make([]complex64, bins), random: 1}
	for _, p := range []*[]float32{&s.noise, &s.presence, &s.prior, &s.residual, &s.gain, &s.around} {
		*p = make([]float32, bins)
	}
	rise := frameSamples - overlap
	for i := range s.window {
		if i < rise {
			s.window[i] = float32(math.Sin(math.Pi / 2 * (float64(i) + 0.5) / float64(rise)))
		} else {
			s.window[i] = float32(math.Cos(math.Pi / 2 * (float64(i-rise) + 0.5) / overlap))
		}
	}
	for i := range s.out {
		want := 1.0
		if i < overlap {
			v := math.Sin(math.Pi / 2 * (float64(i) + 0.5) / overlap)
			want = v * v
		} else if i >= BlockSamples {
			v := math.Cos(math.Pi / 2 * (float64(i-BlockSamples) + 0.5) / overlap)
			want = v * v
		}
		s.out[i] = float32(want) / s.window[frameSamples-synth+i]
	}
	s.forgetLeak(1)
	return s
}

func (s *suppressor) forgetLeak(least float32) {
	for b := range s.leak {
		s.leak[b] = max(s.leak[b], least)
		s.leakTop[b] = s.leak[b] * s.leakBottom[b]
	}
}

// take appends a block to a history.
func take(history *[frameSamples]float32, block []float32) {
	copy(history[:], history[BlockSamples:])
	copy(history[frameSamples-BlockSamples:], block)
}

func (s *suppressor) transform(dst []complex64, history *[frameSamples]float32) {
	for i, v := range history {
		s.frame[i] = v * s.window[i]
	}
	s.fft.forward(dst, s.frame[:])
}

// pass lets a block through unchanged but for the delay.
func (s *suppressor) pass(e, out []float32) {
	take(&s.error, e)
	late := s.error[frameSamples-synth:]
	for i := range out {
		out[i] = late[i]
	}
	for i := range overlap {
		w := s.window[frameSamples-overlap+i]
		s.rest[i] = late[BlockSamples+i] * w * w
	}
}

// process writes to out what is left of the error e without the rest of the
// echo y, which is nil while there is none, and without noise if asked to. might
// is what else there may be of echo in every bin, or nil.
func (s *suppressor) process(e, y, might, out []float32, quieten bool) {
	take(&s.error, e)
	s.transform(s.e, &s.error)
	if y != nil {
		take(&s.echo, y)
		s.transform(s.y, &s.echo)
		s.learn(might)
	}
	s.track(y != nil, might)
	s.weigh(y != nil, quieten)
	for k, g := range s.gain {
		v := s.e[k]
		s.e[k] = complex(g*real(v), g*imag(v))
	}
	if y != nil {
		s.comfort(quieten)
	}
	s.fft.inverse(s.frame[:], s.e)
	last := s.frame[frameSamples-synth:]
	for i, w := range s.out {
		last[i] *= w
	}
	for i := range s.rest {
		out[i] = s.rest[i] + last[i]
		s.rest[i] = last[BlockSamples+i]
	}
	copy(out[overlap:], last[overlap:BlockSamples])
}

// learn follows how much of the estimated echo is still in the error: the
// regression of the one's power on the other's (Valin 2007), nearly frozen while
// the error has more in it than that explains.
func (s *suppressor) learn(might []float32) {
	var eb, yb, nb [bandCount]float32
	talk := float32(0)
	for b := range bandCount {
		mb := float32(0)
		for k := bandEdges[b]; k < bandEdges[b+1]; k++ {
			u, v := s.e[k], s.y[k]
			eb[b] += real(u)*real(u) + imag(u)*imag(u)
			yb[b] += real(v)*real(v) + imag(v)*imag(v)
			nb[b] += s.noise[k]
			if might != nil {
				mb += might[k]
			}
		}
		if b >= 2 && b < 16 {
			x := eb[b] / (4*s.leak[b]*max(yb[b], s.tail[b]) + 3*nb[b] + 2*mb + 1e-9)
			if x > 1 {
				talk += 1 - 1/x
			}
		}
		s.tail[b] = max(0.65*s.tail[b], yb[b])
	}
	s.talking(talk / 14)
	rate := float32(0.005)
	if s.near > 0.2 {
		rate *= frozen
	}
	most := float32(8)
	for b := range bandCount {
		y := s.tail[b]
		more := max(0, min(eb[b]-nb[b], most*s.leak[b]*y))
		r := rate
		if more < s.leak[b]*y/8 {
			r *= 4 // plainly too much: after a new start
		}
		s.leakTop[b] += r * (more - s.leakTop[b])
		s.leakBottom[b] += r * (y - s.leakBottom[b])
		if s.leakBottom[b] > 1e-9 {
			s.leak[b] = max(1e-5, min(s.leakTop[b]/s.leakBottom[b], 1))
		}
	}
}

// talking follows how much speaks for a voice in front of the microphone: at
// once when it begins, and over 200 ms when it ends.
func (s *suppressor) talking(talk float32) {
	talk = max(0, min((talk-0.1)*5, 1))
	if talk > s.near {
		s.near += 0.6 * (talk - s.near)
	} else {
		s.near += 0.06 * (talk - s.near)
	}
}

// track follows the noise of the room by the probability that there is speech
// (Gerkmann, Hendriks 2012), and the rest of the echo.
func (s *suppressor) track(echo bool, might []float32) {
	if echo {
		for b := range bandCount {
			leak := s.leak[b] * (farOver + (talkOver-farOver)*s.near)
			for k := bandEdges[b]; k < bandEdges[b+1]; k++ {
				v := s.y[k]
				s.residual[k] = max(leak*(real(v)*real(v)+imag(v)*imag(v)), 0.65*s.residual[k])
			}
		}
	} else {
		for k, r := range s.residual {
			if r *= 0.65; r < 1e-12 {
				r = 0 // numbers too small are slow
			}
			s.residual[k] = r
		}
	}
	for k, m := range might {
		s.residual[k] = max(s.residual[k], m)
	}
	if s.started < 20 {
		s.started++
		for k, v := range s.e {
			p := real(v)*real(v) + imag(v)*imag(v)
			// Never nothing: microphones begin with digital silence.
			s.noise[k] = max(1e-10, s.noise[k]+(p-s.noise[k])/float32(s.started))
		}
		return
	}
	const xi = 31.6
	for k, v := range s.e {
		p := real(v)*real(v) + imag(v)*imag(v)
		n := s.noise[k]
		if s.residual[k] > 2*n {
			continue
		}
		speech := 1 / (1 + (1+xi)*exp(-xi/(1+xi)*p/n))
		s.presence[k] += 0.1 * (speech - s.presence[k])
		if s.presence[k] > 0.99 {
			speech = min(speech, 0.998)
		}
		s.noise[k] = max(1e-10, n+0.2*(1-speech)*(p-n))
	}
}

const (
	// trust is that in the last block's estimate, decision directed.
	trust = 0.92
	// leastPrior is the least that is expected of speech over noise.
	leastPrior = 0.003
	// What is left of noise at least (-20 dB), and of the echo while nobody and
	// while somebody speaks here (-45 and -15 dB).
	noiseFloor, farFloor, talkFloor = 0.1, 0.0056, 0.18
	// By how much the rest of the echo is taken for more than it was found to be,
	// in the same two cases.
	farOver, talkOver = 10, 1.5
	// frozen is how slowly the leak is learned while somebody speaks here.
	frozen = 0.02
)

// weigh sets the gain of every bin.
func (s *suppressor) weigh(echo, quieten bool) {
	quiet := float32(noiseFloor)
	if !quieten {
		quiet = 1
	}
	rest := float32(talkFloor)
	if echo {
		// Between talkFloor while somebody speaks here and farFloor.
		rest = float32(farFloor * math.Pow(talkFloor/farFloor, float64(s.near)))
	}
	before := float32(1)
	for k, v := range s.e {
		p := real(v)*real(v) + imag(v)*imag(v)
		n, r := s.noise[k], s.residual[k]
		all := r + 1e-12
		if quieten {
			all += n
		}
		post := min(p/all, 1e4)
		prior := max(leastPrior, trust*s.prior[k]/all+(1-trust)*max(0, post-1))
		w := prior / (1 + prior)
		g := w * lsa(post*w)
		s.prior[k] = g * g * p
		// Speech is never one bin for one block.
		next := post
		if k+1 < bins {
			u := s.e[k+1]
			next = min((real(u)*real(u)+imag(u)*imag(u))/all, 1e4)
		}
		z := s.around[k] + 0.3*(max(0, (before+post+next)/3-1)-s.around[k])
		s.around[k] = z
		before = post
		least := (quiet*n + rest*r) / (n + r + 1e-12)
		g = min(g, 1)
		z *= z
		g = least + (g-least)*z/(z+1)
		s.gain[k] = max(least, g)
	}
}

// comfort fills up to the noise others hear between words, where the echo took
// it away.
func (s *suppressor) comfort(quieten bool) {
	level := float32(1)
	if quieten {
		level = noiseFloor
	}
	for k, v := range s.e {
		n, r := s.noise[k], s.residual[k]
		if r < n/4 {
			continue
		}
		miss := level*level*n - (real(v)*real(v) + imag(v)*imag(v))
		if miss <= 0 {
			continue
		}
		s.random = s.random*1664525 + 1013904223
		a := sqrt(miss)
		turn := &circle[s.random>>24]
		s.e[k] = complex(real(v)+a*turn[0], imag(v)+a*turn[1])
	}
}

// energy turns the power of a windowed spectrum, both halves, into that of a
// sample.
const energy = 2.0 / (frameSamples * 390)

// left is the power of the echo that is believed to leave.
func (s *suppressor) left() float32 {
	sum := float32(0)
	for b := range bandCount {
		for k := bandEdges[b]; k < bandEdges[b+1]; k++ {
			v := s.y[k]
			sum += s.gain[k] * s.gain[k] * s.leak[b] * (real(v)*real(v) + imag(v)*imag(v))
		}
	}
	return sum * energy
}

// level is that of the room's noise, in dBFS.
func (s *suppressor) level() float64 {
	sum := float32(0)
	for _, n := range s.noise {
		sum += n
	}
	return decibels(sum * energy)
}
