package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// table lists everyone in the room, oneself first.
type table struct {
	view     *rtc.RoomView
	levels   map[signal.PeerID]media.Loudness
	stats    map[signal.PeerID]call.PeerStats
	volumes  map[signal.PeerID]volume
	selected signal.PeerID
	digits   digits // that put people in the spotlight; nil: none are shown
	step     int
	missing  map[media.Kind]bool
	hint     string // shown when nobody else is there
	narrow   bool   // the camera's column tells of shared screens too
}

// volume is how loud a peer is played here.
type volume struct {
	percent int
	muted   bool
}

// column is one column of the table.
type column struct {
	title string
	width int
	gap   int // blanks before it
	right bool
	first bool                                                     // a figure that comes before longer words
	cell  func(t *table, s *Styles, p *rtc.PeerView, w int) string // nil peer: oneself
}

// The columns; the name takes what the others leave.
var (
	columnState  = column{"CONNECTION", badgeShort, 2, false, false, (*table).stateCell}
	columnMic    = column{"MIC", 4, 2, false, false, (*table).micCell}
	columnCam    = column{"CAM", 4, 2, false, false, (*table).camCell}
	columnScreen = column{"SCREEN", 6, 2, false, false, (*table).screenCell}
	columnRTT    = column{"RTT", 6, 2, true, true, (*table).rttCell}
	columnLoss   = column{"LOSS", 5, 2, true, true, (*table).lossCell}
	columnDown   = column{"DOWN", 6, 2, true, false, (*table).downCell}
	columnUp     = column{"UP", 6, 2, true, false, (*table).upCell}
	columnPath   = column{"PATH", 6, 2, false, false, (*table).pathCell}
	columnVolume = column{"VOL", 5, 2, true, true, (*table).volumeCell}

	// What somebody sends, moved together where there is little room.
	columnMicTight    = column{"MIC", 4, 1, false, false, (*table).micCell}
	columnCamTight    = column{"CAM", 4, 1, false, false, (*table).camCell}
	columnScreenTight = column{"SCRN", 4, 1, false, false, (*table).screenCell}
)

// Widths of the marker before the name, of the shortest name, of the longest
// one that further columns give way to, and of the longest at all.
const (
	markerWidth = 2
	nameMin     = 9
	nameFair    = 13
	nameMax     = 32
)

// used is how many cells everything but the name takes.
func used(cols []column) int {
	n := 1 + markerWidth
	for _, c := range cols {
		n += c.gap + c.width
	}
	return n
}

// nameWish is how wide the names would like to be, within bounds.
func (t *table) nameWish() int {
	wish := max(nameMin, width(cleanName(t.view.Name))+len(you))
	for i := range t.view.Peers {
		wish = max(wish, width(cleanName(t.view.Peers[i].Name)))
	}
	if len(t.view.Hands()) > 0 {
		wish += len("^1 ")
	}
	return min(wish, nameFair)
}

// columns chooses what fits in w cells and how wide the name is. What somebody
// sends comes before a wider state, which comes before figures.
func (t *table) columns(w int) (name int, cols []column) {
	state := columnState
	cols = []column{state, columnMic, columnCam}
	if used(cols)+nameMin > w {
		if cols = cols[:1]; used(cols)+nameMin > w {
			cols[0].width = badgeMin
		}
		return max(1, min(nameMax, w-used(cols))), cols
	}
	wish := t.nameWish()
	better := func(next ...column) bool {
		if used(next)+wish > w {
			return false
		}
		cols = next
		return true
	}
	if !better(state, columnMic, columnCamTight, columnScreenTight) {
		return min(nameMax, w-used(cols)), cols
	}
	// How good the way to somebody is comes before a longer word for it, unless the
	// word is about something that is wrong.
	longer := func(all func() []column) {
		for _, width := range []int{badgeMiddle, badgeLong} {
			before := state.width
			state.width = width
			if !better(all()...) {
				state.width = before
				return
			}
		}
	}
	sends, figures, rest := []column{columnMic, columnCamTight, columnScreenTight}, []column(nil), t.figures()
	all := func() []column { return slices.Concat([]column{state}, sends, figures) }
	if t.troubled() {
		longer(all)
	}
	for len(rest) > 0 && rest[0].first {
		next := rest[0]
		next.gap = 1
		figures = append(figures, next)
		if !better(all()...) {
			sends[0] = columnMicTight
			if !better(all()...) {
				sends[0], figures = columnMic, figures[:len(figures)-1]
				break
			}
		}
		rest = rest[1:]
	}
	longer(all)
	tight := sends
	sends = []column{columnMic, columnCam, columnScreen}
	if !better(all()...) {
		sends = tight
	}
	for len(rest) > 0 && sends[0].gap > 1 && sends[2].width == columnScreen.width {
		figures = append(figures, rest[0])
		if !better(all()...) {
			break
		}
		rest = rest[1:]
	}
	if cols[0].width == badgeLong {
		cols[0].width += max(0, min(badgeMax-badgeLong, w-used(cols)-wish))
	}
	return min(nameMax, w-used(cols)), cols
}

