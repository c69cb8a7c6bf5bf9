package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// history keeps a minute of statistics per peer for the sparklines. It is an
// immutable value: add returns a new one.
type history map[signal.PeerID][]call.PeerStats

// minute is how many samples, one per second, a sparkline shows.
const minute = 60

// add appends one sample per peer and forgets peers that left.
func (h history) add(stats map[signal.PeerID]call.PeerStats) history {
	next := make(history, len(stats))
	for id, l := range stats {
		old := h[id]
		if len(old) >= minute {
			old = old[len(old)-minute+1:]
		}
		samples := make([]call.PeerStats, 0, len(old)+1)
		next[id] = append(append(samples, old...), l)
	}
	return next
}

// linkBox is the statistics panel of one peer.
type linkBox struct {
	peer   *rtc.PeerView // nil: nobody is there
	now    time.Time
	stats  call.PeerStats
	known  bool
	past   []call.PeerStats
	server bool
	step   int
}

// linkPeer is whom the line below the list is about: the selected person, or
// the one in the spotlight.
func (sc *screen) linkPeer() signal.PeerID {
	if sc.selected != "" {
		return sc.selected
	}
	return sc.chosen(sc.pictures()).peer
}

// linkLine is the line about a connection: "bob  15 fps  23 ms  0.0% lost".
func (sc *screen) linkLine(w int) string {
	id := sc.linkPeer()
	p, ok := sc.view.Peer(id)
	if !ok {
		return spaces(w)
	}
	s, l := sc.styles, sc.stats[id]
	parts := []string{s.text.Render(s.cut(cleanName(p.Name), max(8, w/3)))}
	shown := l.Camera
	if l.Screen.FPS > 0 && sc.chosen(sc.pictures()) == (picture{id, media.Screen, 0}) {
		shown = l.Screen
	}
	if shown.FPS > 0 {
		parts = append(parts, fmt.Sprintf("%.0f fps", shown.FPS))
	}
	if l.Transport.RTT > 0 {
		parts = append(parts, front.Millis(l.Transport.RTT))
	}
	if l.Transport.Path != rtc.PathNone {
		parts = append(parts, front.Percent(l.Now.Loss)+" lost")
	}
	parts = append(parts, front.Path(l))
	return s.fit(spaces(1+markerWidth)+parts[0]+s.dim.Render("  "+strings.Join(parts[1:], "  ")), w)
}

// linkBox is the panel for the selected person, or the first.
func (sc *screen) linkBox() linkBox {
	i := sc.index(sc.selected)
	if i < 0 && len(sc.view.Peers) > 0 {
		i = 0
	}
	if i < 0 {
		return linkBox{}
	}
	p := &sc.view.Peers[i]
	l, ok := sc.stats[p.ID]
	return linkBox{
		peer: p, now: sc.now, stats: l, known: ok, past: sc.past[p.ID],
		server: sc.view.Server.State == signal.Connected, step: sc.step,
	}
}

// sparkline draws the newest n values against the largest of them, at least
// against floor.
func (s *Styles) sparkline(values []float64, n int, floor float64) string {
	if len(values) > n {
		values = values[len(values)-n:]
	}
	top := floor
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	b.WriteString(spaces(n - len(values)))
	for _, v := range values {
		b.WriteString(s.bar(v / top * 0.999))
	}
	return b.String()
}

// Render is the panel in w cells.
func (b linkBox) Render(s *Styles, w int) []string {
	if b.peer == nil {
		return []string{s.dim.Render(s.fit(" nobody else is here", w))}
	}
	var out []string
	row := func(name, value string) {
		out = append(out, s.fit(" "+s.dim.Render(s.fit(name, 11))+value, w))
	}
	out = append(out, s.fit(" "+s.bold.Render(cleanName(b.peer.Name)), w))
	state := badge{peer: *b.peer, server: b.server, step: b.step}
	age := ""
	if !b.peer.Since.IsZero() {
		age = s.dim.Render(" for " + front.Brief(b.now.Sub(b.peer.Since).Truncate(time.Second)))
	}
	row("state", strings.TrimRight(state.Render(s, badgeLong), " ")+age)
	row("ice", b.peer.ICE.String())
	if mark := b.peer.Identity.Mark; mark != rtc.MarkNone {
		row("who", s.mark(mark).Render(string(mark)))
	}
	if len(b.peer.Missing) > 0 {
		row("missing", s.warn.Render(strings.Join(b.peer.Missing, ", ")))
	}
	if !b.known {
		return append(out, s.dim.Render(s.fit(" no figures yet", w)))
	}
	l := b.stats
	if b.peer.Trouble != "" {
		for i, line := range wrap(cleanText(b.peer.Trouble), max(8, w-13)) {
			row([]string{"tried", ""}[min(i, 1)], s.warn.Render(line))
		}
	}
	way := front.Path(l)
	if l.Transport.LocalType != "" {
		way += s.dim.Render("  " + l.Transport.LocalType + " to " + l.Transport.RemoteType)
	}
	row("path", way)
	if l.Transport.LocalAddress != "" {
		row("", s.dim.Render(l.Transport.LocalAddress+" to "+l.Transport.RemoteAddress))
	}
	spark := func(name, value string, floor float64, of func(call.PeerStats) float64) {
		values := make([]float64, len(b.past))
		for i, p := range b.past {
			values[i] = of(p)
		}
		n := max(0, min(minute, w-24))
		row(name, s.fit(value, 11)+s.accent.Render(s.sparkline(values, n, floor)))
	}
	trip, lost := front.Millis(l.Transport.RTT), front.Percent(l.Now.Loss)
	if l.Transport.Path == rtc.PathNone {
		trip, lost = s.glyph.dash, s.glyph.dash
	}
	spark("round trip", trip, 50, func(l call.PeerStats) float64 { return float64(l.Transport.RTT.Milliseconds()) })
	spark("loss", lost, 0.05, func(l call.PeerStats) float64 { return l.Now.Loss })
	spark("down", bitrate(l.Now.Down)+"bit/s", 100_000, func(l call.PeerStats) float64 { return float64(l.Now.Down) })
	spark("up", bitrate(l.Now.Up)+"bit/s", 100_000, func(l call.PeerStats) float64 { return float64(l.Now.Up) })
	if l.Transport.MTU > 0 {
		row("packets", fmt.Sprintf("up to %d bytes", l.Transport.MTU))
	}
	row("jitter", front.Millis(milliseconds(l.Audio.JitterMS)))
	row("buffer", front.Millis(milliseconds(l.Audio.BufferMS)))
	for _, v := range []struct {
		kind media.Kind
		p    media.PictureStats
	}{{media.Camera, l.Camera}, {media.Screen, l.Screen}} {
		if v.p.Width > 0 {
			row(v.kind.String(), fmt.Sprintf("%dx%d  %.0f fps  %sbit/s", v.p.Width, v.p.Height, v.p.FPS, bitrate(l.Now.Bits[v.kind])))
		}
	}
	row("data", front.DataSize(media.Total(l.Received))+" in, "+front.DataSize(media.Total(l.Sent))+" out")
	return out
}

// milliseconds is a duration of so many of them.
func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// byPeer finds figures by whom they are about.
func byPeer(all []call.PeerStats) map[signal.PeerID]call.PeerStats {
	found := make(map[signal.PeerID]call.PeerStats, len(all))
	for _, s := range all {
		found[s.Peer] = s
	}
	return found
}
