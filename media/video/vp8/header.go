package vp8

import (
	"errors"
	"fmt"
)

// Errors of Decode that a caller acts on; match them with errors.Is.
var (
	// ErrNeedKeyFrame means that an inter frame came before any key frame.
	ErrNeedKeyFrame = errors.New("vp8: key frame needed")
	// ErrTruncated means that the frame is shorter than its header promises.
	ErrTruncated = errors.New("vp8: frame is truncated")
	// ErrInvalid means that the frame is not VP8.
	ErrInvalid = errors.New("vp8: not a valid frame")
	// ErrTooLarge means that the picture exceeds the configured size.
	ErrTooLarge = errors.New("vp8: picture is too large")
)

// frameTag is the uncompressed start of a frame (RFC 6386, section 9.1).
type frameTag struct {
	key           bool
	version       int
	show          bool
	firstPartSize int
	width, height int // key frames only
}

// parseTag reads the frame tag and returns what follows it.
func parseTag(data []byte) (frameTag, []byte, error) {
	if len(data) < 3 {
		return frameTag{}, nil, fmt.Errorf("read frame tag: %w", ErrTruncated)
	}
	bits := int(data[0]) | int(data[1])<<8 | int(data[2])<<16
	tag := frameTag{
		key:           bits&1 == 0,
		version:       bits >> 1 & 7,
		show:          bits>>4&1 == 1,
		firstPartSize: bits >> 5,
	}
	data = data[3:]
	if tag.key {
		if len(data) < 7 {
			return frameTag{}, nil, fmt.Errorf("read key frame tag: %w", ErrTruncated)
		}
		if data[0] != 0x9d || data[1] != 0x01 || data[2] != 0x2a {
			return frameTag{}, nil, fmt.Errorf("read start code: %w", ErrInvalid)
		}
		// The two bits above each size ask for upscaling, which is the
		// drawer's affair.
		tag.width = (int(data[3]) | int(data[4])<<8) & 0x3fff
		tag.height = (int(data[5]) | int(data[6])<<8) & 0x3fff
		if tag.width == 0 || tag.height == 0 {
			return frameTag{}, nil, fmt.Errorf("read picture size: %w", ErrInvalid)
		}
		data = data[7:]
	}
	if tag.firstPartSize > len(data) {
		return frameTag{}, nil, fmt.Errorf("read first partition: %w", ErrTruncated)
	}
	return tag, data, nil
}

// entropy holds the probabilities that live on from frame to frame and that a
// frame may ask to be put back afterwards.
type entropy struct {
	coef  coefProbs
	mv    mvContext
	yMode [4]uint8
	uv    [3]uint8
}

func (e *entropy) reset() {
	e.coef = defaultCoefProbs
	e.mv = defaultMVProbs
	e.yMode = defaultYModeProbs
	e.uv = defaultUVProbs
}

// segmentation is the state of RFC 6386, section 9.3.
type segmentation struct {
	enabled, updateMap bool
	absolute           bool // the values replace those of the frame
	quant, level       [4]int
	treeProbs          [3]uint8
}

func (s *segmentation) parse(r *boolReader) {
	s.enabled = r.flag()
	s.updateMap = false
	if !s.enabled {
		return
	}
	s.updateMap = r.flag()
	updateData := r.flag()
	if updateData {
		s.absolute = r.flag()
		for i := range s.quant {
			s.quant[i] = r.optional(7)
		}
		for i := range s.level {
			s.level[i] = r.optional(6)
		}
	}
	if s.updateMap {
		for i := range s.treeProbs {
			s.treeProbs[i] = 255
			if r.flag() {
				s.treeProbs[i] = uint8(r.literal(8))
			}
		}
	}
}

// filterHeader is the loop filter's part of the header (RFC 6386, sections
// 9.3 and 9.6).
type filterHeader struct {
	simple       bool
	level        int
	sharpness    int
	deltaEnabled bool
	refDelta     [4]int
	modeDelta    [4]int // B_PRED, ZEROMV, other whole vectors, SPLITMV
}

func (f *filterHeader) parse(r *boolReader) {
	f.simple = r.flag()
	f.level = r.literal(6)
	f.sharpness = r.literal(3)
	f.deltaEnabled = r.flag()
	if !f.deltaEnabled || !r.flag() {
		return
	}
	for i := range f.refDelta {
		if r.flag() {
			f.refDelta[i] = r.signed(6)
		}
	}
	for i := range f.modeDelta {
		if r.flag() {
			f.modeDelta[i] = r.signed(6)
		}
	}
}

// persistent is what a frame inherits from the frames before it, pictures
// apart. The decoder replaces it only once a header has been read in full.
type persistent struct {
	entropy  entropy
	segment  segmentation
	filter   filterHeader
	signBias [numRefs]bool
}

