// Package pcm holds the sample format that every part of the audio path
// shares: mono float32 at 48 kHz, full scale at ±1, in blocks of 10 ms.
package pcm

import (
	"math"
	"time"
)

const (
	// SampleRate is the only rate inside the program, in samples per second.
	// Opus runs its RTP clock at this rate too (RFC 7587 section 4.1), so one
	// sample is one unit of an RTP timestamp.
	SampleRate = 48000
	// BlockSamples is one block: 10 ms, the unit of capture and playback.
	BlockSamples = SampleRate / 100
	// FrameSamples is one Opus frame: 20 ms, the unit on the wire.
	FrameSamples = SampleRate / 50
)

// Duration returns how long n samples last.
func Duration(n int64) time.Duration {
	return time.Duration(n) * time.Second / SampleRate
}

// Samples returns the number of whole samples in d. It is exact for any
// duration a call can last (centuries), which d*SampleRate would not be.
func Samples(d time.Duration) int64 {
	sec, rest := d/time.Second, d%time.Second
	return int64(sec)*SampleRate + int64(rest)*SampleRate/int64(time.Second)
}

// Int16 converts one sample, rounding to nearest and saturating. A NaN
// becomes silence: it can only come from a broken decoder and must not reach
// a loudspeaker as full scale.
func Int16(s float32) int16 {
	v := math.Round(float64(s) * 32768)
	switch {
	case v >= math.MaxInt16:
		return math.MaxInt16
	case v <= math.MinInt16:
		return math.MinInt16
	case v != v:
		return 0
	}
	return int16(v)
}
