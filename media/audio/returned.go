package audio

import (
	"math"
	"sync"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	// trailStep is the length of one value of a trail, trailSize how many are
	// kept: 20 s.
	trailStep = 20 * time.Millisecond
	trailSize = 1024
	// trailFloor is the level in dBov below which nothing counts.
	trailFloor = -65.0

	// A voice comes back when what we said in the last echoWindow steps is as
	// loud and quiet, in turn, as what somebody sent between echoLeast and
	// echoMost steps later: alike by echoLike, twice running at about the same delay.
	// Two voices that have nothing to do with each other stay below 0.6.
	echoWindow = 400
	echoEvery  = 200
	echoLeast  = 2
	echoMost   = 100
	echoNear   = 3
	echoLike   = 0.7
	// What we said must have been speech: loud for a quarter of the time.
	echoSpoken = echoWindow / 4
	spokenFrom = -45.0
)

// voiceTrail is how loud a voice was lately, by the time of day. It is safe for
// concurrent use.
type voiceTrail struct {
	mu    sync.Mutex
	slots [trailSize]int64 // which step a value is of
	level [trailSize]float32
}

func newVoiceTrail() *voiceTrail { return &voiceTrail{} }

func step(now time.Time) int64 { return now.UnixNano() / int64(trailStep) }

// add takes the level of the sound of now.
func (v *voiceTrail) add(l media.Level) { v.addAt(step(time.Now()), float32(l)) }

// addAt takes a level; the louder of two of the same step counts.
func (v *voiceTrail) addAt(step int64, level float32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := step & (trailSize - 1)
	if v.slots[i] == step {
		level = max(level, v.level[i])
	}
	v.slots[i], v.level[i] = step, level
}

// last fills dst with the newest levels up to step, in order of time, in dB over
// trailFloor. Steps without sound are silence.
func (v *voiceTrail) last(dst []float64, to int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range dst {
		at := to - int64(len(dst)-1-i)
		dst[i] = 0
		if j := at & (trailSize - 1); v.slots[j] == at {
			dst[i] = max(0, float64(v.level[j])-trailFloor)
		}
	}
}

// returned notices when what we said comes back from somebody. It belongs to the
// goroutine that mixes.
type returned struct {
	own   *voiceTrail
	trail voiceTrail
	due   int64 // when to look next
	delay int   // at which it seemed so the last time; 0: it did not

	said, heard [echoWindow + echoMost]float64
}

// hear takes a block that somebody sent, and reports whether our own voice is in
// it.
func (r *returned) hear(block []float32) bool {
	now := step(time.Now())
	r.trail.addAt(now, float32(pcm.Measure(block)))
	if now < r.due {
		return false
	}
	first := r.due == 0
	r.due = now + echoEvery
	if first {
		return false
	}
	was := r.delay
	r.delay = r.look(now)
	return r.delay != 0 && was != 0 && r.delay-was <= echoNear && was-r.delay <= echoNear
}

// look returns the delay in steps at which we are heard; 0 for not at all.
func (r *returned) look(now int64) int {
	r.own.last(r.said[:], now)
	said := r.said[:echoWindow]
	spoken := 0
	for _, db := range said {
		if db > spokenFrom-trailFloor {
			spoken++
		}
	}
	if spoken < echoSpoken {
		return 0
	}
	r.trail.last(r.heard[:], now)
	best, at := echoLike, 0
	for lag := echoLeast; lag <= echoMost; lag++ {
		if like := likeness(said, r.heard[lag:lag+echoWindow]); like > best {
			best, at = like, lag
		}
	}
	return at
}

// likeness is the coefficient of correlation.
func likeness(a, b []float64) float64 {
	var ma, mb float64
	for i := range a {
		ma, mb = ma+a[i], mb+b[i]
	}
	n := float64(len(a))
	ma, mb = ma/n, mb/n
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-ma, b[i]-mb
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa < n || bb < n { // not even a dB of difference
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}
