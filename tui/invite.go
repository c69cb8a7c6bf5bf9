package tui

import (
	"strings"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/signal"
	"github.com/skip2/go-qrcode"
)

// inviteBox tells how others get into the room.
type inviteBox struct {
	texts  call.Invite
	place  call.Place
	spoken call.CodeChanged // the newest code; zero: none was asked for
	dead   string           // why nobody gets here now; empty: nothing is known to be wrong
	reach  string           // key that changes who can get here; empty: none does
	qr     [][]bool         // the link as a QR code, dark modules; nil without
}

// newInviteBox makes the QR code once; a link too long for one has none.
func newInviteBox(p call.Place, reachKey string) inviteBox {
	texts := p.Invite
	b := inviteBox{place: p, reach: reachKey, texts: call.Invite{
		Command: cleanText(texts.Command), Link: cleanText(texts.Link), Works: cleanText(texts.Works), Alone: texts.Alone,
	}}
	content := b.texts.Link
	if content == "" || texts.Alone {
		return b
	}
	if code, err := qrcode.New(content, qrcode.Low); err == nil {
		code.DisableBorder = true
		b.qr = code.Bitmap()
	}
	return b
}

// text is what is copied: the line for a terminal, or the link.
func (b inviteBox) text() string {
	if b.texts.Link != "" {
		return b.texts.Link
	}
	return b.texts.Command
}

// Render is the panel in w cells and at most h lines; the QR code only where
// it fits whole.
func (b inviteBox) Render(s *Styles, w, h int) []string {
	if b.dead != "" {
		var out []string
		for _, l := range wrap(b.dead, max(1, w-2)) {
			out = append(out, s.fit(" "+s.warn.Render(l), w))
		}
		return append(out, "", s.dim.Render(s.fit(" there is no invite to an address that does not answer", w)))
	}
	var out []string
	add := func(head, text string) {
		if text == "" {
			return
		}
		out = append(out, s.dim.Render(s.fit(" "+head, w)))
		for _, l := range wrap(text, max(1, w-2)) {
			out = append(out, s.fit("  "+s.text.Render(l), w))
		}
	}
	add("in another terminal", b.texts.Command)
	add("in a browser", b.texts.Link)
	if b.texts.Works != "" && len(out) > 0 {
		style := s.good
		if b.texts.Alone {
			style = s.warn
		}
		out = append(out, s.fit(" "+style.Render(b.texts.Works), w))
	}
	if b.place.Note != "" {
		for _, l := range wrap(cleanText(b.place.Note), max(1, w-2)) {
			out = append(out, s.fit(" "+s.warn.Render(l), w))
		}
	}
	if b.reach != "" && b.place.Reach != "" {
		out = append(out, s.fit(" "+s.dim.Render("for "+cleanText(b.place.Reach)+"; ")+s.key.Render(b.reach)+s.dim.Render(" changes that"), w))
	}
	out = append(b.renderCode(s, w), out...)
	if len(out) == 0 {
		return []string{s.dim.Render(s.fit(" there is no invite yet", w))}
	}
	code := b.code(s)
	if len(code) > 0 && len(code)+len(out) <= h && width(code[0])+2 <= w {
		out = append(out, "")
		for _, l := range code {
			out = append(out, s.center(l, w))
		}
	} else if len(code) > 0 {
		out = append(out, s.dim.Render(s.fit(" (too small for the QR code)", w)))
	}
	return out
}

// inviteBox is how others get here now.
func (sc *screen) inviteBox() inviteBox {
	b, at := sc.invite, sc.view.Server
	if at.Trouble != "" && at.State != signal.Connected {
		b.dead = "Nobody can join: " + cleanText(at.Address) + " is not reached (" + cleanText(at.Trouble) + ")."
	}
	return b
}

// aloneCard is what stands in the place of an empty chat while nobody else is there:
// how others get here.
func (sc *screen) aloneCard(r rect) (block, bool) {
	b := sc.inviteBox()
	if len(sc.view.Peers) > 0 || sc.typing || len(sc.chat.messages) > 0 || b.text() == "" || r.w < cardW || r.h < cardH {
		return block{}, false
	}
	s, in := sc.styles, r.inner()
	lines := b.Render(s, in.w-2, in.h-2)
	if b.dead == "" {
		key := s.key.Render(sc.keys.key(ActInvite)) + s.dim.Render(" copies it, ") + s.key.Render(sc.keys.key(ActChat)) + s.dim.Render(" writes")
		if len(lines)+2 <= in.h {
			lines = append(lines, "")
		}
		lines = append(lines, " "+key)
	}
	top := max(0, (in.h-len(lines))/2)
	centred := make([]string, top, top+len(lines))
	for _, l := range lines {
		centred = append(centred, " "+l)
	}
	return s.box(r, s.text.Render("nobody else is here yet"), centred), true
}

// The smallest card.
const cardW, cardH = 30, 10

// renderCode says what to say to one person, or what became of it.
func (b inviteBox) renderCode(s *Styles, w int) []string {
	if b.spoken.State == "" {
		return nil
	}
	if b.spoken.State != call.CodeOpen {
		var out []string
		for _, l := range wrap(cleanText(b.spoken.Text), max(1, w-2)) {
			out = append(out, s.fit(" "+s.dim.Render(l), w))
		}
		return out
	}
	return []string{
		s.dim.Render(s.fit(" to say to one person: works once, until "+b.spoken.Until.Format("15:04"), w)),
		s.fit("  "+s.good.Render(cleanText(b.spoken.Code)), w),
		s.fit("  "+s.text.Render(cleanText(b.spoken.Command)), w),
	}
}

// code draws two modules per cell in reverse video, light on dark, with the
// quiet zone that readers need (ISO/IEC 18004 asks for 4 modules; 2 do).
func (b inviteBox) code(s *Styles) []string {
	if b.qr == nil || s.glyph.h == asciiGlyphs.h {
		return nil
	}
	const quiet = 2
	n := len(b.qr)
	dark := func(x, y int) bool {
		x, y = x-quiet, y-quiet
		return x >= 0 && y >= 0 && x < n && y < n && b.qr[y][x]
	}
	var out []string
	for y := 0; y < n+2*quiet; y += 2 {
		var line strings.Builder
		for x := range n + 2*quiet {
			switch up, down := dark(x, y), dark(x, y+1); {
			case up && down:
				line.WriteByte(' ')
			case up:
				line.WriteString("▄")
			case down:
				line.WriteString("▀")
			default:
				line.WriteString("█")
			}
		}
		out = append(out, s.qr.Render(line.String()))
	}
	return out
}
