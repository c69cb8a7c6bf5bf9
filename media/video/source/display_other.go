//go:build !linux && !windows

package source

import (
	"context"
	"fmt"
	"runtime"

	"github.com/meet-term/meet/media/video"
)

// Displays lists the displays that can be shared.
func Displays(ctx context.Context) ([]Info, error) {
	if runtime.GOOS == "darwin" {
		return listByChild(ctx, runtime.GOOS, true)
	}
	args := display(0).command()
	if args == nil {
		return nil, fmt.Errorf("displays of %s: %w", runtime.GOOS, ErrNone)
	}
	if err := (&child{args: args}).check(); err != nil {
		return nil, err
	}
	return []Info{{ID: "0", Name: "the whole desktop", Default: true}}, nil
}

// command is the program that reads the display.
func (d display) command() []string { return screenArgs(runtime.GOOS, int(d)) }

// Run implements [Source].
func (d display) Run(ctx context.Context, demand *Demand, emit func(*video.Frame)) error {
	args := d.command()
	if args == nil {
		return fmt.Errorf("displays of %s: %w", runtime.GOOS, ErrNone)
	}
	return (&child{args: args}).run(ctx, demand, emit)
}
