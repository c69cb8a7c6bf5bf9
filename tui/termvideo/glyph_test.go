package termvideo

import (
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

func runeOf(s *glyphSet, p int) rune {
	g := s.glyphs[p]
	r, _ := utf8.DecodeRune(g.utf8[:g.size])
	return r
}

// TestGlyphsAreComplete holds every table to what makes it usable: a character
// for every pattern, each only once, each one cell wide, and the opposite of a
// pattern within reach.
func TestGlyphsAreComplete(t *testing.T) {
	for name, set := range map[string]*glyphSet{
		"half": halfGlyphs, "quadrant": quadrantGlyphs, "sextant": sextantGlyphs, "octant": octantGlyphs,
	} {
		t.Run(name, func(t *testing.T) {
			seen := map[rune]int{}
			for p := range int(set.full) + 1 {
				r := runeOf(set, p)
				if other, ok := seen[r]; ok {
					t.Errorf("patterns %#x and %#x share %U", other, p, r)
				}
				seen[r] = p
				if w := ansi.StringWidth(string(r)); w != 1 {
					t.Errorf("%U of pattern %#x is %d cells wide", r, p, w)
				}
			}
			if got := len(seen); got != 1<<(set.cols*set.rows) {
				t.Errorf("%d characters for %dx%d sub-pixels", got, set.cols, set.rows)
			}
			if runeOf(set, 0) != ' ' || runeOf(set, int(set.full)) != '█' {
				t.Error("the empty and the full cell must be the space and the full block")
			}
		})
	}
}

// TestGlyphsAgree compares the tables with each other: a pattern that a coarser
// grid can show too must be the same character in the finer one.
func TestGlyphsAgree(t *testing.T) {
	for p := range 16 {
		var octant int
		for bit := range 4 {
			if p>>bit&1 != 0 {
				octant |= 0b101 << (bit&1 + bit>>1*4)
			}
		}
		if q, o := runeOf(quadrantGlyphs, p), runeOf(octantGlyphs, octant); q != o {
			t.Errorf("quadrant %04b is %U, its octant %08b is %U", p, q, octant, o)
		}
	}
	for p, columns := range map[int]int{1: 0x15, 2: 0x2a} {
		quadrant := []int{0, 0b0101, 0b1010}[p]
		if s, q := runeOf(sextantGlyphs, columns), runeOf(quadrantGlyphs, quadrant); s != q {
			t.Errorf("column %d: sextant %U, quadrant %U", p, s, q)
		}
	}
}

// TestGlyphsAgainstUnicode checks characters by their Unicode names, which list
// the sub-pixels that are set (U+1FB00 BLOCK SEXTANT-1, U+1CD00 BLOCK OCTANT-3).
func TestGlyphsAgainstUnicode(t *testing.T) {
	for _, c := range []struct {
		set  *glyphSet
		name string // the digits of the name
		want rune
	}{
		{sextantGlyphs, "1", 0x1fb00},
		{sextantGlyphs, "12", 0x1fb02},
		{sextantGlyphs, "3", 0x1fb03},
		{sextantGlyphs, "35", 0x1fb13},
		{sextantGlyphs, "235", 0x1fb14},
		{sextantGlyphs, "1235", 0x1fb15},
		{sextantGlyphs, "46", 0x1fb26},
		{sextantGlyphs, "146", 0x1fb27},
		{sextantGlyphs, "6", 0x1fb1e},
		{sextantGlyphs, "23456", 0x1fb3b},
		{octantGlyphs, "1", 0x1cea8},
		{octantGlyphs, "2", 0x1ceab},
		{octantGlyphs, "7", 0x1cea3},
		{octantGlyphs, "8", 0x1cea0},
		{octantGlyphs, "12", 0x1fb82},
		{octantGlyphs, "35", 0x1fbe6},
		{octantGlyphs, "46", 0x1fbe7},
		{octantGlyphs, "123456", 0x1fb85},
		{octantGlyphs, "3", 0x1cd00},
		{octantGlyphs, "23", 0x1cd01},
		{octantGlyphs, "123", 0x1cd02},
		{octantGlyphs, "4", 0x1cd03},
		{octantGlyphs, "134678", 0x1cdd8},
		{octantGlyphs, "1234678", 0x1cdda},
		{octantGlyphs, "15678", 0x1cddb},
		{octantGlyphs, "45678", 0x1cde1},
		{octantGlyphs, "2345678", 0x1cde5},
	} {
		pattern := 0
		for _, digit := range c.name {
			pattern |= 1 << (digit - '1')
		}
		if got := runeOf(c.set, pattern); got != c.want {
			t.Errorf("%dx%d pattern %s is %U, want %U", c.set.cols, c.set.rows, c.name, got, c.want)
		}
	}
}

// TestOctantBlockIsInOrder checks that the characters U+1CD00 to U+1CDE5 are
// used in the order of their patterns, without a gap.
func TestOctantBlockIsInOrder(t *testing.T) {
	next := rune(0x1cd00)
	for p := range 256 {
		if r := runeOf(octantGlyphs, p); r >= 0x1cd00 && r <= 0x1cde5 {
			if r != next {
				t.Fatalf("pattern %#x is %U, want %U", p, r, next)
			}
			next++
		}
	}
	if next != 0x1cde6 {
		t.Errorf("the block ends before %U, want U+1CDE6", next)
	}
}
