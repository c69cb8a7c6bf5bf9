package tui

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/internal/termsync"
	"github.com/meet-term/meet/media"
)

// Shells runs shells in the call and shares them. Start may take a moment, the others
// return at once.
type Shells interface {
	// Start runs the person's shell in a terminal of a size, and returns the number
	// of that among our own.
	Start(cols, rows int) (int, error)
	Resize(id, cols, rows int)
	// Stop hangs up on it.
	Stop(id int)
}

// leaveTerminal is the key that takes the keys back from a terminal, as in telnet.
const leaveTerminal = "ctrl+]"

// The messages of shared terminals.
type (
	terminalsMsg struct{ all []call.TerminalView }
	shellMsg     struct {
		id  int
		err error
	}
	// typedThereMsg says that something was said to a terminal; keys says that it was
	// what was typed.
	typedThereMsg struct {
		err  error
		keys bool
	}
)

// waitTerminals waits for something new in the shared terminals.
func (m *Model) waitTerminals() tea.Cmd {
	t, done := m.opt.Terminals, m.done
	if t == nil {
		return nil
	}
	return func() tea.Msg {
		select {
		case <-t.TerminalsChanged():
			return terminalsMsg{t.Terminals()}
		case <-done:
			return nil
		}
	}
}

// setTerminals takes what is shared now.
func (m *Model) setTerminals(all []call.TerminalView) tea.Cmd {
	m.terms.all = all
	for i := range m.terms.all {
		m.terms.all[i].Name = m.names.Name(m.terms.all[i].Peer, m.terms.all[i].Name)
	}
	for id := range m.terms.shells {
		if _, there := m.terms.view(termID{m.view.Self, id}); !there {
			delete(m.terms.shells, id)
		}
	}
	if pinned := m.spotlight.pinned; pinned.term != 0 {
		if _, there := m.terms.view(pinned.termID()); !there {
			m.spotlight.pinned = picture{}
		}
	}
	if t := m.terms.typing; t.id != 0 {
		if v, there := m.terms.view(t); !there || !v.MayType {
			m.terms.typing = termID{}
			m.toast(toastInfo, "your keys act here again")
			return m.keyboard()
		}
	}
	return nil
}

// largeTerminal is the terminal in the spotlight, if one is there.
func (m *Model) largeTerminal() (call.TerminalView, bool) {
	l := m.layout()
	for _, p := range m.placed(l) {
		if p.term != 0 && (p.box == l.spot || len(m.terms.shown()) == 1) {
			return m.terms.view(p.picture.termID())
		}
	}
	return call.TerminalView{}, false
}

// fitShell gives our own shell in the spotlight the size of its box.
func (m *Model) fitShell() tea.Cmd {
	if m.opt.Shells == nil || m.lobby {
		return nil
	}
	l := m.layout()
	for _, p := range m.placed(l) {
		in := p.box.inner()
		if p.term == 0 || p.peer != m.view.Self || p.box != l.spot || in.w < 10 || in.h < 3 {
			continue
		}
		want := [3]int{p.term, in.w, in.h}
		if m.fitted == want {
			continue
		}
		m.fitted = want
		shells := m.opt.Shells
		return func() tea.Msg {
			shells.Resize(want[0], want[1], want[2])
			return nil
		}
	}
	return nil
}

// actTerminal does what an action on shared terminals says.
func (m *Model) actTerminal(a Action) tea.Cmd {
	if m.opt.Terminals == nil {
		m.toast(toastInfo, "no terminals are shared here")
		return nil
	}
	switch a {
	case ActTerminal:
		m.terms.choose = true
	case ActType:
		return m.typeAlong()
	case ActUntype:
		return m.untype()
	default:
		return m.copyTerminal()
	}
	return nil
}

// shareKey answers what is to be shared.
func (m *Model) shareKey(name string) tea.Cmd {
	m.terms.choose = false
	switch {
	case name == "n" || name == "enter" || name == "y":
		return m.startShell()
	case name == "x":
		return m.stopSharing()
	}
	return nil
}

func (m *Model) startShell() tea.Cmd {
	shells := m.opt.Shells
	if shells == nil {
		m.toast(toastInfo, "run meet share in another window: it is shared here")
		return nil
	}
	cols, rows := max(20, m.w*2/3), max(6, m.h-10)
	return func() tea.Msg {
		id, err := shells.Start(cols, rows)
		return shellMsg{id, err}
	}
}

