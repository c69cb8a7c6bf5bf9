// Package wav reads and writes RIFF/WAVE files as streams of mono samples at
// the rate of the call.
package wav

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/meet-term/meet/media/audio/pcm"
)

// ErrFormat is returned, wrapped, for a file that is no WAVE file or one of a
// kind this package does not play.
var ErrFormat = errors.New("not a playable wav file")

// Format tags of the fmt chunk.
const (
	tagPCM        = 1
	tagFloat      = 3
	tagExtensible = 0xfffe
)

// Limits of what is accepted; anything outside is no recording of a voice.
const (
	minRate, maxRate = 4000, 384000
	maxChannels      = 32
)

// Format describes the samples in a file.
type Format struct {
	Rate     int // samples per second and channel
	Channels int
	Bits     int // per sample: 8, 16, 24, 32, or 64 for floats
	Float    bool
}

func (f Format) String() string {
	kind := "bit"
	if f.Float {
		kind = "bit float"
	}
	return fmt.Sprintf("%d Hz, %d channel(s), %d %s", f.Rate, f.Channels, f.Bits, kind)
}

// Reader plays one file as mono float32 at pcm.SampleRate, whatever the
// file's own rate and channel count. It belongs to one goroutine.
type Reader struct {
	src    io.ReadSeeker
	format Format
	start  int64 // offset of the first sample
	size   int64 // bytes of sample data

	buf       *bufio.Reader
	frame     []byte         // one sample of every channel
	resampler *pcm.Resampler // nil at the native rate
}

// NewReader reads the headers of src and positions it at the first sample.
// The caller keeps ownership of src and closes it.
func NewReader(src io.ReadSeeker) (*Reader, error) {
	r := &Reader{src: src}
	if err := r.readHeader(); err != nil {
		return nil, fmt.Errorf("read wav: %w", err)
	}
	r.frame = make([]byte, r.format.Channels*r.format.Bits/8)
	if r.size < int64(len(r.frame)) {
		return nil, fmt.Errorf("read wav: %w: it holds no sound", ErrFormat)
	}
	if err := r.Rewind(); err != nil {
		return nil, err
	}
	return r, nil
}

// Rewind goes back to the first sample.
func (r *Reader) Rewind() error {
	if _, err := r.src.Seek(r.start, io.SeekStart); err != nil {
		return fmt.Errorf("rewind wav: %w", err)
	}
	body := io.LimitReader(r.src, r.size)
	if r.buf == nil {
		r.buf = bufio.NewReaderSize(body, 16<<10)
	} else {
		r.buf.Reset(body)
	}
	r.resampler = nil
	if r.format.Rate != pcm.SampleRate {
		r.resampler = pcm.NewResampler(r.format.Rate, r.readNative)
	}
	return nil
}

// Read fills dst and returns how many samples it wrote; fewer than len(dst)
// only at the end of the file. A file cut short plays as far as it goes.
func (r *Reader) Read(dst []float32) int {
	if r.resampler != nil {
		return r.resampler.Read(dst)
	}
	return r.readNative(dst)
}

// readNative reads at the file's own rate, channels averaged.
func (r *Reader) readNative(dst []float32) int {
	width := r.format.Bits / 8
	for i := range dst {
		if _, err := io.ReadFull(r.buf, r.frame); err != nil {
			return i
		}
		var sum float32
		for c := range r.format.Channels {
			sum += r.sample(r.frame[c*width : (c+1)*width])
		}
		dst[i] = sum / float32(r.format.Channels)
	}
	return len(dst)
}

func (r *Reader) sample(b []byte) float32 {
	var v float32
	switch {
	case r.format.Float && len(b) == 4:
		v = math.Float32frombits(binary.LittleEndian.Uint32(b))
	case r.format.Float:
		v = float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	case len(b) == 1:
		return (float32(b[0]) - 128) / 128
	case len(b) == 2:
		return float32(int16(binary.LittleEndian.Uint16(b))) / (1 << 15)
	case len(b) == 3:
		return float32(int32(b[0])<<8|int32(b[1])<<16|int32(b[2])<<24) / (1 << 31)
	default:
		return float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 31)
	}
	// Floats may hold anything; keep what the rest of the path may assume.
	if v != v {
		return 0
	}
	return max(-1, min(v, 1))
}

// readHeader walks the chunks up to the sample data.
func (r *Reader) readHeader() error {
	end, err := r.src.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := r.src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var head [12]byte
	if _, err := io.ReadFull(r.src, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return fmt.Errorf("%w: no RIFF/WAVE header", ErrFormat)
	}
	pos := int64(len(head))
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(r.src, chunk[:]); err != nil {
			return fmt.Errorf("%w: no sample data", ErrFormat)
		}
		pos += int64(len(chunk))
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch string(chunk[:4]) {
		case "fmt ":
			if err := r.readFormat(size); err != nil {
				return err
			}
		case "data":
			if r.format.Rate == 0 {
				return fmt.Errorf("%w: sample data before its format", ErrFormat)
			}
			// A writer that could not seek back leaves 0 or all ones here:
			// then the data goes on to the end of the file.
			if size == 0 || size > end-pos {
				size = end - pos
			}
			r.start, r.size = pos, size
			return nil
		}
		pos += size + size&1 // chunks are padded to even lengths
		if _, err := r.src.Seek(pos, io.SeekStart); err != nil {
			return err
		}
	}
}

func (r *Reader) readFormat(size int64) error {
	var b [40]byte
	n := min(size, int64(len(b)))
	if n < 16 {
		return fmt.Errorf("%w: a format chunk of %d bytes", ErrFormat, size)
	}
	if _, err := io.ReadFull(r.src, b[:n]); err != nil {
		return fmt.Errorf("%w: the format chunk is cut short", ErrFormat)
	}
	tag := binary.LittleEndian.Uint16(b[0:])
	if tag == tagExtensible && n >= 26 {
		tag = binary.LittleEndian.Uint16(b[24:]) // the sub-format begins with the plain tag
	}
	f := Format{
		Channels: int(binary.LittleEndian.Uint16(b[2:])),
		Rate:     int(binary.LittleEndian.Uint32(b[4:])),
		Bits:     int(binary.LittleEndian.Uint16(b[14:])),
		Float:    tag == tagFloat,
	}
	switch {
	case tag != tagPCM && tag != tagFloat:
		return fmt.Errorf("%w: compressed sound (format %#x)", ErrFormat, tag)
	case f.Rate < minRate || f.Rate > maxRate:
		return fmt.Errorf("%w: %d Hz", ErrFormat, f.Rate)
	case f.Channels < 1 || f.Channels > maxChannels:
		return fmt.Errorf("%w: %d channels", ErrFormat, f.Channels)
	case f.Float && f.Bits != 32 && f.Bits != 64,
		!f.Float && f.Bits != 8 && f.Bits != 16 && f.Bits != 24 && f.Bits != 32:
		return fmt.Errorf("%w: %s", ErrFormat, f)
	}
	r.format = f
	return nil
}
