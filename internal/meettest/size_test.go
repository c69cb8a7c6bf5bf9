package meettest

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// shareAll has somebody send everything there is.
func shareAll(c *call.Config) {
	c.Camera, c.Screen = source.Camera{Kind: source.TestCard}, source.Screen{Kind: source.TestCard}
	c.Start = signal.Media{Mic: true, Camera: true, Screen: true}
}

// expectFlow fails unless pictures and sound of somebody come within a while.
func (p *Person) expectFlow(of *Person, within time.Duration) {
	t := p.room.T
	t.Helper()
	before := p.statsOf(of)
	p.room.Wait(within)
	after := p.statsOf(of)
	if n := after.Camera.FramesDecoded - before.Camera.FramesDecoded; n < 10 {
		t.Errorf("%s saw %d pictures of the camera of %s in %v", p.Name, n, of.Name, within)
	}
	if n := after.Screen.FramesDecoded - before.Screen.FramesDecoded; n < 1 {
		t.Errorf("%s saw %d pictures of the screen of %s in %v", p.Name, n, of.Name, within)
	}
	if n := after.Audio.Decoded - before.Audio.Decoded; n < uint64(within/time.Second)*40 {
		t.Errorf("%s heard %d packets of %s in %v", p.Name, n, of.Name, within)
	}
}

// Paths that swallow what is too large for them, and tell nobody, carry pictures
// and words all the same.
func TestPathThatSwallowsLargePackets(t *testing.T) {
	for mtu, known := range map[int]int{1400: 1240, 1000: 980, 576: 556, 560: 556} {
		t.Run(fmt.Sprint(mtu), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := New(t)
				a := r.Join("a", shareAll)
				for i := range 40 { // a history that takes many packets
					a.Call.Say(fmt.Sprint(i, " ", strings.Repeat("x", 200)))
				}
				b := r.Join("b", shareAll)
				r.Limit(a, b, mtu)
				r.Limit(b, a, mtu)
				r.Wait(time.Second)
				a.expectFlow(b, 2*time.Second)
				b.expectFlow(a, 2*time.Second)
				r.expectWell()
				if got := a.statsOf(b).Transport.MTU; got != known {
					t.Errorf("A believes that %d bytes pass, want %d", got, known)
				}
				r.Wait(2 * time.Second)
				if n := len(Events[call.Chat](b)); n != 40 {
					t.Errorf("B got %d of 40 messages", n)
				}
				a.Leave()
				b.Leave()
			})
		})
	}
}

// The path of a call becomes narrow in its middle, and wide again.
func TestPathThatBecomesNarrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		a, b := r.Join("a", shareAll), r.Join("b")
		r.Wait(5 * time.Second)
		r.expectWell()
		r.Limit(b, a, 700)
		r.Limit(a, b, 700)
		r.Wait(time.Second)
		b.expectFlow(a, 2*time.Second)
		if got := a.statsOf(b).Transport.MTU; got != 680 {
			t.Errorf("A believes that %d bytes pass", got)
		}
		r.Limit(b, a, 0)
		r.Limit(a, b, 0)
		r.Wait(35 * time.Second)
		b.expectFlow(a, 2*time.Second)
		if got := a.statsOf(b).Transport.MTU; got != 1240 {
			t.Errorf("A believes that %d bytes pass on a wide path", got)
		}
		if e := Events[rtc.ConnectionStateChanged](a); len(e) > 3 {
			t.Errorf("A saw %+v", e)
		}
		a.Leave()
		b.Leave()
	})
}
