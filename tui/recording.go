package tui

import (
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/meet-term/meet/front"
)

// recorders says in the header who records the call: "REC Ann", "REC you +1". It is
// empty while nobody does.
func (sc *screen) recorders() string {
	first, n := "", 0
	if sc.view.Media.Recording {
		first, n = "you", 1
	}
	for i := range sc.view.Peers {
		if p := &sc.view.Peers[i]; p.Media.Recording {
			if n++; n == 1 {
				first = sc.styles.cut(front.Name(p.Name), 16)
			}
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return "REC " + first
	}
	return fmt.Sprintf("REC %s +%d", first, n-1)
}

// record begins to record, or ends it: in a command, since folders are made and files
// written. What comes of it is told as an event.
func (m *Model) record() tea.Cmd {
	r := m.opt.Recorder
	if r == nil {
		m.toast(front.Info, "the call cannot be recorded here")
		return nil
	}
	return func() tea.Msg {
		if r.Recording() != "" {
			return failedFile(r.StopRecording())
		}
		return failedFile(r.Record(""))
	}
}
