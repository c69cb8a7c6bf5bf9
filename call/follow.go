package call

import (
	"sync"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/rtc"
)

// Follower is one more reader of what happens in a call, besides the one of
// [Call.Events]. A slow one loses the oldest events and is told how many.
type Follower struct {
	from  *eventQueue
	queue *eventQueue
	stop  chan struct{}
	once  sync.Once
}

// Follow reads what happens from now on. The follower must be closed.
func (c *Call) Follow() *Follower {
	f := &Follower{from: c.events, queue: newEventQueue(), stop: make(chan struct{})}
	c.events.follow(f.queue)
	crash.Go(func() { f.queue.run(f.stop) })
	return f
}

// Events is what happened, in order. It ends with the call, or with Close.
func (f *Follower) Events() <-chan rtc.Event { return f.queue.out }

// Close ends the stream, and returns when nothing of it runs any more.
func (f *Follower) Close() {
	f.once.Do(func() {
		f.from.unfollow(f.queue)
		close(f.stop)
		f.queue.wait()
	})
}

// follow has everything that is posted posted to another queue as well.
func (q *eventQueue) follow(f *eventQueue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		f.close()
		return
	}
	q.followers = append(q.followers, f)
}

func (q *eventQueue) unfollow(f *eventQueue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range q.followers {
		if other == f {
			q.followers = append(q.followers[:i:i], q.followers[i+1:]...)
			return
		}
	}
}
