package call

import (
	"context"
	"runtime"
	"time"

	"github.com/meet-term/meet/rtc"
)

// lookAround is how often the number of processors is thought about.
const lookAround = time.Second

// saveProcessors keeps the process on one processor while nobody in the room sends
// pictures, and lets it use all of them otherwise, until ctx ends
// (docs/adr/0010-one-processor.md).
func (c *Call) saveProcessors(ctx context.Context) {
	ticker := time.NewTicker(lookAround)
	defer ticker.Stop()
	defer runtime.SetDefaultGOMAXPROCS()
	for one := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if want := !anyPictures(c.View()); want == one {
			continue
		}
		if one = !one; one {
			runtime.GOMAXPROCS(1)
		} else {
			runtime.SetDefaultGOMAXPROCS()
		}
	}
}

// anyPictures says whether anybody, oneself included, sends a camera or a
// screen.
func anyPictures(v *rtc.RoomView) bool {
	if v.Media.Camera || v.Media.Screen {
		return true
	}
	for _, p := range v.Peers {
		if p.Media.Camera || p.Media.Screen {
			return true
		}
	}
	return false
}
