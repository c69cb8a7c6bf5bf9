package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/term"
	"github.com/meet-term/meet/signal"
)

// termID names a shared terminal; the zero value is none.
type termID struct {
	peer signal.PeerID
	id   int
}

func idOf(v call.TerminalView) termID { return termID{v.Peer, v.ID} }

// terminals are the shared terminals as the screen has them.
type terminals struct {
	all    []call.TerminalView
	shells map[int]bool // our own that run in here, which have no other screen
	typing termID       // where the keys go; the zero value: nowhere
	// panned is how far the view of a terminal was moved from where its cursor is, in
	// columns.
	panned map[termID]int
	choose bool // what is to be shared?
}

// view of a terminal, if it is still there.
func (t *terminals) view(id termID) (call.TerminalView, bool) {
	for _, v := range t.all {
		if idOf(v) == id && id.id != 0 {
			return v, true
		}
	}
	return call.TerminalView{}, false
}

// shown are those that have a place on the stage: those of others, and our own that
// are nowhere else.
func (t *terminals) shown() (all []call.TerminalView) {
	for _, v := range t.all {
		if !v.Own || t.shells[v.ID] {
			all = append(all, v)
		}
	}
	return all
}

// question is who wants to type in a terminal of ours, if somebody does.
func (t *terminals) question() (peer signal.PeerID, name, title string, ok bool) {
	for _, v := range t.all {
		if v.Own && len(v.Asking) > 0 {
			return v.Asking[0].Peer, cleanName(v.Asking[0].Name), v.Title, true
		}
	}
	return "", "", "", false
}

