// Package audio is the sound of one participant: it sends the microphone as
// Opus frames and plays the mix of everyone else.
//
//	source -> level, mute -> Opus -> Config.OnFrame
//	Receiver.Push -> jitter buffer -> Opus -> volume -> mix -> limiter -> sink
//
// An Engine ties the two halves together. It knows nothing of connections:
// frames leave by a callback, packets come in through Receivers, which belong
// to people and outlive whatever connection feeds them.
package audio

import (
	"time"

	"github.com/meet-term/meet/media/audio/pcm"
)

// Stats are the figures of one remote person. All counters are totals since
// the Receiver was made and never go back; the rest is as of now.
type Stats struct {
	Packets uint64 // received, duplicates not counted
	Bytes   uint64 // of all payloads received
	Lost    uint64 // never came (known 32 packets later)
	Decoded uint64 // frames decoded
	// FirstDecoded is when the first of them was; zero before.
	FirstDecoded time.Time
	Recovered    uint64 // lost frames played from redundancy or in-band FEC
	Late         uint64 // came after their time
	Discarded    uint64 // malformed, absurd, duplicate or too many

	ConcealedMS float64 // sound made up for what was missing, total
	JitterMS    float64 // interarrival jitter, RFC 3550
	BufferMS    float64 // playout delay
	TargetMS    float64 // what BufferMS is steered to
	LevelDB     float64 // smoothed loudness, dBov, -127 to 0
}

func milliseconds(samples int64) float64 {
	return float64(samples) * 1000 / pcm.SampleRate
}
