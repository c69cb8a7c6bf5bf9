package tui

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/vt"
)

// easel is what a painter paints on.
type easel struct {
	*vt.Emulator
	painter *painter
	closed  bool // the screen is not there
	strokes []string
}

func newEasel(t *testing.T, w, h int) *easel {
	t.Helper()
	e := &easel{Emulator: vt.NewEmulator(w, h)}
	e.painter = newPainter(w, h, func(text string) bool {
		if e.closed {
			return false
		}
		e.strokes = append(e.strokes, text)
		if _, err := e.WriteString(text); err != nil {
			t.Error(err)
		}
		return true
	}, func() {})
	return e
}

// show lets the painter do what it does at once.
func (e *easel) show(view string) {
	e.painter.show(view)
	synctest.Wait()
}

// lines is what the screen shows, without spaces at the ends.
func (e *easel) lines() []string { return trimmed(e.String()) }

func trimmed(view string) []string {
	lines := strings.Split(view, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \r")
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func TestPainterPaintsWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEasel(t, 8, 4)
		for _, c := range []struct {
			name, view string
			do         func()
			want       string // what is written
		}{
			{name: "all at first", view: "one\ntwo\nthree",
				want: "\x1b[1;1Hone\x1b[K\x1b[2;1Htwo\x1b[K\x1b[3;1Hthree\x1b[K\x1b[4;1H\x1b[J"},
			{name: "nothing", view: "one\ntwo\nthree"},
			{name: "one line", view: "one\n2\nthree", want: "\x1b[2;1H2\x1b[K"},
			{name: "a line as wide as the screen", view: "one\n12345678\nthree", want: "\x1b[2;1H12345678"},
			{name: "a wider one", view: "one\n123456789\nthree", want: "\x1b[2;1H12345678"},
			{name: "fewer lines", view: "one", want: "\x1b[2;1H\x1b[J"},
			{name: "more than there is room", view: "one\n2\n3\n4\n5", want: "\x1b[2;1H2\x1b[K\x1b[3;1H3\x1b[K\x1b[4;1H4\x1b[K"},
			{name: "just as many as there is room", view: "one\n2\n3\n!", want: "\x1b[4;1H!\x1b[K"},
			{name: "forgotten", view: "one\n2\n3\n4", do: func() { e.painter.forget(0, 0) },
				want: "\x1b[1;1Hone\x1b[K\x1b[2;1H2\x1b[K\x1b[3;1H3\x1b[K\x1b[4;1H4\x1b[K"},
			{name: "another size", view: "one\n2", do: func() { e.painter.forget(2, 2) },
				want: "\x1b[1;1Hon\x1b[2;1H2\x1b[K"},
			{name: "no screen", view: "1\n2", do: func() { e.closed = true }},
			{name: "the screen again", view: "1\n2", do: func() { e.closed = false }, want: "\x1b[1;1H1\x1b[K"},
			{name: "after the end", view: "end", do: func() {
				if err := e.painter.stop(); err != nil {
					t.Error(err)
				}
			}},
		} {
			time.Sleep(time.Second)
			if c.do != nil {
				c.do()
			}
			e.strokes = nil
			e.show(c.view)
			if got := strings.Join(e.strokes, "|"); got != c.want {
				t.Errorf("%s: written %q, want %q", c.name, got, c.want)
			}
		}
	})
}

// However fast the view changes, it is painted sixty times a second, and what it
// was last is seen. A few changes in a row are seen at once.
func TestPainterPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEasel(t, 10, 1)
		began := time.Now()
		for i := range 3 {
			e.show(fmt.Sprint("key ", i))
			if got := e.lines()[0]; got != fmt.Sprint("key ", i) {
				t.Errorf("after key %d the screen shows %q", i, got)
			}
		}
		for i := range 2000 {
			e.painter.show(fmt.Sprint(i))
			time.Sleep(500 * time.Microsecond)
		}
		synctest.Wait()
		if n := len(e.strokes); n < 60 || n > 63 {
			t.Errorf("painted %d times in %v, want 60 and 3 at once", n, time.Since(began))
		}
		time.Sleep(frameTime)
		synctest.Wait()
		if got := e.lines(); len(got) != 1 || got[0] != "1999" {
			t.Errorf("the screen shows %q in the end", got)
		}

		// What waits is not painted after the end.
		for i := range 10 {
			e.painter.show(fmt.Sprint("late ", i))
		}
		synctest.Wait()
		n := len(e.strokes)
		if err := e.painter.stop(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(e.strokes) != n {
			t.Errorf("painted %q after the end", e.strokes[n:])
		}
	})
}

// Whatever was there before and whatever is written over it, the screen shows
// the newest view.
func TestPainterShowsTheView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		// The emulator counts marks that combine for a cell, and loses some.
		words := []string{"", "a", "\x1b[31mred\x1b[m", "日本語", "🙂", "a longer text", "  ", "\x1b[7mreverse\x1b[m end"}
		e := newEasel(t, 20, 6)
		for i := range 500 {
			if random.IntN(20) == 0 {
				w, h := 5+random.IntN(30), 1+random.IntN(8)
				e.Resize(w, h)
				e.painter.forget(w, h)
			}
			if random.IntN(20) == 0 {
				if _, err := e.WriteString("\x1b[2J\x1b[1;1Hgarbage"); err != nil {
					t.Fatal(err)
				}
				e.painter.forget(0, 0)
			}
			view := make([]string, 1+random.IntN(e.Height()))
			for y := range view {
				for random.IntN(3) > 0 {
					if next := view[y] + words[random.IntN(len(words))]; width(next) <= e.Width() {
						view[y] = next
					}
				}
			}
			e.show(strings.Join(view, "\n"))
			time.Sleep(time.Second)
			want := vt.NewEmulator(e.Width(), e.Height())
			if _, err := want.WriteString(strings.Join(view, "\r\n")); err != nil {
				t.Fatal(err)
			}
			if got, want := e.Render(), want.Render(); got != want {
				t.Fatalf("view %d: the screen shows\n%s\nwant\n%s", i, got, want)
			}
		}
		if err := e.painter.stop(); err != nil {
			t.Error(err)
		}
	})
}

// A panic ends the program, and is not lost.
func TestPainterPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := 0
		p := newPainter(80, 24, func(string) bool { panic("no paint") }, func() { failed++ })
		p.show("a view")
		synctest.Wait()
		if err := p.stop(); !errors.Is(err, tea.ErrProgramPanic) || !strings.Contains(err.Error(), "no paint") || failed != 1 {
			t.Errorf("told %d times, ended with %v", failed, err)
		}
	})
}
