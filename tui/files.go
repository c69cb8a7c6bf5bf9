package tui

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/internal/files"
)

// share is how much of a file has arrived, 0 to 1.
func share(f call.File) float64 {
	if f.Size == 0 {
		return 1
	}
	return float64(f.Bytes) / float64(f.Size)
}

// fileList is the panel of files, and the path that is written in it.
type fileList struct {
	files  []call.File
	cursor int
	path   editor
	to     string // who gets what is sent: a name, or ""
}

// update takes a new list and keeps the cursor on its file.
func (l fileList) update(list []call.File) fileList {
	id := -1
	if f, ok := l.current(); ok {
		id = f.ID
	}
	l.files = slices.Clone(list)
	for i := range l.files {
		l.files[i].Name, l.files[i].Who.Name, l.files[i].Error = front.Text(l.files[i].Name), front.Name(l.files[i].Who.Name), front.Text(l.files[i].Error)
	}
	if i := slices.IndexFunc(l.files, func(f call.File) bool { return f.ID == id }); i >= 0 {
		l.cursor = i
	}
	return l
}

func (l fileList) current() (call.File, bool) {
	if l.cursor >= len(l.files) {
		return call.File{}, false
	}
	return l.files[l.cursor], true
}

// waiting is the first file that waits for our answer, or -1.
func (l fileList) waiting() int {
	return slices.IndexFunc(l.files, func(f call.File) bool { return !f.Mine && f.State == files.Offered })
}

// progress is how much of all that is under way has arrived, 0 to 1; false if
// nothing is.
func (l fileList) progress() (part float64, one call.File, ok bool) {
	var size, bytes int64
	for _, f := range l.files {
		if f.State == files.Moving {
			size, bytes, one, ok = size+f.Size, bytes+f.Bytes, f, true
		}
	}
	all := call.File{}
	all.Size, all.Bytes = size, bytes
	return share(all), one, ok
}

// header is what the first line of the screen says of files: "film.mkv 45%".
func (l fileList) header() string {
	part, one, ok := l.progress()
	if !ok {
		return ""
	}
	name := []rune(one.Name)
	if len(name) > 16 {
		name = append(name[:7:7], append([]rune("..."), name[len(name)-6:]...)...)
	}
	return fmt.Sprintf("%s %d%%", string(name), int(100*part))
}

// fileBar is the length of the bar of a file, in cells.
const fileBar = 12

// line is one file in w cells.
func fileLine(f call.File, s *Styles, w int, selected bool) string {
	marker, style := "  ", s.text
	if selected {
		marker, style = s.accent.Render(s.glyph.arrow)+" ", s.selected
	}
	way := "from "
	if f.Mine {
		way = "to "
	}
	state := ""
	switch f.State {
	case files.Offered:
		state = s.accent.Render("take it?")
		if f.Mine {
			state = s.dim.Render("waits for an answer")
		}
	case files.Moving:
		n := int(share(f) * fileBar)
		state = s.good.Render(strings.Repeat("#", n)) + s.dim.Render(strings.Repeat("-", fileBar-n)) +
			s.text.Render(fmt.Sprintf(" %3d%%", int(100*share(f))))
	case files.Done:
		state = s.good.Render(s.glyph.ok + " done")
	case files.Failed:
		state = s.warn.Render(s.glyph.bad + " " + f.Error)
	}
	return s.fit(" "+marker+style.Render(f.Name)+s.dim.Render("  "+front.DataSize(uint64(f.Size))+"  "+way+f.Who.Name+"  ")+state, w)
}

// Render is the panel in w cells and at most h lines: the newest files, and below
// them what can be done, or the path that is written.
func (l fileList) Render(s *Styles, w, h int, writing bool) []string {
	var out []string
	first := max(0, min(l.cursor, len(l.files)-max(1, h-4)))
	for i, f := range l.files[first:] {
		out = append(out, fileLine(f, s, w, first+i == l.cursor && !writing))
	}
	if len(l.files) == 0 {
		out = append(out, s.dim.Render(s.fit(" no files yet", w)))
	}
	out = append(out[:min(len(out), max(1, h-3))], "")
	to := "all"
	if l.to != "" {
		to = l.to
	}
	if writing {
		return append(out,
			s.fit(" "+s.accent.Render(s.glyph.prompt)+" "+l.path.Render(s, max(0, w-3), true), w),
			s.dim.Render(s.fit(" a path, or drop a file; enter sends it to "+to, w)))
	}
	return append(out, s.dim.Render(s.fit(" enter takes, x refuses or stops, f sends to "+to, w)))
}

// fileFailedMsg says why a file could not be sent, taken or stopped.
type fileFailedMsg struct{ err error }

// openFiles opens the panel of files, or closes it. Where none waits for an answer, a
// path is asked for at once.
func (m *Model) openFiles() tea.Cmd {
	if m.opt.Files == nil {
		m.toast(toastInfo, "files cannot be sent here")
		return nil
	}
	if m.panel == panelFiles {
		return m.writePath()
	}
	m.toggles(panelFiles)
	m.files = m.files.update(m.opt.Files.Files())
	i := m.files.waiting()
	if i < 0 {
		return m.writePath()
	}
	m.files.cursor = i
	m.addressFiles()
	return nil
}

