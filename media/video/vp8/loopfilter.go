package vp8

import "encoding/binary"

// filterLevels holds the loop filter level of every kind of macroblock, and the
// thresholds of every level (RFC 6386, sections 9.6 and 15).
type filterLevels struct {
	simple bool
	level  [4][numRefs][modeSplit + 1]uint8 // by segment, reference and mode
	inner  [64]edgeLimits
	outer  [64]edgeLimits
	// What inner and outer were made for.
	sharpness int
	key       bool
	made      bool
}

// set works the levels out for a frame.
func (f *filterLevels) set(h *filterHeader, seg *segmentation, key bool) {
	f.simple = h.simple
	if !f.made || f.sharpness != h.sharpness || f.key != key {
		f.made, f.sharpness, f.key = true, h.sharpness, key
		f.setLimits()
	}
	for s := range f.level {
		base := h.level
		if seg.enabled {
			if seg.absolute {
				base = seg.level[s]
			} else {
				base += seg.level[s]
			}
		}
		base = min(max(base, 0), 63)
		for ref := range f.level[s] {
			for mode := range f.level[s][ref] {
				f.level[s][ref][mode] = uint8(h.adjust(base, uint8(ref), uint8(mode)))
			}
		}
	}
}

// adjust applies the offsets for reference and mode to a level.
func (h *filterHeader) adjust(level int, ref, mode uint8) int {
	if !h.deltaEnabled {
		return level
	}
	level += h.refDelta[ref]
	switch {
	case ref == refIntra && mode == modeB:
		level += h.modeDelta[0]
	case ref == refIntra:
	case mode == modeZero:
		level += h.modeDelta[1]
	case mode == modeSplit:
		level += h.modeDelta[3]
	default:
		level += h.modeDelta[2]
	}
	return min(max(level, 0), 63)
}

// setLimits makes the thresholds of all levels.
func (f *filterLevels) setLimits() {
	for level := range f.inner {
		interior := level
		if f.sharpness > 0 {
			interior >>= 1
			if f.sharpness > 4 {
				interior >>= 1
			}
			interior = min(interior, 9-f.sharpness)
		}
		interior = max(interior, 1)
		hev := 0
		switch {
		case level >= 40:
			hev = 2
		case level >= 15:
			hev = 1
		}
		if !f.key {
			switch {
			case level >= 40:
				hev = 3
			case level >= 20:
				hev = 2
			}
		}
		lim := edgeLimits{interior: uint64(interior) * laneOnes, hev: uint64(hev) * laneOnes}
		lim.edge = uint64(2*level+interior) * laneOnes
		f.inner[level] = lim
		lim.edge = uint64(2*(level+2)+interior) * laneOnes
		f.outer[level] = lim
	}
}

// row filters one row of macroblocks, the last lines of the row above included,
// which must have been filtered before. The row below is left alone.
func (f *filterLevels) row(p *picture, modes *modeMap, row int) {
	for col := range modes.cols {
		mb := &modes.mbs[modes.index(col, row)]
		level := f.level[mb.segment][mb.ref][mb.mode]
		if level == 0 {
			continue
		}
		inner, outer := &f.inner[level], &f.outer[level]
		inside := mb.coded || mb.mode == modeB || mb.mode == modeSplit
		if f.simple {
			filterLumaSimple(&p.planes[0], 16*col, 16*row, inner, outer, inside)
			continue
		}
		filterLuma(&p.planes[0], 16*col, 16*row, inner, outer, inside)
		filterChroma(&p.planes[1], &p.planes[2], 8*col, 8*row, inner, outer, inside)
	}
}

// filterLuma runs the normal filter over the left and top edge of the 16x16
// samples at x, y and, where inside is set, over the block edges within.
func filterLuma(p *plane, x, y int, inner, outer *edgeLimits, inside bool) {
	at, stride := p.origin+y*p.stride+x, p.stride
	if x > 0 {
		filterOuterAcross(p.pix[at-4:], p.pix[at+8*stride-4:], stride, outer)
	}
	if inside {
		for i := 4; i < 16; i += 4 {
			filterInnerAcross(p.pix[at+i-4:], p.pix[at+8*stride+i-4:], stride, inner)
		}
	}
	if y > 0 {
		top := p.pix[at-4*stride:]
		filterOuterDown(top, top[8:], stride, outer)
	}
	if inside {
		for j := 0; j < 12; j += 4 {
			top := p.pix[at+j*stride:]
			filterInnerDown(top, top[8:], stride, inner)
		}
	}
}

// filterChroma does the same for the 8x8 samples at x, y of both chroma planes,
// which have the same layout.
func filterChroma(u, v *plane, x, y int, inner, outer *edgeLimits, inside bool) {
	at, stride := u.origin+y*u.stride+x, u.stride
	if x > 0 {
		filterOuterAcross(u.pix[at-4:], v.pix[at-4:], stride, outer)
	}
	if inside {
		filterInnerAcross(u.pix[at:], v.pix[at:], stride, inner)
	}
	if y > 0 {
		filterOuterDown(u.pix[at-4*stride:], v.pix[at-4*stride:], stride, outer)
	}
	if inside {
		filterInnerDown(u.pix[at:], v.pix[at:], stride, inner)
	}
}

