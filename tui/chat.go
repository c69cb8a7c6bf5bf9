package tui

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/signal"
)

// chatLog is what was said, and how much of it is new.
type chatLog struct {
	messages []call.Chat // oldest first, cleaned
	unread   int
	back     int  // lines scrolled up
	unfolded bool // long messages are shown whole
}

// How many messages are kept for reading.
const chatMax = 1000

// add appends a message; seen tells whether the person is looking.
func (c *chatLog) add(m call.Chat, seen bool) {
	m.Name, m.Text = cleanName(m.Name), front.Lines(m.Text)
	if len(c.messages) >= chatMax {
		c.messages = append(c.messages[:0:0], c.messages[len(c.messages)-chatMax+1:]...)
	}
	at := len(c.messages)
	// What was said before one came is told by several, in no order.
	for m.History && at > 0 && c.messages[at-1].Time.After(m.Time) {
		at--
	}
	c.messages = slices.Insert(c.messages, at, m)
	if !seen && !m.History {
		c.unread++
	}
}

// chatBox is the chat as it is drawn.
type chatBox struct {
	log    *chatLog
	input  *editor
	typing bool
	self   signal.PeerID
	key    string // that starts typing
	unfold string // that shows long messages whole
}

// A message may take half of the chat, within these bounds, before it is folded.
const (
	foldMin = 3
	foldMax = 8
)

// fold leaves the beginning of a message that would fill the chat, and says how
// much is missing.
func (c chatBox) fold(s *Styles, lines []string, w, n int) []string {
	most := max(foldMin, min(foldMax, n/2))
	if c.log.unfolded || len(lines) <= most {
		return lines
	}
	more := fmt.Sprintf("%s %d more lines", s.glyph.ellipsis, len(lines)-most+1)
	if c.unfold != "" {
		more += " (" + c.unfold + ")"
	}
	return append(lines[:most-1:most-1], s.dim.Render(s.cut(more, w)))
}

// lines wraps the newest messages into at least n lines, oldest first. Only as
// many messages as needed are wrapped; the long ones are folded for a chat of
// shown lines.
func (c chatBox) lines(s *Styles, w, n, shown int) []string {
	var blocks [][]string
	total := 0
	for i := len(c.log.messages) - 1; i >= 0 && total < n; i-- {
		b := c.fold(s, c.message(s, c.log.messages[i], w), w, shown)
		blocks = append(blocks, b)
		total += len(b)
	}
	var out []string
	for i := len(blocks) - 1; i >= 0; i-- {
		out = append(out, blocks[i]...)
	}
	return out
}

// message is one message in w cells: name, time, text. A link that is broken
// over lines stays one link for a terminal that knows OSC 8, and can be copied
// whole elsewhere, since nothing is added at the break.
func (c chatBox) message(s *Styles, m call.Chat, w int) []string {
	style := s.person(m.Name)
	if m.Peer == c.self {
		style = s.good
	}
	name := s.cut(m.Name, max(4, w/3))
	head := width(name) + len(" 15:04  ")
	styled := style.Render(name) + s.dim.Render(" "+m.Time.Format("15:04")) + "  "
	if link := longLink(m.Text); link > w-head && link <= w || head > w/2 || strings.Contains(m.Text, "\n") {
		// A link that fits on a line of its own gets one, and lines begin alike.
		return append([]string{s.fit(styled, w)}, s.linked(wrap(m.Text, w), m.Text)...)
	}
	lines := wrap(spaces(head)+m.Text, w)
	rest, ok := strings.CutPrefix(lines[0], spaces(head))
	if !ok { // the first word does not fit beside the name
		return append([]string{styled}, s.linked(wrap(m.Text, w), m.Text)...)
	}
	lines[0] = rest
	lines = s.linked(lines, m.Text)
	lines[0] = styled + lines[0]
	return lines
}

// linked styles the lines that a text was wrapped into and marks the links in
// them, each with its whole address.
func (s *Styles) linked(lines []string, text string) []string {
	spans := links(text)
	if len(spans) == 0 || !s.hyperlinks {
		for i := range lines {
			lines[i] = s.text.Render(lines[i])
		}
		return lines
	}
	pos := 0 // in text
	out := make([]string, len(lines))
	for i, line := range lines {
		var b strings.Builder
		from, open := 0, "" // of what is not written yet
		flush := func(to int) {
			if part := line[from:to]; open != "" {
				b.WriteString(ansi.SetHyperlink(open) + s.accent.Underline(true).Render(part) + ansi.ResetHyperlink())
			} else {
				b.WriteString(s.text.Render(part))
			}
			from = to
		}
		for j, r := range line {
			// Wrapping drops nothing but blanks.
			for pos < len(text) && !strings.HasPrefix(text[pos:], string(r)) {
				_, n := utf8.DecodeRuneInString(text[pos:])
				pos += n
			}
			target := ""
			for _, l := range spans {
				if pos >= l.from && pos < l.to {
					target = text[l.from:l.to]
				}
			}
			if target != open {
				flush(j)
				open = target
			}
			pos += utf8.RuneLen(r)
		}
		flush(len(line))
		out[i] = b.String()
	}
	return out
}

// span is a part of a text, in bytes.
type span struct{ from, to int }

// links finds the web addresses in a text. Only plain ASCII counts: what looks
// like another letter could lead elsewhere.
func links(text string) []span {
	var out []span
	at := 0
	for _, word := range strings.Fields(text) {
		from := at + strings.Index(text[at:], word)
		at = from + len(word)
		opened := strings.TrimLeft(word, "(<\"'")
		from += len(word) - len(opened)
		word = strings.TrimRight(opened, ".,;:!?)>\"'")
		if (strings.HasPrefix(word, "https://") || strings.HasPrefix(word, "http://")) && isASCII(word) {
			out = append(out, span{from, from + len(word)})
		}
	}
	return out
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// longLink is the width of the longest link.
func longLink(text string) int {
	n := 0
	for _, l := range links(text) {
		n = max(n, l.to-l.from)
	}
	return n
}

// Render is the chat in exactly the given cells: a rule, the newest messages
// and the line being written.
func (c chatBox) Render(s *Styles, w, h int) []string {
	if h <= 0 || w <= 0 {
		return nil
	}
	title := s.text.Render("chat")
	if c.log.unread > 0 {
		title = s.accent.Render(fmt.Sprintf("chat (%d unread)", c.log.unread))
	}
	if c.log.back > 0 {
		title += s.dim.Render(" older")
	}
	out := []string{s.rule(title, w)}
	if h == 1 {
		return out
	}
	n := h - 2
	lines := c.lines(s, w, n+c.log.back, n)
	end := max(min(n, len(lines)), len(lines)-c.log.back)
	lines = lines[max(0, end-n):end]
	for range n - len(lines) {
		out = append(out, spaces(w))
	}
	for _, l := range lines {
		out = append(out, s.fit(l, w))
	}
	return append(out, c.prompt(s, w))
}

// prompt is the line being written.
func (c chatBox) prompt(s *Styles, w int) string {
	head := s.accent.Render(s.glyph.prompt) + " "
	if !c.typing && c.input.empty() {
		hint := "type a message"
		if c.key != "" {
			hint += " (" + c.key + ")"
		}
		return s.fit(head+s.dim.Render(hint), w)
	}
	return s.fit(head+c.input.Render(s, max(0, w-2), c.typing), w)
}
