package tui

import (
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// toastKind is what a toast is about, which decides its symbol and colour.
type toastKind uint8

const (
	toastInfo toastKind = iota
	toastGood
	toastWarn
	toastBad
	toastQuiet // for the log alone: the screen says it elsewhere
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

// describe is what a person should read about an event, and of which kind it
// is; an empty text means that the event says nothing to people.
func describe(ev rtc.Event) (string, toastKind) {
	switch e := ev.(type) {
	case rtc.Reconnected:
		return "Reconnected to " + cleanName(e.Name) + " (" + repairText(e.Attempts) + ", " + brief(e.Outage) + ")", toastGood
	case rtc.ReconnectFailed:
		return "Failed to reconnect to " + cleanName(e.Name) + " after " + plural(e.Attempts, "attempt"), toastBad
	case rtc.ConnectFailed:
		return cleanText(e.Sentence()), toastBad
	case rtc.PathChangedTo:
		switch {
		case e.Path == rtc.PathVia:
			return "Reaching " + cleanName(e.Name) + " via " + cleanName(e.Via), toastInfo
		case e.Previous == rtc.PathVia && e.Path == rtc.PathDirect:
			return "Reaching " + cleanName(e.Name) + " directly", toastGood
		case e.Previous == rtc.PathVia:
			return "Reaching " + cleanName(e.Name) + " through the server's relay", toastGood
		}
	case rtc.CarryingChanged:
		if len(e.Pairs) == 0 {
			return "No longer carrying anybody", toastInfo
		}
		return capital(carryingText(e.Pairs)), toastInfo
	case rtc.ServerStateChanged:
		switch {
		case e.State == signal.Connected && e.Previous == signal.Reconnecting:
			return "Reconnected to server", toastGood
		case e.State == signal.Reconnecting && e.Previous == signal.Connected:
			return "Lost the server; the call goes on", toastWarn
		}
	case rtc.PeerJoined:
		return cleanName(e.Name) + " joined", toastInfo
	case rtc.PeerLeft:
		if e.Crashed {
			return cleanName(e.Name) + " lost connection", toastWarn
		}
		return cleanName(e.Name) + " left", toastInfo
	case rtc.Undelivered:
		return cleanName(e.Name) + " cannot be reached now and gets your message later", toastWarn
	case rtc.HearingLost:
		return hearingText(cleanName(e.Name), e.Heard, e.Hears), toastWarn
	case Place:
		if e.Note != "" {
			return cleanText(e.Note), toastWarn
		}
		return placeText(e), toastInfo
	case Notice:
		switch {
		case e.Warning:
			return cleanText(e.Text), toastBad
		case e.Good:
			return cleanText(e.Text), toastGood
		}
		return cleanText(e.Text), toastInfo
	case rtc.Joined, rtc.RosterChanged, rtc.MediaStateChanged, rtc.HearingChanged:
		// the view shows them, and plain mode has words of its own
	case rtc.ConnectionStateChanged, rtc.ICEConnectionStateChanged,
		rtc.PeerConnected, rtc.PeerDisconnected, rtc.PeerConnectionFailed, rtc.Reconnecting:
		// the badge of the person shows them; how it ends is said above
	}
	return "", toastInfo
}

// placeText is where the room is, and with whom the invite works.
func placeText(p Place) string {
	text := cleanText(p.Where)
	if text == "" {
		return ""
	}
	text = "The room is " + text
	if p.Invite.Works != "" {
		text += "; the invite " + cleanText(p.Invite.Works)
	}
	return text
}

// hearingText says who does not hear whom.
func hearingText(name string, heard, hears bool) string {
	switch {
	case !heard && !hears:
		return "You and " + name + " do not hear each other"
	case !hears:
		return "You do not hear " + name
	case !heard:
		return name + " does not hear you"
	}
	return "You and " + name + " hear each other again"
}

// DescribeHearing says in one line who does not hear whom, for plain mode: the
// screen shows a badge first, and a toast when it lasts.
func DescribeHearing(e rtc.HearingChanged) string {
	return hearingText(cleanName(e.Name), e.Heard, e.Hears)
}

// carryingText is e.g. "carrying ann - bob".
func carryingText(pairs []rtc.CarriedView) string {
	names := make([]string, len(pairs))
	for i, p := range pairs {
		names[i] = cleanName(p[0].Name) + " - " + cleanName(p[1].Name)
	}
	return "carrying " + strings.Join(names, ", ")
}

// capital makes a sentence begin as sentences do.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// repairText is how an outage was mended.
func repairText(attempts int) string {
	if attempts == 0 {
		return "by itself"
	}
	return plural(attempts, "attempt")
}

// Describe says in one line what an event means for people; empty when it
// means nothing to them. Plain mode and the screen share these words.
func Describe(ev rtc.Event) string {
	text, _ := describe(ev)
	return text
}
