package meettest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// shownWithin is how soon the silence of sound that is sent shows.
const shownWithin = 600 * time.Millisecond

// hearingOf returns what a person last heard about hearing another, and when.
func (p *Person) hearingOf(of *Person) (last rtc.HearingChanged, at time.Duration) {
	for _, s := range p.Seen() {
		if e, ok := s.Event.(rtc.HearingChanged); ok && e.Peer == of.ID {
			last, at = e, s.At
		}
	}
	return last, at
}

// Sound of one direction is swallowed while all else passes: both sides say so
// at once, and a new connection mends it.
func TestSwallowedSound(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		r.Swallow(b, a)
		r.Wait(shownWithin + 50*time.Millisecond)
		if e, at := a.hearingOf(b); e.Hears || !e.Heard || at > shownWithin || at == 0 {
			t.Errorf("at %v A was told %+v", at, e)
		}
		if e, at := b.hearingOf(a); e.Heard || !e.Hears || at > shownWithin+2*Latency || at == 0 {
			t.Errorf("at %v B was told %+v", at, e)
		}
		if v, _ := a.Call.View().Peer(b.ID); !v.Silent || v.Unheard || v.State != rtc.StateConnected {
			t.Errorf("A sees B as %+v", v)
		}
		if v, _ := b.Call.View().Peer(a.ID); v.Silent || !v.Unheard {
			t.Errorf("B sees A as %+v", v)
		}
		r.Wait(2 * time.Second)
		if lost := Events[rtc.HearingLost](a); len(lost) != 1 || lost[0].Hears {
			t.Errorf("A was reminded of %+v", lost)
		}
		r.Wait(5 * time.Second)
		r.expectWell()
		for _, q := range p {
			for _, v := range q.Call.View().Peers {
				if v.Silent || v.Unheard {
					t.Errorf("%s still sees %+v", q.Name, v)
				}
			}
		}
		before := a.Packets(b)
		r.Wait(time.Second)
		if got := a.Packets(b) - before; got < 45 {
			t.Errorf("A heard %d packets of B in a second: the connection was not replaced", got)
		}
	})
}

// When the network goes, people see at once whom they do not hear any more.
func TestSilenceOfACutShows(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		b.Cut()
		r.Wait(shownWithin)
		for _, q := range p {
			if e := Events[rtc.HearingChanged](q); len(e) != 1 || e[0].Hears {
				t.Errorf("%s was told %+v", q.Name, e)
			}
		}
		r.Wait(4 * time.Second)
		b.Heal()
		r.Wait(time.Second)
		if e, _ := a.hearingOf(b); !e.Hears || !e.Heard {
			t.Errorf("after the heal A was told %+v", e)
		}
		if lost := Events[rtc.HearingLost](a); len(lost) != 0 {
			t.Errorf("A was reminded of a cut: %+v", lost)
		}
	})
}

// One way only: who is not heard is told by the one who does not hear.
func TestNotHeardIsTold(t *testing.T) {
	bubble(t, []string{"a", "b"}, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		r.Block(a, b) // B gets nothing of A
		r.Wait(shownWithin + 50*time.Millisecond)
		if e, at := a.hearingOf(b); e.Heard || !e.Hears || at == 0 {
			t.Errorf("at %v A was told %+v", at, e)
		}
		r.Unblock(a, b)
		r.Wait(time.Second)
		if e, _ := a.hearingOf(b); !e.Heard || !e.Hears {
			t.Errorf("after the heal A was told %+v", e)
		}
	})
}

// Nobody is told of a silence that is none: people who are muted, and join, and
// speak again, over a path with loss and jitter.
func TestNoFalseSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		a, b := r.JoinUnsteady("a", 300*time.Millisecond), r.Join("b")
		r.Lose(a, b, 0.2)
		r.Lose(b, a, 0.2)
		for range 10 {
			r.Wait(3 * time.Second)
			b.Call.SetMic(false)
			r.Wait(2 * time.Second)
			b.Call.SetMic(true)
		}
		c := r.Join("c", func(cfg *call.Config) { cfg.Start = signal.Media{} })
		r.Wait(2 * time.Second)
		c.Call.SetMic(true)
		r.Wait(3 * time.Second)
		for _, q := range []*Person{a, b, c} {
			if e := Events[rtc.HearingChanged](q); len(e) != 0 {
				t.Errorf("%s was told %+v", q.Name, e)
			}
			q.Leave()
		}
	})
}

// Without a server two people lose their path for good: only what a third one
// carries between them makes a new one.
func TestRepairIsCarriedByAThird(t *testing.T) {
	bubble(t, []string{"a", "b", "c"}, func(t *testing.T, r *Room, p []*Person) {
		a, b := p[0], p[1]
		r.StopServer()
		r.Wait(2 * time.Second)
		r.KillPath(a, b)
		r.Wait(12 * time.Second)
		if a.state(b) != rtc.StateConnected || b.state(a) != rtc.StateConnected {
			t.Errorf("states %v and %v", a.state(b), b.state(a))
		}
		before := [2]uint64{a.Packets(b), b.Packets(a)}
		r.Wait(time.Second)
		if x, y := a.Packets(b)-before[0], b.Packets(a)-before[1]; x < 45 || y < 45 {
			t.Errorf("A heard %d packets of B in a second, B %d of A", x, y)
		}
	})
}
