package vp8

// readBlock reads the tokens of one block into out, multiplied by the step
// sizes, and returns the place behind the last token: first when there is none
// (RFC 6386, section 13). ctx is the number of neighbouring blocks, above and
// left, that have tokens. out must be zero.
func (r *boolReader) readBlock(probs *[8][3][11]uint8, ctx, first int, step *[2]int16, out *[16]int16) int {
	w := r.boolWindow
	n := first
	p := &probs[coefBands[n&15]][ctx]
	var bit bool
	afterZero := false // then the end cannot follow
	for n < 16 {
		// Four bits of at most 7 window bits each before the next look.
		if w.bits < 32 {
			r.boolWindow = w
			r.fill()
			w = r.boolWindow
		}
		if !afterZero {
			if w, bit = w.next(p[0]); !bit {
				break
			}
		}
		at := n
		n++
		if w, bit = w.next(p[1]); !bit {
			p = &probs[coefBands[n]][0]
			afterZero = true
			continue
		}
		afterZero = false
		v := 1
		if w, bit = w.next(p[2]); bit {
			r.boolWindow = w
			v = r.readLarge(p)
			w = r.boolWindow
			p = &probs[coefBands[n]][2]
		} else {
			p = &probs[coefBands[n]][1]
		}
		if w, bit = w.next(128); bit {
			v = -v
		}
		out[zigzag[at&15]] = int16(v * int(step[min(at, 1)]))
	}
	r.boolWindow = w
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
		d.spreadY2(&y2)
	}
	return any
}

// spreadY2 turns the Y2 block into the DCs of the luma blocks.
func (d *residue) spreadY2(y2 *[16]int16) {
	inverseWalsh(y2)
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
