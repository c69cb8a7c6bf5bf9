package tui

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// lobbyBox is the screen before the call: one line per device with what it
// hears, and what is missing.
type lobbyBox struct {
	room     string
	name     string
	open     bool
	media    signal.Media
	sources  []media.Source
	asking   bool
	toast    string
	keys     *Keymap
	sound    *call.Sound
	choosing bool // the devices are shown in place of what is in use
	devices  deviceList
	place    call.Place
	reach    bool // who can get to the room can be chosen
	stage    bool // pictures can be drawn
}

// lobbyBox is the lobby of the moment.
func (m *Model) lobbyBox() lobbyBox {
	b := lobbyBox{
		room: cleanName(m.view.Room), name: cleanName(m.view.Name), open: m.view.Open,
		media: m.view.Media, sources: m.sources, asking: m.asking, keys: m.keys,
		sound: m.sound, choosing: m.panel == panelDevices, devices: m.devices,
		place: m.invite.place, reach: m.opt.Reach != nil, stage: m.stage,
	}
	if t, fresh := m.toasts.current(m.now); fresh && !b.says(t.text) {
		b.toast = t.text
	}
	return b
}

// says reports whether a line of the lobby says so already.
func (b lobbyBox) says(text string) bool {
	return text == cleanText(b.place.Note) || text == front.PlaceText(b.place) || slices.ContainsFunc(b.sources, func(src media.Source) bool { return src.Missing != "" && cleanText(src.Missing) == text })
}

// lobbyKey handles a key in the lobby.
func (m *Model) lobbyKey(name string, action Action) tea.Cmd {
	if m.panel == panelDevices {
		if name == "esc" {
			m.panel = panelNone
			return nil
		}
		if cmd, handled := m.panelKey(name, action); handled {
			return cmd
		}
	}
	switch {
	case name == "enter":
		m.lobby = false
		m.opt.Join()
		return nil
	case action == ActMic, action == ActCamera:
		m.toggle(action)
	case action == ActDevices:
		return m.act(action)
	case action == ActReach:
		m.changeReach()
	case name == keyTest, name == keyMyself:
		m.soundKey(name)
	case action == ActLeave, name == "esc":
		m.asking = true
	case action == ActSuspend:
		return m.suspend()
	}
	return nil
}

// source is one line of the lobby.
func (b lobbyBox) source(s *Styles, src media.Source, w int) string {
	head := " " + s.dim.Render(s.fit(src.Kind.Word(), 11)) + " "
	if src.Missing != "" {
		return s.fit(head+s.warn.Render(s.glyph.bad+" "+cleanText(src.Missing)), w)
	}
	state := s.good.Render("on ")
	switch {
	case src.Kind == media.Mic && !b.media.Mic, src.Kind == media.Camera && !b.media.Camera:
		state = s.off.Render("OFF")
	case src.Kind == media.Screen && !b.media.Screen:
		state = s.dim.Render("off")
	}
	line := head + state + "  "
	if src.Kind == media.Mic {
		line += s.wideMeter(src.DB, 12) + "  "
	}
	return s.fit(line+s.text.Render(cleanName(src.Name)), w)
}

// body is what there is to see and hear: the devices in use, or all of them.
func (b lobbyBox) body(s *Styles, w int) []string {
	if b.choosing {
		return b.devices.Render(s, w, b.sources, b.sound)
	}
	var lines []string
	for _, src := range b.sources {
		lines = append(lines, b.source(s, src, w))
	}
	if len(b.sources) == 0 {
		lines = append(lines, s.dim.Render(" looking for devices..."))
	}
	if b.sound != nil {
		lines = append(lines, "")
		switch b.sound.Check {
		case "recording":
			lines = append(lines, s.accent.Render(s.fit(" say something...", w)))
		case "playing":
			lines = append(lines, s.accent.Render(s.fit(" listen...", w)))
		}
	}
	return lines
}

