package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// picture is something to be shown on the stage: a camera, a shared screen or,
// when a person sends neither, a tile with the name.
type picture struct {
	peer signal.PeerID
	kind media.Kind
	term int // the number of a shared terminal, which is drawn as text; 0: it is none
}

// termID is which terminal it is.
func (p picture) termID() termID { return termID{p.peer, p.term} }

// placedPicture is a picture and the box it is in.
type placedPicture struct {
	picture
	box  rect
	more int // pictures that found no room after this one
}

// spotlight decides which picture is the large one.
type spotlight struct {
	pinned  picture // chosen by a person; the zero value follows the speaker
	speaker signal.PeerID
	rival   signal.PeerID // speaks now, and takes over when that lasts
	since   time.Time     // when the rival began
}

// takeover is how long somebody else must speak to get the spotlight.
const takeover = time.Second

// hear follows the speaker with hysteresis: the loudest takes over only after
// speaking for a second, and silence changes nothing.
func (sp spotlight) hear(now time.Time, self signal.PeerID, levels map[signal.PeerID]media.Loudness) spotlight {
	var loudest signal.PeerID
	found := false
	for id, l := range levels {
		if id == self || !l.Speaking {
			continue
		}
		// Equal levels are ordered by id, so that the choice does not flicker.
		if best := levels[loudest].DB; !found || l.DB > best || l.DB == best && id < loudest {
			loudest, found = id, true
		}
	}
	switch {
	case !found || loudest == sp.speaker:
		sp.rival = ""
	case sp.speaker == "":
		sp.speaker, sp.rival = loudest, ""
	case loudest != sp.rival:
		sp.rival, sp.since = loudest, now
	case now.Sub(sp.since) >= takeover:
		sp.speaker, sp.rival = loudest, ""
	}
	return sp
}

// media is what a person sends, oneself included.
func (sc *screen) media(id signal.PeerID) signal.Media {
	if id == sc.view.Self {
		return sc.view.Media
	}
	p, _ := sc.view.Peer(id)
	return p.Media
}

// pictures lists what the stage shows, in the order of the grid: shared
// terminals and screens, then people, oneself last. Without any picture there is no
// stage, unless everyone was asked for by grid or zoom. Terminals need none: they
// are text.
func (sc *screen) pictures() []picture {
	var screens, people []picture
	for _, v := range sc.terms.shown() {
		screens = append(screens, picture{v.Peer, media.Screen, v.ID})
	}
	if !sc.stage {
		return screens
	}
	live := sc.view.Media.Camera || len(screens) > 0
	for i := range sc.view.Peers {
		p := &sc.view.Peers[i]
		if p.Media.Screen {
			screens = append(screens, picture{p.ID, media.Screen, 0})
		}
		live = live || p.Media.Screen || p.Media.Camera
		people = append(people, picture{p.ID, media.Camera, 0})
	}
	if !live && sc.mode == modeSpotlight {
		return nil
	}
	people = append(people, picture{sc.view.Self, media.Camera, 0})
	return append(screens, people...)
}

// chosen is the picture in the spotlight: the pinned one, or a shared screen,
// or who speaks, or the first that shows anything.
func (sc *screen) chosen(all []picture) picture {
	if len(all) == 0 {
		return picture{}
	}
	speaker := picture{sc.spotlight.speaker, media.Camera, 0}
	first := all[0]
	for _, p := range all {
		if sc.spotlight.pinned.peer != "" && p == sc.spotlight.pinned {
			return p
		}
	}
	for _, p := range all {
		if p.kind == media.Screen {
			return p
		}
	}
	for _, p := range all {
		if p == speaker {
			return p
		}
	}
	for _, p := range all {
		if sc.media(p.peer).Camera && p.peer != sc.view.Self {
			return p
		}
	}
	return first
}

// placed puts the pictures into the boxes of a layout.
func (sc *screen) placed(l layout) []placedPicture {
	all := sc.pictures()
	var out []placedPicture
	if !l.spot.empty() && len(all) > 0 {
		large := sc.chosen(all)
		out = append(out, placedPicture{large, l.spot, 0})
		rest := all[:0:0]
		for _, p := range all {
			if p != large {
				rest = append(rest, p)
			}
		}
		all = rest
	}
	for i, box := range l.tiles {
		if i < len(all) {
			out = append(out, placedPicture{all[i], box, 0})
		}
	}
	// Nobody vanishes silently, least of all oneself: the last box says how many more.
	if left := len(all) - len(l.tiles); left > 0 && len(l.tiles) > 0 {
		out[len(out)-1].more = left
	}
	return out
}

// shows reports whether a picture has video, and is no mere name tile.
func (sc *screen) shows(p picture) bool {
	if p.term != 0 {
		return false // drawn as text
	}
	if peer, ok := sc.view.Peer(p.peer); ok && peer.Trouble != "" {
		return false // why there is no connection is told in its place
	}
	m := sc.media(p.peer)
	return p.kind == media.Screen && m.Screen || p.kind == media.Camera && m.Camera
}

