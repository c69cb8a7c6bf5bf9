package rtc

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/meet-term/meet/signal"
)

// HandRaised reports that somebody raised a hand to speak, or took it down; oneself
// too.
type HandRaised struct {
	Who
	On    bool
	Own   bool
	Place int // in the order of raising, from 1; 0 when it was taken down
}

// EventName implements [Event].
func (HandRaised) EventName() string { return "hand-raised" }

// setHand raises our own hand or takes it down.
type setHand bool

// SetHand raises one's own hand, behind all that are up, or takes it down.
func (m *Manager) SetHand(on bool) { m.mail.post(setHand(on)) }

func (s setHand) deliver(m *Manager, now time.Time) {
	if bool(s) == (m.state.Hand > 0) {
		return
	}
	m.state.Hand = 0
	if s {
		last := uint32(0)
		for _, mb := range m.members {
			last = max(last, mb.state.Hand)
		}
		m.state.Hand = last + 1
		if last == math.MaxUint32 { // somebody means no good
			m.state.Hand = last
		}
	}
	m.newState(now)
	m.store()
	m.tell(HandRaised{Who{m.cfg.Self, m.state.Name}, bool(s), true, m.View().HandPlace(m.cfg.Self)})
}

// handOf tells of the hand of somebody whose state is new.
func (m *Manager) handOf(mb *member, was uint32) {
	on := mb.state.Hand > 0
	if on == (was > 0) {
		return
	}
	m.store()
	m.tellOf(mb, HandRaised{mb.peer.who(), on, false, m.View().HandPlace(mb.peer.id)})
}

// Hands are those who have a hand up, oneself included, in the order of raising.
func (v *RoomView) Hands() []signal.PeerID {
	type hand struct {
		at uint32
		id signal.PeerID
	}
	var up []hand
	if v.Hand > 0 {
		up = append(up, hand{v.Hand, v.Self})
	}
	for i := range v.Peers {
		if at := v.Peers[i].Hand; at > 0 {
			up = append(up, hand{at, v.Peers[i].ID})
		}
	}
	slices.SortFunc(up, func(a, b hand) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) })
	var ids []signal.PeerID
	for _, h := range up {
		ids = append(ids, h.id)
	}
	return ids
}

// HandPlace is somebody's place in the order of raising, from 1; 0 without a hand up.
func (v *RoomView) HandPlace(id signal.PeerID) int { return slices.Index(v.Hands(), id) + 1 }
