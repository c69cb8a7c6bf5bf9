package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"
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

// Whoever joins while the server of this machine ends hosts the next one, and
// a server that comes up meanwhile is found.
func TestJoinWhileTheServerEnds(t *testing.T) {
	errEnding := errors.New("it takes no joins")
	for name, c := range map[string]struct {
		free    time.Duration // when the port is; 0: never
		answers time.Duration // when a meet server does; 0: never
		refusal error         // of what answers until then
		took    time.Duration
		hosts   bool
		fails   bool
	}{
		"free at once":         {free: 1, refusal: errEnding, took: endingEvery, hosts: true},
		"a server":             {answers: 1, refusal: errEnding, took: endingEvery},
		"one that ends":        {free: stopTime, refusal: errEnding, took: stopTime, hosts: true},
		"another starts first": {answers: time.Second, refusal: errEnding, took: time.Second},
		"one that never ends":  {refusal: errEnding, took: endingTime, fails: true},
		"something else":       {refusal: errStranger, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				since := func(d time.Duration) bool { return d != 0 && time.Since(began) >= d }
				world := memnet.New()
				l, err := listenUnlessRunning(t.Context(), func() (net.Listener, error) {
					if since(c.free) {
						return world.Listen("local:7077")
					}
					return nil, syscall.EADDRINUSE
				}, func() error {
					if since(c.answers) {
						return nil
					}
					return c.refusal
				})
				if (l != nil) != c.hosts || (err != nil) != c.fails || time.Since(began) != c.took {
					t.Errorf("hosts %t, error %v, after %v", l != nil, err, time.Since(began))
				}
			})
		})
	}
	t.Run("given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := listenUnlessRunning(ctx, func() (net.Listener, error) { return nil, syscall.EADDRINUSE },
			func() error { return errEnding })
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
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
