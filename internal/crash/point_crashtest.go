//go:build crashtest

package crash

import (
	"os"
	"sync/atomic"
)

// The environment names a place, and a file whose coming lets it panic.
var (
	place = os.Getenv("MEET_CRASH_AT")
	when  = os.Getenv("MEET_CRASH_WHEN")
	done  atomic.Bool
)

// Point panics once, at the place the environment names, when the file is there.
func Point(name string) {
	if name != place {
		return
	}
	if _, err := os.Stat(when); err == nil && done.CompareAndSwap(false, true) {
		panic("crash test at " + name)
	}
}
