package tui

import (
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/rtc"
)

// Notify is how the terminal is asked to tell a person something while they look
// elsewhere.
type Notify uint8

// The ways of a terminal to tell something.
const (
	NotifyOff  Notify = iota
	NotifyBell        // BEL alone
	Notify9           // OSC 9 of iTerm2, WezTerm and Windows Terminal, and BEL
	Notify777         // OSC 777 of urxvt, foot and ghostty, and BEL
	Notify99          // OSC 99 of kitty, and BEL
)

var notifyNames = []string{NotifyOff: "off", NotifyBell: "bell", Notify9: "osc9", Notify777: "osc777", Notify99: "osc99"}

// ParseNotify reads the word of a setting: auto, off, bell, osc9, osc777 or osc99. With
// auto, or nothing, the environment says what the terminal knows.
func ParseNotify(word string, env func(string) string) (Notify, error) {
	if word == "" || word == "auto" {
		return notifyOf(env), nil
	}
	for n, name := range notifyNames {
		if word == name {
			return Notify(n), nil
		}
	}
	return NotifyOff, fmt.Errorf("no way to notify %q: auto, %s", word, strings.Join(notifyNames, ", "))
}

// notifyOf is what a terminal is known to understand. One that is not known gets the
// bell, as some print what they do not understand; so does tmux, which passes
// nothing else on and marks the window.
func notifyOf(env func(string) string) Notify {
	term, program := env("TERM"), env("TERM_PROGRAM")
	switch {
	case env("TMUX") != "" || strings.HasPrefix(term, "screen") || strings.HasPrefix(term, "tmux"):
		return NotifyBell
	case env("KITTY_WINDOW_ID") != "" || term == "xterm-kitty":
		return Notify99
	case program == "iTerm.app" || program == "WezTerm":
		return Notify9
	case program == "ghostty" || strings.HasPrefix(term, "foot") || strings.HasPrefix(term, "rxvt"):
		return Notify777
	}
	return NotifyBell
}

// notifyMax bounds what is told, in runes.
const notifyMax = 160

// sequence asks the terminal to tell a text, which is cleaned first: it comes from
// others.
func (n Notify) sequence(text string) string {
	text = safetext.Line(text, notifyMax)
	const bell, end = "\a", "\x1b\\"
	switch n {
	case NotifyBell:
		return bell
	case Notify9:
		return "\x1b]9;meet: " + text + end + bell
	case Notify777:
		return "\x1b]777;notify;meet;" + strings.ReplaceAll(text, ";", ",") + end + bell
	case Notify99:
		return "\x1b]99;i=meet:d=0;meet" + end + "\x1b]99;i=meet:p=body;" + text + end + bell
	case NotifyOff:
	}
	return ""
}

// notifyEvery is the shortest time between two notifications: a busy chat must not
// ring without end. What falls between is on the screen.
const notifyEvery = 2 * time.Second

// attention is whether somebody looks at the screen, and what is to be told if not.
type attention struct {
	away bool // the terminal said that it lost the focus
	last time.Time
	text string // to be told after this update
}

// focus notes whether the terminal has the focus.
func (a attention) focus(on bool) attention { a.away = !on; return a }

// tell has a text told, unless somebody looks or something has just been told.
func (a attention) tell(now time.Time, text string) attention {
	if a.away && (a.last.IsZero() || now.Sub(a.last) >= notifyEvery) {
		a.text, a.last = text, now
	}
	return a
}

// notify writes what is to be told to the terminal.
func (m *Model) notify() tea.Cmd {
	text := m.attention.text
	m.attention.text = ""
	if text == "" || m.opt.Notify == NotifyOff {
		return nil
	}
	return m.writeOut(m.opt.Notify.sequence(text))
}

// worthNotifying reports whether an event is worth looking up for.
func worthNotifying(ev rtc.Event) bool {
	if e, ok := ev.(call.FileOffered); ok {
		return !e.Mine
	}
	switch ev.EventName() {
	case rtc.PeerJoined{}.EventName(), rtc.PeerLeft{}.EventName(), rtc.ReconnectFailed{}.EventName(),
		rtc.ConnectFailed{}.EventName(), call.FileDone{}.EventName(), call.FileFailed{}.EventName():
		return true
	}
	return false
}
