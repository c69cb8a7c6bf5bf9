package rtc

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/internal/wake"
)

// mail is an input of the Manager: something another goroutine observed or
// wants. It is delivered on the Manager's goroutine.
type mail interface {
	deliver(m *Manager, now time.Time)
}

// mailbox is how everyone else talks to the Manager: posting never blocks, so
// that library callbacks may do it. What a peer can cause is bounded at its
// source (the signaling client's own limits, and the intake of each session);
// beyond maxMail the newest is dropped, and every party repeats what matters.
type mailbox struct {
	ready chan struct{} // one token while there is mail

	mu     sync.Mutex
	queue  []mail
	closed bool
}

const maxMail = 1 << 14

// intake bounds the data messages of one session that wait in the mailbox, so
// that a peer that floods us crowds out nobody else. Beyond it the newest are
// dropped. Counted in by the session's goroutine, out by the Manager's.
type intake struct{ messages, bytes atomic.Int64 }

// The bounds of an intake, in messages and in bytes.
const (
	maxIntake      = maxMail / 4
	maxIntakeBytes = 4 << 20
)

// admit counts a message in, or says that it is to be dropped.
func (i *intake) admit(b []byte) bool {
	messages, bytes := i.messages.Add(1), i.bytes.Add(int64(len(b)))
	if messages > maxIntake || bytes > maxIntakeBytes {
		i.release(b)
		return false
	}
	return true
}

// release counts a message out.
func (i *intake) release(b []byte) {
	i.messages.Add(-1)
	i.bytes.Add(-int64(len(b)))
}

func newMailbox() *mailbox { return &mailbox{ready: make(chan struct{}, 1)} }

// post queues one item and reports whether there was room; after close there
// is none.
func (b *mailbox) post(m mail) bool {
	b.mu.Lock()
	if b.closed || len(b.queue) >= maxMail {
		b.mu.Unlock()
		return false
	}
	b.queue = append(b.queue, m)
	b.mu.Unlock()
	wake.Poke(b.ready)
	return true
}

// take empties the mailbox.
func (b *mailbox) take() []mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queue
	b.queue = nil
	return q
}

func (b *mailbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.queue = true, nil
}
