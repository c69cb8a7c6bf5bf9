package source

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/scale"
)

// Info describes a camera or a display that was found.
type Info struct {
	// ID is what follows "device:" or "display:" to name it.
	ID string
	// Name is for people. It comes from the device and is not to be trusted.
	Name string
	// Default says that it is used when none is named.
	Default bool
}

// rectangle is a part of a screen, in pixels.
type rectangle struct{ x, y, width, height int }

// even is the largest part of r with even sides.
func (r rectangle) even() rectangle {
	r.width, r.height = r.width&^1, r.height&^1
	return r
}

// canvas turns grabbed pixels into pictures. It converts only rows that have
// changed, and makes a picture only if any has. It belongs to one goroutine.
type canvas struct {
	last   []byte       // pixels of the last grab
	frame  *video.Frame // the same, converted
	scaler scale.Scaler
	made   [2]int // size of the last picture
	seq    uint64
}

// update takes the pixels of a screen, blue first, 4 bytes each, and returns a
// picture of it that is no larger than needed; nil if the last one still holds.
func (c *canvas) update(pixels []byte, width, height int, w Want, now time.Time) *video.Frame {
	if c.frame == nil || c.frame.Width != width || c.frame.Height != height {
		c.frame, c.last = video.NewFrame(width, height), make([]byte, len(pixels))
		// No pixel has a set fourth byte both times: everything is new.
		for i := range c.last {
			c.last[i] = ^pixels[i]
		}
	}
	changed := false
	stride := 4 * width
	for y := 0; y < height; y += 2 {
		pair, old := pixels[y*stride:][:2*stride], c.last[y*stride:][:2*stride]
		if bytes.Equal(pair, old) {
			continue
		}
		changed = true
		copy(old, pair)
		bgraRows(c.frame, y, pair[:stride], pair[stride:])
	}
	wide, high := scale.Fit(width, height, w.Width, w.Height)
	if wide == 0 {
		wide, high = width, height
	}
	if size := [2]int{wide, high}; size != c.made {
		c.made, changed = size, true
	}
	if !changed {
		return nil
	}
	c.seq++
	picture := c.scaler.Scale(c.frame, wide, high)
	if picture == c.frame {
		picture = copyFrame(picture)
	}
	picture.Time, picture.Seq = now, c.seq
	return picture
}

// display is a display of the system, by its number.
type display int

// errNoDisplay words that there is no such display.
func (d display) errNoDisplay(n int) error {
	if n == 0 {
		return fmt.Errorf("display: %w", ErrNone)
	}
	return fmt.Errorf("display %d of %d: %w", int(d), n, ErrNone)
}

// Check implements [Source].
func (d display) Check(ctx context.Context) error {
	infos, err := Displays(ctx)
	if err == nil && int(d) >= len(infos) {
		err = d.errNoDisplay(len(infos))
	}
	return err
}
