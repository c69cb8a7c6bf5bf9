package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// banner is the line that says what is broken and what is being done about it.
// The server wins over the peers.
type banner struct {
	view *rtc.RoomView
	now  time.Time
	step int
	key  string // that retries now
}

// Shown reports whether there is anything to say.
func (b banner) Shown() bool { return b.server() || b.view.Reconnecting() > 0 }

// server reports whether the signaling server is what the banner is about.
func (b banner) server() bool {
	v := b.view.Server
	return v.Lost || v.State == signal.Reconnecting || v.State == signal.Connecting
}

// serverText is e.g. "Reconnecting to server... media 3/3, attempt 2 in 4 s".
func (b banner) serverText() string {
	v := b.view.Server
	if v.State == signal.Closed && v.Lost {
		return fmt.Sprintf("No server: nobody else can join. Media %d/%d", b.view.Connected(), len(b.view.Peers))
	}
	text, sep := "Connecting to server...", " "
	if v.Lost {
		text = "Reconnecting to server..."
	}
	if v.Trouble != "" { // where and why
		text = strings.TrimSuffix(text, "server...") + cleanText(v.Address) + "... " + cleanText(v.Trouble)
		sep = ", "
	}
	if v.Lost {
		mid := " "
		if v.Trouble != "" {
			mid = ", "
		}
		if n := len(b.view.Peers); n > 0 { // alone there is no media to speak of
			text, sep = fmt.Sprintf("%s%smedia %d/%d", text, mid, b.view.Connected(), n), ", "
		}
	}
	switch {
	case v.Attempt > 0 && v.RetryAt.After(b.now):
		text += fmt.Sprintf("%sattempt %d %s", sep, v.Attempt, until(b.now, v.RetryAt))
	case v.Attempt > 0:
		text += fmt.Sprintf("%sattempt %d", sep, v.Attempt)
	}
	return text
}

// progress is e.g. "carol (2 of 3, in 1 s)".
func (b banner) progress(p rtc.PeerView) string {
	r := p.Repair
	var text string
	switch {
	case p.Away:
		text = "away"
	case r.Waiting:
		text = "waiting"
	case r.Attempt == 0:
		text = "now"
	default:
		text = fmt.Sprintf("%d of %d, %s", r.Attempt, r.Of, until(b.now, r.NextAt))
	}
	return cleanName(p.Name) + " (" + text + ")"
}

// peersText names as many people as fit in w cells.
func (b banner) peersText(w int) string {
	var broken []rtc.PeerView
	for _, p := range b.view.Peers {
		if p.State == rtc.StateDisconnected {
			broken = append(broken, p)
		}
	}
	head := "Reconnecting to " + front.Plural(len(broken), "peer") + "..."
	text := head
	for i, p := range broken {
		sep := ", "
		if i == 0 {
			sep = " "
		}
		rest := ""
		if left := len(broken) - i - 1; left > 0 {
			rest = fmt.Sprintf(", +%d more", left)
		}
		next := text + sep + b.progress(p)
		if width(next+rest) > w {
			if i > 0 {
				return text + fmt.Sprintf(", +%d more", len(broken)-i)
			}
			return text
		}
		text = next
	}
	return text
}

// Render is the banner in w cells, or blanks when there is nothing to say.
func (b banner) Render(s *Styles, w int) string {
	if !b.Shown() {
		return spaces(w)
	}
	right := ""
	if w >= 60 && b.key != "" {
		right = s.key.Render(b.key) + " " + s.dim.Render("retry now") + " "
	}
	room := w - width(right) - 4
	text := ""
	if b.server() {
		text = b.serverText()
	} else {
		text = b.peersText(room)
	}
	return s.spread(s.banner.Render(" "+s.spinner(b.step)+" "+s.cut(text, room)), right, w)
}