// started shows the shell and gives it the keys.
func (m *Model) started(msg shellMsg) tea.Cmd {
	if msg.err != nil {
		m.toast(toastBad, "no shell: "+cleanText(msg.err.Error()))
		return nil
	}
	if m.terms.shells == nil {
		m.terms.shells = map[int]bool{}
	}
	m.terms.shells[msg.id] = true
	m.terms.all = m.opt.Terminals.Terminals()
	id := termID{m.view.Self, msg.id}
	m.spotlight.pinned = picture{peer: id.peer, kind: media.Screen, term: id.id}
	if m.mode == modeGrid {
		m.mode = modeSpotlight
	}
	m.terms.typing = id
	return m.keyboard()
}

// stopSharing ends sharing all that is ours.
func (m *Model) stopSharing() tea.Cmd {
	stopper, ok := m.opt.Terminals.(front.TerminalScroller)
	if !ok {
		return nil
	}
	for _, v := range m.terms.all {
		if !v.Own {
			continue
		}
		if m.terms.shells[v.ID] && m.opt.Shells != nil {
			m.opt.Shells.Stop(v.ID)
		}
		if err := stopper.StopTerminal(v.ID); err == nil {
			m.toast(toastInfo, "no longer shared: "+cleanText(v.Title))
		}
	}
	return nil
}

// typeAlong gives the keys to the terminal in the spotlight, or asks for that.
func (m *Model) typeAlong() tea.Cmd {
	v, ok := m.largeTerminal()
	switch {
	case !ok:
		m.toast(toastInfo, "no terminal is large: choose one with enter, or z")
	case v.MayType:
		m.terms.typing = idOf(v)
		m.toast(toastInfo, "your keys go to the terminal of "+cleanName(v.Name)+"; "+leaveTerminal+" takes them back")
		return m.keyboard()
	case v.ViewOnly:
		m.toast(toastInfo, cleanName(v.Name)+" lets nobody type there")
	case v.Asked:
		m.toast(toastInfo, cleanName(v.Name)+" has not answered yet")
	default:
		t := m.opt.Terminals
		m.toast(toastInfo, "asked "+cleanName(v.Name)+" to let you type")
		return func() tea.Msg { return typedThereMsg{err: t.AskTerminal(v.Peer, v.ID, true)} }
	}
	return nil
}

// untype takes the keys back from everybody at once.
func (m *Model) untype() tea.Cmd {
	t := m.opt.Terminals
	if t == nil {
		return nil
	}
	m.toast(toastInfo, "nobody else types in your terminals now")
	return func() tea.Msg { return typedThereMsg{err: t.AllowTerminals("", false)} }
}

// answer answers who wants to type.
func (m *Model) answer(name string) (tea.Cmd, bool) {
	peer, _, _, ok := m.terms.question()
	if !ok || m.opt.Terminals == nil || name != "y" && name != "n" {
		return nil, false
	}
	t := m.opt.Terminals
	return func() tea.Msg { return typedThereMsg{err: t.AllowTerminals(peer, name == "y")} }, true
}

// scrollTerminal moves the view of the large terminal: lines back, or columns.
func (m *Model) scrollTerminal(name string) bool {
	v, ok := m.largeTerminal()
	if !ok || v.Snapshot == nil {
		return false
	}
	by := max(1, v.Rows/2)
	scroll, _ := m.opt.Terminals.(front.TerminalScroller)
	switch name {
	case "shift+up":
		if scroll != nil {
			scroll.ScrollTerminal(v.Peer, v.ID, v.Back+by)
		}
	case "shift+down":
		if scroll != nil {
			scroll.ScrollTerminal(v.Peer, v.ID, max(0, v.Back-by))
		}
	case "shift+left", "shift+right":
		step := 10
		if name == "shift+left" {
			step = -10
		}
		if m.terms.panned == nil {
			m.terms.panned = map[termID]int{}
		}
		m.terms.panned[idOf(v)] += step
	default:
		return false
	}
	return true
}

// copyTerminal copies what is seen of the large terminal.
func (m *Model) copyTerminal() tea.Cmd {
	v, ok := m.largeTerminal()
	if !ok || v.Snapshot == nil {
		m.toast(toastInfo, "no terminal is large: there is nothing to copy")
		return nil
	}
	m.toast(toastGood, fmt.Sprintf("the text of %s copied (if the terminal allows it)", cleanText(v.Title)))
	return m.copyText(termText(v))
}

