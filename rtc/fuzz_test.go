package rtc

import (
	"errors"
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

// FuzzPeer feeds a machine whatever the bytes say, hostile messages included,
// and checks what must hold whatever happens.
func FuzzPeer(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17})
	f.Add([]byte{1, 1, 1, 1, 2, 200, 5, 5, 5, 9, 9, 9, 13, 13, 13})
	f.Add([]byte{0x10, 0xf3, 0x82, 0x41, 0x07, 0x99, 0x23, 0xfe, 0x05, 0xaa, 0x6b})
	// Both signaling and the path go, in this order; signaling comes back.
	f.Add([]byte{0, 0, 9, 1, 4, 25, 11, 1, 1, 1, 13, 250, 13, 250, 0, 250})
	f.Fuzz(func(t *testing.T, script []byte) {
		for _, self := range []signal.PeerID{"a", "z"} {
			fuzzPeer(t, self, script)
		}
	})
}

func fuzzPeer(t *testing.T, self signal.PeerID, script []byte) {
	now := time.Unix(1000, 0)
	p := newPeer(now, self, "m", Timing{}.withDefaults(), &epochs{})
	p.present(now, 1)
	check := invariants{t: t, p: p}
	for i := 0; i+1 < len(script); i += 2 {
		op, arg := script[i], script[i+1]
		now = now.Add(time.Duration(arg) * 20 * time.Millisecond)
		fuzzInput(p, now, op, arg)
		check.after(now)
	}
	// Once everything is quiet and signaling is back, the machine may rest
	// only when it is connected, failed with a retry pending, or waits for
	// something that has a deadline.
	p.reach(now, true)
	check.after(now)
	for range 100 {
		at := p.wakeAt(now)
		if at.IsZero() {
			break
		}
		if at.After(now) {
			now = at
		}
		p.tick(now)
		check.after(now)
	}
	if p.wakeAt(now).IsZero() && p.state != StateClosed {
		t.Fatalf("asleep for ever in state %v, phase %d", p.state, p.phase)
	}
	p.leave(now)
	check.after(now)
	if check.open {
		t.Fatal("left with a session open")
	}
}

func fuzzInput(p *peer, now time.Time, op, arg byte) {
	ep, rep, n := signal.Epoch(arg%5), signal.Epoch(arg/5%5), uint32(arg/25)
	switch op % 20 {
	case 0:
		p.reach(now, true)
	case 1:
		p.reach(now, false)
	case 2:
		p.present(now, signal.Inc(arg%4))
	case 3:
		p.message(now, signal.Offer{Epoch: ep, Remote: rep, N: n, Gen: n, Restart: arg&1 == 0, SDP: "x"})
	case 4:
		p.message(now, signal.Answer{Epoch: ep, Remote: p.epoch, N: n, Gen: n, SDP: "x"})
	case 5:
		p.message(now, signal.Candidates{Epoch: ep, Remote: rep, Gen: n, Candidates: []string{"c"}})
	case 6:
		p.message(now, signal.Need{Epoch: ep, Remote: rep, Restart: arg&1 == 0})
	case 7:
		p.message(now, signal.Probe{Epoch: ep, Remote: rep, N: n})
	case 8:
		p.message(now, signal.ProbeAck{Epoch: p.remote, Remote: p.epoch, N: p.probe})
	case 9:
		p.session(now, p.epoch, LocalOffer{N: p.n, Gen: p.gen, SDP: "x"})
	case 10:
		p.session(now, p.epoch, LocalAnswer{N: p.n, Gen: p.gen, SDP: "x"})
	case 11:
		p.session(now, p.epoch, SessionConnected{})
	case 12:
		p.session(now, p.epoch, SessionFailed{errors.New("x")})
	case 13:
		p.hear(now, Pulse{Heard: now, Answered: now})
	case 14:
		p.hear(now, Pulse{Heard: now, Answered: p.pulse.Answered})
	case 15:
		p.retry(now)
	case 16:
		p.moved(now, pathChange(arg%3))
	case 17:
		p.starved(now)
	case 18:
		p.message(now, signal.Need{Epoch: p.remote, Remote: p.epoch, Restart: true, Gone: arg&1 == 0})
	case 19:
		p.message(now, signal.ProbeAck{Epoch: p.remote, Remote: p.epoch, N: p.probe, Silent: true})
	}
	if at := p.wakeAt(now); !at.IsZero() && !now.Before(at) {
		p.tick(now)
	}
}

// invariants watches one machine.
type invariants struct {
	t     *testing.T
	p     *peer
	open  bool
	epoch signal.Epoch
	state State
}

func (c *invariants) after(now time.Time) {
	c.t.Helper()
	for _, a := range c.p.take() {
		switch a := a.(type) {
		case dial:
			if c.open {
				c.t.Fatal("dialled a second session")
			}
			if a.epoch <= c.epoch {
				c.t.Fatalf("epoch %d after %d", a.epoch, c.epoch)
			}
			c.open, c.epoch = true, a.epoch
		case hangUp:
			if !c.open || a.epoch != c.epoch {
				c.t.Fatalf("hung up %d while %d is open: %v", a.epoch, c.epoch, c.open)
			}
			c.open = false
		case do:
			if !c.open || a.epoch != c.epoch {
				c.t.Fatalf("command for epoch %d", a.epoch)
			}
		case emit:
			c.event(a.event)
		}
	}
	if got := c.p.attempt; got < 0 || got > len(c.p.timing.Backoff) {
		c.t.Fatalf("%d attempts in a row", got)
	}
	if c.open != (c.p.epoch != 0) {
		c.t.Fatal("the machine and its session disagree")
	}
	unsettled := c.p.unsettled() && c.p.phase != phaseHolding
	if unsettled && c.p.wakeAt(now).IsZero() {
		c.t.Fatalf("unsettled in phase %d without a wake-up", c.p.phase)
	}
	if c.p.stuck() {
		c.t.Fatalf("state %v, phase %d, deadline %v: nothing will ever be tried", c.p.state, c.p.phase, c.p.at)
	}
	if c.p.state != c.state {
		c.t.Fatalf("state %v was not announced; events say %v", c.p.state, c.state)
	}
}

func (c *invariants) event(e Event) {
	switch e := e.(type) {
	case ConnectionStateChanged:
		if e.Previous != c.state || e.State == e.Previous {
			c.t.Fatalf("%v -> %v, but the last state was %v", e.Previous, e.State, c.state)
		}
		c.state = e.State
	case Reconnecting:
		if e.Attempt < 1 || e.Attempt > e.Of || c.state != StateDisconnected {
			c.t.Fatalf("reconnecting %d of %d in state %v", e.Attempt, e.Of, c.state)
		}
	case Reconnected:
		if c.state != StateConnected || e.Outage < 0 {
			c.t.Fatalf("reconnected in state %v after %v", c.state, e.Outage)
		}
	}
}
