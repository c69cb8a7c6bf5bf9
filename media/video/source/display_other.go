//go:build !linux

package source

import (
	"context"
	"fmt"
	"runtime"

	"github.com/meet-term/meet/media/video"
)

// Displays lists the displays that can be shared.
func Displays(ctx context.Context) ([]Info, error) {
	cmd, err := display(0).command()
	if err != nil {
		return nil, err
	}
	if err := cmd.check(); err != nil {
		return nil, err
	}
	return []Info{{ID: "0", Name: "the main display", Default: true}}, nil
}

// command is the program that reads the display.
func (d display) command() (*child, error) {
	args := screenArgs(runtime.GOOS, int(d))
	if args == nil {
		return nil, fmt.Errorf("displays of %s: %w", runtime.GOOS, ErrNone)
	}
	return &child{args: args}, nil
}

// grab implements what display.Run needs; there is always a command here.
func (d display) grab(context.Context, *Demand, func(*video.Frame)) error {
	return fmt.Errorf("displays of %s: %w", runtime.GOOS, ErrNone)
}
