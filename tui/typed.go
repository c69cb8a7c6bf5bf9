package tui

import (
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"
)

// typedMsg is a key that was pressed before the screen was there.
type typedMsg struct{ key tea.KeyMsg }

// typedKeys are the keys in what was typed before. From the first escape
// sequence on it is left to whoever reads the terminal.
func typedKeys(b []byte) (keys []tea.KeyMsg, rest []byte) {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r == 0x1b && len(b) > 1, !utf8.FullRune(b):
			return keys, b
		case r < ' ' || r == 0x7f:
			keys = append(keys, tea.KeyMsg{Type: tea.KeyType(r)})
		case r == ' ':
			keys = append(keys, tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}})
		case r != utf8.RuneError:
			keys = append(keys, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}})
		}
		b = b[size:]
	}
	return keys, nil
}

// replay is what was typed before, in order. It does not wait for the terminal,
// which has nothing more to read.
func (m *Model) replay() tea.Cmd {
	keys, _ := typedKeys(m.opt.Typed)
	cmds := make([]tea.Cmd, len(keys))
	for i, k := range keys {
		cmds[i] = func() tea.Msg { return typedMsg{k} }
	}
	return tea.Sequence(cmds...)
}

// typed handles a key that was pressed before. Nobody will tell when a talk key
// is let go that was pressed then, so it does not open the microphone.
func (m *Model) typed(msg typedMsg) tea.Cmd {
	if !m.typing && m.keys.action(msg.key.String()) == ActTalk {
		return nil
	}
	return m.key(msg.key)
}
