package source

import (
	"context"
	"fmt"
	"slices"

	"github.com/meet-term/meet/media/video"
)

// camera is a camera of the system, by its id; "" is the default one.
type camera string

// errNoCamera words that there is no such camera.
func (c camera) errNoCamera() error {
	if c == "" {
		return fmt.Errorf("camera: %w", ErrNone)
	}
	return fmt.Errorf("camera %q: %w", string(c), ErrNone)
}

// find returns the camera's id, once it is known to be there.
func (c camera) find(ctx context.Context) (string, error) {
	all, err := Cameras(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(i Info) bool { return i.ID == string(c) || c == "" && i.Default })
	if i < 0 && c != "" { // a name will do as well
		i = slices.IndexFunc(all, func(i Info) bool { return i.Name == string(c) })
	}
	if i < 0 {
		return "", c.errNoCamera()
	}
	return all[i].ID, nil
}

// Check implements [Source].
func (c camera) Check(ctx context.Context) error {
	_, err := c.find(ctx)
	return err
}

// Run implements [Source].
func (c camera) Run(ctx context.Context, d *Demand, emit func(*video.Frame)) error {
	cmd, err := c.command(ctx)
	if err != nil {
		return err
	}
	if cmd != nil {
		return cmd.run(ctx, d, emit)
	}
	return c.capture(ctx, d, emit)
}

// mode is a format, size and rate a camera offers.
type mode struct {
	packed        bool // YUYV; JPEG pictures if not
	width, height int
	fps           float64
}

// What a camera is opened for at least, even if less is wanted: a larger
// picture made smaller looks better, and people enlarge pictures.
const (
	leastCameraWidth, leastCameraHeight = 640, 360
	mostCameraWidth, mostCameraHeight   = 1280, 720
	leastCameraFPS                      = 14
)

// choose returns the mode that serves w best: large enough, fast enough, not
// larger than needed, and packed if possible, as JPEG takes 13 ms per picture.
// ok is false if there are no modes.
func choose(modes []mode, w Want) (best mode, ok bool) {
	width := min(max(w.Width, leastCameraWidth), mostCameraWidth)
	height := min(max(w.Height, leastCameraHeight), mostCameraHeight)
	cost := func(m mode) float64 {
		area, need := float64(m.width*m.height), float64(width*height)
		c := max(area/need-1, 0)
		if m.width < width || m.height < height {
			c += 4 * max(1-area/need, 0.1)
		}
		if m.fps > 0 && m.fps < leastCameraFPS {
			c += 3
		}
		if !m.packed {
			c += 1.5
		}
		return c
	}
	for i, m := range modes {
		if i == 0 || cost(m) < cost(best) {
			best = m
		}
	}
	return best, len(modes) > 0
}