// troubled reports whether somebody's state needs more than a word.
func (t *table) troubled() bool {
	return slices.ContainsFunc(t.view.Peers, func(p rtc.PeerView) bool {
		return width(badge{peer: p, server: true}.forms()[0])+2 > badgeShort
	})
}

// figures are the columns for which there is something to show, the most
// wanted first.
func (t *table) figures() []column {
	var out []column
	if len(t.volumes) > 0 {
		out = append(out, columnVolume)
	}
	if t.stats != nil {
		out = append(out, columnRTT, columnLoss, columnDown, columnUp, columnPath)
	}
	return out
}

// you marks one's own row.
const you = " (you)"

// Render is the table in w cells and at most h lines. When it is too long, the
// lines around the selected peer are shown.
func (t *table) Render(s *Styles, w, h int) []string {
	if h <= 0 {
		return nil
	}
	nameW, cols := t.columns(w)
	t.narrow = len(cols) < 4 // the fourth is the screen's
	head := spaces(1+markerWidth) + s.fit("NAME", nameW)
	for _, c := range cols {
		head += spaces(c.gap)
		if c.right {
			head += s.fitRight(c.title, c.width)
		} else {
			head += s.fit(c.title, c.width)
		}
	}
	lines := []string{s.dim.Render(s.fit(head, w))}
	rows := make([]string, 0, len(t.view.Peers)+1)
	at := 0
	rows = append(rows, t.row(s, nil, nameW, cols, w))
	for i := range t.view.Peers {
		p := &t.view.Peers[i]
		if p.ID == t.selected {
			at = i + 1
		}
		rows = append(rows, t.row(s, p, nameW, cols, w))
	}
	lines = append(lines, t.scroll(s, rows, at, w, h-1)...)
	if len(t.view.Peers) == 0 && t.hint != "" && h > 3 {
		lines = append(lines, "", s.dim.Render(s.fit(spaces(1+markerWidth)+t.hint, w)))
	}
	return lines[:min(h, len(lines))]
}

// window says which n of the rows are shown so that the row at is among them,
// and whether a line is needed to tell how many more there are.
func window(rows, at, n int) (first, last int, more bool) {
	switch {
	case n <= 0:
		return 0, 0, false
	case rows <= n:
		return 0, rows, false
	case n == 1:
		return at, at + 1, false
	}
	n--
	first = max(0, min(at-n/2, rows-n))
	return first, first + n, true
}

// at is the peer on a line of the table as it is drawn in h lines.
func (t *table) at(line, h int) (signal.PeerID, bool) {
	selected := 1 + slices.IndexFunc(t.view.Peers, func(p rtc.PeerView) bool { return p.ID == t.selected })
	first, last, _ := window(len(t.view.Peers)+1, selected, h-1)
	row := first + line - 1 // the head is line 0
	if line < 1 || row >= last || row < 1 {
		return "", false
	}
	return t.view.Peers[row-1].ID, true
}

