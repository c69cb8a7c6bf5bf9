package termvideo

import "unicode/utf8"

// A pattern is the set of sub-pixels of a cell that show the foreground: bit i
// is sub-pixel i, counted from left to right and then from top to bottom, as
// the names of the Unicode characters count them from 1.

// glyph is one character in UTF-8, kept apart from its length so that writing
// one is a copy of at most four bytes.
type glyph struct {
	utf8 [utf8.UTFMax]byte
	size uint8
}

// glyphSet holds the character of every pattern of one mode.
type glyphSet struct {
	cols, rows int
	full       uint8 // the pattern with every sub-pixel set
	glyphs     [256]glyph
}

func (s *glyphSet) append(b []byte, pattern uint8) []byte {
	g := &s.glyphs[pattern]
	return append(b, g.utf8[:g.size]...)
}

func newGlyphSet(cols, rows int, of func(pattern uint8) rune) *glyphSet {
	s := &glyphSet{cols: cols, rows: rows, full: uint8(1<<(cols*rows) - 1)}
	for p := 0; p <= int(s.full); p++ {
		g := &s.glyphs[p]
		g.size = uint8(utf8.EncodeRune(g.utf8[:], of(uint8(p))))
	}
	return s
}

var (
	halfGlyphs     = newGlyphSet(1, 2, halfRune)
	quadrantGlyphs = newGlyphSet(2, 2, quadrantRune)
	sextantGlyphs  = newGlyphSet(2, 3, sextantRune)
	octantGlyphs   = newGlyphSet(2, 4, octantRune)
)

// glyphsOf returns the set of a mosaic mode, nil for every other mode.
func glyphsOf(m Mode) *glyphSet {
	switch m {
	case ModeHalf:
		return halfGlyphs
	case ModeQuadrant:
		return quadrantGlyphs
	case ModeSextant:
		return sextantGlyphs
	case ModeOctant:
		return octantGlyphs
	case ModeAuto, ModeOff, ModeASCII, ModeSixel, ModeITerm, ModeKitty:
		return nil
	}
	return nil
}

func halfRune(p uint8) rune { return [4]rune{' ', '▀', '▄', '█'}[p&3] }

func quadrantRune(p uint8) rune {
	return [16]rune{
		' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛',
		'▗', '▚', '▐', '▜', '▄', '▙', '▟', '█',
	}[p&15]
}

// sextantRune follows U+1FB00 to U+1FB3B, which hold the patterns in ascending
// order without the four that older characters already show.
func sextantRune(p uint8) rune {
	const left, right, full = 0x15, 0x2a, 0x3f
	switch p &= full; {
	case p == 0:
		return ' '
	case p == left:
		return '▌'
	case p == right:
		return '▐'
	case p == full:
		return '█'
	case p > right:
		return 0x1fb00 + rune(p) - 3
	case p > left:
		return 0x1fb00 + rune(p) - 2
	default:
		return 0x1fb00 + rune(p) - 1
	}
}

// olderOctants are the patterns of 2x4 sub-pixels that characters outside of
// the octant block show: halves, quadrants, quarters and corners.
var olderOctants = map[uint8]rune{
	0x00: ' ',
	0x01: 0x1cea8, // left half upper one quarter
	0x02: 0x1ceab, // right half upper one quarter
	0x03: 0x1fb82, // upper one quarter
	0x05: '▘',
	0x0a: '▝',
	0x0f: '▀',
	0x14: 0x1fbe6, // middle left one quarter
	0x28: 0x1fbe7, // middle right one quarter
	0x3f: 0x1fb85, // upper three quarters
	0x40: 0x1cea3, // left half lower one quarter
	0x50: '▖',
	0x55: '▌',
	0x5a: '▞',
	0x5f: '▛',
	0x80: 0x1cea0, // right half lower one quarter
	0xa0: '▗',
	0xa5: '▚',
	0xaa: '▐',
	0xaf: '▜',
	0xc0: '▂',
	0xf0: '▄',
	0xf5: '▙',
	0xfa: '▟',
	0xfc: '▆',
	0xff: '█',
}

// octantRune follows U+1CD00 to U+1CDE5, which hold the remaining 230 patterns
// in ascending order.
func octantRune(p uint8) rune {
	if r, ok := olderOctants[p]; ok {
		return r
	}
	r := rune(0x1cd00)
	for q := range p {
		if _, ok := olderOctants[q]; !ok {
			r++
		}
	}
	return r
}
