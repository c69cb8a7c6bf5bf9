package vp8

// The loop filter, like the sub-sample filters, works on four samples at once
// in the 16-bit lanes of a word (see inter.go). A lane that may hold a negative
// number carries an offset, which is given where it matters.

const laneTop = 0x8000 * laneOnes

// saturate takes lanes that hold x + 0x8000, x being between -1024 and 1023,
// to x limited to 0 through 255. Mostly there is nothing to limit, and then it
// is short; what else is to be done is kept out of line.
func saturate(u uint64) uint64 {
	if u&outOfRange == laneTop {
		return u & laneMask
	}
	return limitCall(u)
}

// outOfRange has the bits that are laneTop in lanes with nothing to limit.
const outOfRange = 0x8700 * laneOnes

// limit is saturate where there is something to limit.
func limit(u uint64) uint64 {
	positive := u & laneTop
	u &= positive>>5 - positive>>15
	over := (u>>8 | u>>9) & laneOnes
	return (u | (over<<8 - over)) & laneMask
}

//go:noinline
func limitCall(u uint64) uint64 { return limit(u) }

// edgeLimits are the thresholds of a loop filter level, one copy per lane
// (RFC 6386, section 15.2 and following).
type edgeLimits struct {
	edge     uint64 // for the step across the edge
	interior uint64 // between neighbours on either side
	hev      uint64 // above which there is high edge variance
}

// masks tells for each lane whether the edge is to be filtered (RFC 6386,
// section 15.3) and whether its variance is high; all ones means yes. The
// arguments are the samples across the edge.
func (l *edgeLimits) masks(p3, p2, p1, p0, q0, q1, q2, q3 uint64) (filter, hev uint64) {
	// A difference plus the limit plus 2^14 has bit 14 set when it is not
	// below minus the limit; adding what is missing from twice the limit to
	// 2^14 sets bit 15 when it is above the limit.
	const mid = 0x4000 * laneOnes
	base := mid + l.interior
	rest := (mid - laneOnes) - 2*l.interior
	z := p3 + base - p2
	all, some := z, z+rest
	z = p2 + base - p1
	all, some = all&z, some|(z+rest)
	z = q1 + base - q2
	all, some = all&z, some|(z+rest)
	z = q2 + base - q3
	all, some = all&z, some|(z+rest)
	p, q := p1+mid-p0, q1+mid-q0
	z = p + l.interior
	all, some = all&z, some|(z+rest)
	z = q + l.interior
	all, some = all&z, some|(z+rest)

	step := absLanes(p0+mid-q0)*2 + absLanes(p1+mid-q1)>>1&laneMask
	some |= step + 0x7fff*laneOnes - l.edge
	ok := (all >> 14 & laneOnes) &^ (some >> 15)
	filter = ok<<16 - ok

	rest = (mid - laneOnes) - 2*l.hev
	z = p + l.hev
	all, some = z, z+rest
	z = q + l.hev
	all, some = all&z, some|(z+rest)
	flat := (all >> 14 & laneOnes) &^ (some >> 15)
	return filter, ^(flat<<16 - flat)
}

// absLanes takes lanes that hold a difference of samples plus 2^14 to its
// magnitude.
func absLanes(z uint64) uint64 {
	negative := ^z >> 14 & laneOnes
	return (z&(0x3fff*laneOnes) ^ (negative<<14 - negative)) + negative
}

// The filters come in two forms. The quick one leaves all limiting out and
// collects in a word where it would have been needed, which is seldom; then the
// careful one does the work again.

// step computes the common part of all filters for the samples next to the
// edge: outer (the limited difference of the far ones, plus 128, or 128 for
// none) plus three times the step, limited, plus 128, and 128 where the mask
// is clear.
func step(outer, p0, q0, mask uint64) uint64 {
	f := saturate(outer + 3*q0 + laneTop - 3*p0)
	return 128*laneOnes ^ (f^128*laneOnes)&mask
}