// scroll cuts rows to n lines around the line at, and says what it left out.
func (t *table) scroll(s *Styles, rows []string, at, w, n int) []string {
	first, last, cut := window(len(rows), at, n)
	if !cut {
		return rows[first:last]
	}
	more := fmt.Sprintf("%s%d more", spaces(1+markerWidth), len(rows)-(last-first))
	return append(slices.Clone(rows[first:last]), s.dim.Render(s.fit(more, w)))
}

// row is one line of the table; a nil peer is oneself.
func (t *table) row(s *Styles, p *rtc.PeerView, nameW int, cols []column, w int) string {
	id, name := t.view.Self, cleanName(t.view.Name)
	if p != nil {
		id, name = p.ID, cleanName(p.Name)
	}
	if p == nil {
		name = s.cut(name, max(1, nameW-len(you))) + you
	}
	style := s.text
	switch {
	case t.levels[id].Speaking:
		style = s.speak.Bold(true)
	case p != nil && id == t.selected:
		style = s.selected
	case p != nil && p.State != rtc.StateConnected:
		style = s.dim
	}
	cursor, marker := " ", spaces(markerWidth)
	if p != nil && id == t.selected {
		cursor = s.accent.Render(s.glyph.arrow)
	}
	if n := t.digits[id]; p != nil && n > 0 {
		marker = s.dim.Render(fmt.Sprint(n)) + " "
	}
	var b strings.Builder
	hand := ""
	if place := t.view.HandPlace(id); place > 0 {
		hand = s.warn.Render(fmt.Sprint(s.glyph.hand, place)) + " "
	}
	// A volume that is not the usual one is seen however little room there is.
	loud := ""
	if v, ok := t.volumes[id]; ok && !slices.ContainsFunc(cols, func(c column) bool { return c.title == columnVolume.title }) {
		if loud = fmt.Sprintf(" %d%%", v.percent); v.muted {
			loud = " 0%"
		}
		loud = s.warn.Render(loud)
	}
	b.WriteString(cursor + marker + hand + t.named(s, p, style, name, nameW-width(hand)-width(loud)) + loud)
	for _, c := range cols {
		b.WriteString(spaces(c.gap))
		cell := c.cell(t, s, p, c.width)
		if c.right {
			b.WriteString(s.fitRight(cell, c.width))
		} else {
			b.WriteString(s.fit(cell, c.width))
		}
	}
	return s.fit(b.String(), w)
}

// named is a name with the sign of how well the person is known, where that was shown.
func (t *table) named(s *Styles, p *rtc.PeerView, style lipgloss.Style, name string, w int) string {
	if p == nil || p.Identity.Mark == rtc.MarkNone || w < 3 {
		return style.Render(s.fit(name, w))
	}
	mark := p.Identity.Mark
	sign := s.mark(mark).Render(s.sign(mark))
	if word := string(mark); width(cleanName(p.Name))+2+width(s.sign(mark))+1+len(word) <= w {
		sign += " " + s.mark(mark).Render(word)
	}
	name = style.Render(s.cut(name, max(1, w-1-width(sign))))
	return s.fit(name+" "+sign, w)
}

func (t *table) stateCell(s *Styles, p *rtc.PeerView, w int) string {
	if p != nil {
		return badge{peer: *p, server: t.view.Server.State == signal.Connected, step: t.step}.Render(s, w)
	}
	switch t.view.Server.State {
	case signal.Connected:
		return s.dim.Render(s.cut(s.glyph.connected+" connected", w))
	case signal.Closed:
		return s.dim.Render(s.cut(s.glyph.away+" left", w))
	case signal.Connecting, signal.Reconnecting:
	}
	word := "no server"
	if w < 11 {
		word = "server"
	}
	return s.warn.Render(s.cut(s.spinner(t.step)+" "+word, w))
}

func (t *table) micCell(s *Styles, p *rtc.PeerView, _ int) string {
	sends, id := t.view.Media, t.view.Self
	if p != nil {
		sends, id = p.Media, p.ID
	} else if t.missing[media.Mic] {
		return s.dim.Render("none")
	}
	if !sends.Mic {
		return s.dim.Render("off")
	}
	if p != nil && (p.Silent || slices.Contains(p.Missing, "mic")) {
		return s.warn.Render("lost")
	}
	if v, ok := t.volumes[id]; ok && v.muted {
		return s.warn.Render("mute")
	}
	if meter := levelMeter(s, t.levels[id]); meter != "" && (p == nil || p.State == rtc.StateConnected) {
		return meter
	}
	return s.text.Render("on")
}

