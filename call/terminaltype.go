package call

import (
	"slices"
	"time"

	"github.com/meet-term/meet/internal/term"
	"github.com/meet-term/meet/internal/termsync"
	"github.com/meet-term/meet/signal"
)

// This file holds what comes on the channel for terminals, and who may type.

// terminalUser implements [channelUser] for the channel of terminals.
type terminalUser struct{ *terminals }

func (t terminalUser) opened(peer signal.PeerID, epoch signal.Epoch) {
	t.post(func(now time.Time) {
		t.open[peer] = epoch
		for _, s := range t.shares {
			if s.senders[peer] == nil {
				s.senders[peer] = termsync.NewSender(s.id, s.instance, 0)
				s.senders[peer].Show(s.term.Snapshot())
			}
			s.senders[peer].Reset(now)
		}
		for _, w := range t.others[peer] {
			w.receiver.Healed(now)
		}
	})
}

func (t terminalUser) closed(peer signal.PeerID, epoch signal.Epoch) {
	t.post(func(time.Time) {
		if t.open[peer] == epoch {
			delete(t.open, peer)
		}
	})
}

func (t terminalUser) drained(signal.PeerID, signal.Epoch) { t.post(func(time.Time) {}) }

func (t terminalUser) message(peer signal.PeerID, epoch signal.Epoch, b []byte) {
	t.postFrom(peer, func(now time.Time) {
		if len(b) < 2 || t.open[peer] != epoch {
			return
		}
		if s := t.shares[b[1]]; s != nil && (b[0] == 2 || b[0] == 3) {
			t.fromViewer(now, s, peer, b)
			return
		}
		if w := t.others[peer][b[1]]; w != nil {
			if changed, err := w.receiver.Take(now, b); err == nil && changed {
				t.stale = true
			}
		}
	})
}

// fromViewer takes a message about a terminal of ours.
func (t *terminals) fromViewer(now time.Time, s *shared, peer signal.PeerID, b []byte) {
	sender := s.senders[peer]
	if sender == nil {
		return
	}
	keys, want, err := sender.Take(now, b)
	if err != nil {
		return
	}
	if want != nil && sender.Room(now) {
		sender.Lines(s.term.History(want.First, want.Count))
	}
	if len(keys) > 0 && s.typing[peer] {
		t.toProgram(now, s, keys)
	}
}

// toProgram makes bytes of keys, as the program wants them now.
func (t *terminals) toProgram(_ time.Time, s *shared, keys []termsync.Key) {
	if s.cfg.Input == nil {
		return
	}
	m := s.term.Modes()
	var b []byte
	for _, k := range keys {
		b = append(b, k.Bytes(m.CursorKeys, m.Paste)...)
	}
	s.typed = true
	s.cfg.Input(b)
}

// typeIn types keys of ours.
func (t *terminals) typeIn(now time.Time, peer signal.PeerID, id int, keys []termsync.Key) error {
	if peer == t.self || peer == "" {
		s := t.shares[byte(id)]
		if s == nil {
			return ErrNoTerminal
		}
		if s.cfg.Input == nil {
			return ErrViewOnly
		}
		t.toProgram(now, s, keys)
		return nil
	}
	w := t.others[peer][byte(id)]
	switch {
	case w == nil:
		return ErrNoTerminal
	case !slices.Contains(w.about.Typing, t.self):
		return ErrMayNotType
	case !w.receiver.Type(keys...):
		return ErrTooManyKeys
	}
	t.stale = true
	return nil
}

// wish asks to be let type, or lets go.
func (t *terminals) wish(peer signal.PeerID, id int, on bool) error {
	w := t.others[peer][byte(id)]
	switch {
	case w == nil:
		return ErrNoTerminal
	case w.about.ViewOnly:
		return ErrViewOnly
	}
	w.asked = on && !slices.Contains(w.about.Typing, t.self)
	t.tell(peer, "terminal-ask", encode(map[string]any{"id": w.about.ID, "i": w.about.Instance, "on": on}))
	t.stale = true
	return nil
}

