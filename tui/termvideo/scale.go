package termvideo

import (
	"encoding/binary"

	"github.com/meet-term/meet/media/video"
)

// maxFrameSamples bounds the luma samples of a picture that is scaled: beyond
// it the exact sums would leave 32 bits (255 x 16.8 million).
const maxFrameSamples = 1 << 24

// axis maps the samples of one direction to the source samples they cover.
//
// With D destination samples over L source samples, a source sample is taken
// to be D units wide and a destination sample L units, both divided by what
// they have in common. Every boundary then lies on a whole unit and every
// overlap is an integer: scaling by exact area without rounding, until the one
// division at the end.
type axis struct {
	offset int        // of the first source sample
	source int        // number of source samples
	length int        // L, units of one destination sample
	unit   int        // D, units of one source sample
	bounds []boundary // where destination samples begin, and the last one ends
}

// boundary lies part units into a source sample, counted from axis.offset.
type boundary struct {
	sample int32
	part   uint32
}

func newAxis(offset, source, dst int) axis {
	common := gcd(source, dst)
	a := axis{offset: offset, source: source, length: source / common, unit: dst / common}
	a.bounds = make([]boundary, dst+1)
	for i := range a.bounds {
		at := i * a.length
		a.bounds[i] = boundary{sample: int32(at / a.unit), part: uint32(at % a.unit)}
	}
	return a
}

// band is the run of source rows under one destination row. The first and the
// last count with weights of their own, those between with the whole unit.
type band struct {
	first, last         int // inclusive; equal when one row is enough
	wFirst, wMid, wLast uint32
}

func (a *axis) band(i int) band {
	lo, hi := a.bounds[i], a.bounds[i+1]
	b := band{first: int(lo.sample), last: int(hi.sample), wMid: uint32(a.unit), wLast: hi.part}
	if hi.part == 0 {
		b.last--
		b.wLast = b.wMid
	}
	if b.first == b.last {
		b.wFirst = uint32(a.length)
	} else {
		b.wFirst = b.wMid - lo.part
	}
	b.first, b.last = b.first+a.offset, b.last+a.offset
	return b
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, 1)
}

// scaler turns frames of one size into the sub-pixels of one tile, one row of
// sub-pixels at a time. It is planned once per geometry and owns its buffers.
type scaler struct {
	key       scalerKey
	dst       rect // where the picture lies in the grid of sub-pixels
	lumaX     axis
	lumaY     axis
	chromaX   axis
	chromaY   axis
	lumaInv   uint64 // 2^48 / (sum of the weights), to divide by multiplying
	chromaInv uint64
	run       []uint32 // running sums over the columns of one band
	y, u, v   []uint8  // one destination row of each plane
}

// scalerKey is everything the plan depends on.
type scalerKey struct {
	srcW, srcH   int
	gridW, gridH int
	pxW, pxH     int
	stepX, stepY int // sub-pixels of a cell, at whose edges bars end; 0: anywhere
	fill         bool
}

func newScaler(k scalerKey) *scaler {
	s := &scaler{key: k}
	src := rect{w: k.srcW, h: k.srcH}
	s.dst = fitInside(k.srcW, k.srcH, k.gridW, k.gridH, k.pxW, k.pxH)
	if part := cropToFill(k.srcW, k.srcH, k.gridW, k.gridH, k.pxW, k.pxH); k.fill && keepsEnough(part, k.srcW, k.srcH) {
		src, s.dst = part, rect{w: k.gridW, h: k.gridH}
	} else if k.stepX > 0 && k.stepY > 0 {
		s.dst.x, s.dst.w = wholeCells(s.dst.x, s.dst.w, k.gridW, k.stepX)
		s.dst.y, s.dst.h = wholeCells(s.dst.y, s.dst.h, k.gridH, k.stepY)
	}
	chroma := rect{x: src.x / 2, y: src.y / 2, w: (src.w + 1) / 2, h: (src.h + 1) / 2}
	s.lumaX, s.lumaY = newAxis(src.x, src.w, s.dst.w), newAxis(src.y, src.h, s.dst.h)
	s.chromaX, s.chromaY = newAxis(chroma.x, chroma.w, s.dst.w), newAxis(chroma.y, chroma.h, s.dst.h)
	s.lumaInv = inverse(s.lumaX.length * s.lumaY.length)
	s.chromaInv = inverse(s.chromaX.length * s.chromaY.length)
	s.run = make([]uint32, k.srcW+2)
	s.y, s.u, s.v = make([]uint8, s.dst.w), make([]uint8, s.dst.w), make([]uint8, s.dst.w)
	return s
}

const inverseShift = 48

func inverse(total int) uint64 { return (1<<inverseShift + uint64(total)/2) / uint64(total) }