// thinLine is said over pictures that the line does not carry.
const thinLine = "line too thin"

// tileBadge is the badge over a picture whose peer is not connected, or whose line
// is too thin. It does
// not move, so that the list of tiles changes only when something happened.
func (sc *screen) tileBadge(p rtc.PeerView, kind media.Kind, w int) string {
	if p.State == rtc.StateConnected && p.Thin.Of(kind) {
		return sc.styles.cut(thinLine, w)
	}
	if p.State == rtc.StateConnected && !p.OneWay && !p.Silent && !p.Unheard {
		return ""
	}
	b := badge{peer: p, server: sc.view.Server.State == signal.Connected, step: still}
	return b.Text(sc.styles, w)
}

// tileBox draws the box of a picture: a title, and inside it placeholders for
// video or the name.
func (sc *screen) tileBox(p placedPicture) block {
	if p.term != 0 {
		return sc.termBox(p)
	}
	s, in := sc.styles, p.box.inner()
	name, badgeText := cleanName(sc.view.Name), ""
	peer, other := sc.view.Peer(p.peer)
	if other {
		name, badgeText = cleanName(peer.Name), sc.tileBadge(peer, p.kind, in.w)
	}
	style := s.text
	speaking := sc.levels[p.peer].Speaking && p.kind == media.Camera
	if speaking {
		style = s.speak.Bold(true)
	}
	more := ""
	if p.more > 0 {
		more = fmt.Sprintf(" %s %d more", s.glyph.dot, p.more)
		name = s.cut(name, max(1, in.w-3-width(more)))
	} else if p.kind == media.Screen {
		more = " " + s.glyph.dot + " screen"
		if sc.media(p.peer).Sound {
			more += " + sound"
		}
		more += sc.lookText(p.picture)
	} else if !sc.media(p.peer).Mic {
		more = " " + s.glyph.dot + " muted"
	} else if speaking { // not by colour alone
		more = " " + s.glyph.dot + " speaking"
	}
	if width(name+more) > in.w-3 {
		more = "" // the table says so too
	}
	title := style.Render(name) + s.dim.Render(more)
	var lines []string
	if sc.shows(p.picture) {
		hole := strings.Repeat(string(Placeholder), in.w)
		for y := range in.h {
			line := hole
			if badgeText != "" && y == in.h/2 {
				line = sc.overHole(badge{peer: peer}, badgeText, in.w)
			}
			lines = append(lines, line)
		}
	} else {
		middle := max(0, (in.h-1)/2)
		for range middle {
			lines = append(lines, "")
		}
		lines = append(lines, s.center(style.Render(name), in.w))
		below := s.dim.Render("camera off")
		if badgeText != "" {
			_, look := badge{peer: peer}.look(s)
			below = look.Render(badgeText)
		}
		lines = append(lines, s.center(below, in.w))
		if peer.Trouble != "" {
			for _, line := range wrap(cleanText(peer.Trouble), max(1, in.w-2)) {
				if len(lines) < in.h {
					lines = append(lines, s.center(s.dim.Render(line), in.w))
				}
			}
		}
	}
	frame := s.dim
	if speaking {
		frame = s.speak
	}
	return s.framed(p.box, frame, title, lines)
}

// overHole writes a badge into the middle of a line of placeholders, with a
// blank at its sides where there is room.
func (sc *screen) overHole(b badge, text string, w int) string {
	_, look := b.look(sc.styles)
	if width(text)+2 <= w {
		text = " " + text + " "
	}
	left := (w - width(text)) / 2
	return strings.Repeat(string(Placeholder), left) + look.Render(text) +
		strings.Repeat(string(Placeholder), w-width(text)-left)
}

// Tiles are the holes that View leaves for video, in no particular order.
func (sc *screen) Tiles() []Tile {
	if sc.w <= 0 || sc.h <= 0 {
		return nil
	}
	l := sc.layout()
	if l.line {
		return nil
	}
	var out []Tile
	for _, p := range sc.placed(l) {
		in := p.box.inner()
		if in.empty() || !sc.shows(p.picture) {
			continue
		}
		t := Tile{Peer: p.peer, Kind: p.kind, X: in.x, Y: in.y, Cols: in.w, Rows: in.h}
		if look := sc.lookOf(p.picture); look.zoom > 1 {
			t.Zoom, t.PanX, t.PanY = look.zoom, look.x, look.y
		}
		if peer, ok := sc.view.Peer(p.peer); ok {
			t.Dim = peer.State != rtc.StateConnected
			t.Badge = sc.tileBadge(peer, p.kind, in.w)
		}
		out = append(out, t)
	}
	return out
}
