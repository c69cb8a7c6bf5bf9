package supervise

import "context"

// Job is something to keep running: a source or a sink.
type Job struct {
	// Key tells jobs apart: while it stays the same the job goes on.
	Key any
	// Run blocks; it calls alive when it sees that it works, once or often.
	Run func(ctx context.Context, alive func()) error
	// Once says that a failure is final: trying again would destroy what the
	// job has made so far.
	Once bool
}

// Supervisor keeps one job running, replaces it when another is wanted, and tries
// again after failures. Its run loop owns everything in it.
type Supervisor struct {
	// Wake holds a token when the wanted job may have changed.
	Wake chan struct{}
	// Wanted returns the job to run now; false for none.
	Wanted func() (Job, bool)
	// Meanwhile, if not nil, runs while a failed job waits to be retried.
	Meanwhile func(ctx context.Context, _ func()) error
	// Failed hears of every failure, Recovered of the first sign of life
	// after one, and Dropped when a job that failed is no longer wanted.
	Failed    func(key any, err error)
	Recovered func()
	Dropped   func()
}

// Run keeps the job going until ctx ends. Nothing it started runs afterwards.
func (s *Supervisor) Run(ctx context.Context) {
	var current, filler *Task
	var running Job // of current
	defer func() { current.Stop(); filler.Stop() }()
	retry := NewRetry()
	defer retry.Stop()
	alive := make(chan struct{}, 1)
	var broken any // key of the job that fails, nil if none does

	launch := func() {
		want, ok := s.Wanted()
		if broken != nil && (!ok || want.Key != broken) {
			broken = nil
			s.Dropped()
		}
		if current != nil && ok && running.Key == want.Key {
			return
		}
		current.Stop()
		filler.Stop()
		current, filler = nil, nil
		retry.Stop()
		if ok {
			current, running = Start(ctx, alive, want.Run), want
		}
	}
	launch()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.Wake:
			retry.Fresh()
			launch()
		case <-retry.C:
			retry.Fired()
			launch()
		case <-alive:
			retry.Fresh()
			if broken != nil && current != nil {
				broken = nil
				s.Recovered()
			}
		case err := <-current.Ended():
			current = nil
			if ctx.Err() != nil {
				return
			}
			broken = running.Key
			s.Failed(running.Key, err)
			if s.Meanwhile != nil {
				filler = Start(ctx, make(chan struct{}, 1), s.Meanwhile)
			}
			if !running.Once {
				retry.Arm()
			}
		}
	}
}