// levelMeter draws a level in three cells; nothing for silence.
func levelMeter(s *Styles, l media.Loudness) string {
	const quietest, loudest = -55.0, -10.0
	if l.DB == 0 || l.DB <= quietest {
		return ""
	}
	v := min(1, (l.DB-quietest)/(loudest-quietest))
	style := s.dim
	if l.Speaking {
		style = s.speak
	}
	return style.Render(s.bar(v) + s.bar(v*0.7) + s.bar(v*0.4))
}

func (t *table) camCell(s *Styles, p *rtc.PeerView, _ int) string {
	switch {
	case t.narrow && (p == nil && t.view.Media.Screen || p != nil && p.Media.Screen):
		return s.accent.Bold(true).Render("scrn")
	case p == nil && t.missing[media.Camera]:
		return s.dim.Render("none")
	case p == nil && t.view.Media.Camera, p != nil && p.Media.Camera:
		if p != nil && slices.Contains(p.Missing, "camera") {
			return s.warn.Render("lost")
		}
		return s.text.Render("on")
	}
	return s.dim.Render("off")
}

func (t *table) screenCell(s *Styles, p *rtc.PeerView, _ int) string {
	if p == nil && t.view.Media.Screen || p != nil && p.Media.Screen {
		if p != nil && slices.Contains(p.Missing, "screen") {
			return s.warn.Render("lost")
		}
		return s.accent.Bold(true).Render("LIVE")
	}
	return s.dim.Render(s.glyph.dash)
}

// link is what is known of a connection; false when there is none.
func (t *table) link(p *rtc.PeerView) (call.PeerStats, bool) {
	if p == nil || p.State != rtc.StateConnected {
		return call.PeerStats{}, false
	}
	l, ok := t.stats[p.ID]
	return l, ok
}

func (t *table) rttCell(s *Styles, p *rtc.PeerView, _ int) string {
	if l, ok := t.link(p); ok && l.Transport.RTT > 0 {
		if l.Transport.RTT >= time.Second {
			return s.warn.Render(front.Brief(l.Transport.RTT))
		}
		return s.text.Render(front.Millis(l.Transport.RTT))
	}
	return s.dim.Render(s.glyph.dash)
}

func (t *table) lossCell(s *Styles, p *rtc.PeerView, _ int) string {
	l, ok := t.link(p)
	if !ok {
		return s.dim.Render(s.glyph.dash)
	}
	style := s.text
	if l.Now.Loss >= 0.05 {
		style = s.warn
	}
	return style.Render(front.Percent(l.Now.Loss))
}

func (t *table) downCell(s *Styles, p *rtc.PeerView, _ int) string {
	if l, ok := t.link(p); ok {
		return s.text.Render(bitrate(l.Now.Down))
	}
	return s.dim.Render(s.glyph.dash)
}

func (t *table) upCell(s *Styles, p *rtc.PeerView, _ int) string {
	if l, ok := t.link(p); ok {
		return s.text.Render(bitrate(l.Now.Up))
	}
	return s.dim.Render(s.glyph.dash)
}

// pathCell is how packets travel, with as much of the name of who carries as
// fits: the badge has all of it.
func (t *table) pathCell(s *Styles, p *rtc.PeerView, w int) string {
	if l, ok := t.link(p); ok {
		return s.text.Render(s.cut(front.Path(l), w))
	}
	return s.dim.Render(s.glyph.dash)
}

func (t *table) volumeCell(s *Styles, p *rtc.PeerView, _ int) string {
	if p == nil {
		return ""
	}
	v, ok := t.volumes[p.ID]
	switch {
	case !ok:
		return s.dim.Render("100%")
	case v.muted:
		return s.warn.Render("mute")
	}
	return s.text.Render(fmt.Sprintf("%d%%", v.percent))
}
