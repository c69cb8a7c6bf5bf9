package headless

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/term"
	"github.com/meet-term/meet/internal/termsync"
	"github.com/meet-term/meet/signal"
)

// typist is what commands do to shared terminals; *call.Call has it.
type typist interface {
	Terminals() []call.TerminalView
	TypeTerminal(peer signal.PeerID, id int, keys ...termsync.Key) error
	AskTerminal(peer signal.PeerID, id int, on bool) error
	AllowTerminals(peer signal.PeerID, on bool) error
	StopTerminal(id int) error
}

// The fields of the commands of shared terminals.
type (
	terminalArgs struct {
		Peer signal.PeerID `json:"peer"`
		ID   int           `json:"id"`
	}
	terminalTypeArgs struct {
		Peer signal.PeerID `json:"peer"`
		ID   int           `json:"id"`
		Text *string       `json:"text"`
	}
	terminalAskArgs struct {
		Peer signal.PeerID `json:"peer"`
		ID   int           `json:"id"`
		On   *bool         `json:"on"`
	}
	terminalAllowArgs struct {
		Peer signal.PeerID `json:"peer"`
		On   *bool         `json:"on"`
	}
	terminalStopArgs struct {
		ID int `json:"id"`
	}
)

// terminal finds the terminal that is meant: by peer and id, either of which may be
// left out where there is only one.
func terminal(all []call.TerminalView, peer signal.PeerID, id int) (call.TerminalView, error) {
	var found []call.TerminalView
	for _, v := range all {
		if (peer == "" || v.Peer == peer) && (id == 0 || v.ID == id) {
			found = append(found, v)
		}
	}
	switch len(found) {
	case 0:
		return call.TerminalView{}, call.ErrNoTerminal
	case 1:
		return found[0], nil
	}
	return call.TerminalView{}, fmt.Errorf("%d terminals are shared: say which by \"peer\" and \"id\"", len(found))
}

// readTerminals answers what a terminal shows; without a peer, all of them.
func (d Desk) readTerminals(now time.Time, line []byte) ([]any, error) {
	var a terminalArgs
	if err := json.Unmarshal(line, &a); err != nil {
		return nil, fmt.Errorf("no command: %w", err)
	}
	all := d.Call.Terminals()
	if a.Peer != "" || a.ID != 0 {
		v, err := terminal(all, a.Peer, a.ID)
		if err != nil {
			return nil, err
		}
		all = []call.TerminalView{v}
	}
	var lines []any
	for _, v := range all {
		lines = append(lines, terminalText(now, v))
	}
	if len(lines) == 0 {
		return nil, call.ErrNoTerminal
	}
	return lines, nil
}

// terminalText makes the line of what a terminal shows.
func terminalText(now time.Time, v call.TerminalView) terminalTextLine {
	l := terminalTextLine{
		head: head{stamp(now), "terminal-text"}, person: person(v.Who), ID: v.ID, Title: v.Title, Cols: v.Cols,
		Rows: []string{}, Typing: []person{},
	}
	if s := v.Snapshot; s != nil {
		l.Rows, l.Cursor = shownTexts(s), [2]int{s.CursorX, s.CursorY}
	}
	for _, w := range v.Typing {
		l.Typing = append(l.Typing, person(w))
	}
	return l
}

// shownTexts are the lines of a screen. Those of our own terminals are as the program
// wrote them: JSON escapes what is no text.
func shownTexts(s *term.Snapshot) []string { return s.Texts() }

// keysOf makes keys of a text: line feeds and carriage returns are Enter, tabs and
// other control characters the keys that make them.
func keysOfText(s string) ([]termsync.Key, error) {
	if !utf8.ValidString(s) {
		return nil, errors.New("the text is no UTF-8")
	}
	var keys []termsync.Key
	var plain strings.Builder
	flush := func() {
		for rest := plain.String(); rest != ""; {
			n := min(len(rest), termsync.MaxPaste)
			for !utf8.ValidString(rest[:n]) {
				n--
			}
			keys = append(keys, termsync.Key{Text: rest[:n]})
			rest = rest[n:]
		}
		plain.Reset()
	}
	for _, r := range s {
		k := termsync.Key{}
		switch {
		case r == '\r' || r == '\n':
			k.Name = termsync.Enter
		case r == '\t':
			k.Name = termsync.Tab
		case r == 0x1b:
			k.Name = termsync.Escape
		case r == 0x7f || r == 0x08:
			k.Name = termsync.Backspace
		case r < 0x20:
			k.Text, k.Mods = string(r|0x40), termsync.Ctrl
		case r >= 0x80 && r < 0xa0:
			continue
		default:
			plain.WriteRune(r)
			continue
		}
		flush()
		keys = append(keys, k)
	}
	flush()
	return keys, nil
}

// terminalCommands are the commands of shared terminals.
var terminalCommands = []command{
	define("terminal-type", func(a terminalTypeArgs, c controls, _ talker) error {
		t := c.(typist)
		if a.Text == nil || *a.Text == "" {
			return errors.New(`terminal-type needs a "text" with something in it`)
		}
		v, err := terminal(t.Terminals(), a.Peer, a.ID)
		if err != nil {
			return err
		}
		keys, err := keysOfText(*a.Text)
		if err != nil {
			return err
		}
		return t.TypeTerminal(v.Peer, v.ID, keys...)
	}),
	define("terminal-ask", func(a terminalAskArgs, c controls, _ talker) error {
		t := c.(typist)
		v, err := terminal(t.Terminals(), a.Peer, a.ID)
		if err != nil {
			return err
		}
		return t.AskTerminal(v.Peer, v.ID, a.On == nil || *a.On)
	}),
	define("terminal-allow", func(a terminalAllowArgs, c controls, _ talker) error {
		if a.On == nil {
			return errors.New(`terminal-allow needs "on", true or false`)
		}
		if a.Peer == "" && *a.On {
			return errors.New(`terminal-allow needs a "peer": who may type`)
		}
		return c.(typist).AllowTerminals(a.Peer, *a.On)
	}),
	define("terminal-stop", func(a terminalStopArgs, c controls, _ talker) error {
		return c.(typist).StopTerminal(a.ID)
	}),
}
