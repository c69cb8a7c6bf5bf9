package tui

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// screen is everything that is drawn, as literal values: what View shows
// depends on nothing else. The Model owns it.
type screen struct {
	w, h   int
	styles *Styles
	keys   *Keymap

	now  time.Time
	step int // of the spinners

	view    *rtc.RoomView
	levels  map[signal.PeerID]media.Loudness
	stats   map[signal.PeerID]call.PeerStats
	past    history // of the statistics
	sources []media.Source
	devices deviceList
	sound   *call.Sound // nil: unknown
	volumes map[signal.PeerID]volume
	invite  inviteBox

	terms    terminals
	stage    bool // pictures can be drawn
	hasChat  bool
	releases bool // the terminal reports key releases

	mode      mode
	list      bool // the list of people is wanted
	panel     panel
	scroll    int           // lines the panel is scrolled
	selected  signal.PeerID // row of the cursor
	digits    digits        // that select people
	spotlight spotlight
	look      look // at the shared screen in it
	asking    bool // leave?
	talking   bool // the talk key is held
	typing    bool
	filing    bool // the path of a file is written
	files     fileList

	toasts toasts
	chat   chatLog
	input  editor
}

// panel is what stands beside or over the pictures.
type panel uint8

const (
	panelNone panel = iota
	panelHelp
	panelLog
	panelStats
	panelDevices
	panelInvite
	panelFiles
	panelWho
)

// missing tells which sources there are not.
func (sc *screen) missing() map[media.Kind]bool {
	var out map[media.Kind]bool
	for _, src := range sc.sources {
		if src.Missing != "" {
			if out == nil {
				out = map[media.Kind]bool{}
			}
			out[src.Kind] = true
		}
	}
	return out
}

// banner is the banner of the moment.
func (sc *screen) banner() banner {
	return banner{view: sc.view, now: sc.now, step: sc.step, key: sc.keys.key(ActRetry)}
}

// header is the header of the moment.
func (sc *screen) header() header {
	h := header{
		room: cleanName(sc.view.Room), open: sc.view.Open,
		connected: sc.view.Connected() + 1, people: len(sc.view.Peers) + 1,
		inside: !sc.view.Since.IsZero(), media: sc.view.Media,
		sharing: sc.terms.sharing(), talking: sc.talking, missing: sc.missing(), carrying: sc.view.Carrying, files: sc.files.header(), recorders: sc.recorders(),
	}
	if h.inside {
		h.elapsed = sc.now.Sub(sc.view.Since)
	}
	if sc.layout().chat.empty() {
		h.unread = sc.chat.unread
	}
	return h
}

// shape is what the layout depends on.
func (sc *screen) shape() shape {
	_, known := sc.stats[sc.linkPeer()]
	return shape{
		link: known,
		w:    sc.w, h: sc.h, people: len(sc.view.Peers) + 1, tiles: len(sc.pictures()),
		mode: sc.mode, list: sc.list, panel: sc.panel != panelNone,
		chat: sc.hasChat, typing: sc.typing,
	}
}

func (sc *screen) layout() layout { return arrange(sc.shape()) }

// line is all there is on a screen that is too small.
func (sc *screen) line() string {
	h := sc.header()
	text := h.room + " " + h.count(true)
	b := sc.banner()
	switch {
	case sc.asking:
		text = "leave? y/n"
	case sc.typing:
		return sc.styles.fit(sc.styles.glyph.prompt+" "+sc.input.Render(sc.styles, max(0, sc.w-2), true), sc.w)
	case b.server():
		text = sc.styles.spinner(sc.step) + " server " + text
	case b.Shown():
		text = sc.styles.spinner(sc.step) + " " + text
	}
	mic := "on"
	if !sc.view.Media.Mic {
		mic = "OFF"
	}
	return sc.styles.spread(text, "mic "+mic, sc.w)
}

