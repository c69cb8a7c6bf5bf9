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

// Frame is one encoded frame of the microphone, ready to be sent to everybody.
type Frame struct {
	Payload []byte // one Opus payload; immutable
	Samples int    // its length, always pcm.FrameSamples (20 ms)
	// Timestamp is media time at 48 kHz, from 0. It follows real time across
	// mutes, so that a receiver sees a gap and not a stretched pause.
	Timestamp uint32
	// Marker is set on the first frame after silence (RFC 7587 section 4.1).
	Marker bool
	Level  pcm.Level // for the header extension of RFC 6464
	Voice  bool      // its V bit: someone seems to speak
	At     time.Time // when the last sample was captured
}

// Packet is one audio packet of a remote person as it came from the network.
type Packet struct {
	Seq       uint16
	Timestamp uint32 // 48 kHz
	SSRC      uint32
	Payload   []byte // copied by Push
	// Redundant says that Payload is RFC 2198 redundant audio around Opus,
	// not Opus itself.
	Redundant bool
	// Level is what the sender measured (RFC 6464) if HasLevel is set. It is
	// shown without waiting for the jitter buffer.
	Level    pcm.Level
	HasLevel bool
	Arrived  time.Time
}

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
