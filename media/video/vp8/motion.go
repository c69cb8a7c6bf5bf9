package vp8

import "math/bits"

// searchReach is how far, in samples, a block may lie outside the picture: the
// padding of references less what the filters need around a block.
const (
	refPad      = 32
	searchReach = 24
)

// maxVector is the longest vector in whole samples either way. The difference
// of any two then fits the ten bits that the format has for it.
const maxVector = 126

// searcher looks for motion vectors. It belongs to one goroutine.
type searcher struct {
	block  sourceBlock
	ref    *plane
	x, y   int // of the macroblock
	best   mv  // what vectors are coded against
	lambda int // price of a bit as a sum of differences, in 1/256
}

// mvCost is the estimated price of a vector as a sum of differences.
func (s *searcher) mvCost(v mv) int {
	dx, dy := int(v.x)-int(s.best.x), int(v.y)-int(s.best.y)
	n := bits.Len(uint(max(dx, -dx))) + bits.Len(uint(max(dy, -dy)))
	return (2 + 2*n) * s.lambda >> 8
}

// inside says whether the block at a whole-sample vector can be compared.
func (s *searcher) inside(x, y int) bool {
	if x < -maxVector || x > maxVector || y < -maxVector || y > maxVector {
		return false
	}
	x, y = s.x+x, s.y+y
	return x >= -searchReach && y >= -searchReach &&
		x+16 <= s.ref.width+searchReach && y+16 <= s.ref.height+searchReach
}

// found is a vector with its price, that of coding it included, and the bare
// difference.
type found struct {
	v         mv
	cost, sad int
}

// whole tries the vector x, y in whole samples and keeps it if it is better.
func (s *searcher) whole(f *found, x, y int) bool {
	if !s.inside(x, y) {
		return false
	}
	v := mv{int16(4 * x), int16(4 * y)}
	price := s.mvCost(v)
	if price >= f.cost {
		return false
	}
	sad := s.block.sad(s.ref.at(s.x+x, s.y+y), s.ref.stride, f.cost-price)
	if sad+price >= f.cost {
		return false
	}
	*f = found{v, sad + price, sad}
	return true
}

// descend walks from the best vector so far to a better neighbour at the given
// distance until there is none, or limit steps are done.
func (s *searcher) descend(f *found, distance, limit int) {
	from := 4 // the direction we came from, which need not be tried
	for range limit {
		x, y := int(f.v.x)>>2, int(f.v.y)>>2
		next := 4
		for i, d := range [4][2]int{{0, -1}, {-1, 0}, {1, 0}, {0, 1}} {
			if i != from && s.whole(f, x+d[0]*distance, y+d[1]*distance) {
				next = 3 - i
			}
		}
		if next == 4 {
			return
		}
		from = next
	}
}

// between tries a vector with a fraction.
func (s *searcher) between(f *found, v mv) bool {
	x, y := int(v.x)>>2, int(v.y)>>2
	if !s.inside(x, y) {
		return false
	}
	price := s.mvCost(v)
	if price >= f.cost {
		return false
	}
	fx, fy := int(v.x)&3, int(v.y)&3
	at, sad := s.ref.at(s.x+x, s.y+y), 0
	switch {
	case fx|fy == 0:
		sad = s.block.sad(at, s.ref.stride, f.cost-price)
	case (fx|fy)&1 == 0:
		sad = s.block.sadHalf(at, s.ref.stride, fx>>1, fy>>1*s.ref.stride, f.cost-price)
	default:
		sad = s.block.sadBetween(at, s.ref.stride, fx, fy, f.cost-price)
	}
	if sad+price >= f.cost {
		return false
	}
	*f = found{v, sad + price, sad}
	return true
}

// refine looks around a whole-sample vector in halves and then quarters.
func (s *searcher) refine(f *found) {
	for step := int16(2); step >= 1; step-- {
		c := f.v
		dx, dy := int16(0), int16(0)
		if s.between(f, mv{c.x - step, c.y}) {
			dx = -step
		} else if s.between(f, mv{c.x + step, c.y}) {
			dx = step
		}
		if s.between(f, mv{c.x + dx, c.y - step}) {
			dy = -step
		} else if s.between(f, mv{c.x + dx, c.y + step}) {
			dy = step
		}
		if dx == 0 && dy == 0 && step == 2 {
			// Nothing half a sample away: a quarter seldom helps.
			return
		}
	}
}
