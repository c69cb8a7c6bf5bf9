package source

import (
	"context"
	"fmt"

	"github.com/meet-term/meet/media/video"
)

// camera is a camera of the system, by its id; "" is the default one.
type camera string

// Check implements [Source].
func (c camera) Check(context.Context) error { return fmt.Errorf("camera %q: %w", string(c), ErrNone) }

// Run implements [Source].
func (c camera) Run(ctx context.Context, _ *Demand, _ func(*video.Frame)) error { return c.Check(ctx) }
