package meettest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
)

// Joining over a path of 50 ms, to the server and to each other: how many round
// trips pass from the start of the process to the first packet, both ways.
func TestJoinTakesFewRoundTrips(t *testing.T) {
	const latency = 25 * time.Millisecond
	for name, order := range map[string][2]string{"who comes offers": {"a", "b"}, "who is there offers": {"b", "a"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewFar(t, latency)
				first := r.Join(order[0])
				r.Wait(3 * time.Second)
				began := time.Now()
				second := r.Join(order[1])
				r.Wait(2 * time.Second)
				for _, p := range []*Person{first, second} {
					started := Events[call.MediaStarted](p)
					if len(started) != 1 {
						t.Fatalf("%s: %+v", p.Name, started)
					}
					took := started[0].At.Sub(began)
					t.Logf("the first packet to %s came after %v: %.1f round trips", p.Name, took, float64(took)/float64(2*latency))
				}
				first.Leave()
				second.Leave()
			})
		})
	}
}
