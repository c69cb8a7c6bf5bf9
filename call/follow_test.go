package call

import (
	"testing"
	"testing/synctest"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
)

// Everybody who follows gets everything from then on, in order, and one who does not
// read keeps nobody waiting.
func TestFollowers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newEventQueue()
		c := &Call{events: q}
		stop := make(chan struct{})
		defer close(stop)
		go q.run(stop)
		q.post(rtc.Joined{})
		first, idle := c.Follow(), c.Follow()
		for n := range maxQueued + 3 {
			code := media.Code(rune('a' + n%26))
			q.post(Warning{media.Warning{Code: code}})
			if e := <-first.Events(); e.(Warning).Code != code {
				t.Fatalf("got %v as number %d", e, n)
			}
		}
		first.Close()
		if e, ok := <-first.Events(); ok {
			t.Errorf("after closing came %v", e)
		}
		q.close()
		var n, lost int
		for e := range idle.Events() {
			if l, ok := e.(EventsLost); ok {
				lost = l.Count
				continue
			}
			n++
		}
		// One is with the goroutine that offers it.
		if n != maxQueued+1 || lost != 2 {
			t.Errorf("the one who read late got %d, and %d are lost", n, lost)
		}
		idle.Close()
		if e, ok := <-c.Follow().Events(); ok {
			t.Errorf("after the end came %v", e)
		}
		<-q.out // what the reader of the call never took
	})
}
