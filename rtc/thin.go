package rtc

import (
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// PicturesPaused reports that a peer sends us no more pictures of a kind, because
// the path to us carries none, or that it does so again. The sound goes on.
type PicturesPaused struct {
	Who
	Kind   media.Kind
	Paused bool
}

// EventName implements [Event].
func (PicturesPaused) EventName() string { return "pictures-paused" }

// Thin is which pictures of a peer the path to us does not carry.
type Thin struct{ Camera, Screen bool }

// Of says so of one kind.
func (t Thin) Of(kind media.Kind) bool {
	return kind == media.Camera && t.Camera || kind == media.Screen && t.Screen
}

// setThin is what a peer said of the path to us.
type setThin struct {
	peer signal.PeerID
	thin Thin
}

// SetThin tells which pictures a peer says that the path to us does not carry. The
// view shows it and the room hears of every change.
func (m *Manager) SetThin(peer signal.PeerID, t Thin) { m.mail.post(setThin{peer, t}) }

func (s setThin) deliver(m *Manager, _ time.Time) {
	if mb := m.members[s.peer]; mb != nil {
		m.setThin(mb, s.thin)
	}
}

func (m *Manager) setThin(mb *member, t Thin) {
	was := mb.thin
	if was == t {
		return
	}
	mb.thin, m.dirty = t, true
	for _, kind := range []media.Kind{media.Camera, media.Screen} {
		if was.Of(kind) != t.Of(kind) {
			m.tell(PicturesPaused{mb.peer.who(), kind, t.Of(kind)})
		}
	}
}
