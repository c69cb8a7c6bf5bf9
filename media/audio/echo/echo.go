package echo

import "time"

const (
	// SampleRate is the only rate there is, in samples per second.
	SampleRate = 48000
	// BlockSamples is one block of 10 ms.
	BlockSamples = SampleRate / 100
	// Delay is how much later the sound comes out, in samples: 5 ms.
	Delay = SampleRate * 5 / 1000
)

// Config says how a Canceller begins. The zero value cancels echo and
// suppresses noise.
type Config struct {
	// EchoOff and NoiseOff start with that half switched off.
	EchoOff, NoiseOff bool
}

// Stats is what a Canceller knows about itself, the room and the devices.
type Stats struct {
	// ERLE is the echo return loss enhancement in dB over the last seconds in
	// which the loudspeaker was heard: how much quieter echo leaves than it
	// came in, noise suppression included. 0 until there was echo.
	ERLE float64
	// Linear is the same of the filter alone, before any suppression.
	Linear float64
	// Delay is how much later than its reference the echo arrives, a multiple
	// of 10 ms; 0 until it was found.
	Delay time.Duration
	// Drift is how much faster the clock of the microphone runs than that of
	// the loudspeaker, in parts per million.
	Drift float64
	// Found says that there is an echo and that its delay is known. With
	// headphones it stays false.
	Found bool
	// Converged says that the canceller models the room: it may be trusted
	// while both ends talk.
	Converged bool
	// Leaking says that others probably hear themselves: an echo is there and
	// leaves louder than a quiet room.
	Leaking bool
	// Noise is the level of the room's noise, in dBFS.
	Noise float64
	// Resets counts how often the canceller had to begin anew.
	Resets int
}

// Canceller takes echo and noise out of one microphone. Its methods belong to
// one goroutine. None but New allocates.
type Canceller struct {
	echo, noise bool

	ref    *reference
	filter *kalman
	shadow *shadow
	bent   *distortion
	search *search
	rest   *suppressor

	lag      int     // where the filter begins in the reference
	pace     float64 // ppm/1e6 by which the microphone's clock is fast
	blocks   int
	strength float32 // power gain of the echo the filter was set up for

	mic, far, error, model [BlockSamples]float32
	frame                  [frameSamples]float32 // second half: one block
	d, e, y                []complex64
	might                  []float32

	dc float32 // of the microphone

	watch watch
	stats Stats
}

// watch is what the canceller knows of how well it does.
type watch struct {
	active     int     // blocks with an echo to expect since the beginning
	mic, error float32 // smoothed over 50 ms
	use        float32 // how much of the estimate is taken out, 0 or 1
	none       bool    // there is no echo: headphones
	tonal      bool    // the reference repeats itself: tones
	pause      int     // blocks until the next reset may be
	blind      int     // blocks until the reference is whole again
	unsure     float32 // that the filter knows the room is not so, 0 to 1
	heard      bool    // the loudspeaker, in this block
	// Powers of microphone, filter's error and what leaves while only the
	// loudspeaker is heard, smoothed over seconds; and of the echo believed to
	// leave, over one.
	in, linear, out, left float32
}

// New returns a canceller that knows nothing of its room yet.
func New(cfg Config) *Canceller {
	f := newFFT(frameSamples)
	c := &Canceller{
		echo: !cfg.EchoOff, noise: !cfg.NoiseOff,
		ref: newReference(f), filter: newKalman(f), shadow: newShadow(), bent: newDistortion(),
		search: &search{}, rest: newSuppressor(f),
		d: make([]complex64, bins), e: make([]complex64, bins), y: make([]complex64, bins),
		might: make([]float32, bins),
	}
	c.watch.use = 1
	c.filter.calm(startUnsure)
	return c
}

