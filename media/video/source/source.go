// Package source makes pictures: from cameras, displays, files, other programs
// and a test card.
//
// Key invariants:
//   - Run owns the device. When it returns the device is free again, no process
//     it started runs and no goroutine is left.
//   - A source never queues: it emits the newest picture it has, at the rate
//     that is wanted, and leaves out the rest.
//   - Nothing here writes to the terminal.
package source

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/meet-term/meet/media/video"
)

// Errors that callers tell apart; they come wrapped with the reason.
var (
	// ErrSpec means a source that cannot be meant.
	ErrSpec = errors.New("bad video setting")
	// ErrOff means that no source is wished.
	ErrOff = errors.New("no source wanted")
	// ErrNone means that there is no such camera or display here.
	ErrNone = errors.New("not found")
	// ErrBusy means that another program uses the camera.
	ErrBusy = errors.New("in use by another program")
	// ErrFile means that a video file cannot be used.
	ErrFile = errors.New("not a usable y4m file")
	// ErrRefused means that the person or the desktop did not allow it, or has
	// ended it. It must not be tried again before the person asks for it.
	ErrRefused = errors.New("not allowed")
	// ErrTool means that a program needed to get at the pictures is missing.
	ErrTool = errors.New("a program is missing")
)

// Source is where pictures come from. Its methods may be called from any
// goroutine, Run by one at a time.
type Source interface {
	// Check says whether the source can be expected to work, without taking
	// it. Errors match those of this package where they can.
	Check(ctx context.Context) error
	// Run takes the source and calls emit with every picture until ctx ends,
	// which is no error, or the source fails. Pictures may be larger than
	// demanded; their Seq grows and their Time is when they were taken. A
	// source whose picture does not change may emit nothing. emit must
	// return soon.
	Run(ctx context.Context, d *Demand, emit func(*video.Frame)) error
}

// Want is what pictures are good for at the moment.
type Want struct {
	// Width and Height bound the size at which the picture is of use, in luma
	// samples. A source that can make smaller pictures cheaply should.
	Width, Height int
	// FPS is how many pictures per second are of use.
	FPS int
}

// Demand is a Want that may change while a source runs. It may be used from any
// goroutine.
type Demand struct {
	mu      sync.Mutex
	want    Want          // guarded by mu
	changed chan struct{} // guarded by mu; closed when want changes
}

// NewDemand returns a demand for w.
func NewDemand(w Want) *Demand { return &Demand{want: w, changed: make(chan struct{})} }

// Set changes what is wanted.
func (d *Demand) Set(w Want) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.want == w {
		return
	}
	d.want = w
	close(d.changed)
	d.changed = make(chan struct{})
}

// Want returns what is wanted now, and a channel that is closed when that
// changes.
func (d *Demand) Want() (Want, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.want, d.changed
}

// maxFPS bounds what any source is asked for.
const maxFPS = 60

// interval is the time between two pictures.
func (w Want) interval() time.Duration {
	return time.Second / time.Duration(min(max(w.FPS, 1), maxFPS))
}

// pace calls each at the rate that is demanded until ctx ends or each fails. It
// keeps to the clock on the whole; what a slow machine cannot do in time is
// left out.
func pace(ctx context.Context, d *Demand, each func(w Want, now time.Time) error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := time.Now()
	for {
		w, changed := d.Want()
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			continue // the timer holds; the next interval is the new one
		case <-timer.C:
		}
		now := time.Now()
		if err := each(w, now); err != nil {
			return err
		}
		every := w.interval()
		due = due.Add(every)
		if behind := time.Since(due); behind > 0 {
			due = due.Add(behind.Truncate(every) + every)
		}
		timer.Reset(time.Until(due))
	}
}
