package vp8

// Samples that stand in for those outside the picture (RFC 6386, section
// 12.2): above it, with the corners, and to its left.
const (
	outsideAbove = 127
	outsideLeft  = 129
)

// edge is what whole-block intra prediction looks at: the row above a block
// and the column to its left.
type edge struct {
	above, left       [16]byte
	corner            byte
	hasAbove, hasLeft bool
}

// gather collects the edge of the n by n block at x, y.
func (e *edge) gather(p *plane, x, y, n int) {
	e.hasAbove, e.hasLeft = y > 0, x > 0
	at := p.origin + y*p.stride + x
	e.corner = outsideLeft
	if y > 0 {
		copy(e.above[:n], p.pix[at-p.stride:][:n])
		if x > 0 {
			e.corner = p.pix[at-p.stride-1]
		}
	} else {
		e.corner = outsideAbove
		fill(e.above[:n], outsideAbove)
	}
	if x > 0 {
		for i := range e.left[:n] {
			e.left[i] = p.pix[at+i*p.stride-1]
		}
	} else {
		fill(e.left[:n], outsideLeft)
	}
}

// predict writes the prediction of an n by n block, n being 16 or 8, in one of
// the whole-block modes (RFC 6386, sections 12.2 and 12.3).
func (e *edge) predict(mode uint8, dst []byte, stride, n int) {
	switch mode {
	case modeDC:
		dc := e.dc(n)
		for y := range n {
			fill(dst[y*stride:][:n], dc)
		}
	case modeV:
		for y := range n {
			copy(dst[y*stride:], e.above[:n])
		}
	case modeH:
		for y := range n {
			fill(dst[y*stride:][:n], e.left[y])
		}
	case modeTM:
		for y := range n {
			row := dst[y*stride:][:n]
			base := int32(e.left[y]) - int32(e.corner)
			for x := range row {
				row[x] = clampByte(base + int32(e.above[x]))
			}
		}
	}
}

// dc returns the mean of those edges that lie in the picture.
func (e *edge) dc(n int) byte {
	sum, count := 0, 0
	if e.hasAbove {
		for _, v := range e.above[:n] {
			sum += int(v)
		}
		count += n
	}
	if e.hasLeft {
		for _, v := range e.left[:n] {
			sum += int(v)
		}
		count += n
	}
	if count == 0 {
		return 128
	}
	return byte((sum + count/2) / count)
}

// edge4 is the edge of a 4x4 block in one row: the left column from the bottom
// up, the corner, the row above and four more samples to the right of it.
type edge4 [13]byte

// gatherRight collects the four samples above and to the right of the
// macroblock at x, y, which serve all four rows of blocks at its right side.
func gatherRight(p *plane, x, y int) [4]byte {
	if y == 0 {
		return [4]byte{outsideAbove, outsideAbove, outsideAbove, outsideAbove}
	}
	above := p.at(x, y-1)
	if x+16 >= p.width {
		// Nothing is there, so the last sample repeats.
		return [4]byte{above[15], above[15], above[15], above[15]}
	}
	return [4]byte(above[16:20])
}

// gather collects the edge of the 4x4 block number block of the macroblock at
// x, y, given the samples above and to the right of the macroblock.
func (e *edge4) gather(p *plane, x, y, block int, right [4]byte) {
	bx, by := x+block&3*4, y+block>>2*4
	at := p.origin + by*p.stride + bx
	if bx > 0 {
		left := p.pix[at-1:]
		e[3], e[2], e[1], e[0] = left[0], left[p.stride], left[2*p.stride], left[3*p.stride]
	} else {
		e[3], e[2], e[1], e[0] = outsideLeft, outsideLeft, outsideLeft, outsideLeft
	}
	if by == 0 {
		fill(e[4:], outsideAbove)
		return
	}
	e[4] = outsideLeft
	if bx > 0 {
		e[4] = p.pix[at-p.stride-1]
	}
	if block&3 == 3 {
		copy(e[5:9], p.pix[at-p.stride:][:4])
		copy(e[9:], right[:])
	} else {
		copy(e[5:], p.pix[at-p.stride:][:8])
	}
}

func avg2(a, b byte) byte { return byte((int(a) + int(b) + 1) >> 1) }

func avg3(a, b, c byte) byte { return byte((int(a) + 2*int(b) + int(c) + 2) >> 2) }

