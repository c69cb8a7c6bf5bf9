package vp8

import "encoding/binary"

// The sub-sample filters work on eight samples at a time: a 64-bit word holds
// every other sample in four lanes of 16 bits, so that one multiplication
// weighs four samples. The weights sum to 128, the positive ones to at most
// 160 and the negative ones to at least -32, hence a sum of products plus
// laneBias stays within its lane.
const (
	laneMask = 0x00ff00ff00ff00ff
	laneOnes = 0x0001000100010001
	// laneBias rounds the division by 128 and keeps sums from going below
	// zero; what comes out is larger by laneShift.
	laneBias  = (64 + laneShift<<7) * laneOnes
	laneShift = 64
)

// sixTap holds the magnitudes of the weights for the six samples around a
// fractional place; the second and the fifth count as negative (RFC 6386,
// section 18.3).
var sixTap = [8][6]uint64{
	{0, 0, 128, 0, 0, 0},
	{0, 6, 123, 12, 1, 0},
	{2, 11, 108, 36, 8, 1},
	{0, 9, 93, 50, 6, 0},
	{3, 16, 77, 77, 16, 3},
	{0, 6, 50, 93, 9, 0},
	{1, 8, 36, 108, 11, 2},
	{0, 1, 12, 123, 6, 0},
}