// Process writes to out what is left of mic without the echo of far and
// without noise, late by Delay. All have BlockSamples samples in [-1, 1]; it
// panics if they have not. A far that is nil says that the loudspeaker is idle.
// out may be mic.
func (c *Canceller) Process(mic, far, out []float32) {
	if len(mic) != BlockSamples || len(out) != BlockSamples || far != nil && len(far) != BlockSamples {
		panic("echo: a block has not 480 samples")
	}
	if !c.echo && !c.noise {
		c.sanitize(mic, false)
		c.rest.pass(c.mic[:], out)
		return
	}
	c.sanitize(mic, true)
	if !c.echo || !c.listen(far) {
		c.rest.process(c.mic[:], nil, nil, out, c.noise)
		return
	}
	c.cancel()
	if c.watch.none {
		c.rest.process(c.error[:], nil, nil, out, c.noise)
	} else {
		c.rest.process(c.error[:], c.model[:], c.guess(), out, c.noise)
	}
	c.account(out)
}

// sanitize copies the block of the microphone, without what is not a number and,
// if asked to, without direct current.
func (c *Canceller) sanitize(mic []float32, ac bool) {
	dc := c.dc
	for i, v := range mic {
		if !(v > -4 && v < 4) {
			v = max(-4, min(v, 4))
			if v != v {
				v = 0
			}
		}
		dc += 0.002 * (v - dc)
		if ac {
			v -= dc
		}
		c.mic[i] = v
	}
	c.dc = dc
}

// listen takes in a block of the reference and reports whether there is
// anything to cancel.
func (c *Canceller) listen(far []float32) bool {
	silent := true
	if far != nil {
		for i, v := range far {
			if !(v > -4 && v < 4) {
				v = max(-4, min(v, 4))
				if v != v {
					v = 0
				}
			}
			if v > 1e-5 || v < -1e-5 {
				silent = false
			}
			c.far[i] = v
		}
		c.ref.add(c.far[:])
	} else {
		c.ref.add(nil)
	}
	if silent {
		c.ref.quiet++
	} else {
		c.ref.quiet = 0
	}
	idle := c.ref.quiet > ringBlocks
	n := 1
	switch ahead := c.ref.ahead(); {
	case ahead < BlockSamples+2:
		n = 0
		c.lag--
		c.search.shift(1)
	case ahead > 2*BlockSamples+300:
		n = 2
		c.lag++
		c.search.shift(-1)
	}
	for range n {
		c.advance(idle)
	}
	if c.lag < 0 {
		c.moveTo(0)
	}
	return !idle
}

// advance reads one block of the reference on.
func (c *Canceller) advance(idle bool) {
	r := c.ref
	if idle {
		r.pos += BlockSamples * (1 - c.pace)
		r.read(nil, 1)
		return
	}
	copy(r.frame[:], r.frame[BlockSamples:])
	copy(r.shaped[:], r.shaped[BlockSamples:])
	last := r.frame[frameSamples-BlockSamples:]
	r.read(last, 1-c.pace)
	c.bent.shape(r.shaped[frameSamples-BlockSamples:], last)
	silent := r.quiet > 4
	r.push(silent)
	c.bent.push(r, silent)
}

// moveTo lets the filter begin at another lag; what was learned moves along.
func (c *Canceller) moveTo(lag int) {
	if n := lag - c.lag; n != 0 {
		c.filter.shift(n)
		c.shadow.shift(n)
		c.lag = lag
	}
}

// spectrum transforms one block behind silence.
func (c *Canceller) spectrum(dst []complex64, block []float32) {
	copy(c.frame[frameSamples-BlockSamples:], block)
	c.ref.fft.forward(dst, c.frame[:])
}

// cancel leaves the error of the block in c.error and the estimated echo in
// c.model, and learns from both.
func (c *Canceller) cancel() {
	c.blocks++
	heard := float32(0)
	for p := range 8 {
		heard = max(heard, c.ref.loud[c.ref.at(c.lag+p)])
	}
	active := heard > 1e-7
	c.watch.heard = active
	c.filter.estimate(c.ref, c.lag, c.model[:])
	var ee, dd float32
	for i, d := range c.mic {
		e := d - c.model[i]
		c.error[i] = e
		ee += e * e
		dd += d * d
	}
	if !(ee < 1e6) {
		c.restart(startUnsure)
		clear(c.model[:])
		copy(c.error[:], c.mic[:])
		return
	}
	c.spectrum(c.e, c.error[:])
	if c.watch.blind > 0 {
		c.watch.blind--
	} else if active {
		c.watch.active++
		c.compare(ee, dd)
		c.learn()
	}
	c.mix(dd)
}

