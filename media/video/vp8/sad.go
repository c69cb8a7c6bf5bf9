package vp8

import "math"

// Differences of samples are summed eight at a time. Dropping the lowest bit
// of every sample leaves room to subtract all bytes of a word at once, which
// matters more to a motion search than that bit does.
const (
	byteOnes = 0x0101010101010101
	byteLow7 = 0x7f * byteOnes
	byteTop  = 0x80 * byteOnes
)

// sourceBlock is the luma of the macroblock to be coded, in the forms that the
// search wants.
type sourceBlock struct {
	raw   [32]uint64 // two words a row
	seven [32]uint64 // the upper seven bits of each sample, and the top bit set
}

func (b *sourceBlock) load(p *plane, x, y int) {
	at := p.origin + y*p.stride + x
	for i := 0; i < 32; i += 2 {
		row := p.pix[at : at+16]
		lo, hi := load8(row), load8(row[8:])
		b.raw[i], b.raw[i+1] = lo, hi
		b.seven[i], b.seven[i+1] = lo>>1|byteTop, hi>>1|byteTop
		at += p.stride
	}
}

// absBytes takes bytes that hold a difference of 7-bit samples plus 128 to its
// magnitude.
func absBytes(d uint64) uint64 {
	negative := ^d >> 7 & byteOnes
	return (d&byteLow7 ^ (negative<<7 - negative)) + negative
}

// sumLanes adds up the four lanes of a word.
func sumLanes(v uint64) int { return int(v * laneOnes >> 48) }

// sad returns the sum of absolute differences to 16 rows of 16 samples, in
// units of 8-bit samples. It may give up once the sum exceeds limit.
func (b *sourceBlock) sad(ref []byte, stride, limit int) int {
	sum, at := 0, 0
	for i := 0; i < 32; i += 8 {
		var acc uint64
		for j := i; j < i+8; j += 2 {
			row := ref[at : at+16 : at+16]
			lo := absBytes(b.seven[j&31] - load8(row)>>1&byteLow7)
			lo += absBytes(b.seven[(j+1)&31] - load8(row[8:])>>1&byteLow7)
			acc += lo&laneMask + lo>>8&laneMask
			at += stride
		}
		sum += sumLanes(acc)
		if 2*sum > limit {
			break
		}
	}
	return 2 * sum
}

// sadBetween is sad for a place between samples: fx and fy quarters of a
// sample to the right and below, mixed linearly.
func (b *sourceBlock) sadBetween(ref []byte, stride, fx, fy, limit int) int {
	x1, y1 := uint64(fx), uint64(fy)
	x0, y0 := 4-x1, 4-y1
	sum := 0
	for half := 0; half < 16; half += 8 {
		var prevE, prevO, acc uint64
		at := half
		for y := -1; y < 16; y++ {
			row := ref[at : at+9 : at+9]
			at += stride
			p, q := load8(row), load8(row[1:])
			e := p&laneMask*x0 + q&laneMask*x1
			o := p>>8&laneMask*x0 + q>>8&laneMask*x1
			if y >= 0 {
				s := b.raw[(2*y+half>>3)&31]
				mixE := (prevE*y0 + e*y1 + 8*laneOnes) >> 4 & laneMask
				mixO := (prevO*y0 + o*y1 + 8*laneOnes) >> 4 & laneMask
				acc += absLanes8(s&laneMask+0x100*laneOnes-mixE) + absLanes8(s>>8&laneMask+0x100*laneOnes-mixO)
			}
			prevE, prevO = e, o
		}
		sum += sumLanes(acc)
		if sum > limit {
			break
		}
	}
	return sum
}

// sadHalf is sad for a place half a sample to the right or below or both: across
// is 1 or 0, down the stride or 0.
func (b *sourceBlock) sadHalf(ref []byte, stride, across, down, limit int) int {
	sum, at := 0, 0
	for i := 0; i < 32; i += 8 {
		var acc uint64
		for j := i; j < i+8; j += 2 {
			lo := absBytes(b.seven[j&31] - middle(ref[at:], across, down))
			lo += absBytes(b.seven[(j+1)&31] - middle(ref[at+8:], across, down))
			acc += lo&laneMask + lo>>8&laneMask
			at += stride
		}
		sum += sumLanes(acc)
		if 2*sum > limit {
			break
		}
	}
	return 2 * sum
}

// middle returns the means, in seven bits, of eight samples and those to the
// right, below and diagonally so; without a way across or down, those in the
// other direction alone.
func middle(ref []byte, across, down int) uint64 {
	if across == 0 || down == 0 {
		p, q := load8(ref)>>1&byteLow7, load8(ref[across+down:])>>1&byteLow7
		return (p + q + byteOnes) >> 1 & byteLow7
	}
	p := (load8(ref)>>1&byteLow7 + load8(ref[across:])>>1&byteLow7) >> 1 & byteLow7
	q := (load8(ref[down:])>>1&byteLow7 + load8(ref[down+across:])>>1&byteLow7 + byteOnes) >> 1 & byteLow7
	return (p + q + byteOnes) >> 1 & byteLow7
}

// absLanes8 takes lanes that hold a difference of samples plus 256 to its
// magnitude.
func absLanes8(d uint64) uint64 {
	negative := ^d >> 8 & laneOnes
	return (d&laneMask ^ (negative<<8 - negative)) + negative
}

// sadBlock returns the sum of absolute differences of two blocks of n by n
// samples, n being a multiple of 8.
func sadBlock(a []byte, aStride int, b []byte, bStride, n int) int {
	sum := 0
	for y := range n {
		var acc uint64
		for x := 0; x < n; x += 8 {
			p, q := load8(a[y*aStride+x:]), load8(b[y*bStride+x:])
			acc += absLanes8(p&laneMask + 0x100*laneOnes - q&laneMask)
			acc += absLanes8(p>>8&laneMask + 0x100*laneOnes - q>>8&laneMask)
		}
		sum += sumLanes(acc)
	}
	return sum
}

// sad4 returns the sum of absolute differences of two 4x4 blocks, each packed
// into two words.
func sad4(a, b [2]uint64) int {
	var acc uint64
	for i := range a {
		acc += absLanes8(a[i]&laneMask + 0x100*laneOnes - b[i]&laneMask)
		acc += absLanes8(a[i]>>8&laneMask + 0x100*laneOnes - b[i]>>8&laneMask)
	}
	return sumLanes(acc)
}

// noLimit lets a sum run to its end.
const noLimit = math.MaxInt
