package source

import (
	"context"

	"github.com/meet-term/meet/media/video"
)

// Source returns the source that c names. It takes nothing yet.
func (c Camera) Source() Source {
	switch c.Kind {
	case TestCard:
		return testCard{}
	case File:
		return file{c.Path}
	case None, Display:
		return off{}
	case Default, Device:
	}
	return camera(c.ID)
}

// Source returns the source that s names. It takes nothing yet.
func (s Screen) Source() Source {
	switch s.Kind {
	case TestCard:
		return testCard{screen: true}
	case None, File, Device:
		return off{}
	case Default, Display:
	}
	return display(s.Number)
}

// off is the source of somebody who wants none.
type off struct{}

// Check implements [Source].
func (off) Check(context.Context) error { return ErrOff }

// Run implements [Source].
func (off) Run(context.Context, *Demand, func(*video.Frame)) error { return ErrOff }
