package call

import (
	"sync"
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/signal"
)

// The pace of chat that is shown: of one person chatBurst lines at once, which is
// more than is told to somebody who comes later or was cut off, and one line each
// chatEvery after that. Nobody reads faster.
const (
	chatBurst = rules.ChatShare + 10
	chatEvery = 250 * time.Millisecond
	// floodTold is how often somebody is told that lines are left out.
	floodTold = 30 * time.Second
)

// chatPace keeps a person who floods the chat from filling the others' screens and
// scripts. It is safe for use by several goroutines.
type chatPace struct {
	mu     sync.Mutex // guards what follows
	people map[signal.PeerID]*paced
}

// paced is what one person wrote of late.
type paced struct {
	left   int
	at     time.Time
	toldAt time.Time // zero: not told yet
}

func newChatPace() *chatPace { return &chatPace{people: map[signal.PeerID]*paced{}} }

// pass returns how many of n lines may be shown, and whether to say that others are
// left out.
func (p *chatPace) pass(peer signal.PeerID, n int, now time.Time) (shown int, tell bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.people[peer]
	if w == nil {
		w = &paced{left: chatBurst, at: now}
		p.people[peer] = w
	}
	if back := int(now.Sub(w.at) / chatEvery); back > 0 {
		w.left = min(chatBurst, w.left+back)
		w.at = w.at.Add(time.Duration(back) * chatEvery)
	}
	shown = min(n, w.left)
	w.left -= shown
	if shown < n && (w.toldAt.IsZero() || now.Sub(w.toldAt) >= floodTold) {
		w.toldAt = now
		return shown, true
	}
	return shown, false
}

// forget drops what is known of a person.
func (p *chatPace) forget(peer signal.PeerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.people, peer)
}
