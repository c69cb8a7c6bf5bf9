package vp8

// readBlock reads the tokens of one block into out, multiplied by the step
// sizes, and returns the place behind the last token: first when there is none
// (RFC 6386, section 13). ctx is the number of neighbouring blocks, above and
// left, that have tokens. out must be zero.
//
// Reading a bit is written out here, for the window to stay in registers and
// each outcome to be decided by one branch.
func (r *boolReader) readBlock(probs *[8][3][11]uint8, ctx, first int, step *[2]int16, out *[16]int16) int {
	value, rng, bits := r.value, r.rng, r.bits
	n := first
	p := &probs[coefBands[n&15]&7][ctx]
	for n < 16 {
		// Four bits of at most 7 window bits each before the next look.
		if bits < 32 {
			r.value, r.bits = value, bits
			r.fill()
			value, bits = r.value, r.bits
		}
		split := 1 + ((rng-1)*uint32(p[0]))>>8
		if value < uint64(split)<<56 {
			shift := normShift[uint8(split)] & 7
			value, rng, bits = value<<shift, split<<shift, bits-int32(shift)
			break // the end
		}
		value -= uint64(split) << 56
		rng -= split
		shift := normShift[uint8(rng)] & 7
		value, rng, bits = value<<shift, rng<<shift, bits-int32(shift)
		for {
			split = 1 + ((rng-1)*uint32(p[1]))>>8
			if value >= uint64(split)<<56 {
				break
			}
			// A zero, which the end cannot follow.
			shift := normShift[uint8(split)] & 7
			value, rng, bits = value<<shift, split<<shift, bits-int32(shift)
			n++
			if n == 16 {
				r.value, r.rng, r.bits = value, rng, bits
				return n
			}
			p = &probs[coefBands[n&15]&7][0]
			if bits < 24 {
				r.value, r.bits = value, bits
				r.fill()
				value, bits = r.value, r.bits
			}
		}
		value -= uint64(split) << 56
		rng -= split
		shift = normShift[uint8(rng)] & 7
		value, rng, bits = value<<shift, rng<<shift, bits-int32(shift)
		at := n & 15
		n++
		next := &probs[coefBands[at+1]&7]

		v := 1
		split = 1 + ((rng-1)*uint32(p[2]))>>8
		if value < uint64(split)<<56 {
			shift := normShift[uint8(split)] & 7
			value, rng, bits = value<<shift, split<<shift, bits-int32(shift)
			p = &next[1]
		} else {
			rng -= split
			shift := normShift[uint8(rng)] & 7
			r.value, r.rng, r.bits = (value-uint64(split)<<56)<<shift, rng<<shift, bits-int32(shift)
			v = r.readLarge(p)
			value, rng, bits = r.value, r.rng, r.bits
			p = &next[2]
		}
		// The sign, an even bit, without a branch: nobody can foresee it.
		split = (rng + 1) >> 1
		sign := int64(uint64(split)<<56-1-value) >> 63 // -1 if the bit is set
		value -= uint64(split) << 56 & uint64(sign)
		rng = split + (rng-2*split)&uint32(sign)
		shift = normShift[uint8(rng)] & 7
		value, rng, bits = value<<shift, rng<<shift, bits-int32(shift)
		out[zigzag[at]&15] = int16((v^int(sign))-int(sign)) * step[(at+15)>>4&1]
	}
	r.value, r.rng, r.bits = value, rng, bits
	return n
}

// readLarge reads the rest of a token that stands for 2 or more; at least 8
// bits remain in the window when it returns.
func (r *boolReader) readLarge(p *[11]uint8) int {
	v := 0
	switch {
	case !r.bool(p[3]):
		v = 2
		if r.bool(p[4]) {
			v = 3 + r.bit(p[5])
		}
	case !r.bool(p[6]):
		if !r.bool(p[7]) {
			v = 5 + r.bit(159)
		} else {
			v = 7 + r.bit(165)<<1
			v += r.bit(145)
		}
	case !r.bool(p[8]):
		if !r.bool(p[9]) {
			v = 11 + r.extra(extraBits3[:])
		} else {
			v = 19 + r.extra(extraBits4[:])
		}
	default:
		if !r.bool(p[10]) {
			v = 35 + r.extra(extraBits5[:])
		} else {
			v = 67 + r.extra(extraBits6[:])
		}
	}
	if r.bits < 8 {
		r.fill()
	}
	return v
}

