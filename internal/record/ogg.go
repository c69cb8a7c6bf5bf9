package record

import (
	"encoding/binary"
	"fmt"
	"io"
)

// oggWriter writes Opus packets as an Ogg stream (RFC 3533, RFC 7845): a page at a time,
// each with one write.
type oggWriter struct {
	w       io.Writer
	serial  uint32
	seq     uint32
	granule uint64 // samples at 48 kHz, to the end of the last packet
	lacing  []byte
	body    []byte
	samples uint64 // in the page that is gathered
}

// oggCRC is the table of the checksum of Ogg: polynomial 0x04c11db7, not reflected.
var oggCRC = func() (table [256]uint32) {
	for i := range table {
		r := uint32(i) << 24
		for range 8 {
			if r&0x80000000 != 0 {
				r = r<<1 ^ 0x04c11db7
			} else {
				r <<= 1
			}
		}
		table[i] = r
	}
	return table
}()

// The flags of a page.
const (
	oggBegin = 2
	oggEnd   = 4
)

// newOggWriter begins a stream of a number of channels.
func newOggWriter(w io.Writer, serial uint32, channels int) (*oggWriter, error) {
	o := &oggWriter{w: w, serial: serial}
	head := []byte("OpusHead\x01")
	head = append(head, byte(channels))
	head = binary.LittleEndian.AppendUint16(head, 0)     // pre-skip: it begins in the middle of talk
	head = binary.LittleEndian.AppendUint32(head, 48000) // of the source
	head = append(head, 0, 0, 0)                         // gain, mapping family
	o.packet(head, 0)
	if err := o.flush(oggBegin); err != nil {
		return nil, err
	}
	const vendor = "meet"
	tags := []byte("OpusTags")
	tags = binary.LittleEndian.AppendUint32(tags, uint32(len(vendor)))
	tags = append(tags, vendor...)
	tags = binary.LittleEndian.AppendUint32(tags, 0)
	o.packet(tags, 0)
	return o, o.flush(0)
}

// write adds a packet, and writes the page that it would not fit into.
func (o *oggWriter) write(packet []byte, samples int) error {
	if len(o.lacing)+len(packet)/255+1 > 255 {
		if err := o.flush(0); err != nil {
			return err
		}
	}
	o.packet(packet, samples)
	return nil
}

func (o *oggWriter) packet(packet []byte, samples int) {
	for n := len(packet); ; n -= 255 {
		o.lacing = append(o.lacing, byte(min(n, 255)))
		if n < 255 {
			break
		}
	}
	o.body = append(o.body, packet...)
	o.samples += uint64(samples)
}

// flush writes the page that was gathered.
func (o *oggWriter) flush(flags byte) error {
	if len(o.lacing) == 0 && flags&oggEnd == 0 {
		return nil
	}
	o.granule += o.samples
	b := append(make([]byte, 0, 27+len(o.lacing)+len(o.body)), "OggS\x00"...)
	b = append(b, flags)
	b = binary.LittleEndian.AppendUint64(b, o.granule)
	b = binary.LittleEndian.AppendUint32(b, o.serial)
	b = binary.LittleEndian.AppendUint32(b, o.seq)
	b = append(b, 0, 0, 0, 0, byte(len(o.lacing)))
	b = append(append(b, o.lacing...), o.body...)
	var crc uint32
	for _, c := range b {
		crc = crc<<8 ^ oggCRC[byte(crc>>24)^c]
	}
	binary.LittleEndian.PutUint32(b[22:], crc)
	o.seq++
	o.lacing, o.body, o.samples = o.lacing[:0], o.body[:0], 0
	if _, err := o.w.Write(b); err != nil {
		return fmt.Errorf("write sound: %w", err)
	}
	return nil
}
