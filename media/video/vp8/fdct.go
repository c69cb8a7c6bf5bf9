package vp8

// forwardDCT transforms the difference of 4x4 samples and their prediction.
// The result is scaled as addDCT expects it: a difference of 1 all over makes
// a DC of 8.
func forwardDCT(src []byte, srcStride int, pred []byte, predStride int, out *[16]int16) {
	// sqrt(2)*sin(pi/8) and sqrt(2)*cos(pi/8) in 12 bits.
	const sin, cos = 2217, 5352
	var t [16]int32
	for y := range 4 {
		s, p := (*[4]byte)(src[y*srcStride:]), (*[4]byte)(pred[y*predStride:])
		d0, d1 := int32(s[0])-int32(p[0]), int32(s[1])-int32(p[1])
		d2, d3 := int32(s[2])-int32(p[2]), int32(s[3])-int32(p[3])
		a, b, c, d := d0+d3, d1+d2, d1-d2, d0-d3
		t[4*y] = (a + b) << 3
		t[4*y+2] = (a - b) << 3
		t[4*y+1] = (c*sin + d*cos + 256) >> 9
		t[4*y+3] = (d*sin - c*cos + 256) >> 9
	}
	for x := range 4 {
		a, b := t[x]+t[12+x], t[4+x]+t[8+x]
		c, d := t[4+x]-t[8+x], t[x]-t[12+x]
		out[x] = int16((a + b + 8) >> 4)
		out[8+x] = int16((a - b + 8) >> 4)
		out[4+x] = int16((c*sin + d*cos + 1<<15) >> 16)
		out[12+x] = int16((d*sin - c*cos + 1<<15) >> 16)
	}
}

// forwardWalsh transforms the 16 luma DCs of a macroblock, in place.
func forwardWalsh(c *[16]int16) {
	var t [16]int32
	for i := range 4 {
		a, b := int32(c[i])+int32(c[12+i]), int32(c[4+i])+int32(c[8+i])
		e, d := int32(c[4+i])-int32(c[8+i]), int32(c[i])-int32(c[12+i])
		t[i], t[4+i], t[8+i], t[12+i] = a+b, e+d, a-b, d-e
	}
	for i := 0; i < 16; i += 4 {
		a, b := t[i]+t[i+3], t[i+1]+t[i+2]
		e, d := t[i+1]-t[i+2], t[i]-t[i+3]
		c[i] = int16((a + b + 1) >> 1)
		c[i+1] = int16((e + d + 1) >> 1)
		c[i+2] = int16((a - b + 1) >> 1)
		c[i+3] = int16((d - e + 1) >> 1)
	}
}

// quantizer divides coefficients by their step sizes.
type quantizer struct {
	step  [2]int16 // DC, AC
	recip [2]uint32
	round [2]uint32
}

// newQuantizer prepares the division by step; round, in 1/128 of a step, is
// what is added before it is cut off.
func newQuantizer(step [2]int16, round int) quantizer {
	q := quantizer{step: step}
	for i, s := range step {
		q.recip[i] = (1<<16 + uint32(s) - 1) / uint32(s)
		q.round[i] = uint32(int(s)*round) >> 7
	}
	return q
}

// block quantises c from place first on. It writes the levels in zigzag order,
// replaces c by what a decoder will make of them and returns the place behind
// the last level that is not zero, or 0.
func (q *quantizer) block(c, levels *[16]int16, first int) int {
	end := 0
	i := first
	if i == 0 {
		v, level := q.one(c[0], 0)
		c[0], levels[0] = v, level
		if level != 0 {
			end = 1
		}
		i = 1
	}
	recip, round, step := q.recip[1], q.round[1], int32(q.step[1])
	dead := step - int32(round) // below it nothing is left
	for ; i < 16; i++ {
		at := zigzag[i] & 15
		v := int32(c[at])
		sign := v >> 31
		mag := (v ^ sign) - sign
		if mag < dead {
			c[at], levels[i] = 0, 0
			continue
		}
		level := min(int32((uint32(mag)+round)*recip>>16), maxLevel)
		end = i + 1
		levels[i] = int16((level ^ sign) - sign)
		c[at] = int16((level*step ^ sign) - sign)
	}
	return end
}

// onlyDC says whether a block differs so little from its prediction that
// nothing but the DC can be left of it, and returns that as forwardDCT would.
// No weight of the transform exceeds 0.86 for the other coefficients.
func (q *quantizer) onlyDC(src []byte, srcStride int, pred []byte, predStride int) (dc int16, ok bool) {
	s, p := pack4(src, srcStride), pack4(pred, predStride)
	if sad4(s, p)*7/8+1 >= int(q.step[1])-int(q.round[1]) {
		return 0, false
	}
	sum := func(v [2]uint64) int {
		return sumLanes(v[0]&laneMask + v[0]>>8&laneMask + v[1]&laneMask + v[1]>>8&laneMask)
	}
	return int16((sum(s) - sum(p) + 1) >> 1), true
}

// maxLevel is the largest level a token can hold.
const maxLevel = 67 + 1<<11 - 1

func (q *quantizer) one(c int16, kind int) (value, level int16) {
	v := int32(c)
	sign := v >> 31
	mag := (v ^ sign) - sign
	l := min(int32((uint32(mag)+q.round[kind])*q.recip[kind]>>16), maxLevel)
	return int16((l*int32(q.step[kind]) ^ sign) - sign), int16((l ^ sign) - sign)
}