// frameHeader is the rest of the header, valid for one frame.
type frameHeader struct {
	frameTag
	quantIndex    int
	quantDeltas   quantDeltas
	refreshGolden bool
	refreshAltRef bool
	refreshLast   bool
	copyToGolden  int // 1: from last, 2: from altref
	copyToAltRef  int // 1: from last, 2: from golden
	keepEntropy   bool
	saved         entropy // what to go back to when !keepEntropy
	hasSkip       bool
	probSkip      uint8
	probIntra     uint8
	probLast      uint8
	probGolden    uint8
}

// parseHeader reads the compressed header (RFC 6386, section 9.2 on) from the
// first partition into h and p, and splits off the token partitions.
func parseHeader(h *frameHeader, p *persistent, r *boolReader, rest []byte, parts *[8]boolReader) (int, error) {
	if h.key {
		r.literal(2) // colour space and clamping type change nothing here
		p.entropy.reset()
		p.segment = segmentation{}
		p.filter = filterHeader{}
		p.signBias = [numRefs]bool{}
	}
	p.segment.parse(r)
	p.filter.parse(r)
	n := 1 << r.literal(2)
	if err := splitPartitions(rest, parts[:n]); err != nil {
		return 0, err
	}
	h.quantIndex = r.literal(7)
	h.quantDeltas = quantDeltas{
		y1DC: r.optional(4), y2DC: r.optional(4), y2AC: r.optional(4),
		uvDC: r.optional(4), uvAC: r.optional(4),
	}
	parseReferences(h, p, r)
	if !h.keepEntropy {
		h.saved = p.entropy
	}
	for i := range p.entropy.coef {
		for j := range p.entropy.coef[i] {
			for k := range p.entropy.coef[i][j] {
				for t := range p.entropy.coef[i][j][k] {
					if r.bool(coefUpdateProbs[i][j][k][t]) {
						p.entropy.coef[i][j][k][t] = uint8(r.literal(8))
					}
				}
			}
		}
	}
	h.hasSkip = r.flag()
	if h.hasSkip {
		h.probSkip = uint8(r.literal(8))
	}
	if !h.key {
		parseInterProbs(h, &p.entropy, r)
	}
	return n, nil
}

// parseReferences reads which pictures the frame replaces (section 9.7).
func parseReferences(h *frameHeader, p *persistent, r *boolReader) {
	h.copyToGolden, h.copyToAltRef = 0, 0
	if h.key {
		h.refreshGolden, h.refreshAltRef, h.refreshLast = true, true, true
		h.keepEntropy = r.flag()
		return
	}
	h.refreshGolden = r.flag()
	h.refreshAltRef = r.flag()
	if !h.refreshGolden {
		h.copyToGolden = r.literal(2)
	}
	if !h.refreshAltRef {
		h.copyToAltRef = r.literal(2)
	}
	p.signBias[refGolden] = r.flag()
	p.signBias[refAltRef] = r.flag()
	h.keepEntropy = r.flag()
	h.refreshLast = r.flag()
}

// parseInterProbs reads the mode and vector probabilities of an inter frame
// (sections 9.10 and 17.2).
func parseInterProbs(h *frameHeader, e *entropy, r *boolReader) {
	h.probIntra = uint8(r.literal(8))
	h.probLast = uint8(r.literal(8))
	h.probGolden = uint8(r.literal(8))
	if r.flag() {
		for i := range e.yMode {
			e.yMode[i] = uint8(r.literal(8))
		}
	}
	if r.flag() {
		for i := range e.uv {
			e.uv[i] = uint8(r.literal(8))
		}
	}
	for i := range e.mv {
		for j := range e.mv[i] {
			if !r.bool(mvUpdateProbs[i][j]) {
				continue
			}
			x := r.literal(7)
			e.mv[i][j] = uint8(max(x<<1, 1))
		}
	}
}

// splitPartitions finds the token partitions behind the first one: their
// sizes, three bytes each for all but the last, precede them (section 9.5).
func splitPartitions(data []byte, parts []boolReader) error {
	sizes := 3 * (len(parts) - 1)
	if len(data) < sizes {
		return fmt.Errorf("read partition sizes: %w", ErrTruncated)
	}
	body := data[sizes:]
	for i := range len(parts) - 1 {
		size := int(data[3*i]) | int(data[3*i+1])<<8 | int(data[3*i+2])<<16
		if size > len(body) {
			return fmt.Errorf("read token partition %d: %w", i, ErrTruncated)
		}
		parts[i] = newBoolReader(body[:size])
		body = body[size:]
	}
	parts[len(parts)-1] = newBoolReader(body)
	return nil
}
