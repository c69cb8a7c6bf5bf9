package vp8

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// The tests in this file hold the word-at-a-time code against the formulas of
// RFC 6386, written sample by sample.

// random8 returns n samples that vary as much as spread allows around a mean.
func random8(rng *rand.Rand, n, spread int) []byte {
	out := make([]byte, n)
	mean := rng.IntN(256)
	for i := range out {
		out[i] = byte(min(max(mean+rng.IntN(2*spread+1)-spread, 0), 255))
	}
	return out
}

func signedClamp(v int) int { return min(max(v, -128), 127) }

// plainFilter filters the eight samples across an edge, in place.
func plainFilter(s []byte, edge, interior, hevLimit int, outer bool) {
	abs := func(a, b byte) int { return max(int(a)-int(b), int(b)-int(a)) }
	for i := range 7 {
		if i != 3 && abs(s[i], s[i+1]) > interior {
			return
		}
	}
	if 2*abs(s[3], s[4])+abs(s[2], s[5])/2 > edge {
		return
	}
	hev := abs(s[2], s[3]) > hevLimit || abs(s[5], s[4]) > hevLimit
	v := func(i int) int { return int(s[i]) - 128 }
	move := func(p, q, by int) {
		a, b := signedClamp(v(p)+by), signedClamp(v(q)-by)
		s[p], s[q] = byte(a+128), byte(b+128)
	}
	across := signedClamp(v(2) - v(5))
	if !outer && !hev {
		across = 0
	}
	f := signedClamp(across + 3*(v(4)-v(3)))
	if outer && !hev {
		move(3, 4, signedClamp((27*f+63)>>7))
		move(2, 5, signedClamp((18*f+63)>>7))
		move(1, 6, signedClamp((9*f+63)>>7))
		return
	}
	up, down := signedClamp(f+4)>>3, signedClamp(f+3)>>3
	s[4], s[3] = byte(signedClamp(v(4)-up)+128), byte(signedClamp(v(3)+down)+128)
	if !outer && !hev {
		move(2, 5, (up+1)>>1)
	}
}

// plainSimpleFilter is the simple filter over the eight samples across an edge.
func plainSimpleFilter(s []byte, edge int) {
	abs := func(a, b byte) int { return max(int(a)-int(b), int(b)-int(a)) }
	if 2*abs(s[3], s[4])+abs(s[2], s[5])/2 > edge {
		return
	}
	v := func(i int) int { return int(s[i]) - 128 }
	f := signedClamp(signedClamp(v(2)-v(5)) + 3*(v(4)-v(3)))
	up, down := signedClamp(f+4)>>3, signedClamp(f+3)>>3
	s[4], s[3] = byte(signedClamp(v(4)-up)+128), byte(signedClamp(v(3)+down)+128)
}

type edgeFilter func(a, b []byte, stride int, l *edgeLimits)

// loopFilters are the forms of the loop filters: those in use on this machine
// and those for all.
var loopFilters = []struct {
	name         string
	inner, outer bool
	across, down edgeFilter
}{
	{"inner, in use", true, false, filterInnerAcross, filterInnerDown},
	{"inner, words", true, false, innerAcrossWords, innerDownWords},
	{"outer, in use", false, true, filterOuterAcross, filterOuterDown},
	{"outer, words", false, true, outerAcrossWords, outerDownWords},
	{"simple, in use", false, false, filterSimpleAcross, filterSimpleDown},
	{"simple, words", false, false, simpleAcrossWords, simpleDownWords},
}

func TestLoopFilterAgainstFormulas(t *testing.T) {
	for _, f := range loopFilters {
		t.Run(f.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			var levels filterLevels
			for round := range 20000 {
				h := filterHeader{level: 1 + rng.IntN(63), sharpness: rng.IntN(8)}
				levels.set(&h, &segmentation{}, rng.IntN(2) == 0)
				lim := &levels.inner[h.level]
				if f.outer || rng.IntN(2) == 0 {
					lim = &levels.outer[h.level]
				}
				// Sixteen places of an edge, eight samples across each.
				places := random8(rng, 16*8, 1<<rng.IntN(8))
				gotAcross, gotDown := bytes.Clone(places), make([]byte, 16*8)
				for i, v := range places {
					gotDown[i&7*16+i>>3] = v
				}
				f.across(gotAcross, gotAcross[8*8:], 8, lim)
				f.down(gotDown, gotDown[8:], 16, lim)
				for i := range 16 {
					want := places[8*i:][:8]
					if f.inner || f.outer {
						plainFilter(want, int(lim.edge&0xffff), int(lim.interior&0xffff), int(lim.hev&0xffff), f.outer)
					} else {
						plainSimpleFilter(want, int(lim.edge&0xffff))
					}
					for j, w := range want {
						if a, d := gotAcross[8*i+j], gotDown[16*j+i]; a != w || d != w {
							t.Fatalf("round %d, level %d, sharpness %d: sample %d of place %d is %d across and %d down, want %d",
								round, h.level, h.sharpness, j, i, a, d, w)
						}
					}
				}
			}
		})
	}
}