// guess returns how strong the echo may be by the level of the reference alone,
// for as long as the filter is not to be relied on; nil when it is.
func (c *Canceller) guess() []float32 {
	w := &c.watch
	if w.unsure < 0.01 || !c.stats.Found {
		return nil
	}
	if w.heard {
		if w.error < 0.3*w.mic {
			w.unsure *= 0.95
		} else {
			w.unsure *= 0.995
		}
	}
	// The response has its most in the second block, and falls from there.
	const windowed = 390.0 / frameSamples
	g := 3 * windowed * w.unsure * c.search.gain
	clear(c.might)
	for p := range 6 {
		if p != 1 {
			g *= 0.6
		}
		for k, v := range c.ref.powers[c.ref.at(c.lag+p)] {
			c.might[k] += g * v
		}
	}
	return c.might
}

// learn lets everything learn from the error. The filter is first: it must adapt
// with the state that made the error.
func (c *Canceller) learn() {
	for k, f := range c.filter.echo {
		c.y[k] = complex(share*real(f), share*imag(f))
	}
	c.filter.adapt(c.ref, c.lag, c.e)
	w := &c.watch
	// Whether what is left tells of details: not of a tone, whatever its echo.
	right := w.active > 100 && w.error < 0.5*w.mic && c.search.mean < 0.3
	if right {
		// The later the echo, the later the loop sees what it did.
		slower := min(1, 12/float64(c.lag+4))
		late := slower * lateness(c.e, c.y, c.filter.psi)
		c.pace += driftGain * late / BlockSamples
		c.ref.nudge(-max(-0.05, min(driftPull*late, 0.05)))
		c.pace = max(-driftMost, min(c.pace, driftMost))
	}
	if c.blocks%2 == 1 {
		if right && w.error < 0.2*w.mic {
			c.bent.learn(c.ref, c.lag, c.filter, c.e)
		}
		return
	}
	c.spectrum(c.d, c.mic[:])
	own, main, all := c.shadow.step(c.ref, c.lag, c.d, c.e)
	if c.shadow.wins(own, main, all) && w.pause == 0 {
		c.filter.doubt(0.2 * min(c.filter.scale/4, c.filter.gain()))
		c.bent.doubt()
		c.rest.forgetLeak(0.5)
		w.unsure = max(w.unsure, 0.5)
	}
	c.seek()
}

// seek looks for the delay of the echo, and whether there is one.
func (c *Canceller) seek() {
	lag, sure := c.search.look(c.ref, c.d)
	switch {
	case c.search.mean > 0.45 && c.search.looks > 50:
		c.watch.tonal = true
	case c.watch.tonal && c.search.mean < 0.4:
		// What a tone taught of the room holds for that tone only.
		c.watch.tonal = false
		c.watch.unsure = 1
		c.filter.doubt(max(startUnsure, c.strength))
		c.bent.forget()
	}
	if !sure {
		if c.search.lost > 50 && c.rest.near < 0.1 || c.search.lost > 200 {
			c.stats.Found, c.watch.none = false, true
		}
		return
	}
	if at := max(0, lag-1); at < c.lag || at > c.lag+1 {
		c.moveTo(at)
	}
	c.stats.Delay = time.Duration(lag) * 10 * time.Millisecond
	g := c.search.gain
	c.watch.none = false
	if c.filter.gain() < g/30 && c.watch.error > 0.7*c.watch.mic {
		c.filter.doubt(g) // it does not see what is plainly there
	}
	if c.stats.Found && g < 4*c.strength && g > c.strength/16 {
		return
	}
	// An echo that was not known of, or one of another strength: what was taken
	// for the room is not.
	c.stats.Found = true
	c.strength = g
	c.watch.unsure = 1
	c.filter.scale = max(1e-4, min(4*g, 30))
	if c.filter.gain() > 4*g {
		c.filter.forget(0)
		c.filter.calm(g)
	} else {
		c.filter.doubt(g)
	}
}

