// Package crash is what becomes of a panic. Go ends the whole process when any
// goroutine panics, with the deferred functions of that goroutine alone: the
// terminal would stay in its raw mode, the stack would be printed over the
// pictures, and the others of the call would wait for somebody who vanished.
// So every goroutine of the program, and every callback that a library makes on
// a goroutine of its own, begins with [Catch]; what happens then is decided in
// one place, by whoever called [Handle].
//
// A panic is never survived: the state behind it cannot be trusted. Without a
// handler, as in tests, panics go their usual way.
package crash

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Report is a panic: its value and the stack of its goroutine.
type Report struct {
	Value any
	Stack []byte
}

// String is the report as it stands in a log.
func (r Report) String() string { return fmt.Sprintf("panic: %v\n\n%s", r.Value, r.Stack) }

// handler ends the program; nil lets panics go their usual way.
var handler atomic.Pointer[func(Report)]

// Handle has end called with the first panic from now on, on the goroutine that
// panicked. It must end the process, and must expect that whatever that
// goroutine was in the middle of is never finished: locks it held are never
// given back. The returned function takes end away again.
func Handle(end func(Report)) (undo func()) {
	var once sync.Once
	first := func(r Report) {
		once.Do(func() { end(r) })
		select {} // another panic meanwhile changes nothing
	}
	handler.Store(&first)
	return func() { handler.CompareAndSwap(&first, nil) }
}

// Catch hands a panic of the calling goroutine to the handler. It must be
// deferred itself, first of all, so that the goroutine's other deferred
// functions have run.
func Catch() {
	end := handler.Load()
	if end == nil {
		return
	}
	if v := recover(); v != nil {
		(*end)(Report{Value: v, Stack: debug.Stack()})
	}
}

// Go runs f in a goroutine of its own.
func Go(f func()) {
	go func() {
		defer Catch()
		f()
	}()
}

// GoIn is [sync.WaitGroup.Go] with [Catch].
func GoIn(wg *sync.WaitGroup, f func()) {
	wg.Go(func() {
		defer Catch()
		f()
	})
}
