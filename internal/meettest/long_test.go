package meettest

import (
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Ten minutes are as good as ten seconds: whoever was cut off for so long is
// heard with the first packet, in the row they had, and nobody is told of a join.
func TestLongCuts(t *testing.T) {
	for _, c := range []struct {
		name   string
		cut    time.Duration
		within time.Duration
		during func(r *Room)
	}{
		{"44s", 44 * time.Second, 100 * time.Millisecond, nil},
		{"2m", 2 * time.Minute, 100 * time.Millisecond, nil},
		{"10m", 10 * time.Minute, 100 * time.Millisecond, nil},
		{"2m, the server is another", 2 * time.Minute, 300 * time.Millisecond, func(r *Room) { r.StopServer(); r.StartServer() }},
		{"10m, the server is another", 10 * time.Minute, 300 * time.Millisecond, func(r *Room) { r.StopServer(); r.StartServer() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, []string{"a", "b", "c"}, func(t *testing.T, r *Room, p []*Person) {
				b := p[1]
				b.Cut()
				r.Wait(time.Second)
				for _, q := range p { // sound costs real time
					q.Call.SetMic(false)
				}
				r.Wait(c.cut / 2)
				if c.during != nil {
					c.during(r)
				}
				r.Wait(c.cut - c.cut/2 - 3*time.Second)
				for _, q := range p {
					q.Call.SetMic(true)
				}
				r.Wait(2 * time.Second)
				healed := time.Now()
				b.Heal()
				r.Wait(4 * time.Second)
				r.expectWell()
				r.expectSound(p)
				resumed := map[[2]signal.PeerID]bool{}
				for _, q := range p {
					for _, e := range Events[call.MediaResumed](q) {
						resumed[[2]signal.PeerID{q.ID, e.Peer}] = true
						if back := e.At.Sub(healed); back > c.within {
							t.Errorf("the first packet to %s came %v after the heal", q.Name, back)
						} else {
							t.Logf("the first packet to %s came %v after the heal", q.Name, back)
						}
					}
					if e := Events[rtc.PeerJoined](q); len(e) != 0 {
						t.Errorf("%s was told %+v", q.Name, e)
					}
				}
				for _, pair := range [][2]*Person{{p[0], b}, {p[2], b}, {b, p[0]}, {b, p[2]}} {
					if !resumed[[2]signal.PeerID{pair[0].ID, pair[1].ID}] {
						t.Errorf("%s did not see the sound of %s return", pair[0].Name, pair[1].Name)
					}
				}
			})
		})
	}
}

// Who returns, for the others, is listed again by whichever comes first, the
// server or the path; and the path alone is enough.
func TestBackWithoutTheServer(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		b.Cut()
		r.Wait(time.Second)
		for _, q := range p { // sound costs real time
			q.Call.SetMic(false)
		}
		r.Wait(2 * time.Minute)
		if n := len(a.Call.View().Peers); n != 0 {
			t.Errorf("A still lists %d people", n)
		}
		b.HealMedia()
		r.Wait(time.Second)
		if v, ok := a.Call.View().Peer(b.ID); !ok || v.State != rtc.StateConnected || !v.Away {
			t.Errorf("A sees B as %+v", v)
		}
		r.Wait(time.Minute)
		b.HealServer()
		for _, q := range p {
			q.Call.SetMic(true)
		}
		r.Wait(3 * time.Second)
		r.expectWell()
		r.expectSound(p)
	})
}

// All were cut off for a minute and come back one by one: the first finds an
// empty room.
func TestAllCutForAMinute(t *testing.T) {
	bubble(t, []string{"a", "b", "c"}, func(t *testing.T, r *Room, p []*Person) {
		for _, q := range p {
			q.Cut()
		}
		r.Wait(time.Minute)
		for _, q := range p {
			q.Heal()
			r.Wait(2500 * time.Millisecond)
		}
		r.expectWell()
		r.expectSound(p)
		for _, q := range p {
			if e := Events[rtc.PeerJoined](q); len(e) != 0 {
				t.Errorf("%s was told %+v", q.Name, e)
			}
			for _, e := range Events[rtc.Reconnected](q) {
				if e.Attempts != 0 {
					t.Errorf("%s needed %d attempts", q.Name, e.Attempts)
				}
			}
		}
	})
}

// To somebody who is gone nothing is sent but a check a second, and after a
// quarter of an hour nothing at all.
func TestKeptConnectionIsQuiet(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		b.Kill()
		r.Wait(time.Minute)
		from, to := a.IP, b.IP
		before := r.Datagrams(from, to)
		r.Wait(time.Minute)
		if n := r.Datagrams(from, to) - before; n < 55 || n > 65 {
			t.Errorf("%d datagrams a minute go to somebody who is gone", n)
		}
		a.Call.SetMic(false) // sound costs real time
		r.Wait(15 * time.Minute)
		before = r.Datagrams(from, to)
		r.Wait(time.Minute)
		if n := r.Datagrams(from, to) - before; n != 0 {
			t.Errorf("%d datagrams a minute go to somebody who is gone for a quarter of an hour", n)
		}
	})
}
