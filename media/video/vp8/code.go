package vp8

import "encoding/binary"

// coder turns the macroblocks of a frame into tokens and reconstructs them. It
// is the part of the encoder that goes through them in order.
type coder struct {
	e      *Encoder
	tokens tokenBuffer
	above  []tokenContext
	left   tokenContext
	pred   predictor

	step       quantStep
	y1, y2, uv quantizer
	lambda     int // price of a bit as a sum of differences, in 1/256

	// quiet says that little is left of the macroblock, so that it pays to look
	// for blocks that need no transform.
	quiet bool

	residue residue
	levels  [25][16]int16
	ends    [25]int
	scratch [256]byte

	aboveB []uint8 // 4x4 modes as contexts, key frames only
	leftB  [4]uint8
}

// Rounding of the quantisers in 1/128 of a step: less than half, since small
// levels cost more than they are worth.
const (
	roundInter = 44
	roundIntra = 52
	roundY2    = 56
)

// code codes all macroblocks of the frame.
func (c *coder) code() {
	e := c.e
	c.tokens.reset()
	clear(c.above)
	c.step = quantDeltas{}.steps(e.frame.index)
	round := roundInter
	if e.frame.key {
		round = roundIntra
	}
	c.y1, c.y2 = newQuantizer(c.step.y1, round), newQuantizer(c.step.y2, roundY2)
	c.uv = newQuantizer(c.step.uv, round)
	c.lambda = int(c.step.y1[1]) * lambdaScale
	if len(c.aboveB) == 0 {
		c.aboveB = make([]uint8, 4*e.modes.cols)
	}
	clear(c.aboveB)
	for row := range e.modes.rows {
		c.left = tokenContext{}
		c.leftB = [4]uint8{}
		for col := range e.modes.cols {
			if e.frame.key {
				c.keyMacroblock(col, row)
			} else {
				c.macroblock(col, row)
			}
		}
	}
}

// macroblock codes a macroblock of an inter frame.
func (c *coder) macroblock(col, row int) {
	e := c.e
	at := row*e.modes.cols + col
	mb, p := &e.modes.mbs[e.modes.index(col, row)], &e.plans[at]
	if int(p.sad) > intraFrom && c.tryIntra(mb, int(p.sad), col, row) {
		e.quality[at] = uint8(e.frame.index)
		return
	}
	c.pred.macroblock(e.rec, e.ref, col, row, mb.mv)
	e.quality[at] = e.inherited(mb, col, row)
	if p.static {
		mb.coded = false
		c.above[col].clear(true)
		c.left.clear(true)
		return
	}
	c.quiet = int(p.sad) < 16*int(c.step.y1[1])
	c.lumaResidue(col, row)
	c.quiet = false
	c.chromaResidue(col, row)
	c.finish(mb, col, row, true)
	if mb.coded {
		e.quality[at] = uint8(e.frame.index)
	} else {
		e.quality[at] = min(e.quality[at], uint8(e.frame.index))
	}
}

// inherited is the quality that a macroblock gets from where it is predicted
// from.
func (e *Encoder) inherited(mb *macroblock, col, row int) uint8 {
	x := min(max(col+(int(mb.mv.x)+32)>>6, 0), e.modes.cols-1)
	y := min(max(row+(int(mb.mv.y)+32)>>6, 0), e.modes.rows-1)
	return e.prevQuality[y*e.modes.cols+x]
}

// intraFrom is the difference from which on a prediction within the picture is
// tried as well.
const intraFrom = 256 * 4

// intraMargin is what an intra macroblock must save in an inter frame, to pay
// for its rarer modes, in bits.
const intraMargin = 12

// tryIntra codes a macroblock of an inter frame within the picture if that
// looks better than a difference of sad.
func (c *coder) tryIntra(mb *macroblock, sad, col, row int) bool {
	var edge edge
	y := &c.e.rec.planes[0]
	edge.gather(y, 16*col, 16*row, 16)
	mode, cost := c.bestMode(&edge, col, row)
	if cost+intraMargin*c.lambda>>8 >= sad {
		return false
	}
	*mb = macroblock{mode: mode, uvMode: c.chromaMode(col, row), ref: refIntra}
	edge.predict(mode, y.at(16*col, 16*row), y.stride, 16)
	c.lumaResidue(col, row)
	c.predictChroma(mb.uvMode, col, row)
	c.chromaResidue(col, row)
	c.finish(mb, col, row, true)
	return true
}

