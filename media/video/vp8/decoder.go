package vp8

import (
	"fmt"

	"github.com/meet-term/meet/media/video"
)

// DefaultMaxSamples is the largest picture a decoder takes unless told
// otherwise, in luma samples: a little more than 1920 by 1200.
const DefaultMaxSamples = 1920 * 1216

// DecoderOptions are the settings of a decoder; the zero value will do.
type DecoderOptions struct {
	// MaxSamples limits the luma samples of a picture, its sides rounded up
	// to 16, and with it the memory of the decoder: about 6 bytes per sample
	// at most, not counting frames that the caller keeps. 0 means
	// DefaultMaxSamples.
	MaxSamples int
}

// Decoder decodes one VP8 stream (RFC 6386). It belongs to one goroutine.
type Decoder struct {
	maxSamples int

	width, height int // of the last key frame; 0 before it
	state         persistent
	refs          [numRefs]*picture // refIntra is unused
	modes         *modeMap

	// What follows is scratch space for one frame.
	header  frameHeader
	parts   [8]boolReader
	reader  modeReader
	aboveB  []uint8
	above   []tokenContext
	left    tokenContext
	residue residue
	pred    predictor
	levels  filterLevels
	quant   [4]quantStep

	owned []lent // pictures whose frames the caller may give back
	free  [][]byte
	seq   uint64
}

// lent ties a frame in the caller's hands to the picture behind it.
type lent struct {
	frame    *video.Frame
	picture  *picture
	returned bool
}

// NewDecoder returns a decoder that waits for a key frame.
func NewDecoder(opts DecoderOptions) *Decoder {
	if opts.MaxSamples <= 0 {
		opts.MaxSamples = DefaultMaxSamples
	}
	return &Decoder{maxSamples: opts.MaxSamples}
}

// Decode decodes one frame. It returns nil without an error for a frame that is
// not to be shown. The frame it returns is never written to again, unless the
// caller hands it to Recycle.
//
// After an error the decoder is as it was before the call. The error matches
// ErrNeedKeyFrame, ErrTruncated, ErrInvalid or ErrTooLarge.
func (d *Decoder) Decode(data []byte) (*video.Frame, error) {
	tag, rest, err := parseTag(data)
	if err != nil {
		return nil, err
	}
	if !tag.key && d.refs[refLast] == nil {
		return nil, ErrNeedKeyFrame
	}
	cols, rows := (tag.width+15)/16, (tag.height+15)/16
	if cols*rows*256 > d.maxSamples {
		return nil, fmt.Errorf("%d x %d samples: %w", tag.width, tag.height, ErrTooLarge)
	}
	next := d.state
	d.header = frameHeader{frameTag: tag}
	r := newBoolReader(rest[:tag.firstPartSize])
	parts, err := parseHeader(&d.header, &next, &r, rest[tag.firstPartSize:], &d.parts)
	if err != nil {
		return nil, err
	}
	d.state = next
	if tag.key && (tag.width != d.width || tag.height != d.height) {
		d.resize(tag.width, tag.height)
	}
	pic := d.newPicture()
	d.decodePicture(pic, r, parts)
	d.updateReferences(pic)
	if !d.header.keepEntropy {
		d.state.entropy = d.header.saved
	}
	return d.show(pic), nil
}

// resize makes room for pictures of another size.
func (d *Decoder) resize(width, height int) {
	cols, rows := (width+15)/16, (height+15)/16
	if d.modes == nil || cols != d.modes.cols || rows != d.modes.rows {
		d.modes = newModeMap(cols, rows)
		d.aboveB = make([]uint8, 4*cols)
		d.above = make([]tokenContext, cols)
		d.free = nil
		d.owned = nil
		d.refs = [numRefs]*picture{}
	}
	d.width, d.height = width, height
}

// decodePicture reconstructs the macroblocks of a frame and filters them. The
// filter follows one row behind, while the samples are still in the cache:
// intra prediction needs the row above as it was before filtering, and
// filtering a row changes nothing below it.
func (d *Decoder) decodePicture(pic *picture, r boolReader, parts int) {
	d.prepare(r)
	filtered := d.state.filter.level != 0
	if filtered {
		d.levels.set(&d.state.filter, &d.state.segment, d.header.key)
	}
	for row := range d.modes.rows {
		part := &d.parts[row&(parts-1)]
		d.left = tokenContext{}
		d.reader.leftB = [4]uint8{}
		for col := range d.modes.cols {
			d.decodeMacroblock(pic, part, col, row)
		}
		if filtered && row > 0 {
			d.levels.row(pic, d.modes, row-1)
		}
	}
	if filtered {
		d.levels.row(pic, d.modes, d.modes.rows-1)
	}
}

// prepare sets up what the macroblocks of a frame share.
func (d *Decoder) prepare(r boolReader) {
	h, seg := &d.header, &d.state.segment
	d.reader = modeReader{r: r, header: h, state: &d.state, modes: d.modes, aboveB: d.aboveB}
	clear(d.aboveB)
	clear(d.above)
	for i := range d.quant {
		index := h.quantIndex
		if seg.enabled {
			if seg.absolute {
				index = seg.quant[i]
			} else {
				index += seg.quant[i]
			}
		}
		d.quant[i] = h.quantDeltas.steps(min(max(index, 0), 127))
	}
	d.pred.bilinear = h.version != 0
	d.pred.fullPixel = h.version >= 3
}

