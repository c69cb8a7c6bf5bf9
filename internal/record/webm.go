package record

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
)

// webmWriter writes VP8 frames as WebM (RFC 8794, RFC 9559): one video track, a cluster
// at a time with one write. The size of the whole is left open, so that what has been
// written can be played.
type webmWriter struct {
	w        io.WriterAt
	size     int64 // written
	duration int64 // where it stands
	begin    time.Duration
	blocks   []byte
	last     time.Duration
	any      bool // blocks are gathered
}

// The elements that are written (RFC 9559 section 5.1).
const (
	idEBML        = 0x1A45DFA3
	idSegment     = 0x18538067
	idInfo        = 0x1549A966
	idTracks      = 0x1654AE6B
	idCluster     = 0x1F43B675
	idTimestamp   = 0xE7
	idSimpleBlock = 0xA3
)

// element appends an element whole.
func element(b []byte, id uint32, data []byte) []byte {
	b = elementID(b, id)
	b = binary.BigEndian.AppendUint64(b, 1<<56|uint64(len(data)))
	return append(b, data...)
}

func elementID(b []byte, id uint32) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		if c := byte(id >> shift); c != 0 || id>>shift > 0 {
			b = append(b, c)
		}
	}
	return b
}

func number(b []byte, id uint32, n uint64) []byte {
	return element(b, id, binary.BigEndian.AppendUint64(nil, n))
}

// newWebmWriter begins a file with pictures of a size.
func newWebmWriter(w io.WriterAt, width, height int) (*webmWriter, error) {
	var head []byte
	head = number(head, 0x4286, 1)                // EBMLVersion
	head = number(head, 0x42F7, 1)                // EBMLReadVersion
	head = number(head, 0x42F2, 4)                // EBMLMaxIDLength
	head = number(head, 0x42F3, 8)                // EBMLMaxSizeLength
	head = element(head, 0x4282, []byte("webm"))  // DocType
	head = number(head, 0x4287, 2)                // DocTypeVersion
	head = number(head, 0x4285, 2)                // DocTypeReadVersion
	info := number(nil, 0x2AD7B1, 1_000_000)      // TimestampScale: milliseconds
	info = element(info, 0x4D80, []byte("meet"))  // MuxingApp
	info = element(info, 0x5741, []byte("meet"))  // WritingApp
	info = element(info, 0x4489, make([]byte, 8)) // Duration, once it is known
	video := number(nil, 0xB0, uint64(width))     // PixelWidth
	video = number(video, 0xBA, uint64(height))   // PixelHeight
	track := number(nil, 0xD7, 1)                 // TrackNumber
	track = number(track, 0x73C5, 1)              // TrackUID
	track = number(track, 0x83, 1)                // TrackType: video
	track = number(track, 0x9C, 0)                // FlagLacing
	track = element(track, 0x86, []byte("V_VP8")) // CodecID
	track = element(track, 0xE0, video)

	b := element(nil, idEBML, head)
	b = elementID(b, idSegment)
	b = append(b, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) // of unknown size
	b = element(b, idInfo, info)
	duration := int64(len(b) - 8)
	b = element(b, idTracks, element(nil, 0xAE, track))
	x := &webmWriter{w: w, duration: duration}
	return x, x.append(b)
}

func (x *webmWriter) append(b []byte) error {
	n, err := x.w.WriteAt(b, x.size)
	x.size += int64(n)
	if err != nil {
		return fmt.Errorf("write pictures: %w", err)
	}
	return nil
}

// write adds a frame that belongs so far behind the beginning of the file.
func (x *webmWriter) write(frame []byte, key bool, at time.Duration) error {
	at = max(at, x.last)
	if x.any && (at-x.begin >= page || len(x.blocks) > 1<<20) {
		if err := x.flush(); err != nil {
			return err
		}
	}
	if !x.any {
		x.any, x.begin = true, at
	}
	x.last = at
	flags := byte(0)
	if key {
		flags = 0x80
	}
	block := []byte{0x81} // of track 1
	block = binary.BigEndian.AppendUint16(block, uint16((at - x.begin).Milliseconds()))
	block = append(block, flags)
	x.blocks = element(x.blocks, idSimpleBlock, append(block, frame...))
	return nil
}

// flush writes the cluster that was gathered.
func (x *webmWriter) flush() error {
	if !x.any {
		return nil
	}
	data := number(nil, idTimestamp, uint64(x.begin.Milliseconds()))
	b := element(nil, idCluster, append(data, x.blocks...))
	x.any, x.blocks = false, x.blocks[:0]
	return x.append(b)
}

// close writes the rest, and how long it all is.
func (x *webmWriter) close() error {
	if err := x.flush(); err != nil {
		return err
	}
	ms := math.Float64bits(float64(x.last.Milliseconds()))
	if _, err := x.w.WriteAt(binary.BigEndian.AppendUint64(nil, ms), x.duration); err != nil {
		return fmt.Errorf("write pictures: %w", err)
	}
	return nil
}

// vp8Size is the size of a key frame (RFC 6386 section 9.1), or zeros.
func vp8Size(frame []byte) (width, height int) {
	if len(frame) < 10 || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a {
		return 0, 0
	}
	return int(binary.LittleEndian.Uint16(frame[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(frame[8:]) & 0x3fff)
}
