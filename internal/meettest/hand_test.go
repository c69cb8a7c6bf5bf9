package meettest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Everybody has the hands in the same order, who comes later too, and with no server.
func TestHandsAreInOneOrder(t *testing.T) {
	bubble(t, []string{"a", "b", "c"}, func(t *testing.T, r *Room, p []*Person) {
		a, b, c := p[0], p[1], p[2]
		agree := func(when string, people []*Person, want ...*Person) {
			t.Helper()
			r.Wait(time.Second)
			var ids []signal.PeerID
			for _, w := range want {
				ids = append(ids, w.ID)
			}
			for _, q := range people {
				if got := q.Call.View().Hands(); !slices.Equal(got, ids) {
					t.Errorf("%s: %s has the order %v, want %v", when, q.Name, got, ids)
				}
			}
		}
		b.Call.SetHand(true)
		r.Wait(time.Second)
		a.Call.SetHand(true)
		agree("two raised", p, b, a)
		r.StopServer()
		c.Call.SetHand(true)
		agree("without a server", p, b, a, c)
		b.Call.SetHand(false)
		agree("one went down", p, a, c)
		r.StartServer()
		r.Wait(10 * time.Second)
		d := r.Join("d")
		r.Wait(5 * time.Second)
		agree("one came later", append(p, d), a, c)
		var told []string
		for _, e := range Events[rtc.HandRaised](d) {
			told = append(told, fmt.Sprint(e.Name, " ", e.On))
		}
		slices.Sort(told)
		if !slices.Equal(told, []string{"a true", "c true"}) {
			t.Errorf("who came later was told %q", told)
		}
	})
}