// sharing is what the header says while we share: how many, and who types.
func (t *terminals) sharing() string {
	n, typing := 0, ""
	for _, v := range t.all {
		if !v.Own {
			continue
		}
		n++
		for _, w := range v.Typing {
			typing += ", " + cleanName(w.Name) + " types"
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return "sharing a terminal" + typing
	}
	return fmt.Sprintf("sharing %d terminals%s", n, typing)
}

// termBox draws the box of a shared terminal: the part around its cursor.
func (sc *screen) termBox(p placedPicture) block {
	s, in := sc.styles, p.box.inner()
	v, ok := sc.terms.view(p.picture.termID())
	if !ok {
		return s.box(p.box, "", nil)
	}
	name := cleanName(v.Name)
	if v.Own {
		name = "you"
	}
	style := s.text
	if sc.levels[p.peer].Speaking {
		style = s.speak.Bold(true)
	}
	head := style.Render(name) + s.accent.Render(" "+s.glyph.dot+" "+cleanText(v.Title))
	for _, w := range v.Typing {
		head += s.warn.Render(" " + s.glyph.dot + " " + cleanName(w.Name) + " types")
	}
	switch {
	case sc.terms.typing == idOf(v):
		head += s.warn.Render(" " + s.glyph.dot + " your keys go here")
	case v.Back > 0:
		head += s.dim.Render(fmt.Sprintf(" %s %d lines back", s.glyph.dot, v.Back))
	case v.Asked:
		head += s.dim.Render(" " + s.glyph.dot + " asked to type")
	}
	if v.Snapshot == nil {
		return s.box(p.box, head, []string{"", s.center(s.dim.Render("waiting for what it shows"), in.w)})
	}
	return s.box(p.box, head, sc.termLines(v, in.w, in.h))
}

// termLines are the lines of a terminal in a box.
func (sc *screen) termLines(v call.TerminalView, w, h int) []string {
	lines, cursor := scrolled(v)
	x0, y0 := around(v, cursor, len(lines), w, h, sc.terms.panned[idOf(v)])
	out := make([]string, 0, max(0, h))
	for y := y0; y < len(lines) && len(out) < h; y++ {
		at := -1
		if y == cursor && !v.Snapshot.Hidden {
			at = v.Snapshot.CursorX
		}
		out = append(out, sc.styles.cells(lines[y], x0, w, at))
	}
	return out
}

// scrolled are the lines that are looked at, and in which of them the cursor is; -1
// when it is further down.
func scrolled(v call.TerminalView) (lines [][]term.Cell, cursor int) {
	s := v.Snapshot
	if v.Back == 0 {
		return s.Lines, s.CursorY
	}
	lines = append(append([][]term.Cell(nil), v.Past...), s.Lines...)
	lines = lines[:min(len(lines), s.Rows)]
	if cursor = s.CursorY + len(v.Past); cursor >= len(lines) {
		cursor = -1
	}
	return lines, cursor
}

// around is where the part begins that is shown of a terminal larger than its box: it
// moves in steps, so that typing does not shake it.
func around(v call.TerminalView, cursor, rows, w, h, panned int) (x0, y0 int) {
	if cols := v.Snapshot.Cols; cols > w {
		half := max(1, w/2)
		x0 = max(0, v.Snapshot.CursorX-half) / half * half
		x0 = min(max(0, x0+panned), cols-w)
	}
	if cursor < 0 {
		cursor = rows - 1
	}
	if rows > h {
		third := max(1, h/3)
		y0 = max(0, cursor-h+third) / third * third
		y0 = min(max(min(y0, cursor), cursor-h+1, 0), rows-h)
	}
	return x0, y0
}

// cells draws w cells of a line from column x0 on, the cursor reversed.
func (s *Styles) cells(line []term.Cell, x0, w, cursor int) string {
	var b strings.Builder
	var style term.Style
	n := 0
	for x := x0; x < x0+w; x++ {
		c := term.Cell{}
		if x < len(line) {
			c = line[x]
		}
		if c.Tail && x > x0 {
			continue
		}
		text, wide := c.Text, max(1, int(c.Width))
		switch {
		case c.Tail || wide > x0+w-x: // half of it is outside
			text, wide = " ", 1
		case text == "":
			text = " "
		case len(text) > 1 && ansi.StringWidth(text) != wide:
			text = strings.Repeat("?", wide) // a program of our own wrote something odd
		case len(text) > 1 && s.glyph.h == asciiGlyphs.h:
			text = asciiText(text, wide)
		}
		look := c.Style
		if x == cursor {
			look.Attr ^= term.Reverse
		}
		if look != style {
			b.WriteString(s.sgr(look))
			style = look
		}
		b.WriteString(text)
		n += wide
	}
	if style != (term.Style{}) {
		b.WriteString("\x1b[m")
	}
	b.WriteString(spaces(w - n))
	return b.String()
}

// asciiText stands for what is not ASCII: lines and boxes by what looks like them.
func asciiText(text string, wide int) string {
	switch {
	case strings.ContainsAny(text, "─━═╌┄┈▁▔"):
		return "-"
	case strings.ContainsAny(text, "│┃║╎┆┊▏▕"):
		return "|"
	case strings.ContainsAny(text, "┌┐└┘├┤┬┴┼╔╗╚╝╠╣╦╩╬╭╮╯╰"):
		return "+"
	case strings.ContainsAny(text, "█▉▊▋▌▍▎▀▄▐░▒▓"):
		return "#"
	}
	return strings.Repeat("?", wide)
}

// sgr is the sequence for a style, in the colours that this terminal has. What is
// concealed is shown: nothing hides from who looks.
func (s *Styles) sgr(look term.Style) string {
	codes := []string{"0"}
	for i, code := range []string{"1", "2", "3", "4", "5", "7", "", "9"} {
		if look.Attr&(1<<i) != 0 && code != "" {
			codes = append(codes, code)
		}
	}
	for i, c := range []term.Color{look.Fg, look.Bg} {
		if seq := s.colorOf(c, i == 1); seq != "" {
			codes = append(codes, seq)
		}
	}
	return "\x1b[" + strings.Join(codes, ";") + "m"
}

func (s *Styles) colorOf(c term.Color, bg bool) string {
	var color termenv.Color
	if n, ok := c.Index(); ok {
		color = s.profile.Color(fmt.Sprint(n))
	} else if r, g, b, ok := c.RGB(); ok {
		color = s.profile.Color(fmt.Sprintf("#%02x%02x%02x", r, g, b))
	}
	if color == nil {
		return ""
	}
	return color.Sequence(bg)
}

// termText is what is seen of a terminal as text, for the clipboard.
func termText(v call.TerminalView) string {
	lines, _ := scrolled(v)
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(term.Text(l) + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
