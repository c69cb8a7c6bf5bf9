// Package termout is the one way from the program to the terminal. Two write
// there: the user interface, which repaints lines of text, and the drawer of video,
// which repaints cells within these lines. Output lets them share the screen.
//
// Where video belongs, the view holds [Placeholder] runes. Output does not send
// these; it moves the cursor over them, so that the video cells below stay as
// they are. From the same stream it knows which cells hold text and which are
// left to video, at any moment and without being told: a badge over a picture,
// a dialog, a moved tile or a cleared screen need no bookkeeping of their own.
package termout

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/meet-term/meet/internal/crash"
)

// Placeholder stands in a view for one cell of video. It is one cell wide in
// every locale. User text must be stripped of it.
const Placeholder = '\U0001CD00'

// Synchronized output (DEC private mode 2026): the terminal shows what comes
// between the two at once.
const (
	beginSync = "\x1b[?2026h"
	endSync   = "\x1b[?2026l"
)

// Output is a terminal that Bubble Tea and a drawer write to. It embeds the
// file, because Bubble Tea asks its descriptor for the size of the window. All
// methods are safe for concurrent use.
type Output struct {
	*os.File

	sync bool      // the terminal knows synchronized output
	w    io.Writer // the file; a terminal emulator in tests

	mu     sync.Mutex
	screen screen // guarded by mu, like everything below
	tail   []byte // an unfinished sequence or character of the last Write
	buf    []byte
}

// New returns an Output on a terminal. synchronized says that the terminal
// knows synchronized output (see termvideo.Caps).
func New(f *os.File, synchronized bool) *Output {
	return &Output{File: f, w: f, sync: synchronized}
}

// Write sends what the user interface paints. It hands over whole
// frames; a sequence or character that is cut off at the end of p nevertheless
// waits for its rest.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, painted := o.filter(p)
	if len(b) == 0 {
		return len(p), nil
	}
	if painted && o.sync {
		b = append(b, endSync...)
	} else if o.sync {
		b = b[len(beginSync):]
	}
	if _, err := o.w.Write(b); err != nil {
		return 0, fmt.Errorf("write to the terminal: %w", err)
	}
	return len(p), nil
}

// WriteString is Write; the file's own would go past the lock.
func (o *Output) WriteString(s string) (int, error) { return o.Write([]byte(s)) }

// ReadFrom is a loop of Write; the file's own would go past the lock.
func (o *Output) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{o}, r)
}

// Paint sends video. build gets the cells that are free for it and returns
// what to write; it runs with the output locked, because what it returns is
// right only for the screen as it is at that moment. free[y][x] is 0 for a cell
// of text and otherwise a number that changes when the cell was overwritten
// since. The cursor and the colours are put back afterwards.
func (o *Output) Paint(build func(free [][]uint32) []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	free := o.screen.free
	if free == nil {
		free = [][]uint32{} // nil would mean that everything is free
	}
	video := build(free)
	if len(video) == 0 {
		return nil
	}
	b := o.buf[:0]
	if o.sync {
		b = append(b, beginSync...)
	}
	b = append(b, "\x1b7"...)
	b = append(b, video...)
	b = append(b, "\x1b8"...)
	if o.sync {
		b = append(b, endSync...)
	}
	o.buf = b
	if _, err := o.w.Write(b); err != nil {
		return fmt.Errorf("write video to the terminal: %w", err)
	}
	return nil
}

// seizeTime is how long a write that is under way may go on when the terminal is
// seized.
const seizeTime = 100 * time.Millisecond

// Seize takes the terminal away from everybody for good: whoever writes from now
// on waits for ever. It is for a program that dies.
func (o *Output) Seize() {
	locked := make(chan struct{})
	crash.Go(func() {
		o.mu.Lock()
		close(locked)
	})
	select {
	case <-locked:
	case <-time.After(seizeTime): // the terminal takes no text, or who wrote has died
	}
}

// Damage marks every video cell as overwritten, for when something else wrote
// to the terminal: the drawer draws all of them again.
func (o *Output) Damage() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.screen.damage()
}

