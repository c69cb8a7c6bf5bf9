package audio

import (
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	blocksPerSecond = pcm.SampleRate / pcm.BlockSamples
	// silentAfter is how much digital silence of a microphone is told.
	silentAfter = 5 * blocksPerSecond
	// talkedFor is how much voice within talkedWithin is talking while muted.
	talkedFor    = 1 * blocksPerSecond
	talkedWithin = 3 * blocksPerSecond
	// leakFor is for how long echo must be let through to be told, and
	// leakAgain when it is told again.
	leakFor   = 5
	leakAgain = 120
)

// attention notices what a person should know of their own microphone. It is
// pure; the goroutine of the source owns it. The zero value is ready.
type attention struct {
	zeros  int  // blocks of digital silence in a row
	silent bool // told

	voice  voiceDetector
	talked int  // blocks of voice while muted, running out over talkedWithin
	told   bool // since the mute

	blocks int // towards the next second
	leaked int // seconds in a row
	rest   int // seconds until a leak may be told again
}

// raw takes a block as the microphone has it, and returns what to tell, if
// anything.
func (a *attention) raw(block []float32) (w media.Warning, tell bool) {
	for _, s := range block {
		if s != 0 {
			was := a.silent
			a.zeros, a.silent = 0, false
			return microphoneHeard, was
		}
	}
	if a.zeros++; a.zeros == silentAfter {
		a.silent = true
		return microphoneSilent, true
	}
	return media.Warning{}, false
}

// reopened says that the microphone was closed meanwhile, or is another.
func (a *attention) reopened() { a.zeros = 0 }

// muted takes a processed block that nobody gets to hear.
func (a *attention) muted(block []float32) (w media.Warning, tell bool) {
	if a.voice.add(pcm.Measure(block)) {
		a.talked += talkedWithin / talkedFor
	}
	a.talked = max(0, a.talked-1)
	if a.told || a.talked < talkedFor*(talkedWithin/talkedFor-1) {
		return media.Warning{}, false
	}
	a.told = true
	return talkingMuted, true
}

// unmuted ends a mute.
func (a *attention) unmuted() { a.talked, a.told = 0, false }

// second reports whether a second is over.
func (a *attention) second() bool {
	a.blocks = (a.blocks + 1) % blocksPerSecond
	return a.blocks == 0
}

// leaking takes, once a second, whether echo gets through.
func (a *attention) leaking(leaks bool) (w media.Warning, tell bool) {
	a.rest = max(0, a.rest-1)
	if a.leaked++; !leaks {
		a.leaked = 0
	}
	if a.leaked < leakFor || a.rest > 0 {
		return media.Warning{}, false
	}
	a.rest = leakAgain
	return EchoReturned, true
}
