package meettest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
)

// The side that offers takes the pair that the peer's first check came in on before
// its own is answered. When packets pass there one way only, the pair that works
// takes its place, here that by a third person, and DTLS goes on over it.
func TestGuessedPathCarriesOneWayOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 2 * time.Second
		r := NewFar(t, 25*time.Millisecond)
		third, b := r.Join("m"), r.Join("b")
		r.Wait(3 * time.Second)
		began := time.Now()
		a := r.Join("a")
		r.Block(b, a) // b offers, hears a, and is not heard
		r.Wait(4 * time.Second)
		for _, p := range []*Person{a, b} {
			var took time.Duration
			for _, e := range Events[call.MediaStarted](p) {
				if e.Name != third.Name {
					took = e.At.Sub(began)
				}
			}
			if took <= 0 || took > most {
				t.Errorf("the first packet to %s came after %v, want %v at most", p.Name, took, most)
			}
			t.Logf("the first packet to %s came after %v", p.Name, took)
		}
		for _, p := range []*Person{a, b, third} {
			p.Leave()
		}
	})
}
