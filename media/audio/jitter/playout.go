package jitter

import "github.com/meet-term/meet/media/audio/pcm"

const (
	// concealBlock is how much is made up at a time when nothing is there.
	concealBlock = pcm.BlockSamples
	// fadeFrom and fadeTo bound made-up sound: from the first on it fades, at
	// the second it is silent. Longer guesses sound like a robot.
	fadeFrom = 40 * ms
	fadeTo   = 120 * ms
	// tolerance is how far above the target the delay may be before samples
	// are taken out.
	tolerance = 15 * ms
	// slack is how far below it may be: less than the grain of the target.
	slack = 5 * ms / 2
	// urgent is how far above it makes doubtful periods good enough.
	urgent = 200 * ms
	// pace is the least playout time between two changes of the delay.
	pace = 30 * ms
)

// state is what the player is doing.
type state uint8

const (
	waiting  state = iota // silence, until enough has gathered
	playing               // samples of packets
	bridging              // made-up samples, nothing there to play
)

// player is the half of the buffer that runs on playout time: it turns frames
// into samples and keeps the delay at its target.
type player struct {
	codec Codec
	stats *Stats
	out   queue

	state    state
	next     int64 // extended timestamp of the next sample to decode
	target   int64 // delay to keep
	losses   lossWatcher
	scratch  [maxDuration]float32
	renew    bool // the decoder must begin a new stream
	rejoin   bool // what comes next does not continue what went before
	seq      int64
	waited   int64 // playout time spent waiting with a frame at hand
	lateness int64 // relative delay of the frame waited with, or unknown
	bridged  int64 // made up since the last frame, while nothing was there
	hole     int64 // made up since the last frame in all
	delay    float64
	measured bool
	steady   int64 // playout time since the delay was last changed
	catch    catcher
}

// unknown is the lateness before any packet has come.
const unknown = -1

// lossWatcher hears of every frame whether it was there when it was due.
type lossWatcher interface{ played(missing bool) }

// newStream prepares for packets that do not continue the ones so far.
func (p *player) newStream() { p.renew = true }

// rebase starts a new time base at pos.
func (p *player) rebase(pos int64) {
	p.begin()
	p.next, p.seq, p.rejoin, p.measured = pos, -1, true, false
}

// begin starts again with what comes next, a burst perhaps.
func (p *player) begin() {
	p.rest()
	p.catch.begin()
}

// dry reports whether there was nothing to play of late.
func (p *player) dry() bool { return p.state != playing }

// rest goes over to waiting.
func (p *player) rest() {
	p.state, p.waited, p.lateness, p.bridged, p.hole = waiting, 0, unknown, 0, 0
}

// skipTo gives up what lies before pos.
func (p *player) skipTo(pos int64) {
	if pos > p.next {
		p.next, p.rejoin = pos, true
	}
}

// arrived measures the delay with a packet that came relative samples later
// than the fastest ones: the time until it is played, plus that.
func (p *player) arrived(pos, relative int64) {
	if p.state == waiting {
		if p.lateness == unknown {
			p.lateness = relative
		}
		return
	}
	d := float64(pos - p.next + int64(p.out.pending()) + relative)
	if !p.measured {
		p.delay, p.measured = d, true
	}
	p.delay += (d - p.delay) / 16
}

// delayNow returns the playout delay.
func (p *player) delayNow() int64 { return max(0, int64(p.delay)) }

// step makes the next samples, silence at least, and returns how many of the
// frames at the front are used up.
func (p *player) step(frames []frame) int {
	if p.state == waiting {
		return p.wait(frames)
	}
	if len(frames) == 0 {
		p.bridge()
		return 0
	}
	f := frames[0]
	switch gap := f.pos - p.next; {
	case gap <= -f.dur:
		return 1 // it has been played from elsewhere
	case gap <= 0:
		p.settle(f)
		p.playFrame(f)
		return 1
	case !f.copied && gap-(f.seq-p.seq-1)*f.dur >= pcm.FrameSamples:
		// More time than packets is missing: the sender was silent.
		p.pause()
		return 0
	case p.bridged > 0:
		// What was made up stood for the hole before it was known to be one.
		p.losses.played(true)
		p.next += min(gap, p.bridged)
		p.settle(f)
		return 0
	default:
		p.fill(f, gap)
		return 0
	}
}

// wait plays silence until frames span the target delay or have waited that
// long.
func (p *player) wait(frames []frame) int {
	if len(frames) > 0 {
		last := frames[len(frames)-1]
		span := last.pos + last.dur - frames[0].pos
		if p.catch.on && !p.catch.done(last.pos) {
			p.waited += concealBlock
			p.out.grow(concealBlock)
			return 0
		}
		if skip := span - last.dur - max(p.target, startTarget) - maxBacklog; skip > 0 {
			used := 1
			for used < len(frames)-1 && frames[used].pos-frames[0].pos < skip {
				used++
			}
			p.stats.Discarded += uint64(used)
			return used
		}
		p.lateness = max(0, p.lateness)
		if p.waited+p.lateness >= p.target || span > p.target+frames[0].dur {
			p.settle(frames[0])
			p.state, p.rejoin = playing, true
			p.next = frames[0].pos
			p.delay, p.measured = float64(max(p.waited+p.lateness, span-frames[0].dur)), true
			return 0
		}
		p.waited += concealBlock
	}
	p.out.grow(concealBlock)
	return 0
}

