package headless

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/rtc"
)

// Options say how a script takes part.
type Options struct {
	In  io.Reader
	Out io.Writer // written a line at a time
	// Stats is how often each peer's figures are written.
	Stats time.Duration
	// Place is told in the "joined" event, until another is reported.
	Place call.Place
}

// MinStats is the shortest interval of figures.
const MinStats = 100 * time.Millisecond

// Run writes events until the call ends and obeys commands meanwhile. The
// end of the input does not end the call; an output nobody reads does.
func Run(ctx context.Context, c *call.Call, o Options) error {
	out := &writer{w: o.Out}
	// A read of standard input cannot be interrupted: the goroutine ends with
	// the input, or with the process.
	crash.Go(func() { read(o.In, out, c) })
	ticker := time.NewTicker(max(o.Stats, MinStats))
	defer ticker.Stop()
	for {
		select {
		case e, ok := <-c.Events():
			if !ok {
				return out.failure()
			}
			if moved, ok := e.(call.PlaceChanged); ok {
				o.Place = moved.Place
			}
			out.event(e, c, o)
		case <-ticker.C:
			now := time.Now()
			for _, s := range c.Stats() {
				out.write(stats(now, s))
			}
		case <-ctx.Done():
			c.Leave() // and go on: the last events are still to come
			ctx = context.WithoutCancel(ctx)
		}
		if out.failure() != nil {
			c.Leave()
		}
	}
}

// read obeys the input line by line.
func read(in io.Reader, out *writer, c *call.Call) {
	lines := bufio.NewReaderSize(in, maxLine)
	for {
		b, err := lines.ReadSlice('\n')
		switch {
		case err == bufio.ErrBufferFull:
			out.badCommand(fmt.Errorf("a line of more than %d bytes", maxLine))
			if _, err := skipLine(lines); err != nil {
				return
			}
			continue
		case len(b) > 0 && !blank(b):
			if err := obey(b, c, c); err != nil {
				out.badCommand(err)
			}
		}
		if err != nil {
			return
		}
	}
}

// skipLine reads to the end of a line that is too long.
func skipLine(r *bufio.Reader) (n int, err error) {
	for {
		b, err := r.ReadSlice('\n')
		n += len(b)
		if err != bufio.ErrBufferFull {
			return n, err
		}
	}
}

func blank(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// writer writes whole lines, from any goroutine.
type writer struct {
	mu  sync.Mutex
	w   io.Writer
	err error // the first; nothing is written after it
}

func (w *writer) write(f fields) {
	b, err := json.Marshal(f)
	if err != nil {
		return // values of our own making: cannot happen
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		_, w.err = w.w.Write(append(b, '\n'))
	}
}

func (w *writer) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return fmt.Errorf("write events: %w", w.err)
	}
	return nil
}

func (w *writer) badCommand(err error) {
	w.write(fields{
		"time": time.Now().UTC().Format(time.RFC3339Nano), "event": "error",
		"code": "bad-command", "text": err.Error(),
	})
}

func (w *writer) event(e rtc.Event, c *call.Call, o Options) {
	now, v := time.Now(), c.View()
	if _, ok := e.(rtc.Joined); ok {
		w.write(fields{
			"time": now.UTC().Format(time.RFC3339Nano), "event": "joined", "room": v.Room,
			"self":   fields{"id": v.Self, "name": v.Name},
			"server": o.Place.Invite.Server, "invite": o.Place.Others.Command(), "link": o.Place.Others.Link(),
			"works": o.Place.Works, "where": o.Place.Where,
		})
		return
	}
	if f := line(now, e, v); f != nil {
		w.write(f)
	}
}
