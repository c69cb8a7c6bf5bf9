package vp8

// boolWriter is the arithmetic encoder of RFC 6386, section 7. The zero value
// is not ready; see reset.
type boolWriter struct {
	buf  []byte
	low  uint64 // bits+8 bits of the lower bound not yet in buf, and a carry
	rng  uint32 // 128 to 255 between writes
	bits uint   // below 32 between writes
}

// reset starts a new partition that is appended to buf.
func (w *boolWriter) reset(buf []byte) {
	*w = boolWriter{buf: buf, rng: 255}
}

// bool writes a bit that is zero with probability p/256.
func (w *boolWriter) bool(bit bool, p uint8) {
	split := 1 + ((w.rng-1)*uint32(p))>>8
	if bit {
		w.low += uint64(split)
		split = w.rng - split
	}
	shift := uint(normShift[split&0xff])
	w.rng = split << shift
	w.low <<= shift
	w.bits += shift
	if w.bits >= 32 {
		w.emit()
	}
}

// emit moves 32 bits to the buffer.
func (w *boolWriter) emit() {
	w.bits -= 32
	out := w.low >> (w.bits + 8)
	w.low &= 1<<(w.bits+8) - 1
	if out>>32 != 0 {
		w.carry()
	}
	w.buf = append(w.buf, byte(out>>24), byte(out>>16), byte(out>>8), byte(out))
}

// carry adds one to the number that the buffer ends in. The first byte of a
// partition never overflows, so that the bytes before it are safe.
func (w *boolWriter) carry() {
	i := len(w.buf) - 1
	for ; w.buf[i] == 0xff; i-- {
		w.buf[i] = 0
	}
	w.buf[i]++
}

// flush writes out what is left and returns the buffer. Two more bytes follow:
// some decoders take a partition for truncated when they have looked at all of
// it before the last macroblock.
func (w *boolWriter) flush() []byte {
	pad := -w.bits & 7
	w.low <<= pad
	n := w.bits + pad + 8
	if w.low>>n != 0 {
		w.carry()
	}
	for n > 0 {
		n -= 8
		w.buf = append(w.buf, byte(w.low>>n))
	}
	w.buf = append(w.buf, 0, 0)
	return w.buf
}

func (w *boolWriter) flag(bit bool) { w.bool(bit, 128) }

// literal writes the low n bits of v, the highest first.
func (w *boolWriter) literal(v, n int) {
	for n--; n >= 0; n-- {
		w.bool(v>>n&1 == 1, 128)
	}
}

// optional writes a signed number of n bits with a flag of its presence, which
// is clear for zero.
func (w *boolWriter) optional(v, n int) {
	w.flag(v != 0)
	if v != 0 {
		w.signed(v, n)
	}
}

// signed writes a magnitude of n bits and a sign.
func (w *boolWriter) signed(v, n int) {
	w.literal(max(v, -v), n)
	w.flag(v < 0)
}

// treePath is the way to one leaf of a tree: the bits, the first lowest, and
// the probability for each.
type treePath struct {
	bits  uint16
	n     uint8
	probs [8]uint8
}

// treePaths works out the ways to all leaves of a tree.
func treePaths[T ~[]treePath](tree []int8, leaves int) T {
	paths := make(T, leaves)
	var walk func(node int, p treePath)
	walk = func(node int, p treePath) {
		for bit := range 2 {
			q := p
			q.bits |= uint16(bit) << q.n
			q.probs[q.n] = uint8(node >> 1)
			q.n++
			if next := tree[node+bit]; next > 0 {
				walk(int(next), q)
			} else {
				paths[-next] = q
			}
		}
	}
	walk(0, treePath{})
	return paths
}

var (
	keyYModePaths = treePaths[[]treePath](keyYModeTree[:], 5)
	yModePaths    = treePaths[[]treePath](yModeTree[:], 5)
	uvModePaths   = treePaths[[]treePath](uvModeTree[:], 4)
	bModePaths    = treePaths[[]treePath](bModeTree[:], int(numBModes))
	mvShortPaths  = treePaths[[]treePath](mvShortTree[:], 8)
	mvRefPaths    = treePaths[[]treePath](mvRefTree[:], int(modeSplit)+1)
)

// tree writes the way to a leaf.
func (w *boolWriter) tree(p *treePath, probs []uint8) {
	for i := range p.n {
		w.bool(p.bits>>i&1 == 1, probs[p.probs[i]])
	}
}

// treeCost is what tree would write, in 1/256 bits.
func treeCost(p *treePath, probs []uint8) int {
	cost := 0
	for i := range p.n {
		cost += bitCost(probs[p.probs[i]], p.bits>>i&1 == 1)
	}
	return cost
}
