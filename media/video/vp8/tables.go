package vp8

// Prediction modes of a whole macroblock. Intra modes come first so that
// mode >= modeNearest says "inter" (RFC 6386, sections 8 and 11.2).
const (
	modeDC uint8 = iota
	modeV
	modeH
	modeTM
	modeB // a mode of its own for each 4x4 block
	modeNearest
	modeNear
	modeZero
	modeNew
	modeSplit
)

// Intra modes of a 4x4 luma block, in the order of the probability tables
// (RFC 6386, section 11.2).
const (
	bDC uint8 = iota
	bTM
	bVE
	bHE
	bLD
	bRD
	bVR
	bVL
	bHD
	bHU
	numBModes
)

// Reference frames of a macroblock (RFC 6386, section 9.7).
const (
	refIntra uint8 = iota
	refLast
	refGolden
	refAltRef
	numRefs
)

// Block types, the first index of the token probabilities (RFC 6386,
// section 13.3).
const (
	blockYAfterY2 = iota
	blockY2
	blockChroma
	blockYWithDC
)

// Trees: positive entries lead on, others are minus the value at the leaf
// (RFC 6386, section 8.1).
var (
	keyYModeTree = [...]int8{-int8(modeB), 2, 4, 6, -int8(modeDC), -int8(modeV), -int8(modeH), -int8(modeTM)}
	yModeTree    = [...]int8{-int8(modeDC), 2, 4, 6, -int8(modeV), -int8(modeH), -int8(modeTM), -int8(modeB)}
	uvModeTree   = [...]int8{-int8(modeDC), 2, -int8(modeV), 4, -int8(modeH), -int8(modeTM)}
	bModeTree    = [...]int8{
		-int8(bDC), 2, -int8(bTM), 4, -int8(bVE), 6, 8, 12, -int8(bHE), 10,
		-int8(bRD), -int8(bVR), -int8(bLD), 14, -int8(bVL), 16, -int8(bHD), -int8(bHU),
	}
	segmentTree  = [...]int8{2, 4, 0, -1, -2, -3}
	mvShortTree  = [...]int8{2, 8, 4, 6, 0, -1, -2, -3, 10, 12, -4, -5, -6, -7}
	splitTree    = [...]int8{-split4x4, 2, -splitQuarters, 4, -splitTopBottom, -splitLeftRight}
	mvRefTree    = [...]int8{-int8(modeZero), 2, -int8(modeNearest), 4, -int8(modeNear), 6, -int8(modeNew), -int8(modeSplit)}
	subMVRefTree = [...]int8{-subLeft, 2, -subAbove, 4, -subZero, -subNew}
)

// Ways to divide a macroblock that has several motion vectors, and where the
// vector of a part comes from (RFC 6386, section 16.3).
const (
	splitTopBottom = iota
	splitLeftRight
	splitQuarters
	split4x4
)

const (
	subLeft = iota
	subAbove
	subZero
	subNew
)

var (
	keyYModeProbs     = [4]uint8{145, 156, 163, 128}
	keyUVModeProbs    = [3]uint8{142, 114, 183}
	defaultYModeProbs = [4]uint8{112, 86, 140, 37}
	defaultUVProbs    = [3]uint8{162, 101, 204}
	bModeProbs        = [9]uint8{120, 90, 79, 133, 87, 85, 80, 111, 151}

	splitProbs = [3]uint8{110, 111, 150}
	// subMVRefProbs is indexed by how the vectors to the left and above
	// compare (RFC 6386, section 16.3).
	subMVRefProbs = [5][3]uint8{{147, 136, 18}, {106, 145, 1}, {179, 121, 1}, {223, 1, 34}, {208, 1, 1}}
	// mvRefProbs is indexed by the weight of the neighbours that agree
	// (RFC 6386, section 16.3).
	mvRefProbs = [6][4]uint8{
		{7, 1, 1, 143}, {14, 18, 14, 107}, {135, 64, 57, 68},
		{60, 56, 128, 65}, {159, 134, 128, 34}, {234, 188, 128, 28},
	}
)

// splitLayout gives for each way of dividing the part each 4x4 block is in.
var splitLayout = [4][16]uint8{
	{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1},
	{0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1},
	{0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3},
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
}

