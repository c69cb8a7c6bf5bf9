package conn

import (
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"github.com/meet-term/meet/rtc"
)

// checker makes checks of a cadence as pion does, and answers those that go out.
type checker struct {
	cadence  cadence
	now      time.Time
	answered time.Time
	rtt      time.Duration
	packets  int  // sent between two checks
	lost     bool // nothing is answered
	still    bool // the peer makes no checks itself
	asked    time.Time
	due      []time.Time
}

// tick makes the check that comes after one interval and reports whether it
// went out.
func (c *checker) tick() bool {
	c.now = c.now.Add(keepalive)
	for len(c.due) > 0 && !c.due[0].After(c.now) {
		c.answered, c.due = c.due[0], c.due[1:]
	}
	if since := c.now.Sub(c.asked); !c.still && since >= calm {
		c.asked = c.now
	}
	if c.cadence.hold(c.now, signs{answered: c.answered, asked: c.asked, rtt: c.rtt}, c.packets) {
		return false
	}
	if !c.lost {
		c.due = append(c.due, c.now.Add(c.rtt))
	}
	return true
}

// ticks is which of n checks go out.
func (c *checker) ticks(n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = '.'
		if c.tick() {
			out[i] = '!'
		}
	}
	return string(out)
}

func TestCadence(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		name string
		rtt  time.Duration
		do   func(*checker)
		want string
	}{
		{name: "all is well", rtt: 30 * time.Millisecond, want: "!..!..!..!..!"},
		{name: "a long way", rtt: 300 * time.Millisecond, want: "!!..!!..!!..!"},
		{name: "a very long way", rtt: 700 * time.Millisecond, want: "!!!!..!..!..!"},
		{name: "a cut", rtt: 30 * time.Millisecond, want: "..!!!!!!!", do: func(c *checker) {
			c.ticks(7)
			c.lost = true
		}},
		{name: "after a cut", rtt: 30 * time.Millisecond, want: "!..!..!", do: func(c *checker) {
			c.lost = true
			c.ticks(50)
			c.lost = false
		}},
		{name: "one answer is lost", rtt: 30 * time.Millisecond, want: "!..!..!", do: func(c *checker) {
			c.ticks(3)
			c.lost = true
			c.ticks(1)
			c.lost = false
		}},
		{name: "a voice", rtt: 30 * time.Millisecond, want: "!!!!!!!!", do: func(c *checker) { c.packets = busy }},
		{name: "after a voice", rtt: 30 * time.Millisecond, want: "..!..!", do: func(c *checker) {
			c.packets = busy
			c.ticks(8)
			c.packets = busy - 1
		}},
		{name: "the peer's checks are missing", rtt: 30 * time.Millisecond, want: "..!!!!!", do: func(c *checker) {
			c.ticks(7)
			c.still = true
		}},
		{name: "doubt", rtt: 30 * time.Millisecond, want: "!!!!!!!!!!!!!!..!", do: func(c *checker) {
			c.ticks(2)
			if !c.cadence.doubt(c.now) {
				t.Error("the check that was kept back is not sent")
			}
			c.due = append(c.due, c.now.Add(c.rtt))
		}},
		{name: "doubt when nothing is kept back", rtt: 30 * time.Millisecond, want: "!!!!!!!!!!!!!!..!", do: func(c *checker) {
			c.ticks(1)
			if c.cadence.doubt(c.now) {
				t.Error("a check is sent a second time")
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &checker{now: start, rtt: c.rtt}
			if c.do != nil {
				c.do(k)
			}
			if got := k.ticks(len(c.want)); got != c.want {
				t.Errorf("checks %s, want %s", got, c.want)
			}
		})
	}
}

// The round trip time is not fooled by one answer that stood in a queue, nor by a
// check that was kept back.
func TestSmoothRTT(t *testing.T) {
	var r smoothRTT
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	step := func(what string, rtt, want time.Duration) {
		t.Helper()
		at = at.Add(time.Second)
		for range 2 { // looking twice changes nothing
			if r.take(at, rtt); r.value != want {
				t.Errorf("%s: %v, want %v", what, r.value, want)
			}
		}
	}
	r.take(time.Time{}, time.Hour)
	step("the first", 20*time.Millisecond, 20*time.Millisecond)
	step("one that stood in a queue", 820*time.Millisecond, 120*time.Millisecond)
	r.skips = true
	step("one that was kept back", time.Second, 120*time.Millisecond)
	step("the next", 40*time.Millisecond, 110*time.Millisecond)
	r.begins = true
	if r.value != 110*time.Millisecond {
		t.Errorf("nothing is known of the new pair yet: %v", r.value)
	}
	step("of another pair", 50*time.Millisecond, 50*time.Millisecond)
}

