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
	desk := Desk{Call: c}
	// A read of standard input cannot be interrupted: the goroutine ends with
	// the input, or with the process.
	crash.Go(func() { read(o.In, out, desk) })
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
			if l := line(time.Now(), e, c.View(), o.Place); l != nil {
				out.write(l)
			}
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
func read(in io.Reader, out *writer, d Desk) {
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
			answers, err := d.Obey(b)
			for _, a := range answers {
				out.write(a)
			}
			if err != nil {
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

// write writes one of the lines of lines.go.
func (w *writer) write(line any) {
	b, err := json.Marshal(line)
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
	w.write(messageLine{head: head{stamp(time.Now()), "error"}, Code: "bad-command", Text: err.Error()})
}
