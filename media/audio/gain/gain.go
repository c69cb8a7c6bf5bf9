// Package gain brings a voice to the loudness others expect, without pumping
// up the noise between words and without clipping. It works on 48 kHz mono
// sound in blocks of 10 ms, in place and without delay, depends on nothing but
// the standard library and allocates nothing.
package gain

import "math"

const (
	// Target is the loudness a voice is brought to, in LUFS (ITU-R BS.1770,
	// EBU R 128).
	Target = -23.0
	// Ceiling is the largest sample that leaves: 1 dB below full scale.
	Ceiling = 0.891

	// most and least bound the gain, in dB.
	most, least = 30.0, -16.0
	// rise and fall are how fast it moves while somebody speaks, in dB per
	// block: a quiet voice arrives within 3 s, a loud one within a syllable.
	rise, fall = 0.22, 0.4
	// gate is below which nothing is a voice, in dBFS.
	gate = -64.0
	// above is how far a voice stands out of the quietest moment of the last
	// two seconds, in dB: what does not is noise that goes on, and held blocks
	// long: what is shorter is a key or a door.
	above, held = 10.0, 4
	// A voice varies by so much within spell blocks, in dB: a fan that was just
	// switched on stands out as well.
	vivid, spell = 4.5, 24
	// The loudness follows louder words faster than softer ones.
	louder, softer = 0.04, 0.012
)

// Control is an automatic gain with a limiter behind it. The zero value is
// ready; it belongs to one goroutine.
type Control struct {
	// Off switches the automatic gain off, while running if wanted: the gain
	// slides back to one, and the limiter stays.
	Off bool

	gain     float64 // dB
	loudness float64 // of the voice, in LUFS, once words is not 0
	words    int     // blocks of voice so far

	weighting weighting
	momentary float64 // weighted power over 150 ms
	quietest  quietest
	standing  int // blocks in a row that stand out
	variety   variety

	applied float32 // 1 - gain at the end of the last block
	limiter limiter
}

// Process brings one block to its level, in place.
func (c *Control) Process(block []float32) {
	if len(block) == 0 {
		return
	}
	for i, s := range block {
		if s != s {
			block[i] = 0
		} else if s > 4 || s < -4 {
			block[i] = max(-4, min(s, 4))
		}
	}
	c.follow(block)
	from, to := 1-c.applied, float32(math.Pow(10, c.gain/20))
	c.applied = 1 - to
	step := (to - from) / float32(len(block))
	for i := range block {
		from += step
		block[i] *= from
	}
	c.limiter.apply(block)
}

// DB is the gain in use now, in dB.
func (c *Control) DB() float64 { return c.gain }

// follow moves the gain, while somebody speaks.
func (c *Control) follow(block []float32) {
	power := c.weighting.power(block)
	c.momentary += 0.065 * (power - c.momentary)
	level := decibels(power)
	floor := c.quietest.add(level)
	if level > gate && level > floor+above {
		c.standing++
	} else {
		c.standing = 0
	}
	varies := c.variety.add(level, c.standing)
	if c.Off {
		c.gain += max(-rise, min(-c.gain, rise))
		return
	}
	if !varies {
		return
	}
	c.words++
	now := decibels(c.momentary)
	rate := softer
	if now > c.loudness {
		rate = louder
	}
	rate = max(rate, 1/float64(c.words))
	c.loudness += rate * (now - c.loudness)
	want := max(least, min(Target-c.loudness, most))
	c.gain += max(-fall, min(want-c.gain, rise))
}

func decibels(power float64) float64 { return 10*math.Log10(power+1e-12) - 0.691 }

// quietest is the level of the quietest moment of the last two seconds.
type quietest struct {
	past   [4]float64 // of half a second each
	now    float64
	blocks int
	begun  bool
}

func (q *quietest) add(level float64) float64 {
	level = max(level, gate-above)
	if !q.begun {
		q.begun = true
		q.now = level
		for i := range q.past {
			q.past[i] = level
		}
	}
	q.now = min(q.now, level)
	floor := q.now
	for _, l := range q.past {
		floor = min(floor, l)
	}
	if q.blocks++; q.blocks == 50 {
		copy(q.past[:], q.past[1:])
		q.past[len(q.past)-1] = q.now
		q.now, q.blocks = level, 0
	}
	return floor
}

// variety tells a voice from a steady noise that has just begun.
type variety struct {
	level  float64
	recent [spell]float64
}

// add takes in the level of a block, the nth in a row that stands out, and
// reports whether it is a voice.
func (v *variety) add(level float64, n int) bool {
	v.level += 0.4 * (level - v.level)
	if n < held {
		if n == 0 {
			v.level = level
		}
		return false
	}
	v.recent[n%spell] = v.level
	lo, hi := v.level, v.level
	for i := range min(n-held, spell) {
		was := v.recent[(n-i)%spell]
		lo, hi = min(lo, was), max(hi, was)
	}
	return hi-lo > vivid
}

// weighting is the K-weighting of ITU-R BS.1770: what the head does, and what
// one hears of bass.
type weighting struct {
	shelf, pass biquad
}

func (w *weighting) power(block []float32) float64 {
	sum := 0.0
	for _, s := range block {
		v := w.shelf.next(float64(s), 1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585)
		v = w.pass.next(v, 1, -2, 1, -1.99004745483398, 0.99007225036621)
		sum += v * v
	}
	// Nothing may creep towards numbers too small for speed.
	w.shelf.settle()
	w.pass.settle()
	return sum / float64(len(block))
}

type biquad struct{ s1, s2 float64 }

func (b *biquad) next(x, b0, b1, b2, a1, a2 float64) float64 {
	y := b0*x + b.s1
	b.s1 = b1*x - a1*y + b.s2
	b.s2 = b2*x - a2*y
	return y
}

func (b *biquad) settle() {
	if math.Abs(b.s1)+math.Abs(b.s2) < 1e-18 {
		b.s1, b.s2 = 0, 0
	}
}

// limiter holds peaks below Ceiling: as a whole block is known at once, the gain
// is down when the peak comes, and recovers within some 150 ms.
type limiter struct {
	reduction float32 // 1 - gain
}

func (l *limiter) apply(block []float32) {
	from := 1 - l.reduction
	to := 1 - l.reduction*0.936
	var peak float32
	first := len(block) // where it gets too loud
	for i, s := range block {
		s = max(s, -s)
		peak = max(peak, s)
		if s*from > Ceiling && i < first {
			first = i
		}
	}
	if peak*to > Ceiling {
		to = Ceiling / peak
	}
	if l.reduction = 1 - to; l.reduction < 1e-4 {
		l.reduction = 0
	}
	if from == 1 && to == 1 {
		return
	}
	n := len(block)
	if to < from {
		n = max(1, min(first, 48))
	}
	step := (to - from) / float32(n)
	gain := from
	for i, s := range block {
		if i < n {
			gain += step
		} else {
			gain = to
		}
		block[i] = max(-Ceiling, min(s*gain, Ceiling))
	}
}
