//go:build !purego

package vp8

// On amd64 the loop filter and the six-tap filter are written in assembly, for
// SSE2, which every such machine has. Elsewhere, and with the build tag purego,
// their forms for machine words serve; the tests hold both to the same formulas.
// docs/adr/0009-vp8-assembly.md says why. What lies outside a slice is caught
// here, before the assembly sees it.

// filterInnerAcross runs the normal filter along eight rows of a and of b, each
// eight samples with the edge in the middle, inside a macroblock.
func filterInnerAcross(a, b []byte, stride int, l *edgeLimits) {
	innerAcross16(corner(a, stride), corner(b, stride), stride, l)
}

// filterOuterAcross does the same at the edge of a macroblock.
func filterOuterAcross(a, b []byte, stride int, l *edgeLimits) {
	outerAcross16(corner(a, stride), corner(b, stride), stride, l)
}

// filterInnerDown runs the normal filter along eight columns of a and of b, each
// eight samples with the edge in the middle, inside a macroblock.
func filterInnerDown(a, b []byte, stride int, l *edgeLimits) {
	innerDown16(corner(a, stride), corner(b, stride), stride, l)
}

// filterOuterDown does the same at the edge of a macroblock.
func filterOuterDown(a, b []byte, stride int, l *edgeLimits) {
	outerDown16(corner(a, stride), corner(b, stride), stride, l)
}

// filterSimpleAcross runs the simple filter along eight rows of a and of b, each
// eight samples with the edge in the middle. Only l.edge counts.
func filterSimpleAcross(a, b []byte, stride int, l *edgeLimits) {
	simpleAcross16(corner(a, stride), corner(b, stride), stride, l)
}

// filterSimpleDown does the same along columns.
func filterSimpleDown(a, b []byte, stride int, l *edgeLimits) {
	simpleDown16(corner(a, stride), corner(b, stride), stride, l)
}

// filterAcross runs the six-tap filter along the rows of a block of w by h
// samples, w being 16, 8 or 4; src starts two samples to the left of it.
func filterAcross(dst []byte, dstStride int, src []byte, stride int, taps *[6]uint64, w, h int) {
	_ = dst[(h-1)*dstStride+w-1]
	_ = src[(h-1)*stride+max(w, 8)+4]
	sixTapAcross(&dst[0], dstStride, &src[0], stride, taps, w, h)
}

// filterDown runs the six-tap filter along the columns of a block of w by h
// samples, w being 16, 8 or 4; src starts two rows above it.
func filterDown(dst []byte, dstStride int, src []byte, stride int, taps *[6]uint64, w, h int) {
	_ = dst[(h-1)*dstStride+w-1]
	_ = src[(h+4)*stride+max(w, 8)-1]
	sixTapDown(&dst[0], dstStride, &src[0], stride, taps, w, h)
}

// addDCs is addDCT for two blocks side by side at a, with the coefficients c, and
// two at b, with d, of which none has anything but a DC.
func addDCs(a, b []byte, stride int, c, d *[2][16]int16) {
	_, _ = a[3*stride+7], b[3*stride+7]
	addFourDCs(&a[0], &b[0], stride, c, d)
}

// corner returns the first of eight rows of eight samples that lie in s.
func corner(s []byte, stride int) *byte {
	_ = s[7*stride+7]
	return &s[0]
}

//go:noescape
func innerAcross16(a, b *byte, stride int, l *edgeLimits)

//go:noescape
func outerAcross16(a, b *byte, stride int, l *edgeLimits)

//go:noescape
func innerDown16(a, b *byte, stride int, l *edgeLimits)

//go:noescape
func outerDown16(a, b *byte, stride int, l *edgeLimits)

//go:noescape
func simpleAcross16(a, b *byte, stride int, l *edgeLimits)

//go:noescape
func simpleDown16(a, b *byte, stride int, l *edgeLimits)

//go:noescape
func sixTapAcross(dst *byte, dstStride int, src *byte, stride int, taps *[6]uint64, w, h int)

//go:noescape
func sixTapDown(dst *byte, dstStride int, src *byte, stride int, taps *[6]uint64, w, h int)

//go:noescape
func addFourDCs(a, b *byte, stride int, c, d *[2][16]int16)