// TestSixTapForms holds the forms of the six-tap filter, that in use on this
// machine and that for all, against the formula, with extreme samples too, and
// looks whether they write to anything but the block.
func TestSixTapForms(t *testing.T) {
	type form func(dst []byte, dstStride int, src []byte, stride int, taps *[6]uint64, w, h int)
	const stride, dstStride = 37, 29
	forms := []struct {
		name string
		step int // from one sample of a sum to the next
		run  form
	}{
		{"across, in use", 1, filterAcross},
		{"across, words", 1, filterAcrossWords},
		{"down, in use", stride, filterDown},
		{"down, words", stride, filterDownWords},
	}
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(13, 14))
			for range 4000 {
				w, h := []int{4, 8, 16}[rng.IntN(3)], 1+rng.IntN(21)
				src := random8(rng, 26*stride+loadSlack, 1<<rng.IntN(8))
				if rng.IntN(2) == 0 {
					for i := range src {
						src[i] = byte(-rng.IntN(2))
					}
				}
				taps := sixTap[1+rng.IntN(7)]
				dst := random8(rng, 21*dstStride+16, 128)
				want := bytes.Clone(dst)
				for y := range h {
					for x := range w {
						sum := 64
						for k, weight := range taps {
							if k == 1 || k == 4 {
								weight = -weight
							}
							sum += int(weight) * int(src[y*stride+x+k*f.step])
						}
						want[y*dstStride+x] = byte(min(max(sum>>7, 0), 255))
					}
				}
				f.run(dst, dstStride, src, stride, &taps, w, h)
				if !bytes.Equal(dst, want) {
					t.Fatalf("%d x %d block with weights %v is wrong:\n%v, want\n%v", w, h, taps, dst, want)
				}
			}
		})
	}
}

func TestSubSampleFiltersAgainstFormulas(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const stride = 40
	for range 4000 {
		n := []int{4, 8, 16}[rng.IntN(3)]
		fx, fy := rng.IntN(8), rng.IntN(8)
		src := random8(rng, 24*stride+loadSlack, 1<<rng.IntN(8))
		ref := plane{pix: src, stride: stride, origin: 2*stride + 2, width: n + 3, height: n + 3, pad: 2}
		taps := func(f int) [6]int {
			w := sixTap[f]
			return [6]int{int(w[0]), -int(w[1]), int(w[2]), int(w[3]), -int(w[4]), int(w[5])}
		}
		// Across for all rows that the way down needs, then down.
		rows := make([][]int, n+5)
		for y := range rows {
			for x := range n {
				sum := 64
				for k, w := range taps(fx) {
					sum += w * int(src[y*stride+x+k])
				}
				rows[y] = append(rows[y], min(max(sum>>7, 0), 255))
			}
		}
		var p predictor
		dst := make([]byte, 16*16)
		p.block(dst, 16, &ref, 0, 0, fx, fy, n, n)
		for y := range n {
			for x := range n {
				sum := 64
				for k, w := range taps(fy) {
					sum += w * rows[y+k][x]
				}
				if want := min(max(sum>>7, 0), 255); int(dst[16*y+x]) != want {
					t.Fatalf("%d x %d block, fraction %d, %d: sample at %d, %d is %d, want %d", n, n, fx, fy, x, y, dst[16*y+x], want)
				}
			}
		}
	}
}

func TestSADAgainstFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		spread := 1 << rng.IntN(8)
		a := plane{pix: random8(rng, 16*16, spread), stride: 16, width: 16, height: 16}
		ref := random8(rng, 18*24+loadSlack, spread)
		var b sourceBlock
		b.load(&a, 0, 0)
		plain := func(at func(x, y int) int, shift int) int {
			sum := 0
			for y := range 16 {
				for x := range 16 {
					d := int(a.pix[16*y+x])>>shift - at(x, y)
					sum += max(d, -d)
				}
			}
			return sum << shift
		}
		r := func(x, y int) int { return int(ref[24*y+x]) }
		if got, want := b.sad(ref, 24, noLimit), plain(func(x, y int) int { return r(x, y) >> 1 }, 1); got != want {
			t.Fatalf("sad is %d, want %d", got, want)
		}
		if got, want := sadBlock(a.pix, 16, ref, 24, 16), plain(r, 0); got != want {
			t.Fatalf("sadBlock is %d, want %d", got, want)
		}
		fx, fy := rng.IntN(4), rng.IntN(4)
		mix := func(x, y int) int {
			top, bottom := r(x, y)*(4-fx)+r(x+1, y)*fx, r(x, y+1)*(4-fx)+r(x+1, y+1)*fx
			return (top*(4-fy) + bottom*fy + 8) >> 4
		}
		if got, want := b.sadBetween(ref, 24, fx, fy, noLimit), plain(mix, 0); got != want {
			t.Fatalf("sadBetween %d, %d is %d, want %d", fx, fy, got, want)
		}
	}
}