// asked takes the wish of somebody to type, or to stop.
func (t *terminals) asked(peer signal.PeerID, id byte, instance uint16, on bool) {
	s := t.shares[id]
	if s == nil || s.instance != instance || s.cfg.ViewOnly {
		return
	}
	waits := slices.Contains(s.asking, peer)
	switch {
	case !on:
		s.asking = slices.DeleteFunc(s.asking, func(p signal.PeerID) bool { return p == peer })
		if s.typing[peer] {
			t.revoke(s, peer)
			t.announce()
		}
	case waits || s.typing[peer] || len(s.asking) >= maxAskers:
	default:
		s.asking = append(s.asking, peer)
		t.events(TerminalAsked{t.who(peer), int(id)})
	}
	t.stale = true
}

// allow answers a wish, or takes back what was allowed.
func (t *terminals) allow(peer signal.PeerID, on bool) error {
	found := false
	for _, s := range t.shares {
		for _, p := range slices.Clone(s.asking) {
			if p == peer || peer == "" && !on {
				found = true
				s.asking = slices.DeleteFunc(s.asking, func(q signal.PeerID) bool { return p == q })
				if on {
					s.typing[p] = true
					t.events(TerminalAllowed{t.who(p), t.me(), int(s.id), true})
				}
			}
		}
		if on {
			continue
		}
		for p := range s.typing {
			if p == peer || peer == "" {
				found = true
				t.revoke(s, p)
			}
		}
	}
	t.announce()
	if !found && on {
		return errNobodyAsked
	}
	return nil
}

// revoke takes the right to type from somebody.
func (t *terminals) revoke(s *shared, peer signal.PeerID) {
	delete(s.typing, peer)
	t.events(TerminalAllowed{t.who(peer), t.me(), int(s.id), false})
}

// lost notes that a peer is cut off, and found that it is back: who was away for
// long must ask again, and both tell at once what they have.
func (t *terminals) lost(peer signal.PeerID) {
	t.note(func(now time.Time) { t.down[peer] = now })
}

func (t *terminals) found(peer signal.PeerID) {
	t.note(func(now time.Time) {
		since, was := t.down[peer]
		delete(t.down, peer)
		if was && now.Sub(since) > forgetTyper {
			t.revokeAll(peer)
		}
		for _, s := range t.shares {
			if sender := s.senders[peer]; sender != nil {
				sender.Healed(now)
			}
		}
		for _, w := range t.others[peer] {
			w.receiver.Healed(now)
		}
	})
}

func (t *terminals) revokeAll(peer signal.PeerID) {
	any := false
	for _, s := range t.shares {
		s.asking = slices.DeleteFunc(s.asking, func(p signal.PeerID) bool { return p == peer })
		if s.typing[peer] {
			any = true
			t.revoke(s, peer)
		}
	}
	if any {
		t.announce()
	}
	t.stale = true
}

// gone forgets a person.
func (t *terminals) gone(peer signal.PeerID) {
	t.note(func(now time.Time) {
		t.revokeAll(peer)
		for _, s := range t.shares {
			delete(s.senders, peer)
		}
		delete(t.open, peer)
		delete(t.down, peer)
		t.heard(now, peer, nil)
	})
}

// scroll shows a terminal as it was so many lines ago.
func (t *terminals) scroll(peer signal.PeerID, id, back int) {
	back = min(max(back, 0), term.Scrollback)
	if peer == t.self || peer == "" {
		if s := t.shares[byte(id)]; s != nil {
			s.back = min(back, int(min(s.last.Scrolled, term.Scrollback)))
			t.stale = true
		}
		return
	}
	if w := t.others[peer][byte(id)]; w != nil {
		if s := w.receiver.Snapshot(); s != nil {
			w.back = min(back, int(min(s.Scrolled, term.Scrollback)))
			t.stale = true
		}
	}
}
