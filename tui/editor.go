package tui

import (
	"slices"
	"strings"

	"github.com/rivo/uniseg"

	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/internal/safetext"
)

// editor is one line of text being written. It is a plain value: copying it
// copies the text, and no method touches anything outside.
//
// The text is kept as grapheme clusters, so that the cursor never stands
// inside of what a person sees as one character.
type editor struct {
	text   []string // grapheme clusters
	cursor int      // 0 to len(text)
	lines  bool     // a paste may bring several lines

	undo    []edit
	sealed  bool // the next insertion starts an undo step of its own
	killed  []string
	history []string // sent lines, oldest first
	at      int      // place in history, from the end; 0 is the line being written
	draft   string   // that line, while history is shown
}

// edit is a state to go back to.
type edit struct {
	text   []string
	cursor int
}

// Bounds of the editor.
const (
	editorMax  = 4000 // characters in a message
	undoMax    = 100
	historyMax = 100
)

// String is the text.
func (e *editor) String() string { return strings.Join(e.text, "") }

// empty reports whether nothing is written.
func (e *editor) empty() bool { return len(e.text) == 0 }

// remember keeps the present state for undo. Text slices are never changed in
// place, so keeping them is cheap.
func (e *editor) remember() {
	if len(e.undo) >= undoMax {
		e.undo = append(e.undo[:0:0], e.undo[1:]...)
	}
	e.undo = append(e.undo, edit{e.text, e.cursor})
}

// replace puts clusters in the place of text[from:to] and the cursor after.
func (e *editor) replace(from, to int, with []string) {
	// Neighbours may become one cluster, such as a letter and an accent. How
	// far that reaches is a matter of a few characters.
	const reach = 8
	left, right := max(0, from-reach), min(len(e.text), to+reach)
	before := strings.Join(e.text[left:from], "") + strings.Join(with, "")
	middle := clusters(before + strings.Join(e.text[to:right], ""))
	next := make([]string, 0, left+len(middle)+len(e.text)-right)
	next = append(next, e.text[:left]...)
	next = append(next, middle...)
	next = append(next, e.text[right:]...)
	e.text = next
	e.cursor = min(left+len(clusters(before)), len(e.text))
}

// clusters splits a text into what people see as characters.
func clusters(s string) []string {
	var out []string
	for g := uniseg.NewGraphemes(s); g.Next(); {
		out = append(out, g.Str())
	}
	return out
}

// insert writes text at the cursor: a typed character or a paste. A paste keeps its
// line breaks, elsewhere they become blanks; what cannot be shown is dropped.
func (e *editor) insert(s string, paste bool) {
	// The cleaner trims blanks at the ends of a line, but these are not ends.
	clean := safetext.Line("|"+s+"|", editorMax+2)
	if paste && e.lines { // terminals send the return key for the ends of lines
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
		clean = safetext.Block("|"+s+"|", editorMax+2)
	}
	clean = front.SteadyWidth(strings.TrimSuffix(strings.TrimPrefix(clean, "|"), "|"))
	add := clusters(clean)
	add = add[:max(0, min(len(add), editorMax-len(e.text)))]
	if len(add) == 0 {
		return
	}
	// Undo goes back word by word, over a paste at once.
	if paste || e.sealed || len(e.undo) == 0 || clean == " " {
		e.remember()
	}
	e.sealed = paste
	e.replace(e.cursor, e.cursor, add)
}

// remove deletes text[from:to] as one undo step.
func (e *editor) remove(from, to int) {
	if from >= to {
		return
	}
	e.remember()
	e.sealed = true
	e.replace(from, to, nil)
}

// kill deletes like remove, and keeps the text for yank.
func (e *editor) kill(from, to int) {
	if from < to {
		e.killed = e.text[from:to]
		e.remove(from, to)
	}
}

// blank tells what words end at.
func blank(cluster string) bool { return cluster == " " || cluster == "\n" }

// wordLeft is where the word before the cursor starts.
func (e *editor) wordLeft() int {
	i := e.cursor
	for i > 0 && blank(e.text[i-1]) {
		i--
	}
	for i > 0 && !blank(e.text[i-1]) {
		i--
	}
	return i
}

