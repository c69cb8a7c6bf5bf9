package crash

import (
	"strings"
	"sync"
	"testing"
)

func TestHandleGetsTheFirstPanic(t *testing.T) {
	got := make(chan Report, 1)
	defer Handle(func(r Report) { got <- r })()
	unlocked := make(chan struct{})
	Go(func() {
		defer close(unlocked)
		panic("broken")
	})
	r := <-got
	<-unlocked // the goroutine's own deferred functions ran
	if r.Value != "broken" || !strings.Contains(string(r.Stack), "TestHandleGetsTheFirstPanic") {
		t.Errorf("report %v does not name what panicked and where", r)
	}
}

func TestWithoutHandler(t *testing.T) {
	defer func() {
		if v := recover(); v != "as always" {
			t.Errorf("recovered %v", v)
		}
	}()
	defer Catch()
	panic("as always")
}

func TestGoInWaits(t *testing.T) {
	var wg sync.WaitGroup
	ran := false
	GoIn(&wg, func() { ran = true })
	wg.Wait()
	if !ran {
		t.Error("the function did not run")
	}
}

func TestUndo(t *testing.T) {
	undo := Handle(func(Report) { t.Error("called after it was taken away") })
	undo()
	defer func() { _ = recover() }()
	defer Catch()
	panic("gone")
}
