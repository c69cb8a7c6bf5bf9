package call

import (
	"sync"

	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/rtc"
)

// maxQueued is how many events wait for a reader that is slow. Beyond it the
// oldest go first and the reader is told how many.
const maxQueued = 8192

// EventsLost takes the place of events that a slow reader missed.
type EventsLost struct{ Count int }

// EventName implements [rtc.Event].
func (EventsLost) EventName() string { return "warning" }

// eventQueue lets the core post without waiting and one reader receive in
// order.
type eventQueue struct {
	out   chan rtc.Event
	ready chan struct{}
	empty chan struct{} // closed when run has returned

	mu        sync.Mutex
	queue     []rtc.Event
	lost      int
	closed    bool
	followers []*eventQueue // each gets all of it; never the queue of one that follows
}

func newEventQueue() *eventQueue {
	return &eventQueue{
		out: make(chan rtc.Event), ready: make(chan struct{}, 1), empty: make(chan struct{}),
	}
}

// post never blocks.
func (q *eventQueue) post(e rtc.Event) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return
	}
	if len(q.queue) >= maxQueued {
		q.queue = q.queue[1:]
		q.lost++
	}
	q.queue = append(q.queue, e)
	for _, f := range q.followers {
		f.post(e) // under the lock, so that all have one order
	}
	q.mu.Unlock()
	q.wake()
}

func (q *eventQueue) wake() {
	wake.Poke(q.ready)
}

// close ends the stream after what is queued.
func (q *eventQueue) close() {
	q.mu.Lock()
	q.closed = true
	for _, f := range q.followers {
		f.close()
	}
	q.mu.Unlock()
	q.wake()
}

// next returns the oldest event, or false when there is none now.
func (q *eventQueue) next() (e rtc.Event, ok, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lost > 0 {
		n := q.lost
		q.lost = 0
		return EventsLost{n}, true, false
	}
	if len(q.queue) == 0 {
		return nil, false, q.closed
	}
	e, q.queue = q.queue[0], q.queue[1:]
	return e, true, false
}

// run feeds the reader until the queue is closed and empty, or stop closes
// because nobody reads any more.
func (q *eventQueue) run(stop <-chan struct{}) {
	defer close(q.empty)
	defer close(q.out)
	for {
		e, ok, closed := q.next()
		switch {
		case ok:
			select {
			case q.out <- e:
			case <-stop:
				return
			}
		case closed:
			return
		default:
			select {
			case <-q.ready:
			case <-stop:
				return
			}
		}
	}
}

// wait blocks until run has returned.
func (q *eventQueue) wait() { <-q.empty }
