package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/internal/wake"
)

func TestSupervisorDoesNotRepeatWhatIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		s := Supervisor{
			Wake: wake.New(),
			Wanted: func() (Job, bool) {
				return Job{Key: "x", Once: true, Run: func(context.Context, func()) error {
					runs++
					return fmt.Errorf("disk full")
				}}, true
			},
			Failed: func(any, error) {}, Recovered: func() {}, Dropped: func() {},
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s.Run(ctx)
		if runs != 1 {
			t.Errorf("a final failure was retried %d times", runs-1)
		}
	})
}

// A job that fails is tried again after 0.5, 1, 2 and then every 2 s; one that worked
// in between begins with the shortest wait again, and so does one that was changed.
func TestSupervisorTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		begin, worksAt, recovered := time.Now(), 3, 0
		s := Supervisor{
			Wake: wake.New(),
			Wanted: func() (Job, bool) {
				return Job{Key: "x", Run: func(ctx context.Context, alive func()) error {
					at = append(at, time.Since(begin))
					if len(at) == worksAt {
						alive()
						time.Sleep(100 * time.Millisecond)
					}
					return errors.New("gone")
				}}, true
			},
			Failed: func(any, error) {}, Recovered: func() { recovered++ }, Dropped: func() {},
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		s.Run(ctx)
		const ms = time.Millisecond
		want := []time.Duration{0, 500 * ms, 1500 * ms, 2100 * ms, 3100 * ms, 5100 * ms, 7100 * ms, 9100 * ms}
		if !slices.Equal(at, want) || recovered != 1 {
			t.Errorf("ran at %v, want %v; recovered %d times", at, want, recovered)
		}
	})
}

// What runs meanwhile ends before the job begins again, and all of it with the
// supervisor.
func TestSupervisorEndsWhatItStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var running []string // guarded by mu
		now := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(running)
		}
		run := func(name string, ends bool) func(context.Context, func()) error {
			return func(ctx context.Context, _ func()) error {
				mu.Lock()
				running = append(running, name)
				mu.Unlock()
				defer func() {
					mu.Lock()
					defer mu.Unlock()
					running = slices.DeleteFunc(running, func(n string) bool { return n == name })
				}()
				if ends {
					return errors.New("failed")
				}
				<-ctx.Done()
				return nil
			}
		}
		broken := true
		s := Supervisor{
			Wake: wake.New(), Meanwhile: run("filler", false),
			Wanted: func() (Job, bool) { return Job{Key: "x", Run: run("job", broken)}, true },
			Failed: func(any, error) { broken = false }, Recovered: func() {}, Dropped: func() {},
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		for _, want := range []string{"filler", "job"} {
			synctest.Wait()
			if got := now(); !slices.Equal(got, []string{want}) {
				t.Errorf("%v run, want the %s", got, want)
			}
			time.Sleep(time.Second)
		}
		cancel()
		<-ended
		if got := now(); len(got) != 0 {
			t.Errorf("%v run on", got)
		}
	})
}
