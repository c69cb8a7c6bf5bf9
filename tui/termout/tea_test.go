package termout

import (
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/vt"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/tui/termvideo"
)

const (
	cols, rows = 60, 16
	tileX      = 20
	tileY      = 2
	tileCols   = 30
	tileRows   = 10
)

// view is a program like ours: text, a tile of video in the middle of it, a
// line that counts, a badge over the tile and a dialog over everything.
type view struct {
	width, height int
	count         int
	badge         string
	dialog        bool
	dx            int
}

type change func(*view)

func (v view) Init() tea.Cmd { return tea.EnterAltScreen }

func (v view) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		v.width, v.height = msg.Width, msg.Height
	case change:
		msg(&v)
	}
	return v, nil
}

func (v view) View() string {
	var lines []string
	for y := range rows {
		line := "row " + strings.Repeat("x", y%5)
		if y == 4 {
			line = "count " + strings.Repeat("#", v.count)
		}
		line += strings.Repeat(" ", tileX+v.dx-len(line))
		if y >= tileY && y < tileY+tileRows {
			picture := strings.Repeat(p, tileCols)
			if v.badge != "" && y == tileY+tileRows-1 {
				picture = p + v.badge + strings.Repeat(p, tileCols-1-len(v.badge))
			}
			line += picture + "|"
		}
		if v.dialog && y > 5 && y < 9 {
			line = "  a dialog over the picture"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// lockedEmulator is a terminal that several goroutines use.
type lockedEmulator struct {
	mu sync.Mutex
	*vt.Emulator
}

func (e *lockedEmulator) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.Emulator.Write(b)
}

func testFrame(seq uint64) *video.Frame {
	f := video.NewFrame(120, 80)
	f.Seq = seq
	for i := range f.Y {
		f.Y[i] = byte(16 + (i%120*3/2+i/120*2+int(seq)*23)%200)
	}
	return f
}

// scene is the place of the tile in the view.
func scene(dx int, seq uint64) termvideo.Scene {
	return termvideo.Scene{Cols: cols, Rows: rows, Tiles: []termvideo.Tile{{
		Place: termvideo.Place{ID: "a", X: tileX + dx, Y: tileY, Cols: tileCols, Rows: tileRows},
		Frame: testFrame(seq), Fill: true,
	}}}
}

// TestBubbleTeaAndVideoShareTheScreen runs a real program and a real drawer on
// one Output and looks at the terminal after every step: the text must be what
// View says, and every placeholder must show its cell of the picture.
func TestBubbleTeaAndVideoShareTheScreen(t *testing.T) {
	for name, synchronized := range map[string]bool{"synchronized": true, "plain": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { shareTheScreen(t, synchronized) })
		})
	}
}

func shareTheScreen(t *testing.T, synchronized bool) {
	file, err := os.CreateTemp(t.TempDir(), "no-terminal")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	term := &lockedEmulator{Emulator: vt.NewEmulator(cols, rows)}
	answers := make(chan struct{})
	go func() {
		defer close(answers)
		_, _ = io.Copy(io.Discard, term.Emulator)
	}()
	out := &Output{File: file, w: term, sync: synchronized}
	prog := tea.NewProgram(view{}, tea.WithOutput(out), tea.WithInput(nil), tea.WithoutSignalHandler())
	done := make(chan error, 1)
	go func() {
		_, err := prog.Run()
		done <- err
	}()
	prog.Send(tea.WindowSizeMsg{Width: cols, Height: rows})
	d := termvideo.New(out, termvideo.Config{Mode: termvideo.ModeOctant})

	model := view{}
	apply := func(c change) {
		c(&model)
		prog.Send(c)
	}
	seq := uint64(0)
	step := func(name string, c change) {
		apply(c)
		// Whatever the order in which the two paint, a later round settles it.
		for range 3 {
			seq++
			if _, err := d.Draw(scene(model.dx, seq)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond) // virtual: Bubble Tea paints 60 times a second
			synctest.Wait()
		}
		if _, err := d.Draw(scene(model.dx, seq)); err != nil {
			t.Fatal(err)
		}
		compare(t, name, term, model, d)
	}
	step("start", func(*view) {})
	step("a line beside the picture changes", func(v *view) { v.count = 7 })
	step("a badge comes", func(v *view) { v.badge = "[reconnecting]" })
	step("the badge changes", func(v *view) { v.badge = "[2 of 3]" })
	step("the badge goes", func(v *view) { v.badge = "" })
	step("a dialog comes", func(v *view) { v.dialog = true })
	step("the tile moves below it", func(v *view) { v.dx = 5 })
	step("the dialog goes", func(v *view) { v.dialog = false })
	step("the tile moves back", func(v *view) { v.dx = 0; v.count = 0 })
	prog.Send(tea.ClearScreen())
	step("the screen is cleared", func(*view) {})
	_, _ = term.Write([]byte("\x1b7\x1b[8;30Hnoise\x1b8")) // another program
	out.Damage()
	step("another program wrote", func(*view) {})

	prog.Quit()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// Not Close: it races with the reader over a flag.
	if err := term.InputPipe().(io.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	<-answers
}

// compare looks at every cell of the terminal.
func compare(t *testing.T, when string, term *lockedEmulator, model view, d *termvideo.Drawer) {
	t.Helper()
	term.mu.Lock()
	defer term.mu.Unlock()
	wrong := 0
	for y, line := range strings.Split(model.View(), "\n") {
		x := 0
		for _, want := range line {
			got := term.CellAt(x, y).Content
			if want == Placeholder {
				char, _, bg, ok := d.Cell(x, y)
				if !ok {
					t.Fatalf("%s: the drawer has not drawn %d,%d", when, x, y)
				}
				want = char
				if c := term.CellAt(x, y).Style.Bg; char != '█' && (c == nil || colorOf(c) != bg) {
					t.Errorf("%s: the background of %d,%d is %v, the drawer believes %06x", when, x, y, c, bg)
					wrong++
				}
			}
			if got != string(want) {
				t.Errorf("%s: cell %d,%d shows %q, want %q", when, x, y, got, string(want))
				wrong++
			}
			if wrong > 5 {
				t.FailNow()
			}
			x++
		}
		for ; x < cols; x++ {
			if got := term.CellAt(x, y); strings.TrimSpace(got.Content) != "" || got.Style.Bg != nil {
				t.Fatalf("%s: %q is left over at %d,%d", when, got.Content, x, y)
			}
		}
	}
}

func colorOf(c interface{ RGBA() (r, g, b, a uint32) }) uint32 {
	r, g, b, _ := c.RGBA()
	return r>>8<<16 | g>>8<<8 | b>>8
}
