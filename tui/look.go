package tui

import (
	"fmt"

	"github.com/meet-term/meet/media"
)

// look is the part of a shared screen that is looked at: small text is grey noise until
// it is large. It belongs to one picture; its zero value shows the whole of any.
type look struct {
	of   picture
	zoom int // 0: the whole; 2, 4 or 8 times as large
	x, y int // thousandths of the way from the left and from the top
}

// How far one can look in, and how much of what is shown one step moves.
const (
	zoomMost = 8
	panEdge  = 1000
)

// lookOf is how a picture is looked at.
func (sc *screen) lookOf(p picture) look {
	if sc.look.of == p && sc.look.zoom > 1 {
		return sc.look
	}
	return look{of: p}
}

// closer looks closer at a picture, or from further away. The middle stays where it is.
func (l look) closer(in bool) look {
	switch {
	case in && l.zoom < 2:
		return look{l.of, 2, panEdge / 2, panEdge / 2}
	case in:
		l.zoom = min(zoomMost, l.zoom*2)
	case l.zoom <= 2:
		return look{of: l.of}
	default:
		l.zoom /= 2
	}
	return l
}

// pan moves what is shown by half of its width or height.
func (l look) pan(dx, dy int) look {
	if l.zoom < 2 {
		return l
	}
	// Of zoom parts zoom-1 lie between the first place and the last.
	step := panEdge / (2 * (l.zoom - 1))
	l.x = max(0, min(panEdge, l.x+dx*step))
	l.y = max(0, min(panEdge, l.y+dy*step))
	return l
}

// lookAt looks closer at the shared screen in the spotlight, or at another part of it.
func (m *Model) lookAt(a Action) {
	at := m.chosen(m.pictures())
	if at.kind != media.Screen || !m.shows(at) {
		m.toast(toastInfo, "looking closer is for a shared screen in the spotlight")
		return
	}
	l := m.lookOf(at)
	switch a {
	case ActCloser, ActWider:
		l = l.closer(a == ActCloser)
	case ActPanLeft:
		l = l.pan(-1, 0)
	case ActPanRight:
		l = l.pan(1, 0)
	case ActPanUp:
		l = l.pan(0, -1)
	case ActPanDown:
		l = l.pan(0, 1)
	}
	if l.zoom < 2 && a != ActWider {
		m.toast(toastInfo, m.keys.key(ActCloser)+" looks closer first")
	}
	m.look = l
}

// lookText is what the frame of a picture says of it: "2x" of a part of it.
func (sc *screen) lookText(p picture) string {
	if l := sc.lookOf(p); l.zoom > 1 {
		return fmt.Sprintf(" %s %dx", sc.styles.glyph.dot, l.zoom)
	}
	return ""
}
