//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// narrowBack is how soon pictures flow again.
var narrowBack = bounds{3 * time.Second, 5 * time.Second}

// A path begins to swallow large packets in the middle of a call and tells nobody:
// pictures go on.
func TestNetPathNarrows(t *testing.T) {
	r := filmed(t, []string{"A"}, []string{"B"})
	r.flows()
	for range repeats() {
		for _, mtu := range []int{1000, 576} {
			at := r.people[1].host.DropLarge(mtu)
			r.note("packets over %d bytes vanish", mtu)
			lasts(at, narrowBack.median)
			for _, d := range r.directions(everybody) {
				c := comeback{} // pictures went on without a gap that is worth an event
				if gaps := d.to.between(at, time.Now(), resumes(d.from.name, "camera")); len(gaps) > 0 {
					c = comebackAt(at, gaps[len(gaps)-1])
				}
				figures.addBack(t, fmt.Sprintf("camera, a path narrows to %d bytes", mtu), narrowBack, d, c)
			}
			r.flows()
			r.people[1].host.Pass()
			lasts(time.Now(), 2*time.Second)
		}
	}
	figures.checkMedians(t, "camera, a path narrows")
}

// flows waits until pictures come in every direction from now on, for a second.
func (r *room) flows() {
	r.t.Helper()
	for _, d := range r.directions(everybody) {
		seen := d.to.framesOf(d.from)
		d.to.must(5*time.Second, "pictures of "+d.from.name, func(v *view) bool {
			return v.peer(d.from.name).stats.Camera.FramesDecoded > seen+10
		})
	}
}
