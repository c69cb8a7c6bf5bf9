package vp8

// macroblock is what later macroblocks and the loop filter need to know of
// one, the residue apart.
type macroblock struct {
	mode    uint8
	uvMode  uint8
	ref     uint8
	segment uint8
	coded   bool // has coefficients
	mv      mv   // the last part's when the mode is modeSplit
}

// modeMap holds the macroblocks of a picture with one column to the left and
// one row above, which count as intra coded in the DC mode.
type modeMap struct {
	cols, rows int
	stride     int
	mbs        []macroblock
	// split holds the vectors of the macroblocks whose mode is modeSplit.
	split [][16]mv
}

func newModeMap(cols, rows int) *modeMap {
	stride := cols + 1
	return &modeMap{
		cols: cols, rows: rows, stride: stride,
		mbs:   make([]macroblock, stride*(rows+1)+1),
		split: make([][16]mv, stride*(rows+1)+1),
	}
}

// index returns the place of a macroblock in mbs and split.
func (m *modeMap) index(col, row int) int { return (row+1)*m.stride + col + 1 }

// blockMV returns the vector of one 4x4 block.
func (m *modeMap) blockMV(index, block int) mv {
	if m.mbs[index].mode == modeSplit {
		return m.split[index][block]
	}
	return m.mbs[index].mv // zero when intra coded
}

// mvBounds are the limits that near vectors are clamped to: a macroblock
// beyond the edge of the picture (RFC 6386, section 5).
type mvBounds struct{ minX, maxX, minY, maxY int32 }

func (m *modeMap) bounds(col, row int) mvBounds {
	return mvBounds{
		minX: int32(-(col + 1) * 64), maxX: int32((m.cols - col) * 64),
		minY: int32(-(row + 1) * 64), maxY: int32((m.rows - row) * 64),
	}
}

func (b mvBounds) clamp(v mv) mv {
	return mv{int16(min(max(int32(v.x), b.minX), b.maxX)), int16(min(max(int32(v.y), b.minY), b.maxY))}
}

// nearMVs is the result of looking at the neighbours' vectors.
type nearMVs struct {
	best, nearest, near mv       // clamped
	probs               [4]uint8 // for mvRefTree
}

// findNear weighs the vectors of the three neighbours that come before a
// macroblock (RFC 6386, section 16.3).
func (m *modeMap) findNear(index int, bounds mvBounds, ref uint8, signBias *[numRefs]bool) nearMVs {
	row := m.mbs[index-m.stride-1:]
	neighbours := [3]*macroblock{&row[1], &row[m.stride], &row[0]}
	above, left, corner := neighbours[0], neighbours[1], neighbours[2]
	split := 2*is(above.mode == modeSplit) + 2*is(left.mode == modeSplit) + is(corner.mode == modeSplit)
	zero := mv{}
	if above.mv == zero && left.mv == zero && corner.mv == zero {
		// Nothing moves, as mostly on screens.
		still := 2*is(above.ref != refIntra) + 2*is(left.ref != refIntra) + is(corner.ref != refIntra)
		return nearMVs{probs: [4]uint8{mvRefProbs[still][0], mvRefProbs[0][1], mvRefProbs[0][2], mvRefProbs[split][3]}}
	}
	var found [4]mv
	var weight [4]int
	last := 0
	for i, nb := range neighbours {
		w := 2 - i>>1
		if nb.ref == refIntra {
			continue
		}
		if nb.mv == (mv{}) {
			weight[0] += w
			continue
		}
		v := nb.mv
		if signBias[nb.ref] != signBias[ref] {
			v = mv{-v.x, -v.y}
		}
		if last == 0 || v != found[last] {
			last++
			found[last] = v
		}
		weight[last] += w
	}
	// Three distinct vectors: the third may still be the first again.
	if weight[3] > 0 && found[3] == found[1] {
		weight[1]++
	}
	weight[3] = split
	if weight[2] > weight[1] {
		weight[1], weight[2] = weight[2], weight[1]
		found[1], found[2] = found[2], found[1]
	}
	if weight[1] >= weight[0] {
		found[0] = found[1]
	}
	n := nearMVs{best: bounds.clamp(found[0]), nearest: bounds.clamp(found[1]), near: bounds.clamp(found[2])}
	for i := range n.probs {
		n.probs[i] = mvRefProbs[weight[i]][i]
	}
	return n
}

// is counts a condition as 1 where it is met.
func is(met bool) int {
	if met {
		return 1
	}
	return 0
}

// readMV reads a vector as the difference to best (RFC 6386, section 17).
func readMV(r *boolReader, probs *mvContext, best mv) mv {
	y := readMVComponent(r, &probs[0])
	x := readMVComponent(r, &probs[1])
	return mv{best.x + int16(x), best.y + int16(y)}
}

func readMVComponent(r *boolReader, p *[mvProbs]uint8) int {
	x := 0
	if r.bool(p[mvIsShort]) {
		for i := range 3 {
			x += r.bit(p[mvLong+i]) << i
		}
		for i := mvLongBits - 1; i > 3; i-- {
			x += r.bit(p[mvLong+i]) << i
		}
		// Bit 3 goes without saying where the number would else be short.
		if x&0xfff0 == 0 || r.bool(p[mvLong+3]) {
			x += 8
		}
	} else {
		x = r.tree(mvShortTree[:], p[mvShort:mvLong])
	}
	if x != 0 && r.bool(p[mvSign]) {
		return -x
	}
	return x
}

