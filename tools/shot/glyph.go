package main

import "math/bits"

// block is a glyph that divides its cell into w by h equal parts; bit i of on
// is part i, counted in reading order.
type block struct {
	w, h int
	on   uint64
}

// blockOf returns what a block element, sextant or octant looks like.
func blockOf(r rune) (block, bool) {
	switch {
	case r == '▀':
		return block{1, 2, 0b01}, true
	case r >= '▁' && r <= '█': // lower eighths
		n := int(r-'▁') + 1
		return block{1, 8, 0xff << (8 - n) & 0xff}, true
	case r >= '▉' && r <= '▏': // left eighths, seven to one
		return block{8, 1, 1<<('▏'-r+1) - 1}, true
	case r == '▐':
		return block{2, 1, 0b10}, true
	case r == '▔':
		return block{1, 8, 1}, true
	case r == '▕':
		return block{8, 1, 0x80}, true
	case r >= '▖' && r <= '▟':
		return block{2, 2, quadrants[r-'▖']}, true
	case r >= 0x1FB00 && r <= 0x1FB3B:
		n := uint64(r-0x1FB00) + 1
		for _, half := range []uint64{0b010101, 0b101010} { // these are ▌ and ▐
			if n >= half {
				n++
			}
		}
		return block{2, 3, n}, true
	case r >= 0x1CD00 && int(r-0x1CD00) < len(octants):
		return block{2, 4, octants[r-0x1CD00]}, true
	}
	return block{}, false
}

// quadrants are U+2596 to U+259F.
var quadrants = [...]uint64{0b0100, 0b1000, 0b0001, 0b1101, 0b1001, 0b0111, 0b1011, 0b0010, 0b0110, 0b1110}

// octants are the patterns of U+1CD00 and after: all in order of their value,
// but for those that other characters had before.
var octants = func() []uint64 {
	had := map[uint64]bool{
		0: true, 0xff: true,
		0x03: true, 0xc0: true, 0x3f: true, 0xfc: true, // quarters and three quarters
		0x01: true, 0x02: true, 0x40: true, 0x80: true, // single corners
		0x14: true, 0x28: true, // the middle of a side
	}
	for q := range uint64(16) { // quadrants and halves
		had[q&1*0x05|q>>1&1*0x0a|q>>2&1*0x50|q>>3&1*0xa0] = true
	}
	var all []uint64
	for n := range uint64(256) {
		if !had[n] {
			all = append(all, n)
		}
	}
	return all
}()

// The arms of a box drawing character.
const (
	up = 1 << iota
	right
	down
	left
)

var boxes = map[rune]int{
	'─': left | right, '│': up | down, '┌': right | down, '┐': left | down, '└': up | right, '┘': up | left,
	'├': up | down | right, '┤': up | down | left, '┬': left | right | down, '┴': left | right | up,
	'┼': up | right | down | left, '╴': left, '╵': up, '╶': right, '╷': down,
	'╭': right | down, '╮': left | down, '╰': up | right, '╯': up | left,
}

// dots are the set dots of a braille pattern, as columns and rows of 2 by 4.
func dots(r rune) [][2]int {
	if r < 0x2800 || r > 0x28ff {
		return nil
	}
	places := [...][2]int{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {0, 3}, {1, 3}}
	out := make([][2]int, 0, bits.OnesCount16(uint16(r-0x2800)))
	for i, p := range places {
		if (r-0x2800)>>i&1 == 1 {
			out = append(out, p)
		}
	}
	return out
}
