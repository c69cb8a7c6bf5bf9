// Package scale makes pictures smaller. Every sample of the result is the mean
// of the area it covers in the source, so that text and thin lines fade instead
// of breaking up.
package scale

import (
	"encoding/binary"
	"math"

	"github.com/meet-term/meet/media/video"
)

// minSide is the smallest width or height that Fit returns.
const minSide = 16

// Fit returns the largest even size that fits into maxWidth by maxHeight and
// has the shape of width by height. It is never larger than the source, apart
// from a source side below 16, nor smaller than 16 samples on a side. Sizes
// that are not positive give 0, 0.
func Fit(width, height, maxWidth, maxHeight int) (w, h int) {
	if width <= 0 || height <= 0 || maxWidth <= 0 || maxHeight <= 0 {
		return 0, 0
	}
	if maxWidth >= width && maxHeight >= height {
		return max(width&^1, minSide), max(height&^1, minSide)
	}
	ratio := min(float64(maxWidth)/float64(width), float64(maxHeight)/float64(height))
	return evenSide(float64(width)*ratio, min(width, maxWidth)), evenSide(float64(height)*ratio, min(height, maxHeight))
}

// evenSide rounds to the nearest even number that is no larger than limit.
func evenSide(side float64, limit int) int {
	n := int(math.Round(side/2)) * 2
	return max(min(n, limit&^1), minSide)
}

// Scaler resizes pictures. It keeps the tables and the scratch space of the
// last sizes, and belongs to one goroutine. The zero value is ready.
type Scaler struct {
	planes [2]planeScaler // luma, chroma
}

// Scale returns src at another size, as a new frame with the time and number
// of src; src itself if it has that size already. Width and height must be
// positive. Pictures may be enlarged, though nothing is gained by it.
func (s *Scaler) Scale(src *video.Frame, width, height int) *video.Frame {
	if src.Width == width && src.Height == height {
		return src
	}
	cw, ch := (width+1)/2, (height+1)/2
	luma, chroma := width*height, cw*ch
	buf := make([]byte, luma+2*chroma)
	dst := &video.Frame{
		Width: width, Height: height, YStride: width, UVStride: cw,
		Y: buf[:luma:luma], U: buf[luma : luma+chroma : luma+chroma], V: buf[luma+chroma:],
		Time: src.Time, Seq: src.Seq,
	}
	scw, sch := (src.Width+1)/2, (src.Height+1)/2
	s.planes[0].prepare(src.Width, src.Height, width, height)
	s.planes[0].scale(dst.Y, width, src.Y, src.YStride)
	s.planes[1].prepare(scw, sch, cw, ch)
	s.planes[1].scale(dst.U, cw, src.U, src.UVStride)
	s.planes[1].scale(dst.V, cw, src.V, src.UVStride)
	return dst
}

// span is what one sample of the result covers along one axis: n source
// samples from start on, each with a weight. The weights add up to 256.
type span struct {
	start   int
	weights []uint16
}

// spans divides length source samples among count results.
func spans(length, count int) []span {
	all := make([]span, count)
	step := float64(length) / float64(count)
	for i := range all {
		from, to := float64(i)*step, float64(i+1)*step
		start := min(int(from), length-1)
		end := min(max(int(math.Ceil(to-1e-9)), start+1), length)
		weights := make([]uint16, end-start)
		// Rounding the running sum, not each weight, keeps the total at 256.
		sum, given := 0.0, 0
		for j := range weights {
			covered := min(to, float64(start+j+1)) - max(from, float64(start+j))
			sum += covered / step
			w := int(math.Round(min(sum, 1)*256)) - given
			if j == len(weights)-1 {
				w = 256 - given
			}
			weights[j] = uint16(w)
			given += w
		}
		all[i] = span{start, weights}
	}
	return all
}

// pair is a span of two samples.
type pair struct{ start, first, second uint32 }

