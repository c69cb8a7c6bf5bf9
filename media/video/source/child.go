package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/meet-term/meet/media/video"
)

const (
	// killAfter is how long a killed program may hold its output open.
	killAfter = time.Second
	// tailSize is how much of what a program complains is kept, in bytes.
	tailSize = 1024
)

// child is another program that writes pictures to its standard output, as a
// y4m stream.
type child struct {
	args  []string
	extra []*os.File // open in the program as descriptors 3 and up
}

// check says whether the program is there.
func (c *child) check() error {
	if _, err := exec.LookPath(c.args[0]); err != nil {
		return fmt.Errorf("%w: %s", ErrTool, c.args[0])
	}
	return nil
}

// run runs the program until ctx ends, which kills it. Only pictures that are
// wanted are handed on; all are read, so that they are always the newest.
func (c *child) run(ctx context.Context, d *Demand, emit func(*video.Frame)) error {
	if err := c.check(); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.WaitDelay = killAfter
	cmd.ExtraFiles = c.extra
	complaints := &tail{}
	cmd.Stderr = complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", c.args[0], err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.args[0], err)
	}
	readErr := readChild(out, d, emit)
	// It may have stopped making sense without ending.
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if ctx.Err() != nil {
		return nil
	}
	if line := complaints.line(); line != "" {
		return fmt.Errorf("%s: %s", c.args[0], line)
	}
	return fmt.Errorf("%s: %w", c.args[0], readErr)
}

// readChild reads pictures until the stream ends or makes no sense.
func readChild(out io.Reader, d *Demand, emit func(*video.Frame)) error {
	y, err := newY4M(bufio.NewReaderSize(out, 1<<16))
	if err != nil {
		return err
	}
	var g gate
	for seq := uint64(1); ; {
		w, _ := d.Want()
		// What is read now was taken now, or lies in the pipe: then it is
		// hurried past.
		if !g.open(time.Now(), w.interval()) {
			if err := y.skip(); err != nil {
				return ended(err)
			}
			continue
		}
		f, err := y.next()
		if err != nil {
			return ended(err)
		}
		f.Time, f.Seq = time.Now(), seq
		seq++
		emit(f)
	}
}

// ended words the end of a program that should not end.
func ended(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("it ended")
	}
	return err
}

// gate lets pictures through at the rate that is wanted, from a source that
// makes them at its own.
type gate struct{ due time.Time }

// open says whether the picture of now is wanted. One that is a little early
// is.
func (g *gate) open(now time.Time, every time.Duration) bool {
	if now.Add(every / 4).Before(g.due) {
		return false
	}
	if g.due = g.due.Add(every); g.due.Before(now) {
		g.due = now.Add(every)
	}
	return true
}

// tail keeps the end of what is written to it. It is safe for use by many
// goroutines.
type tail struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

// Write implements [io.Writer].
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if extra := len(t.buf) - tailSize; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(p), nil
}

// line returns the last line that says something, fit to be shown.
func (t *tail) line() string {
	t.mu.Lock()
	text := string(t.buf)
	t.mu.Unlock()
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(printable(lines[i])); line != "" {
			return line
		}
	}
	return ""
}

// printable strips everything that could do something to a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}