// decodeMacroblock reads and reconstructs one macroblock.
func (d *Decoder) decodeMacroblock(pic *picture, part *boolReader, col, row int) {
	mb, skip := d.reader.read(col, row)
	hasY2 := mb.mode != modeB && mb.mode != modeSplit
	mb.coded = false
	if skip {
		d.above[col].clear(hasY2)
		d.left.clear(hasY2)
	} else {
		segment := uint8(0)
		if d.state.segment.enabled {
			segment = mb.segment
		}
		mb.coded = d.residue.read(part, &d.state.entropy.coef, hasY2, &d.quant[segment], &d.above[col], &d.left)
	}
	if mb.ref == refIntra {
		d.predictIntra(pic, mb, col, row)
	} else {
		d.predictInter(pic, mb, col, row)
	}
	if mb.coded {
		if mb.mode != modeB {
			d.residue.addLuma(pic, col, row)
		}
		d.residue.addChroma(pic, col, row)
		d.residue.clear()
	}
}

func (d *Decoder) predictInter(pic *picture, mb *macroblock, col, row int) {
	ref := d.refs[mb.ref]
	if mb.mode == modeSplit {
		d.pred.split(pic, ref, col, row, &d.modes.split[d.modes.index(col, row)], d.reader.division)
		return
	}
	d.pred.macroblock(pic, ref, col, row, mb.mv)
}

func (d *Decoder) predictIntra(pic *picture, mb *macroblock, col, row int) {
	var e edge
	y := &pic.planes[0]
	if mb.mode == modeB {
		right := gatherRight(y, 16*col, 16*row)
		var e4 edge4
		for i, mode := range d.reader.bModes {
			dst := y.at(16*col+i&3*4, 16*row+i>>2*4)
			e4.gather(y, 16*col, 16*row, i, right)
			e4.predict(mode, dst, y.stride)
			d.residue.addBlock(i, dst, y.stride)
		}
	} else {
		e.gather(y, 16*col, 16*row, 16)
		e.predict(mb.mode, y.at(16*col, 16*row), y.stride, 16)
	}
	for i := 1; i < 3; i++ {
		p := &pic.planes[i]
		e.gather(p, 8*col, 8*row, 8)
		e.predict(mb.uvMode, p.at(8*col, 8*row), p.stride, 8)
	}
}

// addBlock adds the residue of one block to its prediction.
func (d *residue) addBlock(block int, dst []byte, stride int) {
	switch end := d.ends[block]; {
	case end > 1:
		addDCT(&d.coefs[block], dst, stride)
	case end == 1:
		addDC(d.coefs[block][0], dst, stride)
	}
}

// addLuma adds the luma residue to the prediction of a macroblock.
func (d *residue) addLuma(pic *picture, col, row int) {
	y := &pic.planes[0]
	for i := 0; i < 16; i += 4 {
		dst := y.at(16*col, 16*row+i)
		d.addBlocks(i, i+2, dst, dst[8:], y.stride)
	}
}

// addChroma adds the chroma residue to the prediction of a macroblock.
func (d *residue) addChroma(pic *picture, col, row int) {
	if *(*[8]uint8)(d.ends[16:]) == [8]uint8{} {
		return
	}
	u, v := &pic.planes[1], &pic.planes[2]
	d.addBlocks(16, 20, u.at(8*col, 8*row), v.at(8*col, 8*row), u.stride)
	d.addBlocks(18, 22, u.at(8*col, 8*row+4), v.at(8*col, 8*row+4), u.stride)
}

// addBlocks adds the residue of block i and its right neighbour to their
// prediction at a, and that of block j and its neighbour at b.
func (d *residue) addBlocks(i, j int, a, b []byte, stride int) {
	left, right := (*[2]uint8)(d.ends[i:]), (*[2]uint8)(d.ends[j:])
	switch most := left[0] | left[1] | right[0] | right[1]; {
	case most > 1:
		d.addBlock(i, a, stride)
		d.addBlock(i+1, a[4:], stride)
		d.addBlock(j, b, stride)
		d.addBlock(j+1, b[4:], stride)
	case most == 1:
		addDCs(a, b, stride, (*[2][16]int16)(d.coefs[i:]), (*[2][16]int16)(d.coefs[j:]))
	}
}

// updateReferences makes the new picture and copies of old ones references, as
// the header says (RFC 6386, section 9.7).
func (d *Decoder) updateReferences(pic *picture) {
	h := &d.header
	switch h.copyToAltRef {
	case 1:
		d.refs[refAltRef] = d.refs[refLast]
	case 2:
		d.refs[refAltRef] = d.refs[refGolden]
	}
	switch h.copyToGolden {
	case 1:
		d.refs[refGolden] = d.refs[refLast]
	case 2:
		d.refs[refGolden] = d.refs[refAltRef]
	}
	if h.refreshGolden {
		d.refs[refGolden] = pic
	}
	if h.refreshAltRef {
		d.refs[refAltRef] = pic
	}
	if h.refreshLast {
		d.refs[refLast] = pic
	}
}
