package meettest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
)

// Joining over a path of 50 ms, to the server and to each other, counted in round
// trips from the start of the process to the first packet, both ways: 1 to open the
// connection to the server, 1 for the hello, 1.5 for offer and answer, 1 for a check,
// 1.5 and 2 for DTLS, half for the packet and up to 20 ms until there is one.
func TestJoinTakesFewRoundTrips(t *testing.T) {
	const (
		latency  = 25 * time.Millisecond
		buffered = 40 * time.Millisecond // how long the jitter buffer holds the first sound
		most     = 400 * time.Millisecond
	)
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
					if heard := took + buffered; heard > most {
						t.Errorf("%s heard the other after %v, want %v at most", p.Name, heard, most)
					}
					t.Logf("the first packet to %s came after %v: %.1f round trips", p.Name, took, float64(took)/float64(2*latency))
				}
				first.Leave()
				second.Leave()
			})
		})
	}
}