// eighths divides f, which carries 128, by 8, once rounding up and once down
// from the middle; the results carry 16.
func eighths(f uint64) (up, down uint64) {
	a, b := f+4*laneOnes, f+3*laneOnes
	over := a >> 8 & laneOnes
	a |= over<<8 - over
	over = b >> 8 & laneOnes
	b |= over<<8 - over
	const mask = 0x1f * laneOnes
	return a >> 3 & mask, b >> 3 & mask
}

// innerEdge filters the edge between two blocks of one macroblock (RFC 6386,
// section 15.3).
func innerEdge(p1, p0, q0, q1, mask, hev uint64) (_, _, _, _ uint64) {
	// Lanes that are not to be filtered get equal samples on either side.
	outer := p1 + laneTop + 128*laneOnes - (q1 ^ (q1^p1)&^(mask&hev))
	f := outer + 3*(q0^(q0^p0)&^mask) - 3*p0
	bad := outer ^ laneTop | f ^ laneTop
	f &= laneMask
	a, b := f+4*laneOnes, f+3*laneOnes
	bad |= a
	const five = 0x1f * laneOnes
	up, down := a>>3&five, b>>3&five
	half := (up + laneOnes) >> 1 & laneMask
	half = 8*laneOnes ^ (half^8*laneOnes)&^hev
	r0, s0 := p0+laneTop-16*laneOnes+down, q0+laneTop+16*laneOnes-up
	r1, s1 := p1+laneTop-8*laneOnes+half, q1+laneTop+8*laneOnes-half
	bad |= r0 ^ laneTop | s0 ^ laneTop | r1 ^ laneTop | s1 ^ laneTop
	if bad&outOfRange != 0 {
		return innerEdgeLimited(p1, p0, q0, q1, mask, hev)
	}
	return r1 & laneMask, r0 & laneMask, s0 & laneMask, s1 & laneMask
}

// innerEdgeLimited is innerEdge with all limits.
func innerEdgeLimited(p1, p0, q0, q1, mask, hev uint64) (_, _, _, _ uint64) {
	outer := saturate(p1 + laneTop + 128*laneOnes - q1)
	outer = 128*laneOnes ^ (outer^128*laneOnes)&hev
	up, down := eighths(step(outer, p0, q0, mask))
	q0 = saturate(q0 + laneTop + 16*laneOnes - up)
	p0 = saturate(p0 + laneTop - 16*laneOnes + down)
	// Half of it, plus 8, for the samples behind.
	half := (up + laneOnes) >> 1 & laneMask
	half = 8*laneOnes ^ (half^8*laneOnes)&^hev
	q1 = saturate(q1 + laneTop + 8*laneOnes - half)
	p1 = saturate(p1 + laneTop - 8*laneOnes + half)
	return p1, p0, q0, q1
}

// outerEdge filters the edge between two macroblocks (RFC 6386, section 15.3).
func outerEdge(p2, p1, p0, q0, q1, q2, mask, hev uint64) (_, _, _, _, _, _ uint64) {
	// Lanes that are not to be filtered get equal samples on either side.
	outer := p1 + laneTop + 128*laneOnes - (q1 ^ (q1^p1)&^mask)
	f := outer + 3*(q0^(q0^p0)&^mask) - 3*p0
	bad := outer ^ laneTop | f ^ laneTop
	f = f&laneMask ^ 128*laneOnes
	// A lane is moved either by the one or by the other.
	high, low := f&hev^128*laneOnes, f&^hev^128*laneOnes
	up, down := high+4*laneOnes, high+3*laneOnes
	bad |= up
	const five = 0x1f * laneOnes
	u := (low*27 + 63*laneOnes) >> 7 & laneMask // carries 27
	r0 := p0 + laneTop - 43*laneOnes + u + down>>3&five
	s0 := q0 + laneTop + 43*laneOnes - u - up>>3&five
	u = (low*18 + 63*laneOnes) >> 7 & laneMask
	r1, s1 := p1+laneTop-18*laneOnes+u, q1+laneTop+18*laneOnes-u
	u = (low*9 + 63*laneOnes) >> 7 & laneMask
	r2, s2 := p2+laneTop-9*laneOnes+u, q2+laneTop+9*laneOnes-u
	bad |= r0 ^ laneTop | s0 ^ laneTop | r1 ^ laneTop | s1 ^ laneTop | r2 ^ laneTop | s2 ^ laneTop
	if bad&outOfRange != 0 {
		return outerEdgeLimited(p2, p1, p0, q0, q1, q2, mask, hev)
	}
	return r2 & laneMask, r1 & laneMask, r0 & laneMask, s0 & laneMask, s1 & laneMask, s2 & laneMask
}