// addressFiles says who gets what is sent: who is selected, or everybody.
func (m *Model) addressFiles() {
	m.files.to = ""
	if i := m.index(m.selected); i >= 0 {
		m.files.to = front.Name(m.view.Peers[i].Name)
	}
}

// writePath begins to write the path of a file.
func (m *Model) writePath() tea.Cmd {
	m.panel, m.filing = panelFiles, true
	m.addressFiles()
	t, act := m.talk.release()
	m.setTalk(t, act)
	return m.keyboard()
}

// pastedPath takes a paste that is the path of a file, as terminals paste what is
// dropped on them, and reports whether it is one.
func (m *Model) pastedPath(text string) (tea.Cmd, bool) {
	path := droppedPath(text)
	if path == "" || m.opt.Files == nil || m.lobby {
		return nil, false
	}
	cmd := m.writePath()
	m.files.path = editor{}
	m.files.path.insert(path, true)
	return cmd, true
}

// droppedPath is the path in what a terminal pastes when a file is dropped: quoted,
// with backslashes, as an address, or as it is. It is "" for anything else.
func droppedPath(text string) string {
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, "\r\n") {
		return ""
	}
	if u, err := url.Parse(text); err == nil && u.Scheme == "file" {
		return u.Path
	}
	if n := len(text); n > 2 && (text[0] == '\'' || text[0] == '"') && text[n-1] == text[0] {
		text = strings.ReplaceAll(text[1:n-1], `'\''`, `'`)
	} else if filepath.Separator == '/' {
		var b strings.Builder
		for i := 0; i < len(text); i++ {
			if text[i] == '\\' && i+1 < len(text) {
				i++
			}
			b.WriteByte(text[i])
		}
		text = b.String()
	}
	if filepath.IsAbs(text) && !strings.HasSuffix(text, "/") {
		return text
	}
	return ""
}

// pathKey handles a key while a path is written.
func (m *Model) pathKey(msg tea.KeyMsg) tea.Cmd {
	switch name := msg.String(); name {
	case "esc":
		m.filing = false
		if len(m.files.files) == 0 {
			m.panel = panelNone
		}
		return m.keyboard()
	case "enter":
		path := m.files.path.take()
		if path == "" {
			return nil
		}
		m.filing = false
		return tea.Batch(m.sendFile(path), m.keyboard())
	case "ctrl+c":
		m.filing, m.asking = false, true
		return m.keyboard()
	default:
		if (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) && !msg.Alt {
			text := string(msg.Runes)
			if path := droppedPath(text); msg.Paste && path != "" {
				text = path
			}
			m.files.path.insert(text, msg.Paste)
			return nil
		}
		m.files.path.key(name)
	}
	return nil
}

// sendFile offers a file, in a command, since it is looked at first.
func (m *Model) sendFile(path string) tea.Cmd {
	desk, to := m.opt.Files, m.selected
	return func() tea.Msg {
		if rest, ok := strings.CutPrefix(path, "~/"); ok {
			if home, err := os.UserHomeDir(); err == nil {
				path = filepath.Join(home, rest)
			}
		}
		if err := desk.SendFile(path, to); err != nil {
			return fileFailedMsg{err}
		}
		return nil
	}
}

// fileKey handles a key in the panel of files; it reports false for one it does not
// know.
func (m *Model) fileKey(name string, step int) (tea.Cmd, bool) {
	desk := m.opt.Files
	f, ok := m.files.current()
	switch {
	case step != 0:
		if n := len(m.files.files); n > 0 {
			m.files.cursor = (m.files.cursor + step + n) % n
		}
		return nil, true
	case name == "enter" && ok:
		return func() tea.Msg { return failedFile(desk.AcceptFile(f.ID, "")) }, true
	case name == "x" && ok:
		return func() tea.Msg { return failedFile(desk.StopFile(f.ID)) }, true
	}
	return nil, false
}

func failedFile(err error) tea.Msg {
	if err == nil {
		return nil
	}
	return fileFailedMsg{err}
}

// setFiles takes what became of files.
func (m *Model) setFiles(list []call.File) {
	m.files = m.files.update(list)
	part, _, moving := m.files.progress()
	percent := 0
	if moving {
		percent = 1 + int(98*part) // 0 means none
	}
	if m.opt.Taskbar && percent != m.taskbar {
		m.taskbar, m.taskbarNew = percent, true
	}
}

// taskbarOff takes the progress out of the taskbar.
const taskbarOff = "\x1b]9;4;0;0\x1b\\"

// showTaskbar shows the way of files in the taskbar (OSC 9;4), where the terminal is
// known to have one.
func (m *Model) showTaskbar() tea.Cmd {
	if !m.taskbarNew {
		return nil
	}
	m.taskbarNew = false
	if m.taskbar == 0 {
		return m.writeOut(taskbarOff)
	}
	return m.writeOut(fmt.Sprintf("\x1b]9;4;1;%d\x1b\\", m.taskbar))
}

// Taskbar reports whether the terminal is known to show progress in the taskbar. Others
// would tell the numbers as a notification.
func Taskbar(env func(string) string) bool {
	program := env("TERM_PROGRAM")
	return env("TMUX") == "" && (env("WT_SESSION") != "" || env("ConEmuANSI") == "ON" || program == "ghostty" || program == "mintty" || program == "WezTerm")
}
