package tui

import (
	tea "github.com/charmbracelet/bubbletea"
)

// wheelLines is how far one notch of the wheel scrolls.
const wheelLines = 3

// mouse handles a click or the wheel, when the mouse was asked for. There is
// nothing that only the mouse can do.
func (m *Model) mouse(msg tea.MouseMsg) {
	if m.lobby || m.asking || msg.Action != tea.MouseActionPress {
		return
	}
	l := m.layout()
	if l.line {
		return
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
		if at(l.table) {
			if id, ok := m.screen.table().at(msg.Y-l.table.y, l.table.h); ok {
				m.selected = id
			}
			return
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