// pairsOf turns spans into pairs; nil if any covers more than two samples, or
// would reach beyond the scratch row, which is a multiple of 8 samples long.
func pairsOf(all []span, length int) []pair {
	pairs := make([]pair, len(all))
	for i, s := range all {
		if len(s.weights) > 2 || s.start+2 > (length+7)/8*8 {
			return nil
		}
		pairs[i] = pair{start: uint32(s.start), first: uint32(s.weights[0])}
		if len(s.weights) == 2 {
			pairs[i].second = uint32(s.weights[1])
		}
	}
	return pairs
}

// planeScaler scales planes of one size to another.
type planeScaler struct {
	srcW, srcH, dstW, dstH int

	rows, cols []span
	halves     bool   // exactly half as wide
	pairs      []pair // instead of cols, if none covers more than two samples
	// even and odd hold the sums of one row, four samples of 16 bits to a
	// word; row is the row once divided.
	even, odd []uint64
	row       []byte
}

func (p *planeScaler) prepare(srcW, srcH, dstW, dstH int) {
	if p.srcW == srcW && p.srcH == srcH && p.dstW == dstW && p.dstH == dstH {
		return
	}
	p.srcW, p.srcH, p.dstW, p.dstH = srcW, srcH, dstW, dstH
	p.rows, p.cols = spans(srcH, dstH), spans(srcW, dstW)
	p.halves = srcW == 2*dstW
	p.pairs = pairsOf(p.cols, srcW)
	words := (srcW + 7) / 8
	p.even, p.odd = make([]uint64, words), make([]uint64, words)
	p.row = make([]byte, 8*words)
}

func (p *planeScaler) scale(dst []byte, dstStride int, src []byte, srcStride int) {
	for y, rows := range p.rows {
		p.sumRows(src, srcStride, rows)
		out := dst[y*dstStride:][:p.dstW]
		switch {
		case p.halves:
			for x := range out {
				two := p.row[2*x : 2*x+2]
				out[x] = byte((uint(two[0]) + uint(two[1]) + 1) >> 1)
			}
			continue
		case p.pairs != nil:
			for x, c := range p.pairs[:len(out)] {
				two := p.row[c.start : c.start+2]
				out[x] = byte((uint32(two[0])*c.first + uint32(two[1])*c.second + 128) >> 8)
			}
			continue
		}
		for x := range out {
			c := &p.cols[x]
			sum := uint32(128)
			for i, v := range p.row[c.start : c.start+len(c.weights)] {
				sum += uint32(v) * uint32(c.weights[i])
			}
			out[x] = byte(sum >> 8)
		}
	}
}

// lanes selects every other byte of a word.
const lanes = 0x00ff00ff00ff00ff

// sumRows puts the weighted mean of some rows into p.row. The weights add up to
// 256, so a sum of bytes fits into 16 bits, rounding included.
func (p *planeScaler) sumRows(src []byte, stride int, rows span) {
	if len(rows.weights) == 1 {
		copy(p.row, src[rows.start*stride:][:p.srcW])
		return
	}
	const half = 0x0080008000800080
	whole := p.srcW / 8
	even, odd := p.even[:whole], p.odd[:whole]
	for i := range even {
		even[i], odd[i] = half, half
	}
	var tail [8]uint32
	rest := p.srcW - 8*whole
	for i, w := range rows.weights {
		line := src[(rows.start+i)*stride:][:p.srcW]
		weight := uint64(w)
		for j := range even {
			v := binary.LittleEndian.Uint64(line[8*j:])
			even[j] += v & lanes * weight
			odd[j] += v >> 8 & lanes * weight
		}
		for j, v := range line[8*whole:] {
			tail[j] += uint32(v) * uint32(w)
		}
	}
	for j := range even {
		v := even[j]>>8&lanes | odd[j]&^lanes
		binary.LittleEndian.PutUint64(p.row[8*j:], v)
	}
	for j := range rest {
		p.row[8*whole+j] = byte((tail[j] + 128) >> 8)
	}
}
