package main

import (
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/internal/memnet"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// The process that hosts the server ends: one of the others hosts it again,
// two seconds later, and ends it when it leaves.
func TestStandByTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, log := memnet.New(), slog.New(slog.DiscardHandler)
		var lost atomic.Bool
		var listened atomic.Int32
		listen := func() (net.Listener, error) {
			listened.Add(1)
			return world.Listen("local:7077")
		}
		answers := func() bool {
			c, err := world.Dialer("somebody")(t.Context(), "tcp", "local:7077")
			if err != nil {
				return false
			}
			return c.Close() == nil
		}
		first, err := world.Listen("local:7077")
		if err != nil {
			t.Fatal(err)
		}
		ends := []func(){
			standBy(lost.Load, listen, log), standBy(lost.Load, listen, log),
		}
		time.Sleep(time.Minute)
		if n := listened.Load(); n != 0 {
			t.Errorf("tried to host %d times while the server was there", n)
		}
		first.Kill()
		lost.Store(true)
		time.Sleep(standbyAfter - time.Millisecond) // a tick may be at this very moment
		synctest.Wait()
		if answers() {
			t.Error("took over before the server had time to come back")
		}
		time.Sleep(standbyEvery + time.Millisecond)
		synctest.Wait()
		if !answers() {
			t.Error("nobody hosts the server")
		}
		lost.Store(false)
		for _, end := range ends {
			end()
		}
		if answers() {
			t.Error("the server outlives those who hosted it")
		}
	})
}

// A server that comes back by itself in time is left alone.
func TestStandByLetsAServerComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lost atomic.Bool
		end := standBy(lost.Load, func() (net.Listener, error) {
			t.Error("tried to host")
			return nil, errors.New("in use")
		}, slog.New(slog.DiscardHandler))
		time.Sleep(standbyEvery / 2) // beside the ticks
		for range 5 {
			lost.Store(true)
			time.Sleep(standbyAfter - standbyEvery)
			lost.Store(false)
			time.Sleep(2 * standbyEvery)
		}
		end()
	})
}

func TestLooksFor(t *testing.T) {
	for name, c := range map[string]struct {
		server rtc.ServerView
		want   bool
	}{
		"in the lobby": {rtc.ServerView{State: signal.Connecting}, false},
		"never found":  {rtc.ServerView{State: signal.Connecting, Attempt: 1}, true},
		"connected":    {rtc.ServerView{State: signal.Connected}, false},
		"lost":         {rtc.ServerView{State: signal.Reconnecting, Lost: true}, true},
		"left":         {rtc.ServerView{State: signal.Closed, Lost: true}, false},
	} {
		if got := looksFor(c.server); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