// thereKey sends a key to the terminal that has them.
func (m *Model) thereKey(msg tea.KeyMsg) tea.Cmd {
	if msg.String() == leaveTerminal {
		m.terms.typing = termID{}
		return m.keyboard()
	}
	key, ok := keyOf(msg)
	if !ok {
		return nil
	}
	m.there.keys = append(m.there.keys, key)
	return m.sendThere()
}

// there is what was typed for a terminal and is not under way: commands run side by
// side, so that one at a time carries keys.
type there struct {
	keys []termsync.Key
	busy bool
}

func (m *Model) sendThere() tea.Cmd {
	if m.there.busy || len(m.there.keys) == 0 {
		return nil
	}
	t, at, keys := m.opt.Terminals, m.terms.typing, m.there.keys
	m.there = there{busy: true}
	return func() tea.Msg { return typedThereMsg{t.TypeTerminal(at.peer, at.id, keys...), true} }
}

// typedThere takes how that went.
func (m *Model) typedThere(msg typedThereMsg) tea.Cmd {
	if msg.err != nil {
		m.toast(toastWarn, cleanText(msg.err.Error()))
	}
	if !msg.keys {
		return nil
	}
	m.there.busy = false
	if m.terms.typing.id == 0 {
		m.there.keys = nil
	}
	return m.sendThere()
}

// namedKeys are the keys that have a name in a shared terminal.
var namedKeys = map[tea.KeyType]termsync.Key{
	tea.KeyEnter: {Name: termsync.Enter}, tea.KeyTab: {Name: termsync.Tab}, tea.KeyBackspace: {Name: termsync.Backspace},
	tea.KeyEsc: {Name: termsync.Escape}, tea.KeyUp: {Name: termsync.Up}, tea.KeyDown: {Name: termsync.Down},
	tea.KeyRight: {Name: termsync.Right}, tea.KeyLeft: {Name: termsync.Left}, tea.KeyHome: {Name: termsync.Home},
	tea.KeyEnd: {Name: termsync.End}, tea.KeyPgUp: {Name: termsync.PageUp}, tea.KeyPgDown: {Name: termsync.PageDown},
	tea.KeyInsert: {Name: termsync.Insert}, tea.KeyDelete: {Name: termsync.Delete},
	tea.KeyShiftTab: {Name: termsync.Tab, Mods: termsync.Shift},
	tea.KeyShiftUp:  {Name: termsync.Up, Mods: termsync.Shift}, tea.KeyShiftDown: {Name: termsync.Down, Mods: termsync.Shift},
	tea.KeyShiftLeft: {Name: termsync.Left, Mods: termsync.Shift}, tea.KeyShiftRight: {Name: termsync.Right, Mods: termsync.Shift},
	tea.KeyCtrlUp: {Name: termsync.Up, Mods: termsync.Ctrl}, tea.KeyCtrlDown: {Name: termsync.Down, Mods: termsync.Ctrl},
	tea.KeyCtrlLeft: {Name: termsync.Left, Mods: termsync.Ctrl}, tea.KeyCtrlRight: {Name: termsync.Right, Mods: termsync.Ctrl},
}

// keyOf is what a key is in a shared terminal; false for one that has no meaning
// there.
func keyOf(msg tea.KeyMsg) (termsync.Key, bool) {
	key, ok := namedKeys[msg.Type]
	switch {
	case ok:
	case msg.Type == tea.KeyRunes && msg.Paste:
		text := strings.Map(func(r rune) rune {
			switch {
			case r == '\r':
				return '\n'
			case r < 0x20 && r != '\n' && r != '\t', r >= 0x7f && r < 0xa0:
				return -1
			}
			return r
		}, string(msg.Runes))
		if text == "" || len(text) > termsync.MaxPaste {
			return key, false
		}
		return termsync.Key{Name: termsync.Paste, Text: text}, true
	case msg.Type == tea.KeyRunes:
		key.Text = string(msg.Runes)
	case msg.Type == tea.KeySpace:
		key.Text = " "
	case msg.Type >= 0 && msg.Type < 0x20: // ctrl and a letter
		key = termsync.Key{Text: string(rune(msg.Type) + 0x40), Mods: termsync.Ctrl}
	case msg.Type <= tea.KeyF1 && msg.Type > tea.KeyF1-12:
		key.Name = termsync.F1 + termsync.Name(tea.KeyF1-msg.Type)
	default:
		return key, false
	}
	if msg.Alt {
		key.Mods |= termsync.Alt
	}
	return key, true
}
