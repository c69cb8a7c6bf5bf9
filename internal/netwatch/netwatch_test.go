package netwatch

import (
	"context"
	"net/netip"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	wifi   = netip.MustParseAddr("192.0.2.10")
	mobile = netip.MustParseAddr("198.51.100.20")
	six    = netip.MustParseAddr("2001:db8::10")
)

// fake is a machine that changes when told to.
type fake struct {
	mu     sync.Mutex
	now    paths
	asleep time.Duration
	looks  int
}

func (f *fake) paths() (paths, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	return f.now, nil
}

func (f *fake) slept() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asleep
}

func (f *fake) set(p paths) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = p
}

type observed struct {
	at time.Duration
	Change
}

// observe runs a watch over m in a bubble and returns what it reported.
func observe(t *testing.T, m *fake, told bool, play func(news chan<- struct{})) []observed {
	t.Helper()
	var seen []observed
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var inner chan<- struct{}
		ready := make(chan struct{})
		sub := func(_ context.Context, news chan<- struct{}) (func(), error) {
			inner = news
			close(ready)
			if !told {
				return nil, errNotTold
			}
			return func() {}, nil
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			err := watch(ctx, m, sub, func(c Change) { seen = append(seen, observed{time.Since(began), c}) })
			if err != nil {
				t.Errorf("watch: %v", err)
			}
		})
		<-ready
		play(inner)
		cancel()
		wg.Wait()
	})
	return seen
}

func TestPolledChangeIsSeenWithinASecond(t *testing.T) {
	m := &fake{now: paths{addrs: []netip.Addr{wifi}, routes: [2]netip.Addr{wifi}}}
	seen := observe(t, m, false, func(chan<- struct{}) {
		time.Sleep(2500 * time.Millisecond)
		m.set(paths{addrs: []netip.Addr{mobile, six}, routes: [2]netip.Addr{mobile, six}})
		time.Sleep(3 * time.Second)
	})
	want := []observed{{3 * time.Second, Change{
		Gone: []netip.Addr{wifi}, New: []netip.Addr{mobile, six}, Rerouted: true,
	}}}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("saw %+v, want %+v", seen, want)
	}
}

func TestToldChangeIsSeenOnceItSettles(t *testing.T) {
	m := &fake{now: paths{addrs: []netip.Addr{wifi}}}
	seen := observe(t, m, true, func(news chan<- struct{}) {
		time.Sleep(time.Second)
		for range 5 { // a burst of news is one change
			news <- struct{}{}
			time.Sleep(10 * time.Millisecond)
		}
		m.set(paths{addrs: []netip.Addr{wifi, six}})
		time.Sleep(2 * time.Second)
	})
	want := []observed{{1040*time.Millisecond + settle, Change{New: []netip.Addr{six}}}}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("saw %+v, want %+v", seen, want)
	}
}

func TestNewsWithoutChangeIsNoChange(t *testing.T) {
	m := &fake{now: paths{addrs: []netip.Addr{wifi}}}
	seen := observe(t, m, true, func(news chan<- struct{}) {
		news <- struct{}{}
		time.Sleep(5 * time.Second)
	})
	if len(seen) != 0 {
		t.Errorf("saw %+v", seen)
	}
	if m.looks > 3 {
		t.Errorf("looked %d times in 5 s although told of changes", m.looks)
	}
}

func TestSleepIsNoticed(t *testing.T) {
	m := &fake{now: paths{addrs: []netip.Addr{wifi}}}
	seen := observe(t, m, true, func(chan<- struct{}) {
		time.Sleep(1500 * time.Millisecond)
		m.mu.Lock()
		m.asleep += time.Hour
		m.now = paths{addrs: []netip.Addr{mobile}}
		m.mu.Unlock()
		time.Sleep(2 * time.Second)
	})
	want := []observed{{2 * time.Second, Change{
		Gone: []netip.Addr{wifi}, New: []netip.Addr{mobile}, Slept: time.Hour,
	}}}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("saw %+v, want %+v", seen, want)
	}
}

func TestStoppedProcessCountsAsSleep(t *testing.T) {
	w := watcher{tick: time.Unix(1000, 0)}
	if got := w.clock(time.Unix(1001, 0), 0); got != 0 {
		t.Errorf("a second that took a second: slept %v", got)
	}
	if got := w.clock(time.Unix(1031, 0), 0); got != 29*time.Second {
		t.Errorf("a second that took 30: slept %v, want 29s", got)
	}
	if got := w.clock(time.Unix(1033, 0), time.Second); got != 0 {
		t.Errorf("a busy machine: slept %v", got)
	}
}

// The real thing, as far as any machine has it: it looks and ends when told.
func TestSystem(t *testing.T) {
	if _, err := (system{}).paths(); err != nil {
		t.Fatal(err)
	}
	if a, b := (system{}).slept(), (system{}).slept(); b-a > time.Second || a-b > time.Second {
		t.Errorf("slept %v, then %v", a, b)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Watch(ctx, func(Change) {}) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
