package vp8

import "encoding/binary"

// boolReader is the arithmetic decoder of RFC 6386, section 7. Bytes past the
// end of the data read as zero, as the reference decoder has it.
type boolReader struct {
	boolWindow
	data []byte // what is not yet in the window
}

// boolWindow is the state of the decoder without its input: small enough for
// the token loop to keep a copy in registers.
type boolWindow struct {
	value uint64 // the next bits, the first topmost
	rng   uint32 // 128 to 255 between reads
	bits  int32  // valid bits in value
}

func newBoolReader(data []byte) boolReader {
	return boolReader{boolWindow: boolWindow{rng: 255}, data: data}
}

// next reads one bit that is zero with probability p/256. The caller sees to
// it that the window holds the 8 bits that the comparison needs; up to 7 are
// used up.
func (w boolWindow) next(p uint8) (boolWindow, bool) {
	split := 1 + ((w.rng-1)*uint32(p))>>8
	big := uint64(split) << 56
	one := w.value >= big
	if one {
		split = w.rng - split
		w.value -= big
	}
	shift := normShift[uint8(split)] & 7
	w.rng = split << shift
	w.value <<= shift
	w.bits -= int32(shift)
	return w, one
}

// fill tops the window up to 56 bits or more.
func (r *boolReader) fill() {
	if len(r.data) >= 8 {
		n := (63 - r.bits) >> 3
		r.value |= binary.BigEndian.Uint64(r.data) >> uint(r.bits&63)
		r.data = r.data[n:]
		r.bits += int32(n << 3)
		return
	}
	for r.bits <= 56 {
		var b byte
		if len(r.data) > 0 {
			b = r.data[0]
			r.data = r.data[1:]
		}
		r.value |= uint64(b) << uint(56-r.bits)
		r.bits += 8
	}
}

// bool reads one bit that is zero with probability p/256.
func (r *boolReader) bool(p uint8) bool {
	if r.bits < 8 {
		r.fill()
	}
	var one bool
	r.boolWindow, one = r.next(p)
	return one
}

// normShift is how far a range must move to be 128 or more.
var normShift = func() (t [256]uint8) {
	for i := 1; i < 256; i++ {
		for i<<t[i] < 128 {
			t[i]++
		}
	}
	return t
}()

// bit is bool as a number.
func (r *boolReader) bit(p uint8) int {
	if r.bool(p) {
		return 1
	}
	return 0
}

// flag reads an even bit.
func (r *boolReader) flag() bool { return r.bool(128) }

// literal reads an unsigned number of n bits, the highest first.
func (r *boolReader) literal(n int) int {
	v := 0
	for range n {
		v = v<<1 | r.bit(128)
	}
	return v
}

// signed reads a magnitude of n bits and then its sign.
func (r *boolReader) signed(n int) int {
	v := r.literal(n)
	if r.flag() {
		return -v
	}
	return v
}

// optional reads a signed number that is preceded by a flag of its presence;
// absent means zero.
func (r *boolReader) optional(n int) int {
	if !r.flag() {
		return 0
	}
	return r.signed(n)
}

// tree walks a tree from its root and returns the leaf.
func (r *boolReader) tree(tree []int8, probs []uint8) int {
	i := 0
	for {
		next := tree[i+r.bit(probs[i>>1])]
		if next <= 0 {
			return int(-next)
		}
		i = int(next)
	}
}
