package meettest

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/signal"
)

// held is how much memory the heap keeps from the system, in MB.
func held() float64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return float64(s.HeapSys-s.HeapReleased) / (1 << 20)
}

// What shared screens took is given back when they have ended.
func TestMemoryAfterShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		var people []*Person
		for _, name := range []string{"a", "b", "c"} {
			people = append(people, r.Join(name, func(c *call.Config) {
				c.Screen = source.Screen{Kind: source.TestCard}
				c.Start = signal.Media{}
			}))
		}
		r.Wait(2 * time.Second)
		r.expectWell()
		runtime.GC()
		before := held()
		for _, p := range people {
			p.Call.SetScreen(true)
		}
		r.Wait(4 * time.Second)
		during := held()
		for _, p := range people {
			p.Call.SetScreen(false)
		}
		r.Wait(5 * time.Second)
		after := held()
		t.Logf("%.0f MB before, %.0f MB during, %.0f MB after", before, during, after)
		if after > before+10 {
			t.Errorf("%.0f MB are held 5 s after the shares, %.0f MB before", after, before)
		}
		for _, p := range people {
			p.Call.SetScreen(true) // and it goes on
		}
		r.Wait(3 * time.Second)
		for _, p := range people {
			for _, q := range people {
				if p != q && p.statsOf(q).Screen.FPS == 0 {
					t.Errorf("%s does not see the screen of %s again", p.Name, q.Name)
				}
			}
			p.Leave()
		}
	})
}