// keyMacroblock codes a macroblock of a key frame.
func (c *coder) keyMacroblock(col, row int) {
	e := c.e
	at := row*e.modes.cols + col
	mb := &e.modes.mbs[e.modes.index(col, row)]
	var edge edge
	y := &e.rec.planes[0]
	edge.gather(y, 16*col, 16*row, 16)
	mode, cost := c.bestMode(&edge, col, row)
	*mb = macroblock{mode: mode, uvMode: c.chromaMode(col, row), ref: refIntra}
	above := (*[4]uint8)(c.aboveB[4*col:])
	if cost > 4*c.lambda>>2 && c.tryBlocks(cost, col, row, above) {
		mb.mode = modeB
	} else {
		edge.predict(mode, y.at(16*col, 16*row), y.stride, 16)
		c.lumaResidue(col, row)
		b := impliedBMode[mode]
		*above = [4]uint8{b, b, b, b}
		c.leftB = *above
	}
	c.predictChroma(mb.uvMode, col, row)
	c.chromaResidue(col, row)
	c.finish(mb, col, row, mb.mode != modeB)
	e.quality[at] = uint8(e.frame.index)
}

// bestMode returns the whole-macroblock mode that comes closest to the source.
func (c *coder) bestMode(edge *edge, col, row int) (mode uint8, cost int) {
	src := &c.e.src.planes[0]
	cost = noLimit
	for m := modeDC; m <= modeTM; m++ {
		edge.predict(m, c.scratch[:], 16, 16)
		price := treeCost(&keyYModePaths[m], keyYModeProbs[:]) * c.lambda >> 16
		if d := sadBlock(src.at(16*col, 16*row), src.stride, c.scratch[:], 16, 16) + price; d < cost {
			mode, cost = m, d
		}
	}
	return mode, cost
}

// chromaMode returns the chroma mode that comes closest to the source.
func (c *coder) chromaMode(col, row int) uint8 {
	var edges [2]edge
	for i := range edges {
		edges[i].gather(&c.e.rec.planes[1+i], 8*col, 8*row, 8)
	}
	best, cost := modeDC, noLimit
	for m := modeDC; m <= modeTM; m++ {
		d := treeCost(&uvModePaths[m], keyUVModeProbs[:]) * c.lambda >> 16
		for i := range edges {
			src := &c.e.src.planes[1+i]
			edges[i].predict(m, c.scratch[:], 8, 8)
			d += sadBlock(src.at(8*col, 8*row), src.stride, c.scratch[:], 8, 8)
		}
		if d < cost {
			best, cost = m, d
		}
	}
	return best
}

func (c *coder) predictChroma(mode uint8, col, row int) {
	var edge edge
	for i := 1; i < 3; i++ {
		p := &c.e.rec.planes[i]
		edge.gather(p, 8*col, 8*row, 8)
		edge.predict(mode, p.at(8*col, 8*row), p.stride, 8)
	}
}

// pack4 packs 4x4 samples into two words.
func pack4(p []byte, stride int) [2]uint64 {
	r := func(y int) uint64 { return uint64(binary.LittleEndian.Uint32(p[y*stride:])) }
	return [2]uint64{r(0) | r(1)<<32, r(2) | r(3)<<32}
}

// tryBlocks codes the luma of a macroblock with a mode for each 4x4 block. It
// gives up, leaving the reconstruction in disorder, once that costs more than
// limit.
func (c *coder) tryBlocks(limit, col, row int, aboveB *[4]uint8) bool {
	e := c.e
	rec, src := &e.rec.planes[0], &e.src.planes[0]
	modes := &e.bModes[row*e.modes.cols+col]
	right := gatherRight(rec, 16*col, 16*row)
	above, left := *aboveB, c.leftB
	total := treeCost(&keyYModePaths[modeB], keyYModeProbs[:]) * c.lambda >> 16
	var edge edge4
	for i := range 16 {
		x, y := 16*col+i&3*4, 16*row+i>>2*4
		edge.gather(rec, 16*col, 16*row, i, right)
		want := pack4(src.at(x, y), src.stride)
		probs := &keyBModeProbs[above[i&3]][left[i>>2]]
		best, cost := bDC, noLimit
		for m := bDC; m < numBModes; m++ {
			price := treeCost(&bModePaths[m], probs[:]) * c.lambda >> 16
			if price >= cost {
				continue
			}
			edge.predict(m, c.scratch[:], 4)
			if d := sad4(want, pack4(c.scratch[:], 4)) + price; d < cost {
				best, cost = m, d
			}
		}
		if total += cost; total >= limit {
			c.residue.clear()
			return false
		}
		modes[i], above[i&3], left[i>>2] = best, best, best
		dst := rec.at(x, y)
		edge.predict(best, dst, rec.stride)
		coefs := &c.residue.coefs[i]
		forwardDCT(src.at(x, y), src.stride, dst, rec.stride, coefs)
		end := c.y1.block(coefs, &c.levels[i], 0)
		c.ends[i] = end
		c.residue.ends[i] = uint8(end)
		c.residue.addBlock(i, dst, rec.stride)
	}
	*aboveB, c.leftB = above, left
	return true
}

