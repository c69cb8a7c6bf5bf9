package source

import (
	"context"
	"fmt"

	"github.com/meet-term/meet/media/video"
)

// display is a display by its number.
type display int

// Check implements [Source].
func (d display) Check(context.Context) error { return fmt.Errorf("display %d: %w", int(d), ErrNone) }

// Run implements [Source].
func (d display) Run(ctx context.Context, _ *Demand, _ func(*video.Frame)) error { return d.Check(ctx) }
