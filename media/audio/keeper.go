package audio

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

// job is something to keep running: a source or a sink.
type job struct {
	// key tells jobs apart: while it stays the same the job goes on.
	key any
	// run blocks; it calls alive when it sees that it works, once or often.
	run func(ctx context.Context, alive func()) error
	// once says that a failure is final: trying again would destroy what the
	// job has made so far.
	once bool
}

// keeper keeps one job running, replaces it when another is wanted, and tries
// again after failures. Its run loop owns everything in it.
type keeper struct {
	// wake holds a token when the wanted job may have changed.
	wake chan struct{}
	// wanted returns the job to run now; false for none.
	wanted func() (job, bool)
	// meanwhile, if not nil, runs while a failed job waits to be retried.
	meanwhile func(ctx context.Context, _ func()) error
	// failed hears of every failure, recovered of the first sign of life
	// after one, and dropped when a job that failed is no longer wanted.
	failed    func(key any, err error)
	recovered func()
	dropped   func()
}

// running is one started goroutine.
type running struct {
	job    job
	cancel context.CancelFunc
	done   chan error
}

func start(ctx context.Context, j job, alive func()) *running {
	ctx, cancel := context.WithCancel(ctx)
	r := &running{job: j, cancel: cancel, done: make(chan error, 1)}
	var once sync.Once // signs of life come a hundred times a second
	crash.Go(func() { r.done <- j.run(ctx, func() { once.Do(alive) }) })
	return r
}

// stop ends r and waits for it. A nil r is stopped already.
func (r *running) stop() {
	if r != nil {
		r.cancel()
		<-r.done
	}
}

// ended returns the channel that tells r's end; nil, which never does, for a
// nil r.
func (r *running) ended() <-chan error {
	if r == nil {
		return nil
	}
	return r.done
}

// run keeps the job going until ctx ends. Nothing it started runs afterwards.
func (k *keeper) run(ctx context.Context) {
	var current, filler *running
	defer func() { current.stop(); filler.stop() }()

	retry := time.NewTimer(0)
	defer retry.Stop()
	retry.Stop()
	alive := make(chan struct{}, 1)
	var broken any // key of the job that fails, nil if none does
	delay := firstRetry

	launch := func() {
		want, ok := k.wanted()
		if broken != nil && (!ok || want.key != broken) {
			broken = nil
			k.dropped()
		}
		if current != nil && ok && current.job.key == want.key {
			return
		}
		current.stop()
		filler.stop()
		current, filler = nil, nil
		retry.Stop()
		select {
		case <-alive: // a leftover of the job before
		default:
		}
		if ok {
			current = start(ctx, want, func() { wake.Poke(alive) })
		}
	}
	launch()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
			delay = firstRetry
			launch()
		case <-retry.C:
			launch()
		case <-alive:
			delay = firstRetry
			if broken != nil && current != nil {
				broken = nil
				k.recovered()
			}
		case err := <-current.ended():
			ended := current.job
			current.cancel()
			current = nil
			if ctx.Err() != nil {
				return
			}
			broken = ended.key
			k.failed(ended.key, err)
			if k.meanwhile != nil {
				filler = start(ctx, job{run: k.meanwhile}, nil)
			}
			if !ended.once {
				retry.Reset(delay)
				delay = min(2*delay, lastRetry)
			}
		}
	}
}