// splitFirst gives the first block of each part, splitCount their number.
var (
	splitFirst = [4][16]uint8{
		{0, 8}, {0, 2}, {0, 2, 8, 10},
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	}
	splitCount = [4]int{2, 2, 4, 16}
)

// Places in the probabilities of one motion vector component (RFC 6386,
// section 17.2).
const (
	mvIsShort  = 0
	mvSign     = 1
	mvShort    = 2
	mvLong     = 9
	mvLongBits = 10
	mvProbs    = mvLong + mvLongBits
)

// mvContext holds the probabilities of the row and the column component.
type mvContext [2][mvProbs]uint8

var (
	defaultMVProbs = mvContext{
		{162, 128, 225, 146, 172, 147, 214, 39, 156, 128, 129, 132, 75, 145, 178, 206, 239, 254, 254},
		{164, 128, 204, 170, 119, 235, 140, 230, 228, 128, 130, 130, 74, 148, 180, 203, 236, 254, 254},
	}
	mvUpdateProbs = mvContext{
		{237, 246, 253, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 250, 250, 252, 254, 254},
		{231, 243, 245, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 251, 251, 254, 254, 254},
	}
)

var (
	zigzag = [16]uint8{0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15}
	// coefBands gives the band of each place in zigzag order; the entry past
	// the end spares the decoder a test after the last coefficient.
	coefBands = [17]uint8{0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0}
	// Probabilities of the extra bits of the larger tokens (RFC 6386,
	// section 13.2).
	extraBits3 = [...]uint8{173, 148, 140}
	extraBits4 = [...]uint8{176, 155, 140, 135}
	extraBits5 = [...]uint8{180, 157, 141, 134, 130}
	extraBits6 = [...]uint8{254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129}
)

// Step sizes by quantiser index (RFC 6386, section 14.1).
var (
	dcQuant = [128]int16{
		4, 5, 6, 7, 8, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 17,
		18, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24, 25, 25, 26, 27, 28,
		29, 30, 31, 32, 33, 34, 35, 36, 37, 37, 38, 39, 40, 41, 42, 43,
		44, 45, 46, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58,
		59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74,
		75, 76, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
		91, 93, 95, 96, 98, 100, 101, 102, 104, 106, 108, 110, 112, 114, 116, 118,
		122, 124, 126, 128, 130, 132, 134, 136, 138, 140, 143, 145, 148, 151, 154, 157,
	}
	acQuant = [128]int16{
		4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
		20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
		36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
		52, 53, 54, 55, 56, 57, 58, 60, 62, 64, 66, 68, 70, 72, 74, 76,
		78, 80, 82, 84, 86, 88, 90, 92, 94, 96, 98, 100, 102, 104, 106, 108,
		110, 112, 114, 116, 119, 122, 125, 128, 131, 134, 137, 140, 143, 146, 149, 152,
		155, 158, 161, 164, 167, 170, 173, 177, 181, 185, 189, 193, 197, 201, 205, 209,
		213, 217, 221, 225, 229, 234, 239, 245, 249, 254, 259, 264, 269, 274, 279, 284,
	}
)

// quantStep holds the six step sizes one quantiser index stands for.
type quantStep struct {
	y1, y2, uv [2]int16 // the DC step and the AC step
}

// quantDeltas are the offsets a frame header gives the quantiser index for
// all but the luma AC coefficients (RFC 6386, section 9.6).
type quantDeltas struct {
	y1DC, y2DC, y2AC, uvDC, uvAC int
}

// steps returns the step sizes for a quantiser index (RFC 6386, section 14.1).
func (d quantDeltas) steps(index int) quantStep {
	dc := func(delta int) int16 { return dcQuant[min(max(index+delta, 0), 127)] }
	ac := func(delta int) int16 { return acQuant[min(max(index+delta, 0), 127)] }
	return quantStep{
		y1: [2]int16{dc(d.y1DC), ac(0)},
		y2: [2]int16{2 * dc(d.y2DC), max(int16(int(ac(d.y2AC))*155/100), 8)},
		uv: [2]int16{min(dc(d.uvDC), 132), ac(d.uvAC)},
	}
}

// mv is a motion vector in quarter luma samples.
type mv struct{ x, y int16 }
