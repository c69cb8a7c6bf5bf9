package signal

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestShortCutChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		ada.take()
		bob.take()
		b.net.Link("bob").Cut()
		time.Sleep(1900 * time.Millisecond)
		b.net.Link("bob").Heal()
		time.Sleep(10 * time.Second)
		ada.want()
		bob.want()
	})
}

// A cut of ten seconds, with every time asserted.
func TestCutAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		time.Sleep(100 * time.Millisecond) // out of step with everyone's timers
		ada.take()
		bob.take()
		at := func() time.Duration { return time.Since(b.started) }
		b.net.Link("bob").Cut()
		cut := at()
		time.Sleep(10 * time.Second)
		// Bob pinged at 2 s and heard nothing until 4 s; the server last heard
		// Bob at 0 s and sweeps every half second.
		lost := bob.take()
		if len(lost) < 2 || lost[0].at != 4*time.Second {
			t.Fatalf("bob noticed %v after a cut at %v", lost, cut)
		}
		ada.wantAt(stamped{5 * time.Second, bob.presence(true)})
		b.net.Link("bob").Heal()
		healed := at()
		synctest.Wait()
		time.Sleep(2 * time.Second)
		back := bob.take()
		last := back[len(back)-1]
		if w, ok := last.event.(Welcome); !ok || !w.Resumed || w.Restarted || last.at-healed > backoffShort {
			t.Errorf("bob came back as %+v at %v, healed at %v", last.event, last.at, healed)
		}
		ada.wantAt(stamped{last.at, bob.presence(false)})
	})
}

// A silent member is away after five seconds, its socket closed after fifteen,
// and it is gone thirty seconds after it went away.
func TestAwayThenGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		time.Sleep(250 * time.Millisecond)
		ada.take()
		b.net.Link("bob").Cut()
		time.Sleep(60 * time.Second)
		ada.wantAt(
			stamped{5 * time.Second, bob.presence(true)},
			stamped{35 * time.Second, bob.gone()},
		)
		b.net.Link("bob").Heal()
		time.Sleep(11 * time.Second)
		ada.want(bob.presence(false))
	})
}

// A crash closes the socket: away at once.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		time.Sleep(250 * time.Millisecond)
		ada.take()
		bob.cancel()
		<-bob.done
		if !errors.Is(bob.err, context.Canceled) {
			t.Errorf("Run = %v", bob.err)
		}
		ada.wantAt(stamped{250 * time.Millisecond, bob.presence(true)})
		time.Sleep(40 * time.Second)
		// The first sweep thirty seconds after.
		ada.wantAt(stamped{30500 * time.Millisecond, bob.gone()})
	})
}

// A resume that missed nothing keeps the roster; one that missed events gets
// the whole one.
func TestResumeWithAndWithoutGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		bob.take()
		b.net.Link("bob").Reset()
		time.Sleep(time.Second)
		// Nothing happened but bob's own absence.
		if got := bob.roster(); len(got) != 1 {
			t.Errorf("roster of bob = %v", got)
		}
		events := bob.take()
		if w, ok := events[len(events)-1].event.(Welcome); !ok || !w.Resumed || len(w.Peers) != 1 {
			t.Fatalf("bob got %+v", events)
		}

		b.net.Link("bob").Cut()
		b.net.Link("bob").Reset()
		cyd := b.join("cyd")
		ada.Leave()
		ada.take()
		b.net.Link("bob").Heal()
		time.Sleep(3 * time.Second)
		events = bob.take()
		tail := events[len(events)-3:]
		w, ok := tail[0].event.(Welcome)
		if !ok || !w.Resumed || w.Restarted || !reflect.DeepEqual(w.Peers, []Presence{cyd.presence(false).Presence}) {
			t.Errorf("bob got %+v", tail[0].event)
		}
		if !reflect.DeepEqual([]Event{tail[1].event, tail[2].event}, []Event{cyd.presence(false), ada.unlisted()}) {
			t.Errorf("bob got %+v", tail[1:])
		}
	})
}

