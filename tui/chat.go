package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"github.com/meet-term/meet/signal"
)

// chatLog is what was said, and how much of it is new.
type chatLog struct {
	messages []Message // oldest first, cleaned
	unread   int
	back     int // lines scrolled up
}

// How many messages are kept for reading.
const chatMax = 1000

// add appends a message; seen tells whether the person is looking.
func (c *chatLog) add(m Message, seen bool) {
	m.Name, m.Text = cleanName(m.Name), cleanText(m.Text)
	if len(c.messages) >= chatMax {
		c.messages = append(c.messages[:0:0], c.messages[len(c.messages)-chatMax+1:]...)
	}
	c.messages = append(c.messages, m)
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
}

// lines wraps the newest messages into at least n lines, oldest first. Only as
// many messages as needed are wrapped.
func (c chatBox) lines(s *Styles, w, n int) []string {
	var blocks [][]string
	total := 0
	for i := len(c.log.messages) - 1; i >= 0 && total < n; i-- {
		b := c.message(s, c.log.messages[i], w)
		blocks = append(blocks, b)
		total += len(b)
	}
	var out []string
	for i := len(blocks) - 1; i >= 0; i-- {
		out = append(out, blocks[i]...)
	}
	return out
}

// message is one message in w cells: name, time, text. Lines of one message
// follow each other without added characters, so that a terminal that joins
// them finds a link whole.
func (c chatBox) message(s *Styles, m Message, w int) []string {
	style := s.accent
	if m.From == c.self {
		style = s.good
	}
	name := s.cut(m.Name, max(4, w/3))
	head := name + " " + m.Time.Format("15:04") + "  "
	styled := style.Render(name) + s.dim.Render(" "+m.Time.Format("15:04")) + "  "
	if link := longWord(m.Text); link > w-width(head) && link <= w || width(head) > w/2 {
		// A link that fits on a line of its own gets one.
		return append([]string{s.fit(styled, w)}, textLines(s, s.text, m.Text, w)...)
	}
	first := wrap(spaces(width(head))+m.Text, w)
	if len(first) > 0 && strings.HasPrefix(first[0], spaces(width(head))) {
		first[0] = styled + s.text.Render(first[0][width(head):])
	} else {
		first = append([]string{styled}, wrap(m.Text, w)...)
	}
	for i := 1; i < len(first); i++ {
		first[i] = s.text.Render(first[i])
	}
	return first
}

func textLines(_ *Styles, style lipgloss.Style, text string, w int) []string {
	lines := wrap(text, w)
	for i := range lines {
		lines[i] = style.Render(lines[i])
	}
	return lines
}

// longWord is the width of the longest word that is a link.
func longWord(text string) int {
	n := 0
	for _, word := range strings.Fields(text) {
		if strings.Contains(word, "://") {
			n = max(n, width(word))
		}
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
	lines := c.lines(s, w, n+c.log.back)
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