// row scales row i of the picture (counted from dst.y) and leaves limited-range
// samples in s.y, s.u and s.v.
func (s *scaler) row(f *video.Frame, i int) {
	s.plane(s.y, f.Y, f.YStride, &s.lumaX, &s.lumaY, i, s.lumaInv)
	s.plane(s.u, f.U, f.UVStride, &s.chromaX, &s.chromaY, i, s.chromaInv)
	s.plane(s.v, f.V, f.UVStride, &s.chromaX, &s.chromaY, i, s.chromaInv)
}

// plane scales destination row i of one plane. The columns of its band are
// added up from the left; what lies between two boundaries is the difference
// of the running sums there. These may wrap around, the differences do not.
func (s *scaler) plane(out, src []byte, stride int, ax, ay *axis, i int, inv uint64) {
	rows := ay.band(i)
	if ax.length == 1 && ax.unit == 1 && rows.first == rows.last {
		copy(out, src[rows.first*stride+ax.offset:][:ax.source]) // the size it has
		return
	}
	src = src[ax.offset:]
	run := s.run[:ax.source+2]
	done := 0
	if ay.length <= maxNarrow {
		done = addColumnsNarrow(run, src, ax.source, stride, rows)
	}
	addColumns(run, src, done, ax.source, stride, rows)
	run[ax.source+1] = run[ax.source] // the last boundary has no part of a sample

	const half = 1 << (inverseShift - 1)
	unit := uint32(ax.unit)
	bounds := ax.bounds[1:]
	var before uint32
	for x := range out[:len(bounds)] {
		b := bounds[x]
		at := run[b.sample : b.sample+2]
		sum := at[0]*unit + (at[1]-at[0])*b.part
		out[x] = uint8((uint64(sum-before)*inv + half) >> inverseShift)
		before = sum
	}
}

// addColumns puts the running sums of the columns from x on into run: run[x+1]
// is run[x] and the weighted sum of column x. run[0] is 0.
func addColumns(run []uint32, src []byte, x, columns, stride int, rows band) {
	if x == 0 {
		run[0] = 0
	}
	for ; x < columns; x++ {
		at := rows.first*stride + x
		sum := uint32(src[at]) * rows.wFirst
		if rows.last > rows.first {
			var middle uint32
			for range rows.last - rows.first - 1 {
				at += stride
				middle += uint32(src[at])
			}
			sum += middle*rows.wMid + uint32(src[at+stride])*rows.wLast
		}
		run[x+1] = run[x] + sum
	}
}

// maxNarrow is the largest sum of weights with which a column of bytes still
// adds up within 16 bits.
const maxNarrow = 0xffff / 0xff

// addColumnsNarrow is addColumns for sums of 16 bits, eight columns at a time:
// two words hold the even and the odd ones in four lanes each. It returns how
// many columns it did.
func addColumnsNarrow(run []uint32, src []byte, columns, stride int, rows band) int {
	const lanes = 0x00ff00ff00ff00ff
	columns &^= 7
	var sum uint32
	run[0] = 0
	for x := 0; x < columns; x += 8 {
		at := rows.first*stride + x
		v := binary.LittleEndian.Uint64(src[at:])
		w := uint64(rows.wFirst)
		even, odd := (v&lanes)*w, (v>>8&lanes)*w
		if rows.last > rows.first {
			var e, o uint64
			for range rows.last - rows.first - 1 {
				at += stride
				v = binary.LittleEndian.Uint64(src[at:])
				e += v & lanes
				o += v >> 8 & lanes
			}
			v = binary.LittleEndian.Uint64(src[at+stride:])
			w, mid := uint64(rows.wLast), uint64(rows.wMid)
			even += e*mid + (v&lanes)*w
			odd += o*mid + (v>>8&lanes)*w
		}
		r := run[x+1 : x+9 : x+9]
		for i := 0; i < 8; i += 2 {
			sum += uint32(even & 0xffff)
			r[i] = sum
			sum += uint32(odd & 0xffff)
			r[i+1] = sum
			even >>= 16
			odd >>= 16
		}
	}
	return columns
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
	// 255/219, and the matrix of BT.601 times 255/224, in 1/65536.
	c := 76309*(int32(y)-16) + 1<<15
	d, e := int32(u)-128, int32(v)-128
	r := clamp16(c + 104597*e)
	g := clamp16(c - 25675*d - 53279*e)
	b := clamp16(c + 132201*d)
	return rgb(r<<16 | g<<8 | b)
}

// clamp16 is the whole part of a number in 1/65536, held to 0 to 255.
func clamp16(v int32) uint32 {
	if uint32(v)&0xff000000 != 0 {
		return uint32(^(v >> 31)) & 0xff // below: 0, above: 255
	}
	return uint32(v) >> 16
}

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
