package main

import (
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/headless"
	"github.com/meet-term/meet/internal/hooks"
)

// hookCode is the code of the warning that a hook failed, which runs no hook.
const hookCode = "hook"

// hook runs the commands of the settings when something happens, until the call has
// ended and the returned function was called.
func hook(c *call.Call, at place, f joinFlags, log *slog.Logger) (end func()) {
	if len(f.settings.On) == 0 {
		return func() {}
	}
	runner := hooks.Start(hooks.Config{
		Commands: f.settings.On, Logger: log,
		Failed: func(text string) { c.Warn(hookCode, text) },
	})
	events, desk := c.Follow(), headless.Desk{Call: c}
	var following sync.WaitGroup
	crash.GoIn(&following, func() {
		for e := range events.Events() {
			if w, ok := e.(call.Warning); ok && w.Code == hookCode {
				continue
			}
			l := desk.Line(time.Now(), e, at.newest())
			if l == nil || len(f.settings.On[e.EventName()]) == 0 {
				continue
			}
			b, err := json.Marshal(l)
			if err != nil {
				continue // values of our own making: cannot happen
			}
			runner.Event(e.EventName(), b)
		}
	})
	return func() {
		following.Wait() // the call has ended, and its events with it
		events.Close()
		runner.Close()
	}
}
