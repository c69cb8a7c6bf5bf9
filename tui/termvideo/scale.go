package termvideo

import "github.com/meet-term/meet/media/video"

// maxFrameSamples bounds the luma samples of a picture that is scaled: beyond
// it the exact sums would leave 32 bits (255 x 16.8 million).
const maxFrameSamples = 1 << 24

// axis maps the samples of one direction to the source samples they cover.
//
// With D destination samples over L source samples, a source sample is taken
// to be D units wide and a destination sample L units. Every boundary then
// lies on a whole unit and every overlap is an integer: scaling by exact area
// without rounding, until the one division at the end.
type axis struct {
	length int    // L: the sum of the weights of one destination sample
	full   uint32 // D: the weight of a source sample that lies wholly inside
	spans  []span
}

// span is the run of source samples one destination sample covers. The first
// and the last count with their own weight, those between with axis.full.
type span struct {
	first, last   int32 // inclusive; equal when one source sample is enough
	wFirst, wLast uint32
}

func newAxis(offset, length, dst int) axis {
	a := axis{length: length, full: uint32(dst), spans: make([]span, dst)}
	for i := range a.spans {
		lo, hi := i*length, (i+1)*length
		first, last := lo/dst, (hi-1)/dst
		s := span{first: int32(offset + first), last: int32(offset + last)}
		if first == last {
			s.wFirst = uint32(length)
		} else {
			s.wFirst = uint32((first+1)*dst - lo)
			s.wLast = uint32(hi - last*dst)
		}
		a.spans[i] = s
	}
	return a
}

// scaler turns frames of one size into the sub-pixels of one tile, one row of
// sub-pixels at a time. It is planned once per geometry and owns its buffers.
type scaler struct {
	key      scalerKey
	dst      rect // where the picture lies in the grid of sub-pixels
	lumaX    axis
	lumaY    axis
	chromaX  axis
	chromaY  axis
	lumaInv  uint64 // 2^48 / (sum of the weights), to divide by multiplying
	chromInv uint64
	acc      []uint32 // column sums of one destination row
	y, u, v  []uint8  // one destination row of each plane
}

// scalerKey is everything the plan depends on.
type scalerKey struct {
	srcW, srcH   int
	gridW, gridH int
	pxW, pxH     int
	fill         bool
}

func newScaler(k scalerKey) *scaler {
	s := &scaler{key: k}
	src := rect{w: k.srcW, h: k.srcH}
	if k.fill {
		src = cropToFill(k.srcW, k.srcH, k.gridW, k.gridH, k.pxW, k.pxH)
		s.dst = rect{w: k.gridW, h: k.gridH}
	} else {
		s.dst = fitInside(k.srcW, k.srcH, k.gridW, k.gridH, k.pxW, k.pxH)
	}
	chroma := rect{x: src.x / 2, y: src.y / 2, w: (src.w + 1) / 2, h: (src.h + 1) / 2}
	s.lumaX, s.lumaY = newAxis(src.x, src.w, s.dst.w), newAxis(src.y, src.h, s.dst.h)
	s.chromaX, s.chromaY = newAxis(chroma.x, chroma.w, s.dst.w), newAxis(chroma.y, chroma.h, s.dst.h)
	s.lumaInv = inverse(src.w * src.h)
	s.chromInv = inverse(chroma.w * chroma.h)
	s.acc = make([]uint32, k.srcW)
	s.y, s.u, s.v = make([]uint8, s.dst.w), make([]uint8, s.dst.w), make([]uint8, s.dst.w)
	return s
}

const inverseShift = 48

func inverse(total int) uint64 { return (1<<inverseShift + uint64(total)/2) / uint64(total) }

// row scales row i of the picture (counted from dst.y) and leaves limited-range
// samples in s.y, s.u and s.v.
func (s *scaler) row(f *video.Frame, i int) {
	s.plane(s.y, f.Y, f.YStride, &s.lumaX, s.lumaY.spans[i], s.lumaY.full, s.lumaInv)
	s.plane(s.u, f.U, f.UVStride, &s.chromaX, s.chromaY.spans[i], s.chromaY.full, s.chromInv)
	s.plane(s.v, f.V, f.UVStride, &s.chromaX, s.chromaY.spans[i], s.chromaY.full, s.chromInv)
}