// outerEdgeLimited is outerEdge with all limits.
func outerEdgeLimited(p2, p1, p0, q0, q1, q2, mask, hev uint64) (_, _, _, _, _, _ uint64) {
	outer := saturate(p1 + laneTop + 128*laneOnes - q1)
	f := step(outer, p0, q0, mask)
	if hev&mask != 0 {
		up, down := eighths(128*laneOnes ^ (f^128*laneOnes)&hev)
		q0 = saturate(q0 + laneTop + 16*laneOnes - up)
		p0 = saturate(p0 + laneTop - 16*laneOnes + down)
	}
	if mask&^hev == 0 {
		return p2, p1, p0, q0, q1, q2
	}
	f = 128*laneOnes ^ (f^128*laneOnes)&^hev
	u := (f*27 + 63*laneOnes) >> 7 & laneMask // carries 27
	q0 = saturate(q0 + laneTop + 27*laneOnes - u)
	p0 = saturate(p0 + laneTop - 27*laneOnes + u)
	u = (f*18 + 63*laneOnes) >> 7 & laneMask
	q1 = saturate(q1 + laneTop + 18*laneOnes - u)
	p1 = saturate(p1 + laneTop - 18*laneOnes + u)
	u = (f*9 + 63*laneOnes) >> 7 & laneMask
	q2 = saturate(q2 + laneTop + 9*laneOnes - u)
	p2 = saturate(p2 + laneTop - 9*laneOnes + u)
	return p2, p1, p0, q0, q1, q2
}

// simpleEdge is the simple filter (RFC 6386, section 15.2).
func simpleEdge(p1, p0, q0, q1, limit uint64) (_, _ uint64) {
	const mid = 0x4000 * laneOnes
	size := absLanes(p0+mid-q0)*2 + absLanes(p1+mid-q1)>>1&laneMask
	over := (size + 0x7fff*laneOnes - limit) >> 15 & laneOnes
	mask := ^(over<<16 - over)
	outer := saturate(p1 + laneTop + 128*laneOnes - q1)
	up, down := eighths(step(outer, p0, q0, mask))
	q0 = saturate(q0 + laneTop + 16*laneOnes - up)
	p0 = saturate(p0 + laneTop - 16*laneOnes + down)
	return p0, q0
}

// transpose4 takes four rows of eight samples to eight columns of four lanes.
func transpose4(r0, r1, r2, r3 uint64) (c0, c1, c2, c3, c4, c5, c6, c7 uint64) {
	c0, c2, c4, c6 = turn(r0&laneMask, r1&laneMask, r2&laneMask, r3&laneMask)
	c1, c3, c5, c7 = turn(r0>>8&laneMask, r1>>8&laneMask, r2>>8&laneMask, r3>>8&laneMask)
	return c0, c1, c2, c3, c4, c5, c6, c7
}

// turn transposes four words of four lanes.
func turn(a, b, c, d uint64) (_, _, _, _ uint64) {
	const low, low2 = 0x0000ffff0000ffff, 0x00000000ffffffff
	a, b = a&low|b<<16&^low, a>>16&low|b&^low
	c, d = c&low|d<<16&^low, c>>16&low|d&^low
	return a&low2 | c<<32, b&low2 | d<<32, a>>32 | c&^low2, b>>32 | d&^low2
}
