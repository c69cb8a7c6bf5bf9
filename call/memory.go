package call

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

const (
	// settleMemory is how long after pictures ended their memory is given back:
	// what is still on its way has come by then.
	settleMemory = 2 * time.Second
	// reclaimEvery is the least time between two times.
	reclaimEvery = 4 * time.Second
	// worthReclaiming is how much memory must be held, in bytes, for it to pay.
	worthReclaiming = 32 << 20
)

// memory gives memory back to the system once pictures have ended. Go would do
// so too, in minutes: pictures of a shared screen are large, and while they come
// the heap is allowed twice of what is in use.
type memory struct {
	wake chan struct{} // holds a token when something large is not used any more
}

func newMemory() *memory { return &memory{wake: make(chan struct{}, 1)} }

// unused says that something large is not used any more.
func (m *memory) unused() {
	wake.Poke(m.wake)
}

// run gives memory back until ctx ends.
func (m *memory) run(ctx context.Context) {
	timer := time.NewTimer(0)
	timer.Stop()
	defer timer.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
			timer.Reset(max(settleMemory, time.Until(last.Add(reclaimEvery))))
		case <-timer.C:
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			if s.HeapSys-s.HeapReleased > worthReclaiming {
				last = time.Now()
				debug.FreeOSMemory()
			}
		}
	}
}

// rest lets go of what was kept for pictures that somebody, oneself included, has
// stopped sending.
func (m *studio) rest(peer signal.PeerID, sends signal.Media) {
	for kind, on := range map[media.Kind]bool{media.Camera: sends.Camera, media.Screen: sends.Screen} {
		if on {
			continue
		}
		if peer == m.self {
			if m.pictures.sender(kind).Rest() {
				m.memory.unused()
			}
		} else if r := m.pictures.known(Viewed{peer, kind}); r != nil && r.Rest() {
			m.memory.unused()
		}
	}
}
