package tui

import (
	"fmt"
	"time"

	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// header is the first line: the room, how many are connected, how long it has
// lasted, and at the right, always, what one sends oneself.
type header struct {
	room      string
	open      bool // no secret protects the room
	connected int  // oneself included
	people    int  // oneself included
	elapsed   time.Duration
	inside    bool // the room has been entered
	media     signal.Media
	talking   bool // the talk key is held
	missing   map[media.Kind]bool
	unread    int
	carrying  []rtc.CarriedView // whose packets pass through here
	sharing   string            // that terminals are shared; empty: none is
	files     string            // what is under way; empty: nothing
	recorders string            // who records; empty: nobody
}

// own is what one sends oneself, e.g. "mic on  cam on  screen OFF".
func (h header) own(s *Styles, gap string) string {
	state := func(name string, kind media.Kind, on bool) string {
		switch {
		case h.missing[kind] && kind != media.Screen:
			return s.dim.Render(name+" ") + s.off.Render("NONE")
		case h.missing[kind]:
			return s.dim.Render(name + " NONE")
		case kind == media.Mic && h.talking:
			return s.dim.Render(name+" ") + s.speak.Bold(true).Render("TALK")
		case on:
			return s.dim.Render(name+" ") + s.good.Render("on")
		case kind == media.Screen: // nobody expects it to be on
			return s.dim.Render(name + " OFF")
		}
		return s.dim.Render(name+" ") + s.off.Render("OFF")
	}
	return state("mic", media.Mic, h.media.Mic) + gap +
		state("cam", media.Camera, h.media.Camera) + gap +
		state(screenName(h.media), media.Screen, h.media.Screen)
}

// screenName says whether its sound is shared too.
func screenName(media signal.Media) string {
	if media.Screen && media.Sound {
		return "screen + sound"
	}
	return "screen"
}

// count is "4 connected", or "4 connected of 6" while some are not.
func (h header) count(short bool) string {
	switch {
	case short && h.connected == h.people:
		return fmt.Sprint(h.connected)
	case short:
		return fmt.Sprintf("%d/%d", h.connected, h.people)
	case h.connected == h.people:
		return fmt.Sprintf("%d connected", h.connected)
	}
	return fmt.Sprintf("%d connected of %d", h.connected, h.people)
}

// lock tells whether a secret protects the room.
func (h header) lock(s *Styles) string {
	if h.open {
		return s.warn.Render(s.glyph.open + " open")
	}
	return s.good.Render(s.glyph.private + " private")
}

// Render is the header in w cells. What does not fit goes in this order: the
// program's name, the elapsed time, the word private, the room's name.
func (h header) Render(s *Styles, w int) string {
	gap := "  "
	if w < 60 {
		gap = " "
	}
	right := h.own(s, gap) + " "
	if h.recorders != "" { // whoever does not want it must see it at once
		right = s.bad.Bold(true).Render(h.recorders) + gap + right
	}
	room := s.title.Render(s.cut(h.room, max(8, w/5)))
	dot := " " + s.dim.Render(s.glyph.dot) + " "
	count := s.text.Render(h.count(false))
	if h.unread > 0 {
		count += dot + s.accent.Render(fmt.Sprintf("%d unread", h.unread))
	}
	carried := ""
	switch len(h.carrying) {
	case 0:
	case 1:
		carried = dot + s.accent.Render(front.CarryingText(h.carrying))
	default:
		carried = dot + s.accent.Render(fmt.Sprintf("carrying %d pairs", len(h.carrying)))
	}
	if h.sharing != "" {
		carried = dot + s.warn.Bold(true).Render(h.sharing) + carried
	}
	if h.files != "" {
		carried += dot + s.good.Render(h.files)
	}
	short := s.text.Render(h.count(true))
	lock := h.lock(s)
	marked := room + " " + lock
	openOnly := room
	if h.open {
		openOnly = marked
	}
	variants := []string{
		" " + marked + "   " + count,
		" " + openOnly + "  " + count,
		" " + openOnly + " " + short,
		" " + room + " " + short,
		" " + short,
	}
	if h.inside {
		full := " " + s.dim.Render("meet") + "  " + marked + "   " + count + dot + s.text.Render(clock(h.elapsed))
		variants = append([]string{full, " " + marked + "   " + count + dot + s.text.Render(clock(h.elapsed))}, variants...)
	} else {
		variants = append([]string{" " + s.dim.Render("meet") + "  " + marked + "   " + count}, variants...)
	}
	free := w - width(right) - 1
	if carried != "" {
		for _, v := range variants[:min(4, len(variants))] {
			if width(v+carried) <= free {
				return s.spread(v+carried, right, w)
			}
		}
	}
	for _, v := range variants {
		if width(v) <= free {
			return s.spread(v, right, w)
		}
	}
	// Not even the number fits with the words: the room's name shrinks first.
	return s.spread(s.cut(variants[len(variants)-1], max(0, free)), s.cut(right, w), w)
}
