package signal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A restart with a room full of people in each of many rooms: everybody is back in
// less than two seconds, not all in the same moment, and nobody was seen to leave.
func TestRestartOfManyMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		const rooms, members = 20, 8
		var all []*guest
		for i := range rooms {
			room, err := Invite{Name: fmt.Sprint("room", i)}.Room()
			if err != nil {
				t.Fatal(err)
			}
			b.room = room
			for j := range members {
				all = append(all, b.join(fmt.Sprint("guest", i, "-", j)))
			}
		}
		synctest.Wait()
		for _, g := range all {
			g.take()
		}
		if err := b.server.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		start := time.Now()
		b.stop()
		b.startServer(ServerConfig{})
		early := 0
		time.Sleep(300 * time.Millisecond)
		for _, g := range all {
			if g.isConnected() {
				early++
			}
		}
		if early == 0 || early > len(all)*3/4 {
			t.Errorf("%d of %d are back after 0.3 s: not in order", early, len(all))
		}
		time.Sleep(2*time.Second - time.Since(start))
		for _, g := range all {
			if !g.isConnected() || len(g.roster()) != members-1 {
				t.Fatalf("%s is connected: %v, and sees %d", g.name, g.isConnected(), len(g.roster()))
			}
			for _, e := range g.all() {
				if gone, ok := e.event.(PeerGone); ok {
					t.Errorf("%s saw %v leave", g.name, gone.Peer)
				}
			}
		}
	})
}

func TestReturnAfter(t *testing.T) {
	for n, last := range map[int]time.Duration{1: 100, 10: 550, 4000: 1100, 100_000: 1600} {
		if got := returnAfter(n-1, n).Round(time.Millisecond); got > last*time.Millisecond || got < last*time.Millisecond*9/10 {
			t.Errorf("the last of %d returns after %v", n, got)
		}
		if got := returnAfter(0, n); got != returnFirst {
			t.Errorf("the first of %d returns after %v", n, got)
		}
	}
}

// Where tokens are needed, only who has one opens a room or a mailbox; others get
// into rooms that exist, and are told why not into others.
func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{MayOpen: func(token string) bool { return token == "secret" }})
		guest := b.start("guest", nil)
		<-guest.done
		var refused *RefusedError
		if !errors.As(guest.err, &refused) || refused.Code != RefusedClosed || !strings.Contains(Trouble(guest.err), "opens rooms only") {
			t.Errorf("a guest without a room: %v", guest.err)
		}
		if _, err := b.mail("guest").OpenMailbox(t.Context()); !errors.As(err, &refused) || refused.Code != RefusedClosed {
			t.Errorf("a mailbox without a token: %v", err)
		}
		wrong := b.start("wrong", func(c *Config) { c.Token = "Secret" })
		<-wrong.done
		if wrong.err == nil {
			t.Error("a wrong token opens a room")
		}
		host := b.start("host", func(c *Config) { c.Token = "secret" })
		if !host.isConnected() {
			t.Fatal("the token opens no room")
		}
		if again := b.start("guest", nil); !again.isConnected() {
			t.Error("a guest does not get into a room that is open")
		}
		mail := b.mail("host")
		mail.Token = "secret"
		box, err := mail.OpenMailbox(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer box.Close()
		if line, err := b.mail("guest").VisitMailbox(t.Context(), box.Number); err != nil {
			t.Errorf("a guest of the mailbox: %v", err)
		} else {
			line.Close()
		}
	})
}

func TestKick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob, cyd := b.join("ada"), b.join("bob"), b.join("cyd")
		rooms := b.server.Rooms()
		if len(rooms) != 1 || len(rooms[0].Present) != 3 || rooms[0].ID != b.room.ID() {
			t.Fatalf("rooms: %+v", rooms)
		}
		if n := b.server.Kick(b.room.ID(), bob.id); n != 1 {
			t.Errorf("%d were sent away", n)
		}
		<-bob.done
		var refused *RefusedError
		if !errors.As(bob.err, &refused) || refused.Code != RefusedStopped {
			t.Errorf("bob is told %v", bob.err)
		}
		if len(ada.roster()) != 1 || !cyd.isConnected() {
			t.Errorf("ada sees %v", ada.roster())
		}
		if n := b.server.Kick(b.room.ID(), ""); n != 2 || b.server.Kick(b.room.ID(), "") != 0 || b.server.Kick("nowhere", "") != 0 {
			t.Errorf("%d were sent away of the whole room", n)
		}
		<-ada.done
		if len(b.server.Rooms()) != 0 {
			t.Error("the room is still there")
		}
	})
}

// The log names no addresses unless it is asked to.
func TestLogWithoutAddresses(t *testing.T) {
	for _, asked := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var logged bytes.Buffer
			b := newBed(t, ServerConfig{LogAddresses: asked, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
			r := b.dialRaw("mallory")
			r.send([]byte("hello?"))
			r.end()
			b.stop()
			if !strings.Contains(logged.String(), "end a connection") || strings.Contains(logged.String(), "mallory") != asked {
				t.Errorf("asked for addresses: %v; the log: %s", asked, logged.String())
			}
		})
	}
}

func TestReadyAndHistograms(t *testing.T) {
	s := NewServer(ServerConfig{MaxRooms: 1})
	if w := get(s, "/readyz"); w.Code != http.StatusOK {
		t.Errorf("ready: %d", w.Code)
	}
	s.rooms["x"] = &room{server: s, id: "x", seats: map[PeerID]*seat{}}
	if w := get(s, "/readyz"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("full: %d", w.Code)
	}
	delete(s.rooms, "x")
	var h histogram
	for _, d := range []time.Duration{0, time.Millisecond, 3 * time.Millisecond, time.Minute} {
		h.observe(d)
	}
	var out bytes.Buffer
	h.write(&out, "x_seconds", "X.")
	for _, want := range []string{`x_seconds_bucket{le="0.001"} 2`, `x_seconds_bucket{le="0.005"} 3`, `x_seconds_bucket{le="5"} 3`, `x_seconds_bucket{le="+Inf"} 4`, "x_seconds_sum 60.004", "x_seconds_count 4"} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("%s is missing in\n%s", want, out.String())
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w := get(s, "/readyz"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("leaving: %d", w.Code)
	}
}
