package vp8

import (
	"github.com/meet-term/meet/media/video"
)

// loadPlane copies samples into a plane of whole macroblocks, repeating the
// last column and row.
func loadPlane(dst *plane, src []byte, stride, width, height int) {
	for y := range height {
		row := dst.at(0, y)[:dst.width]
		copy(row, src[y*stride:][:width])
		fill(row[width:], row[width-1])
	}
	last := dst.at(0, height-1)[:dst.width]
	for y := height; y < dst.height; y++ {
		copy(dst.at(0, y), last)
	}
}

// loadFrame copies a frame into a picture of whole macroblocks.
func loadFrame(dst *picture, f *video.Frame) {
	cw, ch := (f.Width+1)/2, (f.Height+1)/2
	loadPlane(&dst.planes[0], f.Y, f.YStride, f.Width, f.Height)
	loadPlane(&dst.planes[1], f.U, f.UVStride, cw, ch)
	loadPlane(&dst.planes[2], f.V, f.UVStride, cw, ch)
}

// sameMacroblock says whether two pictures are equal in one macroblock.
func sameMacroblock(a, b *picture, col, row int) bool {
	p, q := &a.planes[0], &b.planes[0]
	at := p.origin + 16*row*p.stride + 16*col
	for range 16 {
		r, s := p.pix[at:at+16], q.pix[at:at+16]
		if load8(r) != load8(s) || load8(r[8:]) != load8(s[8:]) {
			return false
		}
		at += p.stride
	}
	for i := 1; i < 3; i++ {
		p, q := &a.planes[i], &b.planes[i]
		at := p.origin + 8*row*p.stride + 8*col
		for range 8 {
			if load8(p.pix[at:]) != load8(q.pix[at:]) {
				return false
			}
			at += p.stride
		}
	}
	return true
}

// scrollFinder finds out by how many rows content has moved up or down
// (scrolling text, a moved window). It remembers strips of rows of the previous
// picture by a hash.
type scrollFinder struct {
	table []scrollEntry
	gen   uint32
	votes []int32 // by distance, the middle being 0
}

// scrollEntry is a strip of the previous picture.
type scrollEntry struct {
	hash uint64
	gen  uint32
	row  int32
}

// Strips are 64 samples wide.
const (
	scrollStrip = 64
	maxScroll   = maxVector
	scrollSlots = 1 << 14
)

// stripHash hashes one strip; ok is false for a strip of one colour, which
// tells nothing.
func stripHash(row []byte, column int) (h uint64, ok bool) {
	first := load8(row)
	h = uint64(column+1) * 0x9e3779b97f4a7c15
	same := true
	for i := 0; i+8 <= len(row); i += 8 {
		v := load8(row[i:])
		same = same && v == first
		h = (h ^ v) * 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	return h, !same
}

// find returns the vertical distance in rows, as a vector into the previous
// picture, that most strips in changed macroblock rows have moved by, or 0.
func (s *scrollFinder) find(cur, prev *plane, changed []bool) int {
	if s.table == nil {
		s.table = make([]scrollEntry, scrollSlots)
		s.votes = make([]int32, 2*maxScroll+1)
	}
	s.gen++
	clear(s.votes)
	cols := cur.width / scrollStrip
	for y := range prev.height {
		row := prev.at(0, y)[:prev.width]
		// Every other strip is enough to find a distance.
		for c := y & 1; c < cols; c += 2 {
			if h, ok := stripHash(row[c*scrollStrip:][:scrollStrip], c); ok {
				s.table[h%scrollSlots] = scrollEntry{h, s.gen, int32(y)}
			}
		}
	}
	strips := 0
	for y := 0; y < cur.height; y++ {
		if !changed[y>>4] {
			continue
		}
		row := cur.at(0, y)[:cur.width]
		for c := range cols {
			h, ok := stripHash(row[c*scrollStrip:][:scrollStrip], c)
			if !ok {
				continue
			}
			strips++
			e := &s.table[h%scrollSlots]
			if e.gen != s.gen || e.hash != h {
				continue
			}
			if d := int(e.row) - y; d >= -maxScroll && d <= maxScroll {
				s.votes[d+maxScroll]++
			}
		}
	}
	best, at := int32(strips/50+8), 0
	for i, n := range s.votes {
		if d := i - maxScroll; n > best && d != 0 {
			best, at = n, d
		}
	}
	return at
}
