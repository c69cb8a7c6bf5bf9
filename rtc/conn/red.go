package conn

import "encoding/binary"

const (
	// maxRedundancy is how many earlier frames a packet repeats at most.
	maxRedundancy = 2
	// maxRedOffset is how old a repeated frame may be, in samples: less than
	// the 14 bits of the format, and old news beyond.
	maxRedOffset = 4 * audioClock / 50
	maxRedBlock  = 1<<10 - 1 // bytes of a repeated frame

	lossForOne = 0.02 // share of packets lost from which one frame is repeated
	lossForTwo = 0.08 // and two
)

// redundancy decides how many earlier frames to repeat to one peer. It rises
// with the first bad report and falls only when the loss has clearly gone: a
// report covers some fifty packets, which is too few to trust one good one.
type redundancy struct {
	loss   float64 // smoothed
	frames int32
}

// report takes the share of packets lost and returns the frames to repeat.
func (r *redundancy) report(loss float64) int32 {
	const attack, release, hysteresis = 0.6, 0.15, 0.5
	if loss > r.loss {
		r.loss += (loss - r.loss) * attack
	} else {
		r.loss += (loss - r.loss) * release
	}
	one, two := lossForOne, lossForTwo
	if r.frames >= 1 {
		one *= hysteresis
	}
	if r.frames >= 2 {
		two *= hysteresis
	}
	switch {
	case r.loss > two:
		r.frames = 2
	case r.loss > one:
		r.frames = 1
	default:
		r.frames = 0
	}
	return r.frames
}

// redHistory keeps the last frames for redundant audio (RFC 2198).
type redHistory struct {
	frames [maxRedundancy]struct {
		payload   []byte
		timestamp uint32
	}
	count int // frames kept, newest last
}

// push remembers a frame that was sent.
func (h *redHistory) push(payload []byte, timestamp uint32) {
	if h.count == maxRedundancy {
		oldest := h.frames[0].payload
		copy(h.frames[:], h.frames[1:])
		h.frames[maxRedundancy-1].payload = oldest
		h.count--
	}
	f := &h.frames[h.count]
	f.payload = append(f.payload[:0], payload...)
	f.timestamp = timestamp
	h.count++
}

// pack appends to dst the redundant payload of a frame with up to n earlier
// ones (RFC 2198 section 3), or returns nil when there is none to repeat.
func (h *redHistory) pack(dst, payload []byte, timestamp uint32, payloadType uint8, n int) []byte {
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
func (h *redHistory) fits(i int, timestamp uint32) bool {
	for ; i < h.count; i++ {
		f := &h.frames[i]
		offset := timestamp - f.timestamp
		if offset == 0 || offset > maxRedOffset || len(f.payload) > maxRedBlock {
			return false
		}
	}
	return true
}
