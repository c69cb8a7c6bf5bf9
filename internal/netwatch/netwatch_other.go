//go:build !linux

package netwatch

import (
	"context"
	"time"
)

// subscribe says that we have to look ourselves.
func subscribe(context.Context, chan<- struct{}) (wait func(), err error) {
	return nil, errNotTold
}

// start is a reading of both clocks: time.Now carries the wall clock, which
// runs on while the machine sleeps, and the monotonic one, which does not.
var start = time.Now()

// slept is how far the wall clock has got ahead of the monotonic one. Setting
// the clock looks like sleep; the price is a look at the network.
func (system) slept() time.Duration {
	now := time.Now()
	return now.Round(0).Sub(start.Round(0)) - now.Sub(start)
}
