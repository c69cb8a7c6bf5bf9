package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/term"
	"github.com/meet-term/meet/internal/termsync"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// shared is a terminal in which a program wrote something.
func shared(peer signal.PeerID, name string, id, cols, rows int, title, out string) call.TerminalView {
	t := term.New(cols, rows)
	fmt.Fprint(t, out)
	return call.TerminalView{Who: rtc.Who{Peer: peer, Name: name}, ID: id, Title: title, Cols: cols, Rows: rows, Snapshot: t.Snapshot()}
}

// fakeTerminals note what is done to them.
type fakeTerminals struct {
	*fake
	all []call.TerminalView
}

func (f *fakeTerminals) Terminals() []call.TerminalView    { return f.all }
func (f *fakeTerminals) TerminalsChanged() <-chan struct{} { return nil }
func (f *fakeTerminals) TypeTerminal(p signal.PeerID, id int, keys ...termsync.Key) error {
	for _, k := range keys {
		f.note("type", p, id, string(k.Bytes(false, false)))
	}
	return nil
}
func (f *fakeTerminals) AskTerminal(p signal.PeerID, id int, on bool) error {
	f.note("ask", p, id, on)
	return nil
}
func (f *fakeTerminals) AllowTerminals(p signal.PeerID, on bool) error {
	f.note("allow", p, on)
	return nil
}
func (f *fakeTerminals) ScrollTerminal(p signal.PeerID, id, back int) { f.note("scroll", p, id, back) }
func (f *fakeTerminals) StopTerminal(id int) error                    { f.note("stop", id); return nil }

// carryOut runs commands, and gives the model what comes of them.
func carryOut(m *Model, cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		for _, c := range msg {
			carryOut(m, c)
		}
	case typedThereMsg, shellMsg:
		_, next := m.Update(msg)
		_ = next // waits and ticks
		if t, ok := msg.(typedThereMsg); ok && t.keys {
			carryOut(m, m.sendThere())
		}
	}
}

// Asking, typing, letting go, and being taken back; and who shares says yes or no.
func TestTypingInTerminals(t *testing.T) {
	f := newFake(many(3))
	terms := &fakeTerminals{fake: f, all: []call.TerminalView{shared("id-guest-01", "guest-01", 1, 80, 24, "bash", "$ ")}}
	m := newModel(Options{Room: f, Controls: f, Terminals: terms, Cols: 120, Rows: 40, Now: func() time.Time { return noon }}, nil)
	m.setTerminals(terms.all)
	press := func(keys ...tea.KeyMsg) {
		for _, k := range keys {
			carryOut(m, m.key(k))
		}
	}
	letter := func(s string) tea.KeyMsg { return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(s)} }
	did := func(want string) {
		t.Helper()
		if got := strings.Join(f.did, ", "); got != want {
			t.Errorf("did %q, want %q", got, want)
		}
		f.did = nil
	}
	press(letter("T"))
	did("ask id-guest-01 1 true")
	may := terms.all[0]
	may.MayType = true
	m.setTerminals([]call.TerminalView{may})
	press(letter("T"), letter("m"), letter("q"), tea.KeyMsg{Type: tea.KeyCtrlC}, tea.KeyMsg{Type: tea.KeyUp})
	did("type id-guest-01 1 m, type id-guest-01 1 q, type id-guest-01 1 \x03, type id-guest-01 1 \x1b[A")
	press(tea.KeyMsg{Type: tea.KeyCtrlCloseBracket})
	if m.terms.typing.id != 0 {
		t.Error("ctrl+] does not take the keys back")
	}
	press(letter("T"))
	m.setTerminals(terms.all) // taken back
	if m.terms.typing.id != 0 {
		t.Error("keys still go where they may not")
	}
	press(tea.KeyMsg{Type: tea.KeyShiftUp})
	did("scroll id-guest-01 1 12")

	own := shared(self, "alice", 2, 80, 24, "bash", "$ ")
	own.Own, own.Asking = true, []rtc.Who{{Peer: "id-guest-02", Name: "guest-02"}}
	m.setTerminals([]call.TerminalView{own})
	press(letter("y"))
	did("allow id-guest-02 true")
	press(letter("n"))
	did("allow id-guest-02 false")
	press(tea.KeyMsg{Type: tea.KeyCtrlT})
	did("allow  false")
	press(letter("t"), letter("x"))
	did("stop 2")
}

// Every key of a keyboard means what it does in a terminal.
func TestKeysForTerminals(t *testing.T) {
	for _, c := range []struct {
		msg  tea.KeyMsg
		want string
	}{
		{tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("é")}, "é"},
		{tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("b"), Alt: true}, "\x1bb"},
		{tea.KeyMsg{Type: tea.KeySpace, Runes: []rune(" ")}, " "},
		{tea.KeyMsg{Type: tea.KeyCtrlA}, "\x01"},
		{tea.KeyMsg{Type: tea.KeyCtrlZ}, "\x1a"},
		{tea.KeyMsg{Type: tea.KeyEsc}, "\x1b"},
		{tea.KeyMsg{Type: tea.KeyTab}, "\t"},
		{tea.KeyMsg{Type: tea.KeyF1}, "\x1bOP"},
		{tea.KeyMsg{Type: tea.KeyF12}, "\x1b[24~"},
		{tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("a\r\x1bb"), Paste: true}, "a\rb"},
	} {
		k, ok := keyOf(c.msg)
		if got := string(k.Bytes(false, false)); !ok || got != c.want {
			t.Errorf("%s: %q, want %q", c.msg, got, c.want)
		}
	}
}

// A line has the width it is given, wherever wide characters are cut.
func TestCells(t *testing.T) {
	s := NewStyles(Theme{})
	v := shared("p", "p", 1, 20, 1, "", "ab日本語é👩\u200d👩\u200d👧\x1b[31mred")
	for x0 := range 20 {
		for w := 1; w < 25; w++ {
			line := s.cells(v.Snapshot.Lines[0], x0, w, x0)
			if got := ansi.StringWidth(line); got != w {
				t.Fatalf("%d cells from %d: %d, %q", w, x0, got, line)
			}
		}
	}
	if got := termText(v); got != "ab日本語é👩\u200d👩\u200d👧red" {
		t.Errorf("copied %q", got)
	}
}
