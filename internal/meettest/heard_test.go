package meettest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/signal"
)

const (
	// heardWithin is how soon people hear each other once the network is back.
	heardWithin = 100 * time.Millisecond
	// calmDelay is what the sound waits in its buffer at most, calmWithin after
	// the network is back.
	calmDelay  = 60.0 // ms
	calmWithin = 2 * time.Second
)

// steadyLink is a link that is steady but can hold packets back.
const steadyLink = time.Nanosecond

// What an access point keeps during an outage comes in one burst. Nobody hears
// it late, or anything else late because of it.
func TestHeardAfterABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		film := func(c *call.Config) { c.Camera = source.Camera{Kind: source.TestCard} }
		a, b := r.JoinUnsteady("a", steadyLink, film), r.JoinUnsteady("b", steadyLink, film)
		r.Wait(3 * time.Second)
		r.expectWell()
		for _, outage := range []time.Duration{3 * time.Second, time.Second, 3 * time.Second} {
			a.Forget()
			a.HoldBack(outage)
			a.expectHeard(b, time.Now())
		}
		a.Leave()
		b.Leave()
	})
}

// expectHeard fails unless the sound of somebody is heard, and their pictures
// are seen, soon after a moment that is now, and without much delay after a while.
func (p *Person) expectHeard(of *Person, healed time.Time) {
	t := p.room.T
	t.Helper()
	p.room.Wait(calmWithin)
	heard := map[media.Kind]time.Duration{}
	for _, e := range Events[call.MediaResumed](p) {
		if e.Peer == of.ID {
			heard[e.Kind] = e.Perceived.Sub(healed)
		}
	}
	if back, ok := heard[media.Mic]; !ok || back > heardWithin {
		t.Errorf("%s hears %s again after %v (%v)", p.Name, of.Name, back, ok)
	}
	if back, ok := heard[media.Camera]; !ok || back > 2*heardWithin {
		t.Errorf("%s sees %s again after %v (%v)", p.Name, of.Name, back, ok)
	}
	for range 20 {
		if d := p.statsOf(of).Audio.BufferMS; d > calmDelay {
			t.Errorf("%v after the heal the sound of %s waits for %.0f ms", time.Since(healed), of.Name, d)
			break
		}
		p.room.Wait(50 * time.Millisecond)
	}
}

// statsOf are the present figures of a peer.
func (p *Person) statsOf(of *Person) call.PeerStats {
	for _, s := range p.Call.Stats() {
		if s.Peer == of.ID {
			return s
		}
	}
	p.room.T.Errorf("%s has no figures of %s", p.Name, of.Name)
	return call.PeerStats{}
}

// Somebody who is muted when the network goes and speaks again when it is back.
func TestHeardAfterACutWhileMuted(t *testing.T) {
	for _, unmute := range []time.Duration{time.Second, 4 * time.Second} {
		t.Run(fmt.Sprintf("unmuted after %v", unmute), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := New(t)
				a, b := r.JoinUnsteady("a", steadyLink), r.Join("b", func(c *call.Config) { c.Start = signal.Media{} })
				r.Wait(3 * time.Second)
				unmuted := time.Now().Add(unmute)
				go func() {
					time.Sleep(unmute)
					b.Call.SetMic(true)
				}()
				a.HoldBack(3 * time.Second)
				healed := time.Now()
				if healed.Before(unmuted) {
					r.Wait(time.Until(unmuted))
					healed = unmuted
				}
				before := a.statsOf(b).Audio.Decoded
				r.Wait(heardWithin)
				if got := a.statsOf(b).Audio.Decoded; got == before {
					t.Errorf("nothing of B is heard %v after it could", heardWithin)
				}
				r.Wait(calmWithin)
				if d := a.statsOf(b).Audio.BufferMS; d > calmDelay {
					t.Errorf("the sound of B waits for %.0f ms", d)
				}
				a.Leave()
				b.Leave()
			})
		})
	}
}

// Sound is heard soon after its first packet: the buffer begins with 40 ms.
func TestHeardSoonAfterJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		a := r.Join("a")
		r.Wait(2 * time.Second)
		b := r.Join("b")
		r.Wait(2 * time.Second)
		for _, pair := range [][2]*Person{{a, b}, {b, a}} {
			for _, e := range Events[call.MediaStarted](pair[0]) {
				heard := pair[0].statsOf(pair[1]).Audio.FirstDecoded.Sub(e.At)
				if t.Logf("%s hears %s %v after the first packet", pair[0].Name, pair[1].Name, heard); heard > 60*time.Millisecond {
					t.Errorf("%s hears %s %v after the first packet", pair[0].Name, pair[1].Name, heard)
				}
			}
		}
		a.Leave()
		b.Leave()
	})
}

// Pictures are seen again as soon as sound is heard, however long the cut was.
func TestSeenAfterCuts(t *testing.T) {
	film := func(c *call.Config) { c.Camera = source.Camera{Kind: source.TestCard} }
	for _, d := range []time.Duration{2, 5, 10, 25} {
		d *= time.Second
		t.Run(d.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := New(t)
				a, b := r.Join("a", film), r.Join("b", film)
				r.Wait(3 * time.Second)
				for _, p := range []*Person{a, b} {
					p.Forget()
				}
				b.Cut()
				r.Wait(d)
				b.Heal()
				healed := time.Now()
				r.Wait(2 * time.Second)
				for _, p := range []*Person{a, b} {
					for _, e := range Events[call.MediaResumed](p) {
						t.Logf("%s: %v first packet after %v, perceived after %v", p.Name, e.Kind, e.At.Sub(healed), e.Perceived.Sub(healed))
						if limit := 2 * heardWithin; e.Perceived.Sub(healed) > limit {
							t.Errorf("%s: %v only after %v", p.Name, e.Kind, e.Perceived.Sub(healed))
						}
					}
					p.Leave()
				}
			})
		})
	}
}
