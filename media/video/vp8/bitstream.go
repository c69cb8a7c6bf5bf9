package vp8

// write writes the frame (RFC 6386, sections 9 and 19) and returns it in a
// buffer of its own, and the bits of it that are tokens.
func (e *Encoder) write() (data []byte, tokens int) {
	if e.frame.key {
		e.state.entropy.reset()
	}
	w := &e.first
	w.reset(w.buf[:0])
	w.reset(e.writeTag(w.buf, 0))
	head := len(w.buf)
	intra, skipped := e.countModes()
	total := e.modes.cols * e.modes.rows
	probs := modeProbs{
		skip:  bestProb(total-skipped, skipped),
		intra: bestProb(intra, total-intra),
	}
	kept := e.state.entropy
	e.writeHeader(w, probs)
	for row := range e.modes.rows {
		for col := range e.modes.cols {
			e.writeModes(w, probs, col, row)
		}
	}
	first := w.flush()
	e.writeTag(first[:0], len(first)-head)

	e.second.reset(e.second.buf[:0])
	e.coder.tokens.write(&e.second, &e.state.entropy.coef)
	second := e.second.flush()
	if e.frame.layer > 0 {
		e.state.entropy = kept // others never saw this frame
	}
	data = make([]byte, len(first)+len(second))
	copy(data[copy(data, first):], second)
	return data, 8 * len(second)
}

// modeProbs are the probabilities that a frame header sets for one frame.
type modeProbs struct{ skip, intra uint8 }

// writeTag appends the uncompressed start of the frame.
func (e *Encoder) writeTag(buf []byte, firstPart int) []byte {
	bits := 1<<4 | firstPart<<5 // shown, version 0
	if !e.frame.key {
		bits |= 1
	}
	buf = append(buf, byte(bits), byte(bits>>8), byte(bits>>16))
	if e.frame.key {
		buf = append(buf, 0x9d, 0x01, 0x2a, byte(e.width), byte(e.width>>8), byte(e.height), byte(e.height>>8))
	}
	return buf
}

// probLast is the probability that a macroblock builds on the last frame: all of a
// picture do, or none.
func (e *Encoder) probLast() uint8 {
	if e.frame.golden {
		return 1
	}
	return 255
}

// countModes counts macroblocks that are intra coded and those without tokens.
func (e *Encoder) countModes() (intra, skipped int) {
	for row := range e.modes.rows {
		start := e.modes.index(0, row)
		for _, mb := range e.modes.mbs[start : start+e.modes.cols] {
			if mb.ref == refIntra {
				intra++
			}
			if !mb.coded {
				skipped++
			}
		}
	}
	return intra, skipped
}

// writeHeader writes the compressed header.
func (e *Encoder) writeHeader(w *boolWriter, probs modeProbs) {
	if e.frame.key {
		w.literal(0, 2) // colour space, clamping
	}
	w.flag(false) // no segments
	f := &e.state.filter
	w.flag(f.simple)
	w.literal(f.level, 6)
	w.literal(f.sharpness, 3)
	w.flag(f.deltaEnabled)
	w.flag(e.frame.key) // the offsets stay from then on
	if e.frame.key {
		for _, d := range f.refDelta {
			w.optionalDelta(d)
		}
		for _, d := range f.modeDelta {
			w.optionalDelta(d)
		}
	}
	w.literal(0, 2) // one token partition
	w.literal(e.frame.index, 7)
	w.literal(0, 5) // no offsets to it
	if e.frame.key {
		w.flag(true) // keep the probabilities
	} else {
		golden := e.frame.update == refGolden
		w.flag(golden)
		w.flag(false) // altref stays
		if !golden {
			w.literal(0, 2) // nothing copied to golden
		}
		w.literal(0, 2)            // nor to altref
		w.literal(0, 2)            // no sign bias
		w.flag(e.frame.layer == 0) // keep the probabilities
		w.flag(e.frame.update == refLast)
	}
	e.coder.tokens.adapt(w, &e.state.entropy.coef)
	w.flag(true)
	w.literal(int(probs.skip), 8)
	if e.frame.key {
		return
	}
	w.literal(int(probs.intra), 8)
	w.literal(int(e.probLast()), 8)
	w.literal(255, 8) // golden, never altref
	w.flag(false)     // intra modes keep their probabilities
	w.flag(false)
	for i := range mvUpdateProbs {
		for _, p := range mvUpdateProbs[i] {
			w.bool(false, p)
		}
	}
}

