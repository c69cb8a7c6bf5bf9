// Package opus sets up the Opus codec (RFC 6716) the way the call uses it:
// mono, 48 kHz, 20 ms frames of speech, with in-band error correction; and, if
// asked for, stereo for music.
package opus

import (
	"fmt"

	"github.com/thesyncim/gopus"

	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	// Bitrate is the target for speech in bits per second, and MusicBitrate
	// that for music.
	Bitrate      = 32000
	MusicBitrate = 128000
	// DefaultLoss is the loss in percent the encoder is set up for before a
	// receiver has reported any: FEC needs a value above zero to act.
	DefaultLoss = 5

	complexity = 5
	// maxPayload is the largest frame the encoder may make, and maxPacket the
	// largest payload the decoder looks at: 120 ms at the highest rate.
	maxPayload = 1275
	maxPacket  = 1275*6 + 16
	// MaxSamples is the longest audio one payload may hold: 120 ms
	// (RFC 6716 section 3.2.5).
	MaxSamples = 120 * pcm.SampleRate / 1000
)

// Encoder turns frames of 20 ms into payloads. It belongs to one goroutine.
type Encoder struct {
	enc     *gopus.Encoder
	samples int // of one frame, all channels together
	loss    int
	fec     bool
	buf     [maxPayload]byte
}

// NewEncoder returns an encoder for speech: variable rate around Bitrate, FEC
// for DefaultLoss, no discontinuous transmission (a quiet sender still proves
// that the link lives).
func NewEncoder() (*Encoder, error) {
	e := &Encoder{loss: DefaultLoss, fec: true}
	if err := e.Reset(false); err != nil {
		return nil, err
	}
	return e, nil
}

// Reset forgets all audio the encoder still holds (its look-ahead, history and
// redundancy), so that nothing said before a mute leaves after it. The codec's
// own reset is not enough: up to 60 ms of the past can be heard after it. A
// new codec costs less than one frame's encoding. From then on it is for speech,
// or for music: interleaved stereo around MusicBitrate.
func (e *Encoder) Reset(music bool) error {
	cfg := gopus.EncoderConfig{SampleRate: pcm.SampleRate, Channels: 1, Application: gopus.ApplicationVoIP}
	bitrate, signal := Bitrate, gopus.SignalVoice
	if music {
		cfg.Channels, cfg.Application = 2, gopus.ApplicationAudio
		bitrate, signal = MusicBitrate, gopus.SignalMusic
	}
	enc, err := gopus.NewEncoder(cfg)
	if err != nil {
		return fmt.Errorf("make an opus encoder: %w", err)
	}
	enc.SetVBR(true)
	enc.SetDTX(false)
	for _, set := range []error{
		enc.SetBitrate(bitrate),
		enc.SetComplexity(complexity),
		enc.SetSignal(signal),
		enc.SetFrameSize(pcm.FrameSamples),
	} {
		if set != nil {
			return fmt.Errorf("set up the opus encoder: %w", set)
		}
	}
	e.enc, e.samples = enc, cfg.Channels*pcm.FrameSamples
	e.SetExpectedLoss(e.loss, e.fec)
	return nil
}

// Encode returns the payload of one frame of pcm.FrameSamples, twice that in
// stereo. The caller owns the result.
func (e *Encoder) Encode(frame []float32) ([]byte, error) {
	if len(frame) != e.samples {
		return nil, fmt.Errorf("encode opus: a frame of %d samples, want %d", len(frame), e.samples)
	}
	n, err := e.enc.Encode(frame, e.buf[:])
	if err != nil {
		return nil, fmt.Errorf("encode opus: %w", err)
	}
	payload := make([]byte, n)
	copy(payload, e.buf[:n])
	return payload, nil
}

// SetExpectedLoss tells the encoder what share of packets gets lost, in
// percent (held within 0 to 100), and whether to spend bits on in-band FEC:
// two redundant copies by RED make it pointless.
func (e *Encoder) SetExpectedLoss(percent int, fec bool) {
	e.loss, e.fec = max(0, min(percent, 100)), fec
	// The only error is a value out of range, which the line above excludes.
	_ = e.enc.SetPacketLoss(e.loss)
	e.enc.SetFEC(fec)
}