// Render draws the whole screen: h lines of w cells.
func (sc *screen) Render() string {
	if sc.w <= 0 || sc.h <= 0 {
		return ""
	}
	s, l := sc.styles, sc.layout()
	if l.line {
		return sc.line() + strings.Repeat("\n", sc.h-1)
	}
	blocks := []block{
		{l.header, []string{sc.header().Render(s, l.header.w)}},
		{l.banner, []string{sc.banner().Render(s, l.banner.w)}},
		{l.table, sc.table().Render(s, l.table.w, l.table.h)},
		{l.status, []string{sc.status(l)}},
		{l.help, []string{sc.bar(l.help.w)}},
	}
	if !l.link.empty() {
		blocks = append(blocks, block{l.link, []string{sc.linkLine(l.link.w)}})
	}
	if card, alone := sc.aloneCard(l.chat); alone {
		blocks = append(blocks, card)
	} else if !l.chat.empty() {
		blocks = append(blocks, block{l.chat, sc.chatBox().Render(s, l.chat.w, l.chat.h)})
	}
	if !l.panel.empty() {
		blocks = append(blocks, block{l.panel, sc.renderPanel(l.panel.w, l.panel.h)})
	}
	for _, p := range sc.placed(l) {
		blocks = append(blocks, sc.tileBox(p))
	}
	return compose(s, sc.w, sc.h, blocks)
}

// chatBox is the chat of the moment. Letters are text while something is
// written, so another key unfolds then.
func (sc *screen) chatBox() chatBox {
	unfold := sc.keys.key(ActUnfold)
	if sc.typing {
		unfold = sc.keys.whileTyping(ActUnfold)
	}
	return chatBox{
		log: &sc.chat, input: &sc.input, typing: sc.typing, self: sc.view.Self,
		key: sc.keys.key(ActChat), unfold: unfold,
	}
}

// table is the list of people of the moment.
func (sc *screen) table() *table {
	hint := ""
	_, card := sc.aloneCard(sc.layout().chat)
	if key := sc.keys.key(ActInvite); !card && sc.view.Server.State == signal.Connected && sc.invite.text() != "" {
		hint = "nobody else is here yet: " + key + " shows and copies the invite"
	}
	var shown digits
	if sc.stage {
		shown = sc.digits
	}
	return &table{
		hint: hint, digits: shown,
		view: sc.view, levels: sc.levels, stats: sc.stats, volumes: sc.volumes,
		selected: sc.selected, step: sc.step, missing: sc.missing(),
	}
}

// leaveQuestion is asked before one leaves.
const leaveQuestion = " Leave the meeting?"

// status is the line above the help: a question, a toast, or the banner where
// that has no line of its own.
func (sc *screen) status(l layout) string {
	s, w := sc.styles, l.status.w
	if sc.asking {
		return s.fit(s.banner.Render(leaveQuestion)+"  "+
			s.key.Render("y")+" leave  "+s.key.Render("n")+" stay", w)
	}
	if sc.terms.choose {
		items := s.key.Render("n") + " new shell"
		if sc.terms.sharing() != "" {
			items += "  " + s.key.Render("x") + " stop sharing"
		}
		return s.fit(s.banner.Render(" Share a terminal?")+"  "+items+s.dim.Render("   or run meet share in any window"), w)
	}
	if _, name, title, ok := sc.terms.question(); ok {
		return s.fit(s.banner.Render(" "+name+" wants to type in "+cleanText(title))+"  "+
			s.key.Render("y")+" let them  "+s.key.Render("n")+" not", w)
	}
	t, fresh := sc.toasts.current(sc.now)
	if l.banner.empty() && sc.banner().Shown() && (!fresh || t.kind == toastInfo) {
		return sc.banner().Render(s, w)
	}
	if fresh {
		return t.Render(s, w)
	}
	return spaces(w)
}

// bar is the help line; while typing it tells what works then.
func (sc *screen) bar(w int) string {
	items, fixed := sc.barItems()
	return sc.styles.keyBar(items, fixed, w)
}

// barItems are the items of the help line, and how many at its end stay.
func (sc *screen) barItems() (items []barItem, fixed int) {
	switch {
	case sc.terms.typing.id != 0:
		return []barItem{{leaveTerminal, "keys act here again"}}, 1
	case sc.filing:
		return []barItem{{"enter", "send"}, {"esc", "back"}}, 2
	case sc.typing:
		return []barItem{
			{"alt+m", "mic"}, {"alt+v", "camera"}, {"alt+s", "screen"}, {"up", "history"}, {"ctrl+_", "undo"},
			{"enter", "send"}, {"esc", "back"},
		}, 2
	}
	return sc.keys.barItems()
}

