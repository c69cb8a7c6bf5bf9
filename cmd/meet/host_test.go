package main

import (
	"testing"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

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
