package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/crash"
)

// goodbyeTime is how long a call that dies may take to tell the others.
const goodbyeTime = time.Second

// crashed is what happens when anything in a call panics: the terminal is given
// back, the log gets the stack, the others hear that we left, and the person is
// told in one sentence.
type crashed struct {
	call *call.Call
	log  *slog.Logger
	path string // of the log; "" if that is standard error, or nowhere

	// restore gives the terminal back; nil while there is no screen.
	restore atomic.Pointer[func()]
}

// handle makes c what happens, until the returned function is called.
func (c *crashed) handle() (undo func()) {
	return crash.Handle(func(r crash.Report) {
		c.end(r)
		os.Exit(exitFailure)
	})
}

// screen says how the terminal is given back; nil: it is nobody's any more.
func (c *crashed) screen(restore func()) {
	if restore == nil {
		c.restore.Store(nil)
		return
	}
	c.restore.Store(&restore)
}

func (c *crashed) end(r crash.Report) {
	if restore := c.restore.Load(); restore != nil {
		(*restore)()
	}
	c.log.Error("crashed", "report", r.String())
	text := fmt.Sprintf("meet ended by a mistake of its own: %v", r.Value)
	if c.path != "" {
		text += "; the log has the details: " + c.path
	}
	c.call.Warn("crashed", text)
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	c.call.Abandon(ctx)
	fmt.Fprintln(os.Stderr, text)
}