// pause goes over to waiting, letting the sound die away.
func (p *player) pause() {
	if !p.rejoin {
		dst := p.out.grow(concealBlock)
		p.conceal(dst)
		for i := range dst {
			dst[i] *= 1 - float32(i)/concealBlock
		}
		p.rejoin = true
	}
	p.rest()
}

// settle decides, now that f has come, whether what was made up meanwhile
// stood for lost or late sound, or only for the silence of a muted sender.
func (p *player) settle(f frame) {
	bridged := p.bridged
	p.bridged = 0
	if bridged == 0 {
		return
	}
	switch {
	case f.pos <= p.next || f.copied || p.seq < 0: // late
	case f.seq <= p.seq+1: // contiguous: silence
		return
	default: // lost: no more than that many frames
		bridged = min(bridged, (f.seq-p.seq-1)*f.dur)
	}
	p.stats.Concealed += bridged
}

// bridge makes up one block because nothing is there to play, without moving
// on in media time: a late frame is still played, with more delay.
func (p *player) bridge() {
	p.conceal(p.out.grow(concealBlock))
	p.bridged += concealBlock
	p.state, p.rejoin = bridging, true
	if p.hole >= fadeTo {
		// Silence from here on; bridged stays, to be settled by what comes.
		p.state, p.waited, p.lateness = waiting, 0, unknown
	}
}

// fill makes up one frame of the hole before f: by error correction if it
// touches f, by concealment before.
func (p *player) fill(f frame, gap int64) {
	n := min(gap, f.dur)
	p.losses.played(true)
	if gap <= f.dur && n%(5*ms/2) == 0 {
		dst := p.out.grow(int(n))
		if p.codec.Recover(f.payload, dst) == nil {
			p.stats.Recovered++
		} else {
			clear(dst)
			p.rejoin = true
		}
	} else {
		if gap > f.dur {
			n = min(n, gap-f.dur)
		}
		p.conceal(p.out.grow(int(n)))
		p.stats.Concealed += n
		p.rejoin = true
	}
	p.next += n
}

// conceal fills dst with made-up sound that fades as the hole grows.
func (p *player) conceal(dst []float32) {
	already := p.hole
	p.hole += int64(len(dst))
	if already >= fadeTo {
		return
	}
	// The decoder conceals multiples of 2.5 ms.
	const grain = 5 * ms / 2
	made := p.scratch[:min((len(dst)+grain-1)/grain*grain, len(p.scratch))]
	if p.codec.Conceal(made) != nil {
		return
	}
	copy(dst, made)
	for i := range dst {
		if at := already + int64(i); at > fadeFrom {
			dst[i] *= float32(max(0, fadeTo-at)) / (fadeTo - fadeFrom)
		}
	}
}

// playFrame decodes f and moves the delay towards its target.
func (p *player) playFrame(f frame) {
	if p.renew {
		p.codec.Reset()
		p.renew = false
	}
	p.losses.played(f.copied)
	n, err := p.codec.Decode(f.payload, p.scratch[:f.dur])
	if err != nil || int64(n) != f.dur {
		p.conceal(p.out.grow(int(f.dur)))
		p.stats.Concealed += f.dur
		p.rejoin = true
	} else {
		p.stats.Decoded++
		if f.copied {
			p.stats.Redundant++
		}
		late := max(0, p.next-f.pos) // what of it has been played otherwise
		at := len(p.out.buf)
		copy(p.out.grow(n-int(late)), p.scratch[late:n])
		if p.rejoin {
			smoothJoint(p.out.buf, at)
			p.rejoin = false
		}
	}
	p.state, p.hole = playing, 0
	p.next = f.pos + f.dur
	if !f.copied {
		p.seq = f.seq
	} else if p.seq >= 0 {
		p.seq++
	}
	p.adjust(f.dur)
}

// adjust takes out or puts in one pitch period if the delay is off target.
func (p *player) adjust(played int64) {
	p.steady += played
	if !p.measured || p.steady < pace {
		return
	}
	excess := int64(p.delay) - p.target
	least := similarity
	if excess > urgent {
		least = 0.3
	}
	switch {
	case excess > tolerance:
		if n := shorten(&p.out, least); n > 0 {
			p.stats.Shortened += int64(n)
			p.delay -= float64(n)
			p.steady = 0
		}
	case excess < -slack:
		if n := stretch(&p.out, least); n > 0 {
			p.stats.Stretched += int64(n)
			p.delay += float64(n)
			p.steady = 0
		}
	}
}
