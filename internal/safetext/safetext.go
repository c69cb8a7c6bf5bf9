// Package safetext makes text from the network fit for a terminal: what it
// returns cannot move the cursor, change colours, reorder or hide its
// neighbours, or stand for a picture.
//
// Everything a stranger may have written goes through it before it is stored.
package safetext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// placeholder is the rune the screen uses for cells that hold a picture. It
	// must never come out of a name or a chat line.
	placeholder = 0x1CD00
	// kittyPlaceholder is the one of the Kitty graphics protocol, which would
	// let a text show a picture that was sent before.
	kittyPlaceholder = 0x10EEEE
	// maxMarks bounds the combining marks on one base character: enough for
	// every living script, too few to paint over the lines above and below.
	maxMarks = 3
)

// Line returns s as one line of at most maxRunes runes: without control and
// escape sequences, bidirectional and zero-width characters, private-use and
// unassigned ones, and with every run of white space as a single space. Invalid
// UTF-8 is dropped. The result may be empty.
func Line(s string, maxRunes int) string { return clean(s, maxRunes, false) }

// Block is Line for texts of several lines: line feeds are kept, two in a row
// at most.
func Block(s string, maxRunes int) string { return clean(s, maxRunes, true) }

func clean(s string, maxRunes int, lines bool) string {
	var b strings.Builder
	b.Grow(min(len(s), 4*maxRunes))
	var (
		n       int  // runes written
		marks   int  // combining marks since the last base character
		space   bool // a space is due before the next visible rune
		feeds   int  // line feeds are due before it
		visible bool // something was written
	)
	for n < maxRunes && len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if skip := sequence(s, r, size); skip > 0 {
			s = s[skip:]
			continue
		}
		s = s[size:]
		switch {
		case r == utf8.RuneError && size <= 1:
			continue
		case r == '\n' && lines:
			feeds = min(feeds+1, 2)
			continue
		case isSpace(r):
			space = true
			continue
		case isUnsafe(r):
			continue
		case unicode.Is(unicode.M, r):
			// A mark without a base, or one too many, is dropped.
			if marks++; !visible || space || feeds > 0 || marks > maxMarks {
				continue
			}
		default:
			marks = 0
		}
		if visible {
			for ; feeds > 0 && n < maxRunes-1; feeds-- {
				b.WriteByte('\n')
				n++
				space = false
			}
			if space && n < maxRunes-1 {
				b.WriteByte(' ')
				n++
			} else if space {
				break // no room for the space and what follows it
			}
		}
		space, feeds = false, 0
		b.WriteRune(r)
		n++
		visible = true
	}
	return b.String()
}

func isSpace(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r == '\v' || r == '\f' || r == 0x85 ||
		unicode.Is(unicode.Z, r)
}

// isUnsafe reports runes that show nothing themselves but change what is around
// them, and the two that stand for pictures.
func isUnsafe(r rune) bool {
	switch {
	case r == placeholder, r == kittyPlaceholder:
		return true
	case !unicode.IsGraphic(r): // controls, formats (bidi, zero width), private use, unassigned
		return true
	case r == 0x034F, // combining grapheme joiner
		r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, // Hangul fillers
		r == 0x2800,              // blank Braille
		r == 0x17B4, r == 0x17B5, // inherent Khmer vowels
		0x180B <= r && r <= 0x180F, // Mongolian selectors
		0xFE00 <= r && r <= 0xFE0F, // variation selectors: terminals disagree on their width
		0xE0000 <= r && r <= 0xE0FFF,
		r == 0xFFFC, r == 0xFFFD: // object and character replacement
		return true
	}
	return false
}

// sequence returns the length of the escape sequence s begins with (ECMA-48),
// or 0. r is its first rune of the given size. An unfinished string sequence
// counts for its introducer alone, so that it cannot swallow the rest.
func sequence(s string, r rune, size int) int {
	kind := byte(0)
	body := size
	switch {
	case r == 0x1b && len(s) > 1:
		kind, body = s[1], 2
	case 0x80 <= r && r <= 0x9f: // C1 as a rune of its own
		kind = byte(r) - 0x40
	case r == utf8.RuneError && size == 1 && 0x80 <= s[0] && s[0] <= 0x9f: // C1 as a raw byte
		kind = s[0] - 0x40
	default:
		return 0
	}
	switch {
	case kind == '[': // CSI: parameters, intermediates, one final byte
		for i := body; i < len(s); i++ {
			if c := s[i]; c >= 0x40 && c <= 0x7e {
				return i + 1
			} else if c < 0x20 || c > 0x3f {
				return i
			}
		}
		return len(s)
	case kind == ']' || kind == 'P' || kind == 'X' || kind == '^' || kind == '_': // strings
		return stringEnd(s, body)
	case r != 0x1b:
		return 0 // another C1, dropped as a control
	case kind >= 0x20 && kind <= 0x2f: // escape, intermediates, final byte
		for i := body; i < len(s); i++ {
			if c := s[i]; c < 0x20 || c > 0x7e {
				return i
			} else if c >= 0x30 {
				return i + 1
			}
		}
		return len(s)
	case kind >= 0x30 && kind <= 0x7e:
		return body
	}
	return size
}

// stringEnd returns where the string sequence ends whose text begins at start:
// after BEL, or after the string terminator in either form.
func stringEnd(s string, start int) int {
	for i := start; i < len(s); i++ {
		switch {
		case s[i] == 0x07:
			return i + 1
		case s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\':
			return i + 2
		case s[i] == 0xc2 && i+1 < len(s) && s[i+1] == 0x9c:
			return i + 2
		case s[i] == 0x1b || s[i] == '\n':
			return start
		}
	}
	return start
}
