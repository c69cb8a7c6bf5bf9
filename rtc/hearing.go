package rtc

import (
	"time"

	"github.com/meet-term/meet/signal"
)

type (
	// HearingChanged reports that sound which is sent does not arrive, or does
	// so again.
	HearingChanged struct {
		Who
		Heard bool // they get our sound, if we send any
		Hears bool // we get theirs, if they send any
	}
	// HearingLost reports a silence of that kind which lasts; see
	// [HearingChanged].
	HearingLost struct {
		Who
		Heard, Hears bool
	}
)

// EventName implements [Event].
func (HearingChanged) EventName() string { return "hearing-changed" }

// EventName implements [Event].
func (HearingLost) EventName() string { return "hearing-lost" }

// hearing is whether sound arrives, each way.
type hearing struct {
	unheard bool // they do not get the sound we send
	silent  bool // we do not get the sound they send
}

// finds takes what was found, and reports whether that is news.
func (h *hearing) finds(unheard, silent bool) bool {
	was := *h
	h.unheard, h.silent = unheard, silent
	return was != *h
}

// setHearing is what whoever watches the sound of a peer found.
type setHearing struct {
	peer         signal.PeerID
	heard, hears bool
}

// SetHearing tells whether a peer gets the sound we send, and we theirs. The
// view shows it and the room hears of every change.
func (m *Manager) SetHearing(peer signal.PeerID, heard, hears bool) {
	m.mail.post(setHearing{peer, heard, hears})
}

func (s setHearing) deliver(m *Manager, _ time.Time) {
	mb := m.members[s.peer]
	if mb == nil || !mb.finds(!s.heard, !s.hears) {
		return
	}
	m.dirty = true
	m.tellOf(mb, HearingChanged{mb.peer.who(), s.heard, s.hears})
}
