package call

import (
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/lipsync"
)

// skew tells how much longer the sound of a person takes to get here than the
// camera picture, by the clock that the sender gives both (RFC 3550 section
// 6.4.1). It is the sender's doing: one of the two is captured or encoded more
// slowly. The owner guards it.
type skew struct {
	sound, camera lipsync.Path
}

// maxSkew bounds what a sender may claim.
const maxSkew = 500 * time.Millisecond

// saw notes when something came and when its sender says it was captured, zero
// if that is not known yet.
func (s *skew) saw(k media.Kind, arrived, captured time.Time) {
	if captured.IsZero() {
		return
	}
	switch took := arrived.Sub(captured); k {
	case media.Mic:
		s.sound.Saw(arrived, took)
	case media.Camera:
		s.camera.Saw(arrived, took)
	}
}

// hold is how long to hold a picture for its sound, which waits for some time
// in its own buffer.
func (s *skew) hold(wait time.Duration) time.Duration {
	sound, heard := s.sound.Fastest()
	camera, seen := s.camera.Fastest()
	if heard && seen {
		wait += min(max(sound-camera, -maxSkew), maxSkew)
	}
	return max(wait, 0)
}
