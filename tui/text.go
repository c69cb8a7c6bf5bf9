package tui

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/meet-term/meet/front"
)

// cleanName makes a name fit for one cell of a table, and cleanText any other text
// for one line: the screen is the last thing between a stranger and the terminal.
func cleanName(s string) string { return front.Name(s) }

func cleanText(s string) string { return front.Text(s) }

// width is how many cells a styled string takes. Most of what is measured is
// ASCII, boxes, bars and colours; only the rest needs the segmentation of
// Unicode, which costs ten times as much.
func width(s string) int {
	n := 0
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == 0x1b:
			end := sgrLen(s[i:])
			if end == 0 {
				return ansi.StringWidth(s)
			}
			i += end
		case c < utf8.RuneSelf:
			if c >= 0x20 && c != 0x7f {
				n++
			}
			i++
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if !oneCell(r) {
				return ansi.StringWidth(s)
			}
			n++
			i += size
		}
	}
	return n
}

// sgrLen is the length of the colour sequence that s starts with, or 0.
func sgrLen(s string) int {
	if len(s) < 3 || s[1] != '[' {
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case (c < '0' || c > '9') && c != ';' && c != ':':
			return 0
		}
	}
	return 0
}

// oneCell reports runes that take one cell wherever they stand and join with
// nothing before them: boxes, blocks, Braille patterns, the placeholder.
func oneCell(r rune) bool {
	return r >= 0x2500 && r <= 0x259f || r >= 0x2801 && r <= 0x28ff || r == Placeholder
}

// cut shortens a styled string to at most w cells and shows that it did.
func (s *Styles) cut(text string, w int) string {
	if w <= 0 {
		return ""
	}
	if width(text) <= w {
		return text
	}
	return ansi.Truncate(text, w, s.glyph.ellipsis)
}

// fit makes a styled string exactly w cells wide.
func (s *Styles) fit(text string, w int) string {
	text = s.cut(text, w)
	return text + spaces(w-width(text))
}

// fitRight is fit for numbers, which end at the right.
func (s *Styles) fitRight(text string, w int) string {
	text = s.cut(text, w)
	return spaces(w-width(text)) + text
}

// center puts a text in the middle of w cells.
func (s *Styles) center(text string, w int) string {
	text = s.cut(text, w)
	left := max(0, w-width(text)) / 2
	return s.fit(spaces(left)+text, w)
}

// spaces is n blanks, none for a negative n.
func spaces(n int) string {
	if n <= 0 {
		return ""
	}
	return strings.Repeat(" ", n)
}

// spread puts one text at the left and one at the right of w cells. The left
// one gives way.
func (s *Styles) spread(left, right string, w int) string {
	rw := width(right)
	if rw+1 >= w {
		return s.fit(left, w)
	}
	return s.fit(left, w-rw) + right
}

// wrap breaks a plain text into lines of at most w cells, at blanks where
// there are any. Words longer than a line are broken, except that a link is
// kept whole as far as hard breaks without added characters keep it so.
func wrap(text string, w int) []string {
	if w <= 0 {
		return nil
	}
	return strings.Split(ansi.Wrap(text, w, ""), "\n")
}

// clock shows a duration as 00:12:34.
func clock(d time.Duration) string {
	s := max(0, int(d/time.Second))
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// until shows a countdown in whole seconds: "now" or "in 3 s".
func until(now, at time.Time) string {
	left := at.Sub(now)
	if at.IsZero() || left <= 0 {
		return "now"
	}
	return fmt.Sprintf("in %d s", int((left+time.Second-1)/time.Second))
}

// bitrate shows bit/s as "64 k" or "1.2 M".
func bitrate(bits int) string {
	if bits >= 9_950_000 {
		return fmt.Sprintf("%d M", (bits+500_000)/1_000_000)
	}
	if bits >= 999_500 {
		return fmt.Sprintf("%.1f M", float64(bits)/1e6)
	}
	return fmt.Sprintf("%d k", (bits+500)/1000)
}
