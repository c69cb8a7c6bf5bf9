//go:build !amd64 || purego

package vp8

// The filters for machines without assembly of their own; see vector_amd64.go
// for what each does.

func filterInnerAcross(a, b []byte, stride int, l *edgeLimits) {
	innerAcrossWords(a, b, stride, l)
}

func filterOuterAcross(a, b []byte, stride int, l *edgeLimits) {
	outerAcrossWords(a, b, stride, l)
}

func filterInnerDown(a, b []byte, stride int, l *edgeLimits) {
	innerDownWords(a, b, stride, l)
}

func filterOuterDown(a, b []byte, stride int, l *edgeLimits) {
	outerDownWords(a, b, stride, l)
}

func filterSimpleAcross(a, b []byte, stride int, l *edgeLimits) {
	simpleAcrossWords(a, b, stride, l)
}

func filterSimpleDown(a, b []byte, stride int, l *edgeLimits) {
	simpleDownWords(a, b, stride, l)
}

func filterAcross(dst []byte, dstStride int, src []byte, stride int, taps *[6]uint64, w, h int) {
	filterAcrossWords(dst, dstStride, src, stride, taps, w, h)
}

func filterDown(dst []byte, dstStride int, src []byte, stride int, taps *[6]uint64, w, h int) {
	filterDownWords(dst, dstStride, src, stride, taps, w, h)
}

func addDCs(a, b []byte, stride int, c, d *[2][16]int16) { addDCsWords(a, b, stride, c, d) }