func load8(b []byte) uint64     { return binary.LittleEndian.Uint64(b) }
func store8(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// narrow takes four filter sums to what saturate makes samples of.
func narrow(sum uint64) uint64 {
	return sum>>7&(0x1ff*laneOnes) + (laneTop - laneShift*laneOnes)
}

// predictor makes inter predictions. The zero value is ready; it is scratch
// space and belongs to one goroutine.
type predictor struct {
	bilinear  bool
	fullPixel bool // chroma vectors lose their fraction
	// rows holds the result of the horizontal pass, 16 samples a row.
	rows [24*16 + loadSlack]byte
	// window holds the surroundings of a block that reaches past the
	// padding, windowStride samples a row.
	window [24*windowStride + loadSlack]byte
}

const windowStride = 32

// block predicts w by h samples of dst from ref at x, y plus the fraction fx,
// fy in eighths of a sample. w is 16, 8 or 4.
func (p *predictor) block(dst []byte, dstStride int, ref *plane, x, y, fx, fy, w, h int) {
	src, stride, at := ref.pix, ref.stride, ref.origin+y*ref.stride+x
	before, after := 0, 0
	if fx|fy != 0 {
		before, after = 2, 3
	}
	if x-before < -ref.pad || y-before < -ref.pad ||
		x+w+after > ref.width+ref.pad || y+h+after > ref.height+ref.pad {
		p.gather(ref, x-2, y-2, w+5, h+5)
		src, stride, at = p.window[:], windowStride, 2*windowStride+2
	}
	switch {
	case fx|fy == 0:
		copyBlock(dst, dstStride, src[at:], stride, w, h)
	case p.bilinear:
		p.bilinearBlock(dst, dstStride, src[at:], stride, fx, fy, w, h)
	case fy == 0:
		filterAcross(dst, dstStride, src[at-2:], stride, &sixTap[fx], w, h)
	case fx == 0:
		filterDown(dst, dstStride, src[at-2*stride:], stride, &sixTap[fy], w, h)
	case fy&1 != 0:
		// The outer weights are zero, so the outer rows do not matter.
		filterAcross(p.rows[16:], 16, src[at-stride-2:], stride, &sixTap[fx], w, h+3)
		filterDown(dst, dstStride, p.rows[:], 16, &sixTap[fy], w, h)
	default:
		filterAcross(p.rows[:], 16, src[at-2*stride-2:], stride, &sixTap[fx], w, h+5)
		filterDown(dst, dstStride, p.rows[:], 16, &sixTap[fy], w, h)
	}
}

// gather copies the w by h samples at x, y into the window, repeating the
// edges of the plane for those outside.
func (p *predictor) gather(ref *plane, x, y, w, h int) {
	// Of each row some samples lie left of the plane and some right of it.
	left := min(max(-x, 0), w)
	right := min(max(x+w-ref.width, 0), w)
	for j := range h {
		row := ref.at(0, min(max(y+j, 0), ref.height-1))[:ref.width]
		out := p.window[j*windowStride:][:w]
		fill(out[:left], row[0])
		if left+right < w {
			copy(out[left:w-right], row[x+left:])
		}
		fill(out[w-right:], row[len(row)-1])
	}
}

func copyBlock(dst []byte, dstStride int, src []byte, stride, w, h int) {
	for y := range h {
		d, s := dst[y*dstStride:], src[y*stride:]
		switch w {
		case 16:
			*(*[16]byte)(d) = *(*[16]byte)(s)
		case 8:
			*(*[8]byte)(d) = *(*[8]byte)(s)
		default:
			*(*[4]byte)(d) = *(*[4]byte)(s)
		}
	}
}

// filterAcrossWords is filterAcross with eight samples at a time.
func filterAcrossWords(dst []byte, dstStride int, src []byte, stride int, taps *[6]uint64, w, h int) {
	a, b, c, d, e, f := taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
	for x := 0; x < w; x += 8 {
		at := x
		for y := range h {
			s := src[at : at+14 : at+14]
			at += stride
			w0, w2 := load8(s), load8(s[2:])
			w4, w6 := load8(s[4:]), load8(s[6:])
			t0, t1 := w0&laneMask, w0>>8&laneMask
			t2, t3 := w2&laneMask, w2>>8&laneMask
			t4, t5 := w4&laneMask, w4>>8&laneMask
			even := narrow(laneBias + a*t0 - b*t1 + c*t2 + d*t3 - e*t4 + f*t5)
			odd := narrow(laneBias + a*t1 - b*t2 + c*t3 + d*t4 - e*t5 + f*(w6&laneMask))
			if even&odd&laneTop != laneTop || (even|odd)&(outOfRange&^laneTop) != 0 {
				even, odd = limit(even), limit(odd)
			}
			store(dst, x+y*dstStride, w, even&laneMask|odd&laneMask<<8)
		}
	}
}

// store writes eight samples, or four where the block is that narrow.
func store(dst []byte, at, w int, v uint64) {
	if w == 4 {
		binary.LittleEndian.PutUint32(dst[at:], uint32(v))
		return
	}
	store8(dst[at:], v)
}

// filterDownWords is filterDown with eight samples at a time.
func filterDownWords(dst []byte, dstStride int, src []byte, stride int, taps *[6]uint64, w, h int) {
	a, b, c, d, e, f := taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
	for x := 0; x < w; x += 8 {
		r0, r1 := load8(src[x:]), load8(src[x+stride:])
		r2, r3 := load8(src[x+2*stride:]), load8(src[x+3*stride:])
		r4 := load8(src[x+4*stride:])
		at := x + 5*stride
		for y := range h {
			r5 := load8(src[at:])
			at += stride
			even := narrow(laneBias + a*(r0&laneMask) - b*(r1&laneMask) + c*(r2&laneMask) +
				d*(r3&laneMask) - e*(r4&laneMask) + f*(r5&laneMask))
			odd := narrow(laneBias + a*(r0>>8&laneMask) - b*(r1>>8&laneMask) + c*(r2>>8&laneMask) +
				d*(r3>>8&laneMask) - e*(r4>>8&laneMask) + f*(r5>>8&laneMask))
			if even&odd&laneTop != laneTop || (even|odd)&(outOfRange&^laneTop) != 0 {
				even, odd = limit(even), limit(odd)
			}
			store(dst, x+y*dstStride, w, even&laneMask|odd&laneMask<<8)
			r0, r1, r2, r3, r4 = r1, r2, r3, r4, r5
		}
	}
}

// bilinearBlock is the filter of the versions above 0 (RFC 6386, section
// 18.3): both passes always run, a fraction of zero leaving things as they are.
func (p *predictor) bilinearBlock(dst []byte, dstStride int, src []byte, stride, fx, fy, w, h int) {
	bilinearPass(p.rows[:], 16, src, stride, 1, uint64(fx)*16, w, h+1)
	bilinearPass(dst, dstStride, p.rows[:], 16, 16, uint64(fy)*16, w, h)
}

// bilinearPass mixes each sample with the one step further on.
func bilinearPass(dst []byte, dstStride int, src []byte, stride, step int, weight uint64, w, h int) {
	for y := range h {
		for x := 0; x < w; x += 8 {
			s := src[y*stride+x:]
			p, q := load8(s), load8(s[step:])
			even := (p&laneMask*(128-weight) + q&laneMask*weight + 64*laneOnes) >> 7 & laneMask
			odd := (p>>8&laneMask*(128-weight) + q>>8&laneMask*weight + 64*laneOnes) >> 7 & laneMask
			store(dst, x+y*dstStride, w, even|odd<<8)
		}
	}
}

// macroblock predicts the 16x16 luma and 8x8 chroma samples of the macroblock
// at col, row of dst from ref with one vector.
func (p *predictor) macroblock(dst, ref *picture, col, row int, v mv) {
	vx, vy := int(v.x), int(v.y)
	y := &dst.planes[0]
	p.block(y.at(16*col, 16*row), y.stride, &ref.planes[0],
		16*col+vx>>2, 16*row+vy>>2, vx&3*2, vy&3*2, 16, 16)
	p.chroma(dst, ref, col, row, v)
}

// chroma predicts the chroma of a macroblock with one vector, whose quarter
// luma samples are eighths of a chroma sample.
func (p *predictor) chroma(dst, ref *picture, col, row int, v mv) {
	vx, vy := int(v.x), int(v.y)
	if p.fullPixel {
		vx, vy = vx&^7, vy&^7
	}
	for i := 1; i < 3; i++ {
		d := &dst.planes[i]
		p.block(d.at(8*col, 8*row), d.stride, &ref.planes[i],
			8*col+vx>>3, 8*row+vy>>3, vx&7, vy&7, 8, 8)
	}
}

// split predicts a macroblock whose 4x4 blocks have vectors of their own; each
// 2x2 of them share the mean of theirs for chroma (RFC 6386, section 18.1).
func (p *predictor) split(dst, ref *picture, col, row int, mvs *[16]mv, division int) {
	y := &dst.planes[0]
	if division == split4x4 {
		for i, v := range mvs {
			bx, by := 16*col+i&3*4, 16*row+i>>2*4
			vx, vy := int(v.x), int(v.y)
			p.block(y.at(bx, by), y.stride, &ref.planes[0], bx+vx>>2, by+vy>>2, vx&3*2, vy&3*2, 4, 4)
		}
	} else {
		for i := range 4 {
			v := mvs[i&1*2+i>>1*8]
			bx, by := 16*col+i&1*8, 16*row+i>>1*8
			vx, vy := int(v.x), int(v.y)
			p.block(y.at(bx, by), y.stride, &ref.planes[0], bx+vx>>2, by+vy>>2, vx&3*2, vy&3*2, 8, 8)
		}
	}
	for i := range 4 {
		b := i&1*2 + i>>1*8
		vx := meanOf4(int(mvs[b].x) + int(mvs[b+1].x) + int(mvs[b+4].x) + int(mvs[b+5].x))
		vy := meanOf4(int(mvs[b].y) + int(mvs[b+1].y) + int(mvs[b+4].y) + int(mvs[b+5].y))
		if p.fullPixel {
			vx, vy = vx&^7, vy&^7
		}
		bx, by := 8*col+i&1*4, 8*row+i>>1*4
		for j := 1; j < 3; j++ {
			d := &dst.planes[j]
			p.block(d.at(bx, by), d.stride, &ref.planes[j], bx+vx>>3, by+vy>>3, vx&7, vy&7, 4, 4)
		}
	}
}

// meanOf4 divides a sum of four by four, rounding half away from zero.
func meanOf4(sum int) int {
	if sum < 0 {
		return -((2 - sum) / 4)
	}
	return (sum + 2) / 4
}
