// Package supervise keeps running what may fail, such as a microphone, a speaker or a
// camera: a [Task] is one run of it, a [Retry] says when to try again, and a
// [Supervisor] does both for jobs that are started to run and nothing else. What
// needs to be looked at before it runs, as cameras do, is supervised by whoever
// knows how, with the same two.
//
// Key invariants:
//   - Nothing that was started runs once its Stop, or the Run of its supervisor, has
//     returned.
//   - A sign of life belongs to the task that runs: one of the task before is dropped
//     when the next is started.
package supervise

import (
	"context"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/wake"
)

const (
	// Retries after a failure wait this long, doubling, up to the last value:
	// a sound server that comes back is heard again within two seconds.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// Task is one run of something, in a goroutine of its own. A nil Task has ended.
type Task struct {
	cancel context.CancelFunc
	done   chan error
}

// Start begins a task that ends with ctx. What it calls at signs of life, once or
// often, puts a token into alive, from which that of the task before is taken.
func Start(ctx context.Context, alive chan struct{}, run func(ctx context.Context, alive func()) error) *Task {
	select {
	case <-alive:
	default:
	}
	ctx, cancel := context.WithCancel(ctx)
	t := &Task{cancel: cancel, done: make(chan error, 1)}
	var once sync.Once // signs of life come a hundred times a second
	crash.Go(func() {
		defer cancel()
		t.done <- run(ctx, func() { once.Do(func() { wake.Poke(alive) }) })
	})
	return t
}

// Stop ends t and waits for it.
func (t *Task) Stop() {
	if t != nil {
		t.cancel()
		<-t.done
	}
}

// Ended returns the channel that tells once why t ended by itself. Whoever reads it
// forgets t.
func (t *Task) Ended() <-chan error {
	if t == nil {
		return nil
	}
	return t.done
}

// Retry is the time at which something that failed is tried again. It belongs to one
// goroutine; [NewRetry] makes it.
type Retry struct {
	// C tells that the time has come; [Retry.Fired] is to be called then.
	C       <-chan time.Time
	timer   *time.Timer
	delay   time.Duration
	waiting bool
}

// NewRetry returns one that waits for nothing.
func NewRetry() *Retry {
	timer := time.NewTimer(0)
	timer.Stop()
	return &Retry{C: timer.C, timer: timer, delay: firstRetry}
}

// Arm waits, twice as long as the time before.
func (r *Retry) Arm() {
	r.timer.Reset(r.delay)
	r.waiting = true
	r.delay = min(2*r.delay, lastRetry)
}

// Fired is called when C has told.
func (r *Retry) Fired() { r.waiting = false }

// Waiting reports whether a time is waited for.
func (r *Retry) Waiting() bool { return r.waiting }

// Stop waits no longer.
func (r *Retry) Stop() {
	r.timer.Stop()
	r.waiting = false
}

// Fresh makes the next wait the shortest: it works, or somebody changed something.
func (r *Retry) Fresh() { r.delay = firstRetry }