// where says where the room is, who can get there, and how.
func (b lobbyBox) where(s *Styles, w int) []string {
	if b.place.Where == "" {
		return nil
	}
	line := func(head, text string) string {
		return s.fit(" "+s.dim.Render(s.fit(head, 11))+" "+text, w)
	}
	lines := []string{line("room", s.text.Render(cleanText(b.place.Where)))}
	if c := cleanText(b.place.Invite.Command); c != "" {
		works := s.good.Render(cleanText(b.place.Invite.Works))
		if b.place.Invite.Alone {
			works = s.warn.Render(cleanText(b.place.Invite.Works))
		}
		lines = append(lines, line("others", works))
		for _, l := range wrap(c, max(1, w-14)) {
			lines = append(lines, line("", s.text.Render(l)))
		}
	}
	if b.place.Note != "" {
		for _, l := range wrap(cleanText(b.place.Note), max(1, w-14)) {
			lines = append(lines, line("", s.warn.Render(l)))
		}
	}
	return lines
}

// wideMeter draws a level in w cells.
func (s *Styles) wideMeter(db float64, w int) string {
	const quietest = -60.0
	n := 0
	if db < 0 && db > quietest {
		n = int((db - quietest) / -quietest * float64(w) * 1.2)
	}
	n = max(0, min(n, w))
	full, rest := s.glyph.bars[len(s.glyph.bars)-3], s.glyph.dot
	return s.speak.Render(strings.Repeat(full, n)) + s.dim.Render(strings.Repeat(rest, w-n))
}

// above is what stands above one's own picture.
func (b lobbyBox) above(s *Styles, w int) []string {
	lock := s.good.Render(s.glyph.private + " private")
	if b.open {
		lock = s.warn.Render(s.glyph.open + " open: anyone who knows the name can listen, the server too")
	}
	lines := []string{
		" " + s.dim.Render("meet") + "  " + s.title.Render(b.room) + "  " + lock,
		"",
		" " + s.dim.Render("joining as ") + s.bold.Render(b.name),
		"",
	}
	if there := b.where(s, w); len(there) > 0 {
		lines = append(append(lines, there...), "")
	}
	return append(lines, b.body(s, w)...)
}

// picture is the hole for one's own picture below so many lines; empty without one.
func (b lobbyBox) picture(above, w, h int) rect {
	camera := media.SourceOf(b.sources, media.Camera)
	if !b.stage || b.choosing || !b.media.Camera || camera.Name == "" || camera.Missing != "" {
		return rect{}
	}
	const left, least = 1, 5
	rows := h - above - 3 // a blank, the note and the keys
	cols, rows := boxOf(min(w-2*left, 100), rows)
	if rows < least {
		return rect{}
	}
	return rect{left, above + 1, cols - 2, rows - 2} // without the frame that boxOf reckons with
}

// Render is the lobby in w by h cells.
func (b lobbyBox) Render(s *Styles, w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	lines := b.above(s, w)
	if hole := b.picture(len(lines), w, h); !hole.empty() {
		lines = append(lines, "")
		for range hole.h {
			lines = append(lines, spaces(hole.x)+strings.Repeat(string(Placeholder), hole.w))
		}
	}
	hint := func(key, text string) string { return s.key.Render(key) + " " + s.dim.Render(text) }
	items := []barItem{{"enter", "join"}, {b.keys.key(ActMic), "mic"}, {b.keys.key(ActCamera), "camera"}}
	if b.sound != nil {
		items = append(items, barItem{b.keys.key(ActDevices), "devices"}, barItem{keyTest, "test sound"}, barItem{keyMyself, "hear yourself"})
	}
	if b.reach {
		items = append(items, barItem{b.keys.key(ActReach), "who can get here"})
	}
	bar := s.keyBar(append(items, barItem{b.keys.key(ActLeave), "quit"}), 1, w)
	if b.asking {
		bar = s.banner.Render(" Quit?") + "  " + hint("y", "quit") + "  " + hint("n", "stay")
	}
	note := ""
	if b.toast != "" {
		note = s.warn.Render(" " + b.toast)
	}
	last := []string{note, bar}
	if h < len(last)+1 {
		last = last[len(last)-min(h, 1):]
	}
	lines = lines[:min(len(lines), max(0, h-len(last)))]
	for len(lines) < h-len(last) {
		lines = append(lines, "")
	}
	lines = append(lines, last...)
	for i := range lines {
		lines[i] = s.fit(lines[i], w)
	}
	return strings.Join(lines, "\n")
}