// A peer that moved is followed once the pair in use has failed to answer; one
// that tries another pair, as browsers do now and then, is not.
func TestFollowing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const far = 30 * time.Millisecond
		p := newPulse()
		inUse, other, moved := testPair(t, 1), testPair(t, 2), testPair(t, 3)
		inUse.UpdateRoundTripTime(far)
		p.request(nil, nil, nil, inUse)
		p.mu.Lock()
		p.use(endpointsOf(inUse))
		p.mu.Unlock()
		sent := 0
		check := func() bool {
			return !p.hold(bindingRequest(t), basePort(inUse.Local), endpointsOf(inUse).remote, rtc.PathDirect, func([]byte) { sent++ })
		}
		// A quiet minute, in which the peer tries the other pair at every moment
		// of the calm.
		for i := range 200 {
			if check() {
				time.Sleep(far)
				inUse.UpdateRoundTripTime(far)
				inUse.UpdateRequestReceived()
				time.Sleep(keepalive - far)
			} else {
				time.Sleep(keepalive)
			}
			if i%7 == 0 && p.request(nil, nil, nil, other) {
				t.Fatalf("after %d checks: the peer is followed to a pair that it only tried", i)
			}
		}
		time.Sleep(alarm)
		inUse.UpdateRequestReceived()
		for !check() {
			time.Sleep(keepalive)
		}
		time.Sleep(far)
		inUse.UpdateRoundTripTime(far) // the last one that is answered
		time.Sleep(keepalive - far)
		if check() {
			t.Fatal("there is no calm")
		}
		time.Sleep(keepalive)

		// It has moved. Its first check has the pair in use asked at once.
		sent = 0
		if p.request(nil, nil, nil, moved) {
			t.Error("the peer is followed before the pair in use was asked")
		}
		if sent != 1 {
			t.Errorf("%d checks that were kept back went out, want 1", sent)
		}
		time.Sleep(far + overdue - time.Nanosecond)
		if p.request(nil, nil, nil, moved) {
			t.Error("the peer is followed before an answer is overdue")
		}
		time.Sleep(time.Nanosecond)
		if !p.request(nil, nil, nil, moved) {
			t.Error("the peer is not followed")
		}
	})
}

// A peer that moves shows itself on as many pairs as there are sockets and addresses:
// however many these are, the silent one in use is not forgotten over them.
func TestPairInUseIsKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPulse()
		inUse := testPair(t, 1)
		inUse.UpdateRoundTripTime(time.Millisecond)
		p.request(nil, nil, nil, inUse)
		p.mu.Lock()
		p.use(endpointsOf(inUse))
		p.mu.Unlock()
		time.Sleep(time.Millisecond)
		p.hold(bindingRequest(t), basePort(inUse.Local), endpointsOf(inUse).remote, rtc.PathDirect, func([]byte) {})
		shows := func(n int) (follows bool) {
			pair := testPair(t, n)
			pair.UpdateRequestReceived()
			return p.request(nil, nil, nil, pair)
		}
		for i := range 2 * maxPairs {
			if shows(2 + i) {
				t.Fatal("the peer is followed although the pair in use has only just answered")
			}
		}
		time.Sleep(roamAfter)
		if !shows(2 + 2*maxPairs) {
			t.Error("the peer is not followed")
		}
		if len(p.pairs) > maxPairs {
			t.Errorf("%d pairs are remembered", len(p.pairs))
		}
	})
}

// A better path that answers is asked again at once, whichever of the two pairs
// that pion may have of it the answer is noted on.
func TestInsists(t *testing.T) {
	for _, answered := range []int{0, 1} {
		bubble(t, func(t *testing.T) {
			p := newPulse()
			inUse := testPair(t, 1)
			twins := []*ice.CandidatePair{testPair(t, 2), testPair(t, 2)}
			p.known.addRelay(endpointsOf(inUse).remote)
			for _, pair := range append(twins, inUse) {
				p.request(nil, nil, nil, pair)
			}
			p.mu.Lock()
			p.use(endpointsOf(inUse))
			p.mu.Unlock()
			inUse.UpdateRoundTripTime(time.Millisecond)
			check := func(pair *ice.CandidatePair, path rtc.Path) bool {
				return !p.hold(bindingRequest(t), basePort(pair.Local), endpointsOf(pair).remote, path, func([]byte) {})
			}
			check(inUse, rtc.PathRelay)
			if !check(twins[0], rtc.PathDirect) {
				t.Fatal("a better path is not asked")
			}
			time.Sleep(time.Millisecond)
			inUse.UpdateRoundTripTime(time.Millisecond)
			twins[answered].UpdateRoundTripTime(time.Millisecond)
			time.Sleep(keepalive)
			if !check(twins[0], rtc.PathDirect) {
				t.Errorf("the answer on pair %d is not followed by another check", answered)
			}
		})
	}
}

// testPair is a pair of host candidates, n of which can be told apart.
func testPair(t *testing.T, n int) *ice.CandidatePair {
	t.Helper()
	candidate := func(address string, port int) ice.Candidate {
		c, err := ice.NewCandidateHost(&ice.CandidateHostConfig{Network: "udp", Address: address, Port: port, Component: 1})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	return &ice.CandidatePair{Local: candidate("10.0.0.1", 1), Remote: candidate("10.0.0.2", n+1)}
}

// bindingRequest is a STUN binding request.
func bindingRequest(t *testing.T) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("a:b"))
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}
