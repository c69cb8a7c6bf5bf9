package red

import "encoding/binary"

const (
	// MaxDepth is how many earlier frames a packet repeats at most.
	MaxDepth = 2
	// maxAge is how old a repeated frame may be, in samples at 48 kHz: less than
	// the format can say, and old news beyond.
	maxAge = 4 * 960
)

// History is what a sender repeats: the last frames. The zero value is ready; it
// belongs to one goroutine.
type History struct {
	frames [MaxDepth]struct {
		payload   []byte
		timestamp uint32
	}
	count int // frames kept, newest last
}

// Push remembers a frame that was sent.
func (h *History) Push(payload []byte, timestamp uint32) {
	if h.count == MaxDepth {
		oldest := h.frames[0].payload
		copy(h.frames[:], h.frames[1:])
		h.frames[MaxDepth-1].payload = oldest
		h.count--
	}
	f := &h.frames[h.count]
	f.payload = append(f.payload[:0], payload...)
	f.timestamp = timestamp
	h.count++
}

// Pack appends to dst the redundant payload of a frame with up to n earlier
// ones (RFC 2198 section 3), or returns nil when there is none to repeat.
func (h *History) Pack(dst, payload []byte, timestamp uint32, payloadType uint8, n int) []byte {
	first := max(0, h.count-n)
	for first < h.count && !h.fits(first, timestamp) {
		first++
	}
	if first == h.count {
		return nil
	}
	for i := first; i < h.count; i++ {
		f := &h.frames[i]
		// F=1, block PT (7), timestamp offset (14), block length (10)
		dst = binary.BigEndian.AppendUint32(dst,
			1<<31|uint32(payloadType)<<24|(timestamp-f.timestamp)<<10|uint32(len(f.payload)))
	}
	dst = append(dst, payloadType)
	for i := first; i < h.count; i++ {
		dst = append(dst, h.frames[i].payload...)
	}
	return append(dst, payload...)
}

// fits says whether frame i and all after it can be repeated at timestamp.
func (h *History) fits(i int, timestamp uint32) bool {
	for ; i < h.count; i++ {
		f := &h.frames[i]
		offset := timestamp - f.timestamp
		if offset == 0 || offset > maxAge || len(f.payload) > maxLength {
			return false
		}
	}
	return true
}
