//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/netlab"
)

// homes is a room of two people, each behind a router of a kind, and a server
// with a relay that both reach.
func homes(t *testing.T, a, b netlab.Kind, flags ...string) *room {
	t.Helper()
	r := newRoom(t)
	for i, kind := range []netlab.Kind{a, b} {
		home := r.lab.Router(fmt.Sprintf("home%d", i), kind)
		r.addOn(home.Host(fmt.Sprintf("p%d", i)), string(rune('A'+i)), flags...)
	}
	return r
}

// joins has both join at once and returns how long each took to hear the other.
func (r *room) joins(within time.Duration) []time.Duration {
	r.t.Helper()
	began := time.Now()
	for _, p := range r.people {
		p.start()
	}
	var took []time.Duration
	for _, d := range r.directions(everybody) {
		d.to.sees(d.from, "connected", within)
		e := d.to.next(began, within, "audio of "+d.from.name, func(e event) bool {
			s, ok := e.Body.(*stats)
			return ok && e.PeerName == d.from.name && s.Audio.Packets > 0
		})
		took = append(took, e.At.Sub(began))
	}
	return took
}

// path is what somebody's figures say of the way to another.
func (p *participant) path(q *participant) string {
	path := ""
	p.next(time.Now(), 5*time.Second, "figures of "+q.name, func(e event) bool {
		s, ok := e.Body.(*stats)
		if ok && e.PeerName == q.name {
			path = s.Path
		}
		return path != ""
	})
	return path
}

// Two homes and a server, as README says: meet serve on a machine both reach,
// meet join on theirs.
func TestNetHomes(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b netlab.Kind
		path string
	}{
		{"two homes", netlab.PortRestricted, netlab.PortRestricted, "direct"},
		{"two symmetric", netlab.Symmetric, netlab.Symmetric, "relay"},
		{"home and no UDP", netlab.PortRestricted, netlab.NoUDP, "relay"},
		{"no UDP for both", netlab.NoUDP, netlab.NoUDP, "relay"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := homes(t, c.a, c.b)
			took := r.joins(10 * time.Second)
			a, b := r.people[0], r.people[1]
			t.Logf("%s: heard after %v, %s", c.name, took, a.path(b))
			if got := a.path(b); got != c.path {
				t.Errorf("the path is %s, want %s", got, c.path)
			}
			r.everyoneHearsEveryone(5 * time.Second)
		})
	}
}
