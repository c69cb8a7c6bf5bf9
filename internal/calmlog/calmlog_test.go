package calmlog

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A flood of one message is a few lines and a count; other messages are not
// touched by it.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(New(slog.NewTextHandler(&out, nil))).With("server", "s")
		for range 10_000 {
			log.Info("refused")
		}
		log.Info("listening")
		if n := strings.Count(out.String(), "\n"); n != burst+1 {
			t.Errorf("%d lines, want %d", n, burst+1)
		}
		out.Reset()
		time.Sleep(pause)
		log.Info("refused")
		log.Info("refused")
		if text := out.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, fmt.Sprint("left-out=", 10_000-burst)) {
			t.Errorf("after a pause: %s", text)
		}
		out.Reset()
		time.Sleep(time.Minute)
		log.Info("refused")
		if text := out.String(); !strings.Contains(text, "left-out=1") {
			t.Errorf("later: %s", text)
		}
		out.Reset()
		log.Info("refused")
		if text := out.String(); strings.Contains(text, "left-out") {
			t.Errorf("nothing was left out: %s", text)
		}
	})
}

// Messages made of what a stranger sends do not fill the memory.
func TestKindsAreBounded(t *testing.T) {
	h := New(slog.DiscardHandler).(*Handler)
	for i := range 10 * maxKinds {
		h.state.count(fmt.Sprint(i), time.Unix(0, 0))
	}
	if n := len(h.state.kinds); n > maxKinds+1 {
		t.Errorf("%d kinds are kept", n)
	}
	if New(h) != slog.Handler(h) {
		t.Error("calm twice")
	}
}