// The Words forms of the filters work on four samples at a time in a machine
// word; see filterInnerAcross and its siblings for what each does.

func innerAcrossWords(a, b []byte, stride int, l *edgeLimits) {
	for _, s := range [2][]byte{a, b} {
		innerAcross4(s, stride, l)
		innerAcross4(s[4*stride:], stride, l)
	}
}

func outerAcrossWords(a, b []byte, stride int, l *edgeLimits) {
	for _, s := range [2][]byte{a, b} {
		outerAcross4(s, stride, l)
		outerAcross4(s[4*stride:], stride, l)
	}
}

func innerDownWords(a, b []byte, stride int, l *edgeLimits) {
	innerDown8(a, stride, l)
	innerDown8(b, stride, l)
}

func outerDownWords(a, b []byte, stride int, l *edgeLimits) {
	outerDown8(a, stride, l)
	outerDown8(b, stride, l)
}

// innerAcross4 filters four rows of eight samples, the edge in the middle.
func innerAcross4(s []byte, stride int, l *edgeLimits) {
	b0, b1 := s[:8], s[stride:stride+8]
	b2, b3 := s[2*stride:2*stride+8], s[3*stride:3*stride+8]
	p3, p2, p1, p0, q0, q1, q2, q3 := transpose4(load8(b0), load8(b1), load8(b2), load8(b3))
	if p1 == q1 && p0 == q0 {
		return // nothing to smooth
	}
	mask, hev := l.masks(p3, p2, p1, p0, q0, q1, q2, q3)
	if mask == 0 {
		return
	}
	p1, p0, q0, q1 = innerEdge(p1, p0, q0, q1, mask, hev)
	p, q := p1|p0<<8, q0|q1<<8
	binary.LittleEndian.PutUint32(b0[2:], uint32(p&0xffff|q&0xffff<<16))
	binary.LittleEndian.PutUint32(b1[2:], uint32(p>>16&0xffff|q>>16<<16))
	binary.LittleEndian.PutUint32(b2[2:], uint32(p>>32&0xffff|q>>32<<16))
	binary.LittleEndian.PutUint32(b3[2:], uint32(p>>48|q>>48<<16))
}

// outerAcross4 does the same at the edge of a macroblock.
func outerAcross4(s []byte, stride int, l *edgeLimits) {
	b0, b1 := s[:8], s[stride:stride+8]
	b2, b3 := s[2*stride:2*stride+8], s[3*stride:3*stride+8]
	p3, p2, p1, p0, q0, q1, q2, q3 := transpose4(load8(b0), load8(b1), load8(b2), load8(b3))
	if p1 == q1 && p0 == q0 {
		return // nothing to smooth
	}
	mask, hev := l.masks(p3, p2, p1, p0, q0, q1, q2, q3)
	if mask == 0 {
		return
	}
	p2, p1, p0, q0, q1, q2 = outerEdge(p2, p1, p0, q0, q1, q2, mask, hev)
	p, m, q := p3|p2<<8, p1|p0<<8, q0|q1<<8
	e := q2 | q3<<8
	store8(b0, p&0xffff|m&0xffff<<16|q&0xffff<<32|e<<48)
	store8(b1, p>>16&0xffff|m>>16&0xffff<<16|q>>16&0xffff<<32|e>>16<<48)
	store8(b2, p>>32&0xffff|m>>32&0xffff<<16|q>>32&0xffff<<32|e>>32<<48)
	store8(b3, p>>48|m>>48<<16|q>>48<<32|e>>48<<48)
}

// innerDown8 filters eight columns of eight samples, the edge in the
// middle.
func innerDown8(s []byte, stride int, l *edgeLimits) {
	b := s[:7*stride+8]
	r0, r1, r2, r3 := load8(b), load8(b[stride:]), load8(b[2*stride:]), load8(b[3*stride:])
	r4, r5, r6, r7 := load8(b[4*stride:]), load8(b[5*stride:]), load8(b[6*stride:]), load8(b[7*stride:])
	if r2 == r5 && r3 == r4 {
		return // nothing to smooth
	}
	maskE, hevE := l.masks(r0&laneMask, r1&laneMask, r2&laneMask, r3&laneMask,
		r4&laneMask, r5&laneMask, r6&laneMask, r7&laneMask)
	maskO, hevO := l.masks(r0>>8&laneMask, r1>>8&laneMask, r2>>8&laneMask, r3>>8&laneMask,
		r4>>8&laneMask, r5>>8&laneMask, r6>>8&laneMask, r7>>8&laneMask)
	if maskE|maskO == 0 {
		return
	}
	p1, p0, q0, q1 := innerEdge(r2&laneMask, r3&laneMask, r4&laneMask, r5&laneMask, maskE, hevE)
	s1, s0, t0, t1 := innerEdge(r2>>8&laneMask, r3>>8&laneMask, r4>>8&laneMask, r5>>8&laneMask, maskO, hevO)
	store8(b[2*stride:], p1|s1<<8)
	store8(b[3*stride:], p0|s0<<8)
	store8(b[4*stride:], q0|t0<<8)
	store8(b[5*stride:], q1|t1<<8)
}