// The server is killed and starts again: everyone is back within three seconds,
// and nobody is reported gone.
func TestServerRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		guests := []*guest{b.join("ada"), b.join("bob"), b.join("cyd")}
		lost := b.join("dan")
		for _, g := range guests {
			g.take()
		}
		b.stop()
		guests[0].SetState(State{N: 2, Name: "ada"}) // said while nobody listens
		guests[0].SetState(State{N: 3, Name: "ada"})
		lost.cancel() // dies meanwhile
		time.Sleep(20 * time.Second)
		b.startServer(ServerConfig{})
		restarted := time.Since(b.started)
		time.Sleep(3 * time.Second)
		for _, g := range guests {
			restarts := 0
			for _, s := range g.take() {
				switch e := s.event.(type) {
				case PeerGone:
					t.Errorf("%s: %+v", g.name, e)
				case Welcome:
					restarts++
					if !e.Restarted || e.Resumed || s.at-restarted > 2*time.Second {
						t.Errorf("%s: %+v at %v", g.name, e, s.at)
					}
				}
			}
			if restarts != 1 {
				t.Errorf("%s was welcomed %d times", g.name, restarts)
			}
			present := 0
			for _, p := range g.roster() {
				switch {
				case p.Peer == lost.id && !p.Away:
					t.Errorf("%s takes dan for present", g.name)
				case p.Peer == guests[0].id && p.State.N != 3:
					t.Errorf("%s has ada's state %d", g.name, p.State.N)
				case !p.Away:
					present++
				}
			}
			if present != 2 {
				t.Errorf("%s sees %d others", g.name, present)
			}
		}
		// Who does not come back is gone thirty seconds after each one's own welcome.
		time.Sleep(GoneAfter)
		for _, g := range guests {
			g.want(lost.unlisted())
		}
	})
}

// A graceful stop sends everyone away, and they come back to the next server.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		ada.take()
		bob.take()
		if err := b.server.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		first := ada.take()[0].event.(ServerState)
		if first.State != Reconnecting || first.RetryIn < 100*time.Millisecond || first.RetryIn > 700*time.Millisecond {
			t.Errorf("ada got %+v", first)
		}
		b.stop()
		b.startServer(ServerConfig{})
		time.Sleep(2 * time.Second)
		for _, g := range []*guest{ada, bob} {
			if len(g.roster()) != 1 || g.roster()[0].Away {
				t.Errorf("%s sees %+v", g.name, g.roster())
			}
		}
	})
}

// Events that were missed while the link was up make the client ask for the
// roster.
func TestGapMakesSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		time.Sleep(500 * time.Millisecond)
		ada.take()
		room := b.server.rooms[b.room.ID()]
		room.mu.Lock()
		room.seq += 5 // as if five events had been lost
		room.mu.Unlock()
		bob.SetState(State{N: 2, Name: "bob"})
		changed := bob.presence(false)
		changed.State = State{N: 2, Name: "bob"}
		ada.want(changed)
		if ada.inside().gap || ada.inside().seq != room.seq {
			t.Errorf("ada is at %d (gap %v)", ada.inside().seq, ada.inside().gap)
		}
	})
}

// Sync repairs whatever the client believes.
func TestSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		time.Sleep(500 * time.Millisecond)
		ada.take()
		ada.inside().roster[bob.id].Away = true
		ada.inside().roster["AAAAAAAAAAAAAAAAAAAAAA"] = &rosterEntry{Presence: Presence{Peer: "AAAAAAAAAAAAAAAAAAAAAA", Inc: 7}}
		ada.Sync()
		ada.want(bob.presence(false), PeerGone{Peer: "AAAAAAAAAAAAAAAAAAAAAA", Inc: 7, Unsaid: true})
	})
}