// TestTransformsInvert takes differences through the transforms and back.
func TestTransformsInvert(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for range 2000 {
		src, pred := random8(rng, 16, 1<<rng.IntN(8)), random8(rng, 16, 16)
		var c [16]int16
		forwardDCT(src, 4, pred, 4, &c)
		addDCT(&c, pred, 4)
		for i := range src {
			if d := int(src[i]) - int(pred[i]); d < -1 || d > 1 {
				t.Fatalf("sample %d is %d, want %d", i, pred[i], src[i])
			}
		}
		var dcs [16]int16
		for i := range dcs {
			dcs[i] = int16(rng.IntN(4001) - 2000)
		}
		got := dcs
		forwardWalsh(&got)
		inverseWalsh(&got)
		for i := range dcs {
			if d := dcs[i] - got[i]; d < -2 || d > 2 {
				t.Fatalf("DC %d is %d, want %d", i, got[i], dcs[i])
			}
		}
	}
}

// TestAddDCs holds both forms of adding DCs to blocks against the transform of
// blocks that have nothing else.
func TestAddDCs(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	forms := []struct {
		name string
		add  func(a, b []byte, stride int, c, d *[2][16]int16)
	}{{"in use", addDCs}, {"words", addDCsWords}}
	for range 4000 {
		var c [2][2][16]int16
		for i := range 4 {
			c[i>>1][i&1][0] = int16(rng.Uint32()) >> rng.IntN(16)
		}
		c[1][1][0] = []int16{-32768, 32767, 0, 5}[rng.IntN(4)]
		const stride = 19
		start := random8(rng, 4*stride, 1<<rng.IntN(9))
		want := bytes.Clone(start)
		for i := range 4 {
			addDCT(&c[i>>1][i&1], want[4*i:], stride)
		}
		for _, f := range forms {
			got := bytes.Clone(start)
			f.add(got, got[8:], stride, &c[0], &c[1])
			if !bytes.Equal(got, want) {
				t.Fatalf("%s, DCs %d %d %d %d:\n%v, want\n%v", f.name, c[0][0][0], c[0][1][0], c[1][0][0], c[1][1][0], got, want)
			}
		}
	}
}

// TestBoolCoder writes random bits with random odds and reads them again.
func TestBoolCoder(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 200 {
		type entry struct {
			bit bool
			p   uint8
		}
		list := make([]entry, rng.IntN(3000))
		var w boolWriter
		w.reset([]byte("head"))
		for i := range list {
			p := uint8(1 + rng.IntN(255))
			list[i] = entry{rng.IntN(256) >= int(p), p}
			if rng.IntN(50) == 0 {
				list[i].bit = !list[i].bit
			}
			w.bool(list[i].bit, p)
		}
		out := w.flush()
		if string(out[:4]) != "head" {
			t.Fatal("what was in the buffer has changed")
		}
		r := newBoolReader(out[4:])
		for i, e := range list {
			if got := r.bool(e.p); got != e.bit {
				t.Fatalf("bit %d of %d is %v", i, len(list), got)
			}
		}
	}
}

// TestTokens writes blocks with levels of every size and reads them again.
func TestTokens(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 10))
	for range 3000 {
		var levels [16]int16
		kind, first := rng.IntN(4), 0
		if kind == blockYAfterY2 {
			first = 1
		}
		end := 0
		for i := first; i < 16; i++ {
			if rng.IntN(3) == 0 {
				levels[i] = int16(rng.IntN(2*maxLevel+1)-maxLevel) >> rng.IntN(12)
			}
			if levels[i] != 0 {
				end = i + 1
			}
		}
		ctx := rng.IntN(3)
		var b tokenBuffer
		b.block(kind, ctx, first, &levels, end)
		var w boolWriter
		w.reset(nil)
		probs := defaultCoefProbs
		b.write(&w, &probs)
		r := newBoolReader(w.flush())
		var got, zz [16]int16
		n := r.readBlock(&probs[kind], ctx, first, &[2]int16{1, 1}, &got)
		for i := range zz {
			zz[i] = got[zigzag[i]]
		}
		if zz != levels || n != max(end, first) {
			t.Fatalf("read %v up to %d, want %v up to %d", zz, n, levels, end)
		}
	}
}
