package tui

import (
	"fmt"

	"github.com/charmbracelet/lipgloss"

	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/rtc"
)

// badge is the connection state of one peer as symbol and words. The words
// are those of the product, such as "Reconnecting...", with the attempt behind
// them where the width allows; below that a compact form such as "retry 2/3".
type badge struct {
	peer   rtc.PeerView
	server bool // the signaling server is reachable
	step   int  // of the spinner
}

// The widths of a badge at which more of it fits: each holds the longest of its
// form, symbol included.
const (
	badgeMin    = 9  // "⠋ 2/3"
	badgeShort  = 12 // "⠋ connecting"
	badgeMiddle = 18 // "⠋ Reconnecting 2/3"
	badgeLong   = 21 // "⠋ Reconnecting... 2/3"
	badgeMax    = 22 // "⠋ Reconnecting... away"
)

// detail is how far a repair has come: "2/3", "away", "waiting" or nothing.
func (b badge) detail() string {
	r := b.peer.Repair
	switch {
	case b.peer.State != rtc.StateDisconnected:
		return ""
	case r.Attempt > 0 && !r.Waiting:
		return fmt.Sprintf("%d/%d", r.Attempt, r.Of)
	case b.peer.Away:
		return "away"
	case r.Waiting && !b.server:
		return "waiting"
	}
	return ""
}

// forms are the words from the longest to the shortest.
func (b badge) forms() []string {
	words, detail := front.StateWords(b.peer), b.detail()
	switch b.peer.State {
	case rtc.StateConnecting:
		return []string{words, "connecting", "joining"}
	case rtc.StateConnected:
		switch {
		case b.peer.Silent:
			return []string{words, "not heard"}
		case b.peer.OneWay || b.peer.Unheard:
			return []string{words, "one-way"}
		}
		if b.peer.Via != "" {
			via := "via " + cleanName(b.peer.Via)
			return []string{words + " " + via, via, words}
		}
	case rtc.StateDisconnected:
		switch {
		case detail == "":
			return []string{words, "retry"}
		case b.peer.Repair.Attempt > 0 && !b.peer.Repair.Waiting:
			return []string{words + " " + detail, "Reconnecting " + detail, words, "retry " + detail, detail}
		}
		return []string{words + " " + detail, words, detail}
	case rtc.StateNew, rtc.StateFailed, rtc.StateClosed:
	}
	return []string{words}
}

// look is the symbol and the colour of the state.
func (b badge) look(s *Styles) (string, lipgloss.Style) {
	switch b.peer.State {
	case rtc.StateNew:
		return s.glyph.fresh, s.dim
	case rtc.StateConnecting:
		return s.spinner(b.step), s.accent
	case rtc.StateConnected:
		if b.peer.OneWay || b.peer.Silent || b.peer.Unheard {
			return s.glyph.oneWay, s.warn
		}
		return s.glyph.connected, s.dim // as it should be: colour is for what is not
	case rtc.StateDisconnected:
		return s.spinner(b.step), s.warn
	case rtc.StateFailed:
		return s.glyph.failed, s.bad
	case rtc.StateClosed:
		return s.glyph.away, s.dim
	}
	return s.glyph.fresh, s.dim
}

// Text is the badge without colour in at most w cells.
func (b badge) Text(s *Styles, w int) string {
	symbol, _ := b.look(s)
	text := ""
	for _, form := range b.forms() {
		if text = symbol + " " + form; width(text) <= w {
			break
		}
	}
	return s.cut(text, w)
}

// Render is the badge in exactly w cells.
func (b badge) Render(s *Styles, w int) string {
	_, style := b.look(s)
	text := b.Text(s, w)
	return style.Render(text) + spaces(w-width(text))
}

// moving reports whether the badge has a spinner.
func (b badge) moving() bool {
	return b.peer.State == rtc.StateConnecting || b.peer.State == rtc.StateDisconnected
}
