package meettest

import (
	"testing"
	"testing/synctest"
	"time"
)

// Five people talk for a minute; one is cut off for 10 s of it.
func TestFivePeopleAndACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		var people []*Person
		for _, name := range []string{"alice", "bob", "carol", "dave", "erin"} {
			people = append(people, r.Join(name))
		}
		r.Wait(20 * time.Second)
		for _, s := range r.Trouble() {
			t.Error(s)
		}
		for _, p := range people {
			for _, q := range people {
				if p != q && p.Packets(q) < 900 {
					t.Errorf("%s decoded %d packets of %s in 20 s", p.Name, p.Packets(q), q.Name)
				}
			}
		}
		bob := people[1]
		bob.Cut()
		r.Wait(10 * time.Second)
		bob.Heal()
		r.Wait(5 * time.Second)
		for _, s := range r.Trouble() {
			t.Error(s)
		}
		for _, l := range people[0].Timeline(bob, 10*time.Millisecond) {
			t.Log(l)
		}
		for _, l := range people[1].Timeline(people[0], 10*time.Millisecond) {
			t.Log("bob:", l)
		}
		for _, p := range people {
			p.Leave()
		}
	})
}