// optionalDelta writes a filter offset that is absent when zero.
func (w *boolWriter) optionalDelta(d int) { w.optional(d, 6) }

// writeModes writes the header of one macroblock (RFC 6386, section 19.3).
func (e *Encoder) writeModes(w *boolWriter, probs modeProbs, col, row int) {
	index := e.modes.index(col, row)
	mb := &e.modes.mbs[index]
	w.bool(!mb.coded, probs.skip)
	if e.frame.key {
		w.tree(&keyYModePaths[mb.mode], keyYModeProbs[:])
		if mb.mode == modeB {
			e.writeBlockModes(w, col, row)
		}
		w.tree(&uvModePaths[mb.uvMode], keyUVModeProbs[:])
		return
	}
	w.bool(mb.ref != refIntra, probs.intra)
	if mb.ref == refIntra {
		w.tree(&yModePaths[mb.mode], e.state.entropy.yMode[:])
		w.tree(&uvModePaths[mb.uvMode], e.state.entropy.uv[:])
		return
	}
	w.bool(e.frame.golden, e.probLast())
	if e.frame.golden {
		w.bool(false, 255)
	}
	near := e.modes.findNear(index, e.modes.bounds(col, row), refLast, &e.state.signBias)
	mode := modeNew
	switch mb.mv {
	case mv{}:
		mode = modeZero
	case near.nearest:
		mode = modeNearest
	case near.near:
		mode = modeNear
	}
	w.tree(&mvRefPaths[mode], near.probs[:])
	if mode == modeNew {
		w.mvComponent(int(mb.mv.y)-int(near.best.y), &e.state.entropy.mv[0])
		w.mvComponent(int(mb.mv.x)-int(near.best.x), &e.state.entropy.mv[1])
	}
}

// writeBlockModes writes the modes of the 4x4 blocks in a key frame, whose
// contexts are the modes above and to the left.
func (e *Encoder) writeBlockModes(w *boolWriter, col, row int) {
	context := func(col, row, block int) uint8 {
		if col < 0 || row < 0 {
			return bDC
		}
		if mb := &e.modes.mbs[e.modes.index(col, row)]; mb.mode != modeB {
			return impliedBMode[mb.mode]
		}
		return e.bModes[row*e.modes.cols+col][block]
	}
	modes := &e.bModes[row*e.modes.cols+col]
	for i, m := range modes {
		var above, left uint8
		if i < 4 {
			above = context(col, row-1, 12+i)
		} else {
			above = modes[i-4]
		}
		if i&3 == 0 {
			left = context(col-1, row, i+3)
		} else {
			left = modes[i-1]
		}
		w.tree(&bModePaths[m], keyBModeProbs[above][left][:])
	}
}

// mvComponent writes one component of a vector difference (RFC 6386, section
// 17.2).
func (w *boolWriter) mvComponent(v int, p *[mvProbs]uint8) {
	mag := max(v, -v)
	if mag < 8 {
		w.bool(false, p[mvIsShort])
		w.tree(&mvShortPaths[mag], p[mvShort:mvLong])
	} else {
		w.bool(true, p[mvIsShort])
		for i := range 3 {
			w.bool(mag>>i&1 == 1, p[mvLong+i])
		}
		for i := mvLongBits - 1; i > 3; i-- {
			w.bool(mag>>i&1 == 1, p[mvLong+i])
		}
		if mag > 15 {
			w.bool(mag>>3&1 == 1, p[mvLong+3])
		}
	}
	if mag > 0 {
		w.bool(v < 0, p[mvSign])
	}
}
