package audio

import (
	"math"

	"github.com/meet-term/meet/media/audio/mix"
	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	// gainTarget is the loudness speech is brought to, in dBov.
	gainTarget = -22
	// Bounds of the gain in dB, and how fast it moves per block: loud speech
	// is turned down within a syllable, quiet speech up within seconds, so
	// that pauses do not pump.
	gainMost, gainLeast = 18.0, -12.0
	gainRise, gainFall  = 0.05, 1.0
	// Below gateLevel a block is background: the gain holds, and the gate
	// closes by gateDepth dB.
	gateLevel = -55
	gateDepth = -12.0
	gateOpen  = 3.0 // dB per block: within 40 ms
	gateClose = 0.3
)

// autoGain evens out how loud the microphone is and turns down the background
// between words. The zero value is ready; it belongs to one goroutine.
type autoGain struct {
	gain, gate float64 // dB, moving towards what they should be
	out        [pcm.BlockSamples]float32
	fader      mix.Fader
	limiter    mix.Limiter
}

// apply returns block with the gain on it, valid until the next call.
func (g *autoGain) apply(block []float32) []float32 {
	level := pcm.Measure(block)
	if level > gateLevel {
		want := max(gainLeast, min(gainTarget-float64(level), gainMost))
		g.gain += max(-gainFall, min(want-g.gain, gainRise))
		g.gate = min(0, g.gate+gateOpen)
	} else {
		g.gate = max(gateDepth, g.gate-gateClose)
	}
	out := g.out[:len(block)]
	clear(out)
	g.fader.Add(out, block, float32(math.Pow(10, (g.gain+g.gate)/20)))
	g.limiter.Apply(out)
	return out
}
