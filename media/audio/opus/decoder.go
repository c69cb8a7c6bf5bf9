package opus

import (
	"errors"
	"fmt"

	"github.com/thesyncim/gopus"

	"github.com/meet-term/meet/media/audio/pcm"
)

// errPanic stands for a bug of the codec that a payload triggered.
var errPanic = errors.New("the decoder gave up on the payload")

// Decoder turns the payloads of one sender into samples. Payloads come from
// the network: any bytes are safe to hand in. It belongs to one goroutine.
type Decoder struct {
	dec *gopus.Decoder
}

// NewDecoder returns a decoder of mono 48 kHz; stereo payloads are mixed down.
func NewDecoder() (*Decoder, error) {
	dec, err := newDecoder()
	if err != nil {
		return nil, fmt.Errorf("make an opus decoder: %w", err)
	}
	return &Decoder{dec: dec}, nil
}

func newDecoder() (*gopus.Decoder, error) {
	cfg := gopus.DefaultDecoderConfig(pcm.SampleRate, 1)
	cfg.MaxPacketBytes = maxPacket
	return gopus.NewDecoder(cfg)
}

// Decode decodes payload into dst, which must hold Samples(payload), and
// returns how many samples it wrote.
func (d *Decoder) Decode(payload []byte, dst []float32) (n int, err error) {
	defer d.guard(&err)
	n, err = d.dec.Decode(payload, dst)
	if err != nil {
		return 0, fmt.Errorf("decode opus: %w", err)
	}
	return n, nil
}

// Recover fills dst with the audio just before next, whose own payload was
// lost: from the low-rate copy that next carries (RFC 6716 section 2.1.7), or
// by concealment when it carries none. Decode next afterwards.
func (d *Decoder) Recover(next []byte, dst []float32) (err error) {
	defer d.guard(&err)
	n, err := d.dec.DecodeWithFEC(next, dst, true)
	if err != nil {
		return fmt.Errorf("recover opus: %w", err)
	}
	clear(dst[n:])
	return nil
}

// Conceal fills dst, a multiple of 2.5 ms and 120 ms at most, with a plausible
// continuation of what was decoded last.
func (d *Decoder) Conceal(dst []float32) (err error) {
	defer d.guard(&err)
	n, err := d.dec.Decode(nil, dst)
	if err != nil {
		return fmt.Errorf("conceal opus: %w", err)
	}
	clear(dst[n:])
	return nil
}

// Reset forgets the stream decoded so far.
func (d *Decoder) Reset() { d.dec.Reset() }

// guard turns a panic of the codec into an error: it parses what strangers
// send, and one bad payload must cost one frame, not the call.
func (d *Decoder) guard(err *error) {
	if p := recover(); p != nil {
		*err = errPanic
		if fresh, e := newDecoder(); e == nil {
			d.dec = fresh
		}
	}
}

// frameSamples is the length of one frame by the configuration number of the
// first byte of a payload (RFC 6716 table 2), in samples at 48 kHz.
func frameSamples(toc byte) int {
	config := toc >> 3
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		return [4]int{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		return [2]int{480, 960}[config&1]
	default: // CELT: 2.5, 5, 10, 20 ms
		return 120 << (config & 3)
	}
}

// Samples returns how much audio payload holds by its header, in samples, or
// 0 if the header breaks the rules of RFC 6716 section 3.2.
func Samples(payload []byte) int {
	if len(payload) == 0 || len(payload) > maxPacket {
		return 0
	}
	frames := 1
	switch payload[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(payload) < 2 {
			return 0
		}
		frames = int(payload[1] & 0x3f)
	}
	n := frames * frameSamples(payload[0])
	if n > MaxSamples {
		return 0
	}
	return n
}
