package tui

import (
	"github.com/charmbracelet/lipgloss"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/rtc"
)

// whoBox tells who a person is, and how to be sure of it.
type whoBox struct {
	peer *rtc.PeerView // nil: nobody is selected
	self string        // one's own name
}

// whoBox is the panel for the selected person, or the first.
func (sc *screen) whoBox() whoBox { return whoBox{sc.linkBox().peer, sc.view.Name} }

// mark is the style of how well a person is known.
func (s *Styles) mark(m rtc.Mark) lipgloss.Style {
	switch m {
	case rtc.MarkChanged:
		return s.bad.Bold(true)
	case rtc.MarkVerified:
		return s.good
	case rtc.MarkNew:
		return s.warn
	case rtc.MarkKnown, rtc.MarkNone:
	}
	return s.dim
}

// sign is the symbol of how well a person is known.
func (s *Styles) sign(m rtc.Mark) string {
	switch m {
	case rtc.MarkChanged:
		return s.glyph.warn
	case rtc.MarkVerified:
		return s.glyph.ok
	case rtc.MarkKnown:
		return s.glyph.info
	case rtc.MarkNew, rtc.MarkNone:
	}
	return "?"
}

// Render is the panel in w cells.
func (b whoBox) Render(s *Styles, w int) []string {
	if b.peer == nil {
		return []string{s.dim.Render(s.fit(" nobody else is here", w))}
	}
	name, id := cleanName(b.peer.Name), b.peer.Identity
	out := []string{s.fit(" "+s.bold.Render(name), w)}
	say := func(style lipgloss.Style, text string) {
		for _, l := range wrap(text, max(1, w-2)) {
			out = append(out, s.fit(" "+style.Render(l), w))
		}
	}
	switch id.Mark {
	case rtc.MarkNone:
		say(s.dim, "has not shown a key yet: that takes a connection.")
		return out
	case rtc.MarkNew:
		say(s.mark(id.Mark), "new: you have not met this key before.")
	case rtc.MarkKnown:
		say(s.text, "known: the same key as before.")
	case rtc.MarkVerified:
		say(s.mark(id.Mark), "verified: you have compared this key.")
	case rtc.MarkChanged:
		text, _ := front.Describe(rtc.Identified{Who: rtc.Who{Peer: b.peer.ID, Name: b.peer.Name}, Identity: id})
		say(s.mark(id.Mark), text+".")
	}
	if id.Mark != rtc.MarkChanged && id.Known != "" && cleanName(id.Known) != name {
		say(s.warn, "You know this key as "+cleanName(id.Known)+".")
	}
	say(s.dim, call.KeyPrint(id.Key))
	out = append(out, "")
	say(s.text, "Read these words to each other:")
	say(s.accent.Bold(true), "   "+id.Words)
	if id.Mark == rtc.MarkVerified {
		say(s.dim, "The same on both sides: nobody is in between.")
		return out
	}
	say(s.dim, "If "+name+" has the same, press enter: verified for good. If not, somebody sits in between, and reads along.")
	return out
}

// verify notes that the words of the selected person were compared.
func (m *Model) verify() {
	p := m.whoBox().peer
	v, ok := m.opt.Controls.(front.Verifier)
	switch {
	case p == nil || !ok || !v.Verify(p.ID):
		m.toast(toastInfo, "there is nobody to verify")
	default:
		m.toast(toastGood, cleanName(p.Name)+" is verified: the same key is the same person from now on")
		m.panel = panelNone
	}
}
