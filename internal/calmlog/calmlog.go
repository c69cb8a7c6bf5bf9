// Package calmlog keeps a log readable, and a disk from filling, when somebody has
// the same thing happen thousands of times a second.
package calmlog

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Of each message at most burst lines are written at once, and one every pause
// after them.
const (
	burst = 10
	pause = time.Second
	// maxKinds bounds how many messages are told apart; beyond it they count as one.
	maxKinds = 256
)

// Handler hands records on to another handler, few of each message. The line after
// those that were left out says how many they were (left-out). It is safe for use by
// several goroutines.
type Handler struct {
	next  slog.Handler
	state *state // shared with what WithAttrs and WithGroup return
}

type state struct {
	mu    sync.Mutex // guards what follows
	kinds map[string]*kind
}

// kind is what is known of a message.
type kind struct {
	left int // lines that may be written
	at   time.Time
	out  int // left out since the last line
}

// New returns a Handler in front of next; next itself if it is one already.
func New(next slog.Handler) slog.Handler {
	if calm, ok := next.(*Handler); ok {
		return calm
	}
	return &Handler{next, &state{kinds: make(map[string]*kind)}}
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	write, out := h.state.count(r.Message, r.Time)
	if !write {
		return nil
	}
	if out > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("left-out", out))
	}
	return h.next.Handle(ctx, r)
}

// count notes a line and reports whether to write it, and how many like it were
// not.
func (s *state) count(message string, now time.Time) (write bool, out int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[message]
	if k == nil {
		if len(s.kinds) >= maxKinds {
			message = ""
			k = s.kinds[message]
		}
		if k == nil {
			k = &kind{left: burst, at: now}
			s.kinds[message] = k
		}
	}
	if n := int(now.Sub(k.at) / pause); n > 0 {
		k.left = min(burst, k.left+n)
		k.at = k.at.Add(time.Duration(n) * pause)
	}
	if k.left <= 0 {
		k.out++
		return false, 0
	}
	k.left--
	out, k.out = k.out, 0
	return true, out
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{h.next.WithAttrs(attrs), h.state}
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.next.WithGroup(name), h.state}
}
