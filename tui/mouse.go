package tui

import (
	tea "github.com/charmbracelet/bubbletea"
)

// wheelLines is how far one notch of the wheel scrolls.
const wheelLines = 3

// mouse handles a click or the wheel, when the mouse was asked for. There is
// nothing that only the mouse can do.
func (m *Model) mouse(msg tea.MouseMsg) tea.Cmd {
	if m.lobby || msg.Action != tea.MouseActionPress {
		return nil
	}
	l := m.layout()
	switch {
	case l.line:
		return nil
	case m.asking:
		return m.answerClick(msg, l.status)
	}
	at := func(r rect) bool {
		return msg.X >= r.x && msg.X < r.x+r.w && msg.Y >= r.y && msg.Y < r.y+r.h
	}
	switch msg.Button {
	case tea.MouseButtonWheelUp, tea.MouseButtonWheelDown:
		step := wheelLines
		if msg.Button == tea.MouseButtonWheelDown {
			step = -wheelLines
		}
		switch {
		case at(l.chat):
			m.scrollChat(step)
		case at(l.panel):
			m.scrollPanel(-step)
		}
	case tea.MouseButtonLeft:
		if at(l.help) {
			items, fixed := m.barItems()
			return m.press(barKey(items, fixed, l.help.w, msg.X-l.help.x))
		}
		if at(l.chat) && !m.typing {
			return m.write()
		}
		if at(l.table) {
			if id, ok := m.screen.table().at(msg.Y-l.table.y, l.table.h); ok {
				m.selected = id
			}
			return nil
		}
		for _, p := range m.placed(l) {
			if at(p.box) {
				m.spotlight.pinned = p.picture
				m.selected = p.peer
				if m.index(p.peer) < 0 {
					m.selected = "" // oneself
				}
				if m.mode == modeGrid {
					m.mode = modeSpotlight
				}
			}
		}
	}
	return nil
}

// press does what the key of the help line does that was clicked.
func (m *Model) press(shown string) tea.Cmd {
	switch {
	case shown == "":
		return nil
	case shown == "enter":
		return m.key(tea.KeyMsg{Type: tea.KeyEnter})
	case shown == "esc":
		return m.key(tea.KeyMsg{Type: tea.KeyEsc})
	case !m.typing && !m.filing && m.terms.typing.id == 0:
		return m.oneKey(keyName(shown))
	}
	switch a := m.keys.action(keyName(shown)); a {
	case ActMic, ActCamera, ActScreen:
		return m.act(a)
	}
	m.input.key(keyName(shown))
	return nil
}

// answerClick answers the question whether to leave by a click on one of its keys.
func (m *Model) answerClick(msg tea.MouseMsg, r rect) tea.Cmd {
	if msg.Button != tea.MouseButtonLeft || msg.Y != r.y {
		return nil
	}
	// The items stand as in a help line, one cell before the first.
	switch barKey([]barItem{{"y", "leave"}, {"n", "stay"}}, 2, r.w, msg.X-r.x-len(leaveQuestion)-1) {
	case "y":
		return m.askingKey("y")
	case "n":
		return m.askingKey("n")
	}
	return nil
}

// scrollChat shows older (positive) or newer messages.
func (m *Model) scrollChat(lines int) {
	m.chat.back = max(0, min(m.chat.back+lines, chatMax*4))
}

// scrollPanel moves the text of a panel or the cursor in it.
func (m *Model) scrollPanel(step int) {
	switch m.panel {
	case panelDevices:
		m.devices = m.devices.move(step)
	case panelHelp, panelStats, panelInvite, panelFiles, panelWho:
		m.scroll = max(0, min(m.scroll+step, 2*len(m.keys.bindings)))
	case panelLog:
		m.scroll = max(0, min(m.scroll-step, len(m.toasts.log)))
	case panelNone:
	}
}