// A new process of the same participant takes the seat of the old one at once.
func TestNewIncarnation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		ada.take()
		again := b.start("bob", func(c *Config) { c.Key, c.Inc = bob.cfg.Key, 2 })
		ada.want(again.presence(false))
		<-bob.done
		var refused *RefusedError
		if !errors.As(bob.err, &refused) || refused.Code != RefusedReplaced {
			t.Errorf("the old process ended with %v", bob.err)
		}
		older := b.start("bob", func(c *Config) { c.Key, c.Inc = bob.cfg.Key, 1 })
		<-older.done
		if !errors.As(older.err, &refused) || refused.Code != RefusedToken {
			t.Errorf("an older process ended with %v", older.err)
		}
		ada.want()
	})
}

// A nudge verifies a dead link within a second, and dials at once when there is
// none.
func TestNudge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada := b.join("ada")
		time.Sleep(300 * time.Millisecond)
		ada.take()
		b.net.Link("ada").Cut()
		ada.Nudge()
		time.Sleep(time.Second)
		events := ada.take()
		if len(events) == 0 || events[0].at != 1300*time.Millisecond {
			t.Fatalf("ada got %+v, want the loss 1s after the nudge", events)
		}
		time.Sleep(3 * time.Minute) // deep in backoff
		ada.take()
		b.net.Link("ada").Heal()
		ada.Nudge()
		healed := time.Since(b.started)
		// A dial that was stuck for long is begun again; it may also just have ended.
		for _, s := range ada.take() {
			if s.at != healed {
				t.Errorf("ada got %+v at %v, healed at %v", s.event, s.at, healed)
			}
		}
		if !ada.isConnected() {
			t.Error("ada is not connected after the nudge")
		}
		ada.Nudge() // verifies a healthy link without harm
		time.Sleep(5 * time.Second)
		ada.want()
	})
}

// A nudge ends the wait for the next dial.
func TestNudgeWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada := b.join("ada")
		b.stop()
		time.Sleep(10 * time.Minute)
		ada.take()
		b.startServer(ServerConfig{})
		ada.Nudge()
		if !ada.isConnected() {
			t.Errorf("ada is not connected after the nudge: %+v", ada.take())
		}
	})
}

// What is said while the link is down is dropped, not said later; the state is
// kept, and only the newest.
func TestOfflineSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		time.Sleep(500 * time.Millisecond)
		b.net.Link("ada").Cut()
		b.net.Link("ada").Reset()
		synctest.Wait()
		bob.take()
		for range 3 * maxOutbox {
			ada.Send(bob.id, bob.inc, Need{Epoch: 1})
		}
		for n := range uint64(10) {
			ada.SetState(State{N: 2 + n, Name: "ada"})
		}
		synctest.Wait()
		b.net.Link("ada").Heal()
		time.Sleep(3 * time.Second)
		back := ada.presence(false)
		back.State = State{N: 11, Name: "ada"}
		bob.want(back)
	})
}

