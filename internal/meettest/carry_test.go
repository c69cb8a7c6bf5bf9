package meettest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
)

// noCarry keeps somebody from carrying others.
func noCarry(c *call.Config) { c.NoCarry = true }

// part blocks everything between two people, both ways.
func (r *Room) part(a, b *Person) {
	r.Block(a, b)
	r.Block(b, a)
}

// join lets them exchange packets again.
func (r *Room) rejoin(a, b *Person) {
	r.Unblock(a, b)
	r.Unblock(b, a)
}

// path is how packets travel from one to another, "via b" if somebody carries.
func (p *Person) path(to *Person) string {
	v, _ := p.Call.View().Peer(to.ID)
	if v.Transport.Path == rtc.PathVia {
		return "via " + v.Via
	}
	return v.Transport.Path.String()
}

// parted is a room in which the first and the last have never been able to
// exchange a packet.
func parted(t *testing.T, names []string, test func(t *testing.T, r *Room, people []*Person)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		var people []*Person
		for i, n := range names {
			people = append(people, r.Join(n))
			if i == len(names)-1 {
				r.part(people[0], people[i])
			}
		}
		test(t, r, people)
		for _, p := range people {
			if p.running() {
				p.Leave()
			}
		}
	})
}

// Two who cannot reach each other are carried by a third.
func TestCarried(t *testing.T) {
	parted(t, []string{"a", "b", "c"}, func(t *testing.T, r *Room, p []*Person) {
		a, b, c := p[0], p[1], p[2]
		r.Wait(5 * time.Second)
		r.expectWell()
		if got := a.path(c) + ", " + c.path(a) + ", " + a.path(b); got != "via b, via b, direct" {
			t.Errorf("paths: %s", got)
		}
		for _, q := range []*Person{a, c} {
			t.Logf("%s: %v, first audio %v", q.Name, q.Timeline(a, time.Millisecond), q.Packets(a))
		}
		t.Log(c.Timeline(a, time.Millisecond))
		v, _ := a.Call.View().Peer(c.ID)
		t.Log(v.Transport)
		t.Log(b.Call.View().Carrying)
	})
}
