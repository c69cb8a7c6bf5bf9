//go:build !linux

package source

import (
	"context"
	"fmt"
	"runtime"

	"github.com/meet-term/meet/media/video"
)

// Cameras lists the cameras that can be used, the default one first.
func Cameras(ctx context.Context) ([]Info, error) { return listByChild(ctx, runtime.GOOS, false) }

// command is the program that reads the camera.
func (c camera) command(ctx context.Context) (*child, error) {
	id, err := c.find(ctx)
	if err != nil {
		return nil, err
	}
	return &child{args: cameraArgs(runtime.GOOS, id)}, nil
}

// capture implements what camera.Run needs; there is always a command here.
func (c camera) capture(context.Context, *Demand, func(*video.Frame)) error {
	return fmt.Errorf("cameras of %s: %w", runtime.GOOS, ErrNone)
}