// extra reads the bits that a token leaves open.
func (r *boolReader) extra(probs []uint8) int {
	v := 0
	for _, p := range probs {
		v = v<<1 | r.bit(p)
	}
	return v
}

// tokenContext remembers which blocks along an edge have tokens: four luma
// blocks, two of each chroma plane, and Y2 (RFC 6386, section 13.3).
type tokenContext struct {
	y  [4]uint8
	uv [4]uint8 // U, U, V, V
	y2 uint8
}

// clear notes a macroblock without coefficients. One without Y2 leaves the
// last Y2's flag alone.
func (c *tokenContext) clear(hasY2 bool) {
	y2 := c.y2
	*c = tokenContext{}
	if !hasY2 {
		c.y2 = y2
	}
}

// residue is what the tokens of one macroblock amount to: 16 luma blocks, 4 of
// U and 4 of V.
type residue struct {
	coefs [24][16]int16
	// ends gives the place behind the last coefficient of each block: 0 for
	// an empty block, 1 when there is only a DC.
	ends [24]uint8
}

// read reads all tokens of a macroblock and undoes the second-order transform
// of the luma DCs. It says whether there was any token at all. The residue must
// be clear.
func (d *residue) read(r *boolReader, probs *coefProbs, hasY2 bool, q *quantStep, above, left *tokenContext) bool {
	first, kind := 0, blockYWithDC
	any := false
	var y2 [16]int16
	y2End := 0
	if hasY2 {
		first, kind = 1, blockYAfterY2
		y2End = r.readBlock(&probs[blockY2], int(above.y2+left.y2), 0, &q.y2, &y2)
		flag := uint8(min(y2End, 1))
		above.y2, left.y2 = flag, flag
		any = y2End > 0
	}
	for i := range 16 {
		x, y := i&3, i>>2
		end := r.readBlock(&probs[kind], int(above.y[x]+left.y[y]), first, &q.y1, &d.coefs[i])
		flag := uint8(0)
		if end > first {
			flag, any = 1, true
			d.ends[i] = uint8(end)
		}
		above.y[x], left.y[y] = flag, flag
	}
	for i := range 8 {
		x, y := i&1+i>>2<<1, i>>1&1+i>>2<<1
		end := r.readBlock(&probs[blockChroma], int(above.uv[x]+left.uv[y]), 0, &q.uv, &d.coefs[16+i])
		flag := uint8(0)
		if end > 0 {
			flag, any = 1, true
		}
		d.ends[16+i] = uint8(end)
		above.uv[x], left.uv[y] = flag, flag
	}
	if y2End > 0 {
		d.spreadY2(&y2, y2End)
	}
	return any
}

// spreadY2 turns the Y2 block, given the place behind its last coefficient, into
// the DCs of the luma blocks.
func (d *residue) spreadY2(y2 *[16]int16, end int) {
	if end == 1 {
		dc := int16((int32(y2[0]) + 3) >> 3)
		for i := range y2 {
			y2[i] = dc
		}
	} else {
		inverseWalsh(y2)
	}
	for i, dc := range y2 {
		d.coefs[i][0] = dc
		if dc != 0 {
			d.ends[i] = max(d.ends[i], 1)
		}
	}
}

// clear makes the residue ready for the next macroblock.
func (d *residue) clear() {
	for i, end := range d.ends {
		if end != 0 {
			d.coefs[i] = [16]int16{}
		}
	}
	d.ends = [24]uint8{}
}