// lumaResidue transforms and quantises the luma of a macroblock whose
// prediction is in place, with Y2.
func (c *coder) lumaResidue(col, row int) {
	rec, src := &c.e.rec.planes[0], &c.e.src.planes[0]
	var dcs [16]int16
	for i := range 16 {
		x, y := 16*col+i&3*4, 16*row+i>>2*4
		s, p := src.at(x, y), rec.at(x, y)
		c.ends[i], c.residue.ends[i] = 0, 0
		if c.quiet {
			if dc, ok := c.y1.onlyDC(s, src.stride, p, rec.stride); ok {
				dcs[i] = dc
				continue
			}
		}
		coefs := &c.residue.coefs[i]
		forwardDCT(s, src.stride, p, rec.stride, coefs)
		dcs[i] = coefs[0]
		coefs[0] = 0
		end := c.y1.block(coefs, &c.levels[i], 1)
		c.ends[i] = end
		c.residue.ends[i] = uint8(end)
	}
	forwardWalsh(&dcs)
	c.ends[24] = c.y2.block(&dcs, &c.levels[24], 0)
	if c.ends[24] > 0 {
		c.residue.spreadY2(&dcs, c.ends[24])
	}
}

// chromaResidue does the same for the chroma.
func (c *coder) chromaResidue(col, row int) {
	for i := range 8 {
		rec, src := &c.e.rec.planes[1+i>>2], &c.e.src.planes[1+i>>2]
		x, y := 8*col+i&1*4, 8*row+i>>1&1*4
		s, p := src.at(x, y), rec.at(x, y)
		coefs, levels := &c.residue.coefs[16+i], &c.levels[16+i]
		end := 0
		if dc, ok := c.uv.onlyDC(s, src.stride, p, rec.stride); ok {
			if coefs[0], levels[0] = c.uv.one(dc, 0); levels[0] != 0 {
				end = 1
			}
		} else {
			forwardDCT(s, src.stride, p, rec.stride, coefs)
			end = c.uv.block(coefs, levels, 0)
		}
		c.ends[16+i] = end
		c.residue.ends[16+i] = uint8(end)
	}
}

// finish records the tokens of a macroblock and adds its residue to the
// prediction.
func (c *coder) finish(mb *macroblock, col, row int, hasY2 bool) {
	any := hasY2 && c.ends[24] > 0
	for _, end := range c.ends[:24] {
		any = any || end > 0
	}
	mb.coded = any
	if !any {
		c.above[col].clear(hasY2)
		c.left.clear(hasY2)
		return
	}
	c.record(&c.above[col], &c.left, hasY2)
	if hasY2 {
		c.residue.addLuma(c.e.rec, col, row)
	}
	c.residue.addChroma(c.e.rec, col, row)
	c.residue.clear()
}

// record adds the tokens of a macroblock to the buffer.
func (c *coder) record(above, left *tokenContext, hasY2 bool) {
	first, kind := 0, blockYWithDC
	if hasY2 {
		first, kind = 1, blockYAfterY2
		flag := c.tokens.block(blockY2, int(above.y2+left.y2), 0, &c.levels[24], c.ends[24])
		above.y2, left.y2 = flag, flag
	}
	for i := range 16 {
		a, l := &above.y[i&3], &left.y[i>>2]
		flag := c.tokens.block(kind, int(*a+*l), first, &c.levels[i], c.ends[i])
		*a, *l = flag, flag
	}
	for i := range 8 {
		a, l := &above.uv[i&1+i>>2<<1], &left.uv[i>>1&1+i>>2<<1]
		flag := c.tokens.block(blockChroma, int(*a+*l), 0, &c.levels[16+i], c.ends[16+i])
		*a, *l = flag, flag
	}
}