// compare looks whether the filter makes things worse, which a right one cannot,
// not even while both talk.
func (c *Canceller) compare(ee, dd float32) {
	w := &c.watch
	w.error += 0.2 * (ee - w.error)
	w.mic += 0.2 * (dd - w.mic)
	if w.pause > 0 {
		w.pause--
		return
	}
	if w.error > 1.3*w.mic && w.active > 300 {
		w.pause = 30
		c.stats.Resets++
		g := c.filter.gain()
		c.filter.forget(0)
		least := float32(1e-5)
		if c.stats.Found {
			least = c.strength / 16
		}
		c.filter.calm(max(least, min(c.filter.scale/4, g)/2))
		c.bent.forget()
		w.unsure = 1
		c.rest.forgetLeak(0.5)
	}
}

// mix hands on the microphone itself while the error is louder.
func (c *Canceller) mix(dd float32) {
	w := &c.watch
	was := w.use
	if w.error > w.mic || w.none {
		w.use = 0
	} else if w.error < 0.9*w.mic {
		w.use = 1
	}
	if was == 1 && w.use == 1 {
		return
	}
	for i, d := range c.mic {
		g := was + (w.use-was)*float32(i)/BlockSamples
		c.error[i] = d - g*c.model[i]
	}
}

func (c *Canceller) restart(unsure float32) {
	c.stats.Resets++
	c.filter.forget(0)
	c.filter.calm(unsure)
	clear(c.filter.psi)
	c.shadow.forget()
	c.bent.forget()
	c.search.forget()
	c.ref.forget()
	c.rest.forgetLeak(1)
	c.pace = 0
	c.watch = watch{use: 1}
}

// account keeps the statistics.
func (c *Canceller) account(out []float32) {
	w := &c.watch
	w.left += 0.01 * (c.rest.left() - w.left)
	if c.rest.near > 0.1 || !w.heard {
		return
	}
	const second = 0.003 // three of them
	w.in += second * (power(c.mic[:]) - w.in)
	w.linear += second * (power(c.error[:]) - w.linear)
	w.out += second * (power(out) - w.out)
}

// SetEcho switches echo cancelling.
func (c *Canceller) SetEcho(on bool) {
	if on && !c.echo {
		c.ref.forget()
	}
	c.echo = on
}

// SetNoise switches noise suppression.
func (c *Canceller) SetNoise(on bool) { c.noise = on }

// Gap says that the delay between reference and microphone may have moved by
// an unknown amount: an underrun, another device, a stream that began anew.
func (c *Canceller) Gap() {
	c.search.forget()
	c.stats.Found = false
	g := c.filter.gain()
	c.filter.forget(0)
	c.filter.calm(max(startUnsure, min(c.filter.scale, g)/2))
	c.shadow.forget()
	c.rest.forgetLeak(0.5)
}

// Skip says that the reference was moved by whole blocks against the
// microphone: n blocks of it were left out, or -n blocks given twice.
func (c *Canceller) Skip(n int) {
	c.lag += n
	c.search.shift(-n)
	c.watch.blind = c.lag + partitions
	if c.lag < 0 || c.lag > ringBlocks-partitions {
		c.Gap()
		c.lag = max(0, min(c.lag, ringBlocks-partitions))
	}
}

// Stats tells what the canceller knows now.
func (c *Canceller) Stats() Stats {
	s := c.stats
	s.Drift = c.pace * 1e6
	s.ERLE = decibels(c.watch.in / max(c.watch.out, 1e-12))
	s.Linear = decibels(c.watch.in / max(c.watch.linear, 1e-12))
	s.Converged = s.Found && s.Linear > 6
	s.Leaking = s.Found && c.watch.left > 1e-5
	s.Noise = c.rest.level()
	return s
}