const (
	maxTail     = 64 << 10 // an unfinished sequence beyond this is let through
	placeholder = string(Placeholder)
)

// filter translates a chunk and follows it on the screen. The result begins
// with beginSync if the output is synchronized; painted says that the chunk
// changed cells at all, so that this is worth it.
func (o *Output) filter(p []byte) (b []byte, painted bool) {
	in := p
	if len(o.tail) > 0 {
		in = append(o.tail, p...)
		o.tail = nil
	}
	b = o.buf[:0]
	if o.sync {
		b = append(b, beginSync...)
	}
	empty := len(b)
	o.screen.begin()
	for len(in) > 0 {
		n, done := tokenLen(in)
		if !done && len(in) <= maxTail {
			o.tail = append([]byte(nil), in...)
			break
		}
		token := in[:n]
		in = in[n:]
		switch {
		case token[0] == 0x1b:
			painted = o.screen.escape(token) || painted
			b = append(b, token...)
		case token[0] < 0x20 || token[0] == 0x7f:
			o.screen.control(token[0])
			b = append(b, token...)
		case string(token[:min(len(token), len(placeholder))]) == placeholder:
			count := len(token) / len(placeholder)
			o.screen.hole(count)
			painted = true
			b = append(b, "\x1b["...)
			b = strconv.AppendInt(b, int64(count), 10)
			b = append(b, 'C')
		default:
			o.screen.text(textWidth(token))
			painted = true
			b = append(b, token...)
		}
	}
	o.buf = b
	if len(b) == empty {
		return nil, false
	}
	return b, painted
}

// tokenLen returns the length of what comes first: an escape sequence, a
// control character, a run of placeholders or a run of other text. done is
// false if its end may still be missing.
func tokenLen(b []byte) (n int, done bool) {
	switch {
	case b[0] == 0x1b:
		return escapeLen(b)
	case b[0] < 0x20 || b[0] == 0x7f:
		return 1, true
	}
	holes := 0
	for len(b)-holes >= len(placeholder) && string(b[holes:holes+len(placeholder)]) == placeholder {
		holes += len(placeholder)
	}
	if holes > 0 {
		return holes, true
	}
	for n < len(b) {
		c := b[n]
		if c < 0x20 || c == 0x7f {
			return n, true
		}
		if c < utf8.RuneSelf {
			n++
			continue
		}
		if !utf8.FullRune(b[n:]) {
			// The text before the cut goes out; the cut character waits.
			return n, n > 0
		}
		r, size := utf8.DecodeRune(b[n:])
		if r == Placeholder {
			return n, true
		}
		n += size
	}
	return n, true
}

// textWidth is the number of cells of printable text, as Bubble Tea counts it.
func textWidth(b []byte) int {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return ansi.StringWidth(string(b))
		}
	}
	return len(b)
}

// escapeLen returns the length of the escape sequence at the start of b, after
// ECMA-48: control sequences, strings ended by ST or BEL, and short escapes.
func escapeLen(b []byte) (n int, done bool) {
	if len(b) < 2 {
		return len(b), false
	}
	switch b[1] {
	case '[':
		for i := 2; i < len(b); i++ {
			if b[i] >= 0x40 && b[i] <= 0x7e {
				return i + 1, true
			}
			if b[i] < 0x20 {
				return i, true // broken off by a control character
			}
		}
		return len(b), false
	case ']', 'P', '_', '^', 'X':
		for i := 2; i < len(b); i++ {
			switch {
			case b[i] == '\a' && b[1] == ']':
				return i + 1, true
			case b[i] == 0x1b && i+1 < len(b):
				if b[i+1] == '\\' {
					return i + 2, true
				}
				return i, true
			}
		}
		return len(b), false
	}
	for i := 1; i < len(b); i++ {
		if b[i] >= 0x30 {
			return i + 1, true
		}
		if b[i] < 0x20 {
			return i, true
		}
	}
	return len(b), false
}