// plane adds up the source rows of one destination row column by column, and
// then the columns of each destination sample.
func (s *scaler) plane(out, src []byte, stride int, ax *axis, rows span, full uint32, inv uint64) {
	from := int(ax.spans[0].first)
	to := int(ax.spans[len(ax.spans)-1].last) + 1
	acc := s.acc[:to-from]
	line := func(y int32) []byte { return src[int(y)*stride+from:][:to-from] }

	setRow(acc, line(rows.first), rows.wFirst)
	y := rows.first + 1
	for ; y+1 < rows.last; y += 2 {
		addTwoRows(acc, line(y), line(y+1), full)
	}
	for ; y < rows.last; y++ {
		addRow(acc, line(y), full)
	}
	if rows.last > rows.first {
		addRow(acc, line(rows.last), rows.wLast)
	}

	const half = 1 << (inverseShift - 1)
	wide := ax.full
	for i := range out {
		sp := &ax.spans[i]
		first, last := int(sp.first)-from, int(sp.last)-from
		sum := acc[first] * sp.wFirst
		if last > first {
			var inner uint32
			for _, a := range acc[first+1 : last] {
				inner += a
			}
			sum += inner*wide + acc[last]*sp.wLast
		}
		out[i] = uint8((uint64(sum)*inv + half) >> inverseShift)
	}
}

func setRow(acc []uint32, row []byte, weight uint32) {
	row = row[:len(acc)]
	for x := range acc {
		acc[x] = weight * uint32(row[x])
	}
}

func addRow(acc []uint32, row []byte, weight uint32) {
	row = row[:len(acc)]
	for x := range acc {
		acc[x] += weight * uint32(row[x])
	}
}

func addTwoRows(acc []uint32, a, b []byte, weight uint32) {
	a, b = a[:len(acc)], b[:len(acc)]
	for x := range acc {
		acc[x] += weight * (uint32(a[x]) + uint32(b[x]))
	}
}

// rgb is a colour as 0xRRGGBB.
type rgb uint32

func makeRGB(r, g, b uint8) rgb { return rgb(r)<<16 | rgb(g)<<8 | rgb(b) }

func (c rgb) split() (r, g, b int32) {
	return int32(c >> 16 & 0xff), int32(c >> 8 & 0xff), int32(c & 0xff)
}

// luma is the brightness of a colour, 0 to 255.
func (c rgb) luma() int32 {
	r, g, b := c.split()
	return (77*r + 150*g + 29*b) >> 8
}

// limitedRGB converts a limited-range BT.601 sample (luma 16 to 235) to RGB.
// Go's color.YCbCr is full range and would grey the blacks.
func limitedRGB(y, u, v uint8) rgb {
	c := 298*(int32(y)-16) + 128
	d, e := int32(u)-128, int32(v)-128
	r := clamp8((c + 409*e) >> 8)
	g := clamp8((c - 100*d - 208*e) >> 8)
	b := clamp8((c + 516*d) >> 8)
	return rgb(r<<16 | g<<8 | b)
}

func clamp8(v int32) int32 { return min(max(v, 0), 255) }

// dimmed darkens a colour and takes most of its colour away: the last frame of
// a stalled tile.
func (c rgb) dimmed() rgb {
	r, g, b := c.split()
	l := c.luma()
	return makeRGB(uint8((r+2*l)*5>>5), uint8((g+2*l)*5>>5), uint8((b+2*l)*5>>5))
}

// drawable says whether the planes of a frame hold what its size promises.
func drawable(f *video.Frame) bool {
	if f == nil || f.Width <= 0 || f.Height <= 0 ||
		f.Width > maxFrameSamples || f.Height > maxFrameSamples/f.Width {
		return false
	}
	cw, ch := (f.Width+1)/2, (f.Height+1)/2
	return f.YStride >= f.Width && f.UVStride >= cw &&
		len(f.Y) >= (f.Height-1)*f.YStride+f.Width &&
		len(f.U) >= (ch-1)*f.UVStride+cw && len(f.V) >= (ch-1)*f.UVStride+cw
}