// renderPanel draws the open panel under a rule with its name.
func (sc *screen) renderPanel(w, h int) []string {
	s := sc.styles
	var title string
	var lines []string
	switch sc.panel {
	case panelHelp:
		title, lines = "keys", sc.keys.Help(s, w)
		lines = append(lines, "")
		for _, hint := range sc.hints() {
			for i, line := range wrap(hint, w-3) {
				lines = append(lines, s.dim.Render(s.fit(spaces(1+2*min(i, 1))+line, w)))
			}
		}
	case panelLog:
		title = "what happened"
		lines = sc.toasts.Log(s, w, max(0, h-1), sc.scroll)
		return append([]string{s.rule(s.text.Render(title), w)}, lines...)
	case panelStats:
		title, lines = "link", sc.linkBox().Render(s, w)
	case panelDevices:
		title, lines = "devices", sc.devices.Render(s, w, sc.sources, sc.sound)
	case panelWho:
		title, lines = "who is that", sc.whoBox().Render(s, w)
	case panelInvite:
		title, lines = "invite", sc.inviteBox().Render(s, w, h-1)
	case panelFiles:
		title, lines = "files", sc.files.Render(s, w, h-1, sc.filing)
	case panelNone:
		return nil
	}
	room := max(0, h-1)
	first := max(0, min(sc.scroll, len(lines)-room))
	if sc.panel == panelDevices {
		first = max(0, min(sc.devices.line()-room+2, len(lines)-room))
	}
	shown := lines[first:min(len(lines), first+room)]
	if len(lines) > room && sc.panel == panelHelp {
		title += s.dim.Render("  up/down for more")
	}
	return append([]string{s.rule(s.text.Render(title), w)}, shown...)
}

// hints are what help says besides the keys: how hold-to-talk works on this
// terminal, and what the keys do while a message is written.
func (sc *screen) hints() []string {
	talk := "talk: hold the key until it repeats; this terminal reports no releases"
	if sc.releases {
		talk = "talk: hold the key; this terminal reports its release"
	}
	return []string{
		talk, "",
		"while writing: enter sends, esc goes back, letters never act",
		"alt+m, alt+v, alt+s, alt+e still do; up and down recall what was sent",
		"ctrl+_ undoes, ctrl+w cuts a word, ctrl+y puts it back",
		"page up and page down scroll the chat", "",
		"beside the devices: " + keyEcho + " echo, " + keyNoise + " noise, " + keyGain + " loudness, " + keyMusic + " music,",
		keyTest + " test sound, " + keyMyself + " hear yourself",
	}
}

// volumesOf is the volume of a peer, 100 percent when it was never changed.
func (sc *screen) volumeOf(id signal.PeerID) volume {
	if v, ok := sc.volumes[id]; ok {
		return v
	}
	return volume{percent: 100}
}

// setVolume keeps a volume for display.
func (sc *screen) setVolume(id signal.PeerID, v volume) {
	next := maps.Clone(sc.volumes)
	if next == nil {
		next = map[signal.PeerID]volume{}
	}
	next[id] = v
	if v == (volume{percent: 100}) {
		delete(next, id)
	}
	sc.volumes = next
}

// moveSelection selects the next or the previous person, around the ends.
func (sc *screen) moveSelection(step int) {
	n := len(sc.view.Peers)
	if n == 0 {
		sc.selected = ""
		return
	}
	i := sc.index(sc.selected)
	switch {
	case i < 0 && step > 0:
		i = 0
	case i < 0:
		i = n - 1
	default:
		i = (i + step + n) % n
	}
	sc.selected = sc.view.Peers[i].ID
}

// index is the place of a peer in the view, or -1.
func (sc *screen) index(id signal.PeerID) int {
	return slices.IndexFunc(sc.view.Peers, func(p rtc.PeerView) bool { return p.ID == id })
}