// outerDown8 does the same at the edge of a macroblock.
func outerDown8(s []byte, stride int, l *edgeLimits) {
	b := s[:7*stride+8]
	r0, r1, r2, r3 := load8(b), load8(b[stride:]), load8(b[2*stride:]), load8(b[3*stride:])
	r4, r5, r6, r7 := load8(b[4*stride:]), load8(b[5*stride:]), load8(b[6*stride:]), load8(b[7*stride:])
	if r2 == r5 && r3 == r4 {
		return // nothing to smooth
	}
	maskE, hevE := l.masks(r0&laneMask, r1&laneMask, r2&laneMask, r3&laneMask,
		r4&laneMask, r5&laneMask, r6&laneMask, r7&laneMask)
	maskO, hevO := l.masks(r0>>8&laneMask, r1>>8&laneMask, r2>>8&laneMask, r3>>8&laneMask,
		r4>>8&laneMask, r5>>8&laneMask, r6>>8&laneMask, r7>>8&laneMask)
	if maskE|maskO == 0 {
		return
	}
	p2, p1, p0, q0, q1, q2 := outerEdge(r1&laneMask, r2&laneMask, r3&laneMask,
		r4&laneMask, r5&laneMask, r6&laneMask, maskE, hevE)
	s2, s1, s0, t0, t1, t2 := outerEdge(r1>>8&laneMask, r2>>8&laneMask, r3>>8&laneMask,
		r4>>8&laneMask, r5>>8&laneMask, r6>>8&laneMask, maskO, hevO)
	store8(b[stride:], p2|s2<<8)
	store8(b[2*stride:], p1|s1<<8)
	store8(b[3*stride:], p0|s0<<8)
	store8(b[4*stride:], q0|t0<<8)
	store8(b[5*stride:], q1|t1<<8)
	store8(b[6*stride:], q2|t2<<8)
}

// filterLumaSimple is filterLuma with the simple filter, which knows luma only.
func filterLumaSimple(p *plane, x, y int, inner, outer *edgeLimits, inside bool) {
	at, stride := p.origin+y*p.stride+x, p.stride
	if x > 0 {
		filterSimpleAcross(p.pix[at-4:], p.pix[at+8*stride-4:], stride, outer)
	}
	if inside {
		for i := 0; i < 12; i += 4 {
			filterSimpleAcross(p.pix[at+i:], p.pix[at+8*stride+i:], stride, inner)
		}
	}
	if y > 0 {
		top := p.pix[at-4*stride:]
		filterSimpleDown(top, top[8:], stride, outer)
	}
	if inside {
		for j := 0; j < 12; j += 4 {
			top := p.pix[at+j*stride:]
			filterSimpleDown(top, top[8:], stride, inner)
		}
	}
}

func simpleAcrossWords(a, b []byte, stride int, l *edgeLimits) {
	for _, s := range [2][]byte{a, b} {
		simpleAcross4(s, stride, l.edge)
		simpleAcross4(s[4*stride:], stride, l.edge)
	}
}

func simpleDownWords(a, b []byte, stride int, l *edgeLimits) {
	simpleDown8(a[2*stride:], stride, l.edge)
	simpleDown8(b[2*stride:], stride, l.edge)
}

func simpleAcross4(s []byte, stride int, limit uint64) {
	b0, b1 := s[:8], s[stride:stride+8]
	b2, b3 := s[2*stride:2*stride+8], s[3*stride:3*stride+8]
	_, _, p1, p0, q0, q1, _, _ := transpose4(load8(b0), load8(b1), load8(b2), load8(b3))
	p0, q0 = simpleEdge(p1, p0, q0, q1, limit)
	e := p0 | q0<<8
	binary.LittleEndian.PutUint16(b0[3:], uint16(e))
	binary.LittleEndian.PutUint16(b1[3:], uint16(e>>16))
	binary.LittleEndian.PutUint16(b2[3:], uint16(e>>32))
	binary.LittleEndian.PutUint16(b3[3:], uint16(e>>48))
}

func simpleDown8(s []byte, stride int, limit uint64) {
	b := s[:3*stride+8]
	r0, r1, r2, r3 := load8(b), load8(b[stride:]), load8(b[2*stride:]), load8(b[3*stride:])
	p0, q0 := simpleEdge(r0&laneMask, r1&laneMask, r2&laneMask, r3&laneMask, limit)
	s0, t0 := simpleEdge(r0>>8&laneMask, r1>>8&laneMask, r2>>8&laneMask, r3>>8&laneMask, limit)
	store8(b[stride:], p0|s0<<8)
	store8(b[2*stride:], q0|t0<<8)
}