// A caller that posts more than Run can take is not blocked and costs no memory
// without bound.
func TestOutboxIsBounded(t *testing.T) {
	room, err := Invite{Name: "demo"}.Room()
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(Config{URL: "ws://x/ws", Room: room, Key: testKey(1), Inc: NewInc(time.Now()), Handle: func(Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 * maxOutbox { // Run is not running
		c.Send("bbbbbbbbbbbbbbbbbbbbbb", 1, Need{})
	}
	if box := c.takeOutbox(); len(box.messages) != maxOutbox || box.dropped != 2*maxOutbox {
		t.Errorf("%d messages wait, %d were dropped", len(box.messages), box.dropped)
	}
}

func TestNewClientChecks(t *testing.T) {
	room, err := Invite{Name: "demo"}.Room()
	if err != nil {
		t.Fatal(err)
	}
	good := Config{URL: "ws://x/ws", Room: room, Key: testKey(1), Inc: 1, Handle: func(Event) {}}
	for name, change := range map[string]func(*Config){
		"no address":    func(c *Config) { c.URL = "" },
		"no room":       func(c *Config) { c.Room = nil },
		"no handler":    func(c *Config) { c.Handle = nil },
		"no key":        func(c *Config) { c.Key = nil },
		"no process":    func(c *Config) { c.Inc = 0 },
		"a long state":  func(c *Config) { c.State.Name = strings.Repeat("x", 5000) },
		"no randomness": func(c *Config) { c.Rand = strings.NewReader("") },
	} {
		cfg := good
		change(&cfg)
		if _, err := NewClient(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Without a server the dials go on forever, further and further apart.
func TestBackoffTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		b.stop()
		ada := b.start("ada", nil)
		time.Sleep(10 * time.Minute)
		events := ada.take()
		due := time.Duration(0)
		for i, s := range events {
			state := s.event.(ServerState)
			limit := backoffMax // it was never in the room
			if s.at < backoffPatience {
				limit = backoffShort
			}
			switch {
			case state.State != Connecting || state.Attempt != i+1 || i > 0 && state.Err == nil:
				t.Fatalf("event %d is %+v", i, state)
			case s.at != due:
				t.Fatalf("attempt %d at %v, want %v", i, s.at, due)
			case state.RetryIn >= limit || i < 4 && state.RetryIn >= backoffBase<<max(i, 0):
				t.Fatalf("attempt %d waits %v at %v", i+1, state.RetryIn, s.at)
			}
			due = s.at + state.RetryIn // refused at once, so the next one is due then
		}
		if n := len(events); n < 150 || n > 400 {
			t.Errorf("%d dials in ten minutes", n)
		}
	})
}

func TestBackoffBounds(t *testing.T) {
	jitter := mathrand.New(mathrand.NewPCG(1, 2))
	for _, tc := range []struct {
		attempt int
		down    time.Duration
		member  bool // was in the room
		limit   time.Duration
	}{
		{1, 0, false, 100 * time.Millisecond},
		{2, 0, true, 200 * time.Millisecond},
		{4, 0, true, 800 * time.Millisecond},
		{5, 0, true, time.Second},
		{1000, 59 * time.Second, true, time.Second},
		{1000, time.Minute, false, 10 * time.Second},
		{1000, time.Minute, true, 2 * time.Second},
		{1 << 40, 100 * time.Hour, true, 2 * time.Second},
	} {
		longest := time.Duration(0)
		for range 2000 {
			longest = max(longest, backoff(jitter, tc.attempt, tc.down, tc.member))
		}
		if longest >= tc.limit || longest < tc.limit*9/10 {
			t.Errorf("attempt %d, %v down: up to %v, want up to %v", tc.attempt, tc.down, longest, tc.limit)
		}
	}
	for attempt, want := range map[int]time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 3: 8 * time.Second, 4: 10 * time.Second, 5: 10 * time.Second, 1 << 40: 10 * time.Second} {
		if got := dialTimeout(attempt); got != want {
			t.Errorf("dialTimeout(%d) = %v, want %v", attempt, got, want)
		}
	}
}

// A way that opens while the system waits to repeat the first packet of a dial is
// found by another dial beside it.
func TestDialBeside(t *testing.T) {
	for _, cut := range []time.Duration{3100 * time.Millisecond, 8 * time.Second, time.Minute, 10 * time.Minute} {
		t.Run(cut.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, ServerConfig{})
				link := b.net.Link("ada")
				ada := b.start("ada", nil)
				time.Sleep(time.Second)
				link.Forget()
				link.Cut()
				link.Reset()
				time.Sleep(cut)
				ada.take()
				healed := time.Since(b.started)
				link.Heal()
				time.Sleep(10 * time.Second)
				for _, e := range ada.take() {
					if s, ok := e.event.(ServerState); ok && s.State == Connected {
						if e.at-healed > 3*time.Second {
							t.Errorf("back %v after the way was", e.at-healed)
						}
						t.Logf("back %v after the way was", e.at-healed)
						return
					}
				}
				t.Error("did not come back")
			})
		})
	}
}

// A dial into a black hole ends after its timeout.
func TestDialTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		b.net.Link("ada").Cut()
		ada := b.start("ada", nil)
		time.Sleep(time.Minute)
		events := ada.take()
		for i, want := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second} {
			began := events[i].at + events[i].event.(ServerState).RetryIn
			if took := events[i+1].at - began; took != want {
				t.Errorf("dial %d took %v, want %v", i+1, took, want)
			}
		}
	})
}
