package main

import (
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/rtc"
)

// lookAround is how often the number of processors is thought about.
const lookAround = time.Second

// oneProcessorForSound keeps the process on one processor while nobody in the
// room sends pictures, and lets it use all of them otherwise, until stop is
// called (docs/adr/0010-one-processor.md). Whoever set GOMAXPROCS has decided.
func oneProcessorForSound(c *call.Call) (stop func()) {
	if os.Getenv("GOMAXPROCS") != "" {
		return func() {}
	}
	end := make(chan struct{})
	var done sync.WaitGroup
	crash.GoIn(&done, func() {
		ticker := time.NewTicker(lookAround)
		defer ticker.Stop()
		defer runtime.SetDefaultGOMAXPROCS()
		for one := false; ; {
			select {
			case <-end:
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
	})
	return func() {
		close(end)
		done.Wait()
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
