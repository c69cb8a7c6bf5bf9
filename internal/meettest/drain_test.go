package meettest

import (
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// A server that is drained, and the one that takes its place at once, cost nobody
// anything: no sound or picture stops, no connection changes, and all are back before
// two seconds are over.
func TestServerDrained(t *testing.T) {
	bubble(t, []string{"a", "b", "c"}, func(t *testing.T, r *Room, p []*Person) {
		if err := r.server.server.Shutdown(t.Context()); err != nil {
			t.Errorf("drain: %v", err)
		}
		r.StopServer()
		r.StartServer()
		r.Wait(2 * time.Second)
		for _, q := range p {
			if s := q.Call.View().Server.State; s != signal.Connected {
				t.Errorf("%s is %s after two seconds", q.Name, s)
			}
			if e := Events[rtc.ServerStateChanged](q); len(e) == 0 {
				t.Errorf("%s noticed nothing: nothing was drained", q.Name)
			}
		}
		r.Wait(10 * time.Second)
		r.expectWell()
		for _, q := range p {
			if e := Events[call.MediaResumed](q); len(e) != 0 {
				t.Errorf("%s lost media: %+v", q.Name, e)
			}
			if e := Events[rtc.ConnectionStateChanged](q); len(e) != 0 {
				t.Errorf("%s saw %+v", q.Name, e)
			}
		}
	})
}
