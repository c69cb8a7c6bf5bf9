package termvideo

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muesli/cancelreader"
)

// fakeTerminal answers after a delay, on the clock of a synctest bubble.
type fakeTerminal struct {
	asked    bytes.Buffer
	pieces   chan string
	canceled chan struct{}
}

func newFakeTerminal() *fakeTerminal {
	return &fakeTerminal{pieces: make(chan string, 16), canceled: make(chan struct{})}
}

func (f *fakeTerminal) Write(p []byte) (int, error) { return f.asked.Write(p) }

func (f *fakeTerminal) Read(p []byte) (int, error) {
	select {
	case s, ok := <-f.pieces:
		if !ok {
			return 0, io.EOF
		}
		return copy(p, s), nil
	case <-f.canceled:
		return 0, cancelreader.ErrCanceled
	}
}

func (f *fakeTerminal) Cancel() bool {
	close(f.canceled)
	return true
}

func TestDetectionTakesNoLongerThanTheAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTerminal()
		began := time.Now()
		go func() {
			for _, piece := range strings.SplitAfter("j"+terminalAnswers[0].answers+"k", ";") {
				time.Sleep(time.Millisecond)
				f.pieces <- piece
			}
		}()
		d, err := ask(t.Context(), f, f, questions("/probe", 's'))
		if err != nil {
			t.Fatal(err)
		}
		pieces := strings.Count(terminalAnswers[0].answers, ";") + 1
		if took := time.Since(began); took != time.Duration(pieces)*time.Millisecond {
			t.Errorf("took %v for %d pieces", took, pieces)
		}
		if d.Caps != terminalAnswers[0].want || string(d.Typed) != "jk" || d.Late != nil {
			t.Errorf("got %+v", d)
		}
	})
}

func TestSilentTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTerminal()
		f.pieces <- "hi\x1b[?2026;1$y\x1b[6;2"
		began := time.Now()
		d, err := ask(t.Context(), f, f, questions("", 0))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != DetectTimeout {
			t.Errorf("waited %v, want %v", took, DetectTimeout)
		}
		if d.Caps.Answered || !d.Caps.SyncOutput || string(d.Typed) != "hi" || d.Late == nil {
			t.Fatalf("got %+v", d)
		}
		// What comes too late is still no key press.
		if typed := d.Late.Feed([]byte("0;10t\x1b[?62cx")); string(typed) != "x" {
			t.Errorf("late answers came out as %q", typed)
		}
		if c := d.Late.Caps(); c.CellWidth != 10 || c.CellHeight != 20 || !c.Answered {
			t.Errorf("late answers were not understood: %+v", c)
		}
	})
}

func TestCanceledDetection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Millisecond, cancel)
		f := newFakeTerminal()
		began := time.Now()
		if _, err := ask(ctx, f, f, questions("", 0)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 5*time.Millisecond {
			t.Errorf("returned after %v", took)
		}
	})
}

// TestQuestionsLeaveNothingBehind prints the questions on the emulator: no
// octant and nothing else may stay on the screen.
func TestQuestionsLeaveNothingBehind(t *testing.T) {
	term := newTerminal(t, 80, 24)
	_, _ = term.WriteString("$ meet join demo\r\n")
	_, _ = term.Write(questions("/meet-probe-1-1", 's'))
	for y := range 24 {
		var line strings.Builder
		for x := range 80 {
			line.WriteString(term.CellAt(x, y).Content)
		}
		want := ""
		if y == 0 {
			want = "$ meet join demo"
		}
		if got := strings.TrimRight(line.String(), " "); got != want {
			t.Errorf("line %d shows %q, want %q", y, got, want)
		}
	}
	if at := term.CursorPosition(); at.X != 0 || at.Y != 1 {
		t.Errorf("the cursor is at %d,%d, want 0,1", at.X, at.Y)
	}
}