// subMVContext chooses the probabilities for the vector of a part by those of
// the blocks to the left and above it.
func subMVContext(left, above mv) *[3]uint8 {
	zero := mv{}
	switch {
	case left == above && above == zero:
		return &subMVRefProbs[4]
	case left == above:
		return &subMVRefProbs[3]
	case above == zero:
		return &subMVRefProbs[2]
	case left == zero:
		return &subMVRefProbs[1]
	}
	return &subMVRefProbs[0]
}

// readSplit reads the vectors of a macroblock that has several and returns the
// way it is divided (RFC 6386, section 16.3).
func (m *modeMap) readSplit(r *boolReader, index int, best mv, probs *mvContext) int {
	division := r.tree(splitTree[:], splitProbs[:])
	layout := &splitLayout[division]
	mvs := &m.split[index]
	for part := range splitCount[division] {
		b := int(splitFirst[division][part])
		var left, above, v mv
		if b&3 == 0 {
			left = m.blockMV(index-1, b+3)
		} else {
			left = mvs[b-1]
		}
		if b < 4 {
			above = m.blockMV(index-m.stride, b+12)
		} else {
			above = mvs[b-4]
		}
		switch r.tree(subMVRefTree[:], subMVContext(left, above)[:]) {
		case subLeft:
			v = left
		case subAbove:
			v = above
		case subZero:
		case subNew:
			v = readMV(r, probs, best)
		}
		for i, p := range layout {
			if int(p) == part {
				mvs[i] = v
			}
		}
	}
	return division
}

// modeReader reads the per-macroblock part of the first partition.
type modeReader struct {
	r        boolReader
	header   *frameHeader
	state    *persistent
	modes    *modeMap
	aboveB   []uint8   // 4x4 modes of the row above, key frames only
	leftB    [4]uint8  // and of the macroblock to the left
	bModes   [16]uint8 // of this macroblock when its mode is modeB
	division int       // of this macroblock when its mode is modeSplit
}

// read parses the header of one macroblock into the mode map and says whether
// it has coefficients to read (RFC 6386, section 19.3).
func (m *modeReader) read(col, row int) (mb *macroblock, skip bool) {
	index := m.modes.index(col, row)
	mb = &m.modes.mbs[index]
	if m.state.segment.updateMap {
		mb.segment = uint8(m.r.tree(segmentTree[:], m.state.segment.treeProbs[:]))
	} else if m.header.key {
		mb.segment = 0
	}
	if m.header.hasSkip {
		skip = m.r.bool(m.header.probSkip)
	}
	switch {
	case m.header.key:
		m.readKeyModes(mb, col)
	case m.r.bool(m.header.probIntra):
		m.readInter(mb, index, col, row)
	default:
		m.readIntra(mb)
	}
	return mb, skip
}

func (m *modeReader) readKeyModes(mb *macroblock, col int) {
	mb.ref, mb.mv = refIntra, mv{}
	mb.mode = uint8(m.r.tree(keyYModeTree[:], keyYModeProbs[:]))
	above := (*[4]uint8)(m.aboveB[4*col:])
	if mb.mode == modeB {
		for i := range m.bModes {
			x := i & 3
			b := uint8(m.r.tree(bModeTree[:], keyBModeProbs[above[x]][m.leftB[i>>2]][:]))
			m.bModes[i] = b
			above[x], m.leftB[i>>2] = b, b
		}
	} else {
		b := impliedBMode[mb.mode]
		*above = [4]uint8{b, b, b, b}
		m.leftB = *above
	}
	mb.uvMode = uint8(m.r.tree(uvModeTree[:], keyUVModeProbs[:]))
}

// impliedBMode is the 4x4 mode that stands for a whole-macroblock mode as
// context of its neighbours.
var impliedBMode = [...]uint8{modeDC: bDC, modeV: bVE, modeH: bHE, modeTM: bTM}

func (m *modeReader) readIntra(mb *macroblock) {
	mb.ref, mb.mv = refIntra, mv{}
	mb.mode = uint8(m.r.tree(yModeTree[:], m.state.entropy.yMode[:]))
	if mb.mode == modeB {
		for i := range m.bModes {
			m.bModes[i] = uint8(m.r.tree(bModeTree[:], bModeProbs[:]))
		}
	}
	mb.uvMode = uint8(m.r.tree(uvModeTree[:], m.state.entropy.uv[:]))
}

func (m *modeReader) readInter(mb *macroblock, index, col, row int) {
	mb.ref = refLast
	if m.r.bool(m.header.probLast) {
		mb.ref = refGolden + uint8(m.r.bit(m.header.probGolden))
	}
	near := m.modes.findNear(index, m.modes.bounds(col, row), mb.ref, &m.state.signBias)
	mb.mode = uint8(m.r.tree(mvRefTree[:], near.probs[:]))
	switch mb.mode {
	case modeNearest:
		mb.mv = near.nearest
	case modeNear:
		mb.mv = near.near
	case modeZero:
		mb.mv = mv{}
	case modeNew:
		mb.mv = readMV(&m.r, &m.state.entropy.mv, near.best)
	case modeSplit:
		m.division = m.modes.readSplit(&m.r, index, near.best, &m.state.entropy.mv)
		mb.mv = m.modes.split[index][15]
	}
}