// predict writes the prediction of a 4x4 block (RFC 6386, section 12.3).
func (e *edge4) predict(mode uint8, dst []byte, stride int) {
	r0, r1 := (*[4]byte)(dst), (*[4]byte)(dst[stride:])
	r2, r3 := (*[4]byte)(dst[2*stride:]), (*[4]byte)(dst[3*stride:])
	switch mode {
	case bDC:
		sum := 4
		for i := range 4 {
			sum += int(e[i]) + int(e[5+i])
		}
		dc := byte(sum >> 3)
		*r0 = [4]byte{dc, dc, dc, dc}
		*r1, *r2, *r3 = *r0, *r0, *r0
	case bTM:
		for y, r := range [4]*[4]byte{r0, r1, r2, r3} {
			base := int32(e[3-y]) - int32(e[4])
			for x := range r {
				r[x] = clampByte(base + int32(e[5+x]))
			}
		}
	case bVE:
		for x := range r0 {
			r0[x] = avg3(e[4+x], e[5+x], e[6+x])
		}
		*r1, *r2, *r3 = *r0, *r0, *r0
	case bHE:
		a, b, c, d := avg3(e[4], e[3], e[2]), avg3(e[3], e[2], e[1]), avg3(e[2], e[1], e[0]), avg3(e[1], e[0], e[0])
		*r0, *r1 = [4]byte{a, a, a, a}, [4]byte{b, b, b, b}
		*r2, *r3 = [4]byte{c, c, c, c}, [4]byte{d, d, d, d}
	case bLD:
		var t [7]byte
		for i := range 6 {
			t[i] = avg3(e[5+i], e[6+i], e[7+i])
		}
		t[6] = avg3(e[11], e[12], e[12])
		*r0, *r1 = [4]byte(t[0:4]), [4]byte(t[1:5])
		*r2, *r3 = [4]byte(t[2:6]), [4]byte(t[3:7])
	case bRD:
		var t [7]byte
		for i := range t {
			t[i] = avg3(e[i], e[i+1], e[i+2])
		}
		*r0, *r1 = [4]byte(t[3:7]), [4]byte(t[2:6])
		*r2, *r3 = [4]byte(t[1:5]), [4]byte(t[0:4])
	default:
		e.predictSteep(mode, r0, r1, r2, r3)
	}
}

// predictSteep writes the modes that follow directions between the diagonals
// and the axes.
func (e *edge4) predictSteep(mode uint8, r0, r1, r2, r3 *[4]byte) {
	switch mode {
	case bVR:
		a, b, c, d := avg3(e[1], e[2], e[3]), avg3(e[2], e[3], e[4]), avg3(e[3], e[4], e[5]), avg2(e[4], e[5])
		f, g, h, i := avg3(e[4], e[5], e[6]), avg2(e[5], e[6]), avg3(e[5], e[6], e[7]), avg2(e[6], e[7])
		*r0 = [4]byte{d, g, i, avg2(e[7], e[8])}
		*r1 = [4]byte{c, f, h, avg3(e[6], e[7], e[8])}
		*r2 = [4]byte{b, d, g, i}
		*r3 = [4]byte{a, c, f, h}
	case bVL:
		a := e[5:]
		_ = a[7]
		p, q, r, s := avg2(a[1], a[2]), avg3(a[1], a[2], a[3]), avg2(a[2], a[3]), avg3(a[2], a[3], a[4])
		t, u := avg2(a[3], a[4]), avg3(a[3], a[4], a[5])
		*r0 = [4]byte{avg2(a[0], a[1]), p, r, t}
		*r1 = [4]byte{avg3(a[0], a[1], a[2]), q, s, u}
		*r2 = [4]byte{p, r, t, avg3(a[4], a[5], a[6])}
		*r3 = [4]byte{q, s, u, avg3(a[5], a[6], a[7])}
	case bHD:
		a, b, c, d := avg2(e[0], e[1]), avg3(e[0], e[1], e[2]), avg2(e[1], e[2]), avg3(e[1], e[2], e[3])
		f, g, h, i := avg2(e[2], e[3]), avg3(e[2], e[3], e[4]), avg2(e[3], e[4]), avg3(e[3], e[4], e[5])
		*r0 = [4]byte{h, i, avg3(e[4], e[5], e[6]), avg3(e[5], e[6], e[7])}
		*r1 = [4]byte{f, g, h, i}
		*r2 = [4]byte{c, d, f, g}
		*r3 = [4]byte{a, b, c, d}
	case bHU:
		a, b, c := avg2(e[2], e[1]), avg3(e[2], e[1], e[0]), avg2(e[1], e[0])
		d, l := avg3(e[1], e[0], e[0]), e[0]
		*r0 = [4]byte{avg2(e[3], e[2]), avg3(e[3], e[2], e[1]), a, b}
		*r1 = [4]byte{a, b, c, d}
		*r2 = [4]byte{c, d, l, l}
		*r3 = [4]byte{l, l, l, l}
	}
}
