package tui

import (
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/meet-term/meet/front"
)

// toastKind is in which tone a toast is said.
type toastKind = front.Tone

const (
	toastInfo  = front.Info
	toastGood  = front.Good
	toastWarn  = front.Warn
	toastBad   = front.Bad
	toastQuiet = front.Quiet
)

// toast is one line about something that happened.
type toast struct {
	kind toastKind
	text string
	at   time.Time
}

// How long a toast is shown, and how many the log keeps.
const (
	toastTime = 4 * time.Second
	toastsMax = 500
)

// look is the symbol and the colour of a toast.
func (t toast) look(s *Styles) (string, lipgloss.Style) {
	switch t.kind {
	case toastGood:
		return s.glyph.ok, s.good
	case toastWarn, toastQuiet:
		return s.glyph.warn, s.warn
	case toastBad:
		return s.glyph.bad, s.bad
	case toastInfo:
	}
	return s.glyph.info, s.text
}

// Render is the toast in w cells.
func (t toast) Render(s *Styles, w int) string {
	symbol, style := t.look(s)
	return style.Render(s.fit(" "+symbol+" "+t.text, w))
}

// toasts is the log of them; the newest is on screen for toastTime.
type toasts struct {
	log []toast // oldest first
}

// add appends a toast and drops the oldest of too many.
func (ts *toasts) add(t toast) {
	if len(ts.log) >= toastsMax {
		ts.log = append(ts.log[:0:0], ts.log[len(ts.log)-toastsMax+1:]...)
	}
	ts.log = append(ts.log, t)
}

// current is the toast to show now.
func (ts *toasts) current(now time.Time) (toast, bool) {
	n := len(ts.log)
	for n > 0 && ts.log[n-1].kind == toastQuiet {
		n--
	}
	if n == 0 {
		return toast{}, false
	}
	t := ts.log[n-1]
	return t, now.Sub(t.at) < toastTime
}

// Log renders the newest toasts that fit in h lines, the newest last.
func (ts *toasts) Log(s *Styles, w, h, back int) []string {
	if len(ts.log) == 0 {
		return []string{s.dim.Render(s.fit(" nothing happened yet", w))}
	}
	const clockW = len(" 15:04:05")
	end := max(min(1, len(ts.log)), len(ts.log)-back)
	var lines []string
	for i := end - 1; i >= 0 && len(lines) < h; i-- {
		t := ts.log[i]
		symbol, style := t.look(s)
		head := s.dim.Render(t.at.Format(" 15:04:05")) + style.Render(" "+symbol+" ")
		var entry []string
		for _, line := range wrap(t.text, max(8, w-clockW-3)) {
			entry = append(entry, s.fit(head+style.Render(line), w))
			head = spaces(clockW + 3)
		}
		lines = append(entry, lines...)
	}
	return lines[max(0, len(lines)-h):]
}
