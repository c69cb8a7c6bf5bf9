//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// largeBack is how soon pictures flow over a path that swallows large packets.
var largeBack = bounds{time.Second, 3 * time.Second}

// A path swallows packets over a size and tells nobody: pictures flow all the
// same, in packets that pass, and when it happens in the middle of a call.
func TestNetSwallowsLargePackets(t *testing.T) {
	for size, known := range map[int]int{1000: 980, 576: 556} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := newRoom(t)
			a, b := r.add("A", "--camera", "testcard"), r.add("B", "--camera", "testcard")
			b.host.DropLarge(size)
			a.start()
			b.start()
			for _, d := range r.directions(everybody) {
				connected := d.to.next(r.began, 20*time.Second, d.from.name+" connected", is("peer-connected", d.from.name))
				first := d.to.next(r.began, 10*time.Second, "pictures of "+d.from.name, resumes(d.from.name, "camera"))
				figures.add(t, fmt.Sprintf("camera after connecting, packets over %d swallowed", size), largeBack, d, max(0, first.At.Sub(connected.At)))
				d.to.must(5*time.Second, "many pictures", func(v *view) bool {
					s := v.peer(d.from.name).stats
					return s.Camera.FramesDecoded > 30 && s.MTU == known
				})
			}
			b.host.Pass()
			lasts(time.Now(), time.Second)
			seen := a.framesOf(b)
			a.must(5*time.Second, "pictures over the whole path", func(v *view) bool {
				return v.peer("B").stats.Camera.FramesDecoded > seen+15
			})
		})
	}
}