// wordRight is where the word after the cursor ends.
func (e *editor) wordRight() int {
	i := e.cursor
	for i < len(e.text) && blank(e.text[i]) {
		i++
	}
	for i < len(e.text) && !blank(e.text[i]) {
		i++
	}
	return i
}

// take ends the line: it returns the text, remembers it and starts afresh.
func (e *editor) take() string {
	s := strings.TrimSpace(e.String())
	if s != "" && (len(e.history) == 0 || e.history[len(e.history)-1] != s) {
		if len(e.history) >= historyMax {
			e.history = append(e.history[:0:0], e.history[1:]...)
		}
		e.history = append(e.history, s)
	}
	e.text, e.cursor, e.undo, e.at, e.draft, e.sealed = nil, 0, nil, 0, "", false
	return s
}

// recall goes back (1) or forward (-1) in history.
func (e *editor) recall(step int) {
	next := max(0, min(len(e.history), e.at+step))
	if next == e.at {
		return
	}
	if e.at == 0 {
		e.draft = e.String()
	}
	e.at = next
	s := e.draft
	if next > 0 {
		s = e.history[len(e.history)-next]
	}
	e.remember()
	e.sealed = true
	e.text = clusters(s)
	e.cursor = len(e.text)
}

// key handles one key by its Bubble Tea name and reports whether it was one
// for the editor. Characters come through insert.
func (e *editor) key(name string) bool {
	switch name {
	case "left", "ctrl+b":
		e.cursor = max(0, e.cursor-1)
	case "right", "ctrl+f":
		e.cursor = min(len(e.text), e.cursor+1)
	case "ctrl+left", "alt+b", "alt+left":
		e.cursor = e.wordLeft()
	case "ctrl+right", "alt+f", "alt+right":
		e.cursor = e.wordRight()
	case "home", "ctrl+a":
		e.cursor = 0
	case "end", "ctrl+e":
		e.cursor = len(e.text)
	case "backspace", "ctrl+h":
		if e.cursor > 0 {
			e.remove(e.cursor-1, e.cursor)
		}
	case "delete", "ctrl+d":
		if e.cursor < len(e.text) {
			at := e.cursor
			e.remove(at, at+1)
			e.cursor = min(at, len(e.text))
		}
	case "ctrl+w", "alt+backspace":
		e.kill(e.wordLeft(), e.cursor)
	case "ctrl+u":
		e.kill(0, e.cursor)
	case "ctrl+k":
		e.kill(e.cursor, len(e.text))
	case "alt+d":
		e.kill(e.cursor, e.wordRight())
	case "ctrl+y":
		e.remember()
		e.replace(e.cursor, e.cursor, e.killed)
	case "ctrl+_", "ctrl+x":
		if n := len(e.undo); n > 0 {
			e.text, e.cursor = e.undo[n-1].text, e.undo[n-1].cursor
			e.undo = e.undo[: n-1 : n-1]
		}
	case "up", "ctrl+p":
		e.recall(1)
	case "down", "ctrl+n":
		e.recall(-1)
	default:
		return false
	}
	if name != "backspace" && name != "ctrl+h" {
		e.sealed = true
	}
	return true
}

// Render shows the part of the line around the cursor in w cells.
func (e *editor) Render(s *Styles, w int, focused bool) string {
	if w <= 1 {
		return spaces(w)
	}
	// Walk left from the cursor as far as the cells reach, then right.
	text := e.text
	if e.lines {
		text = slices.Clone(text)
		for i, c := range text {
			if c == "\n" {
				text[i] = s.glyph.feed
			}
		}
	}
	under := " "
	if e.cursor < len(text) {
		under = text[e.cursor]
	}
	room := w - max(1, width(under))
	first := e.cursor
	for first > 0 && width(text[first-1]) <= room {
		first--
		room -= width(text[first])
	}
	last := min(len(text), e.cursor+1)
	for last < len(text) && width(text[last]) <= room {
		room -= width(text[last])
		last++
	}
	left := strings.Join(text[first:e.cursor], "")
	right := ""
	if e.cursor+1 < last {
		right = strings.Join(text[e.cursor+1:last], "")
	}
	if focused {
		under = s.cursor.Render(under)
	}
	return s.fit(s.text.Render(left)+under+s.text.Render(right), w)
}
