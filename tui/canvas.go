package tui

import (
	"github.com/charmbracelet/lipgloss"
	"slices"
	"strings"
)

// block is a part of the screen that has been drawn.
type block struct {
	rect
	lines []string // styled; missing ones are blank
}

// compose puts blocks that do not overlap together into w by h cells.
func compose(s *Styles, w, h int, blocks []block) string {
	blocks = slices.DeleteFunc(slices.Clone(blocks), func(b block) bool { return b.empty() })
	slices.SortStableFunc(blocks, func(a, b block) int { return a.x - b.x })
	var out strings.Builder
	for y := range h {
		x := 0
		var line strings.Builder
		for _, b := range blocks {
			if y < b.y || y >= b.y+b.h || b.x < x {
				continue
			}
			line.WriteString(spaces(b.x - x))
			text := ""
			if i := y - b.y; i < len(b.lines) {
				text = b.lines[i]
			}
			line.WriteString(s.fit(text, b.w))
			x = b.x + b.w
		}
		out.WriteString(line.String())
		if y < h-1 {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// box draws a border with a title around lines.
func (s *Styles) box(r rect, title string, lines []string) block {
	return s.framed(r, s.dim, title, lines)
}

// framed is box with a frame of some style.
func (s *Styles) framed(r rect, frame lipgloss.Style, title string, lines []string) block {
	if r.w < 2 || r.h < 2 {
		return block{rect: r}
	}
	inner := r.w - 2
	head := s.glyph.tl
	if title != "" && inner > 4 {
		t := s.cut(title, inner-3)
		head = frame.Render(s.glyph.tl) + " " + t + " " +
			frame.Render(strings.Repeat(s.glyph.h, max(0, inner-2-width(t)))+s.glyph.tr)
	} else {
		head = frame.Render(head + strings.Repeat(s.glyph.h, inner) + s.glyph.tr)
	}
	v := frame.Render(s.glyph.v)
	out := []string{head}
	for i := range r.h - 2 {
		text := ""
		if i < len(lines) {
			text = lines[i]
		}
		out = append(out, v+s.fit(text, inner)+v)
	}
	out = append(out, frame.Render(s.glyph.bl+strings.Repeat(s.glyph.h, inner)+s.glyph.br))
	return block{rect: r, lines: out}
}

// rule is a line with a title in it.
func (s *Styles) rule(title string, w int) string {
	line := s.dim.Render(strings.Repeat(s.glyph.rule, 2)) + " " + title + " "
	return s.fit(line+s.dim.Render(strings.Repeat(s.glyph.rule, max(0, w-width(line)))), w)
}
