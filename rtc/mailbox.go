package rtc

import (
	"sync"
	"time"
)

// mail is an input of the Manager: something another goroutine observed or
// wants. It is delivered on the Manager's goroutine.
type mail interface {
	deliver(m *Manager, now time.Time)
}

// mailbox is how everyone else talks to the Manager: posting never blocks, so
// that library callbacks may do it. What a peer can cause is bounded at its
// source (the signaling client's and the sessions' own limits); beyond
// maxMail the newest is dropped, and every party repeats what matters.
type mailbox struct {
	ready chan struct{} // one token while there is mail

	mu     sync.Mutex
	queue  []mail
	closed bool
}

const maxMail = 1 << 14

func newMailbox() *mailbox { return &mailbox{ready: make(chan struct{}, 1)} }

// post queues one item; after close it does nothing.
func (b *mailbox) post(m mail) {
	b.mu.Lock()
	if b.closed || len(b.queue) >= maxMail {
		b.mu.Unlock()
		return
	}
	b.queue = append(b.queue, m)
	b.mu.Unlock()
	select {
	case b.ready <- struct{}{}:
	default:
	}
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
