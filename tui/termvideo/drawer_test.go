package termvideo

import (
	"bytes"
	"errors"
	"image/color"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/meet-term/meet/media/video"
)

// terminal is an emulator beside a drawer.
type terminal struct {
	*vt.Emulator
	cols, rows int
}

func newTerminal(t *testing.T, cols, rows int) *terminal {
	t.Helper()
	e := &terminal{Emulator: vt.NewEmulator(cols, rows), cols: cols, rows: rows}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, e) // answers to queries nobody asked
	}()
	t.Cleanup(func() {
		endAnswers(t, e.Emulator)
		<-done
	})
	return e
}

// endAnswers ends an emulator's Read. Its Close would do so too, but races with
// the reader over a flag.
func endAnswers(t *testing.T, e *vt.Emulator) {
	t.Helper()
	pipe, ok := e.InputPipe().(io.Closer)
	if !ok {
		t.Fatal("the emulator's input cannot be closed")
	}
	if err := pipe.Close(); err != nil {
		t.Error(err)
	}
}

func packed(c color.Color) uint32 {
	if c == nil {
		return 1 << 24
	}
	r, g, b, _ := c.RGBA()
	return r>>8<<16 | g>>8<<8 | b>>8
}

// check compares every cell the drawer claims with what the terminal shows.
func (e *terminal) check(t *testing.T, d *Drawer, when string) {
	t.Helper()
	wrong := 0
	for y := range e.rows {
		for x := range e.cols {
			char, fg, bg, ok := d.Cell(x, y)
			cell := e.CellAt(x, y)
			if !ok {
				if strings.TrimSpace(cell.Content) != "" || cell.Style.Bg != nil {
					wrong++
					t.Errorf("%s: cell %d,%d shows %q on %v, the drawer knows of nothing", when, x, y, cell.Content, cell.Style.Bg)
				}
				continue
			}
			if cell.Content != string(char) ||
				char != ' ' && packed(cell.Style.Fg) != fg ||
				char != '█' && packed(cell.Style.Bg) != bg {
				wrong++
				t.Errorf("%s: cell %d,%d shows %q %06x on %06x, the drawer believes %q %06x on %06x", when, x, y,
					cell.Content, packed(cell.Style.Fg), packed(cell.Style.Bg), char, fg, bg)
			}
			if wrong > 5 {
				t.FailNow()
			}
		}
	}
}

// TestTerminalShowsWhatTheDrawerBelieves plays the clip through everything that
// moves tiles and changes pictures, and compares with a terminal emulator.
func TestTerminalShowsWhatTheDrawerBelieves(t *testing.T) {
	const cols, rows = 60, 20
	big := Place{ID: "big", X: 1, Y: 1, Cols: 40, Rows: 12}
	small := Place{ID: "small", X: 45, Y: 3, Cols: 13, Rows: 7}
	steps := []struct {
		name  string
		tiles []Tile
	}{
		{"one tile", []Tile{{Place: big, Frame: frameAt(0)}}},
		{"it plays", []Tile{{Place: big, Frame: frameAt(1)}}},
		{"a second tile", []Tile{{Place: big, Frame: frameAt(2)}, {Place: small, Frame: frameAt(9)}}},
		{"one stalls", []Tile{{Place: big, Frame: frameAt(2), Dim: true}, {Place: small, Frame: frameAt(10), Mirror: true}}},
		{"order changes", []Tile{{Place: small, Frame: frameAt(11), Fill: true}, {Place: big, Frame: frameAt(3)}}},
		{"a tile moves over another", []Tile{{Place: big, Frame: frameAt(4)}, {Place: Place{ID: "small", X: 20, Y: 5, Cols: 13, Rows: 7}, Frame: frameAt(11)}}},
		{"a tile grows", []Tile{{Place: Place{ID: "big", X: 0, Y: 0, Cols: 60, Rows: 20}, Frame: frameAt(5)}}},
		{"a tile shrinks", []Tile{{Place: big, Frame: frameAt(6)}}},
		{"partly outside", []Tile{{Place: Place{ID: "big", X: -7, Y: -3, Cols: 40, Rows: 12}, Frame: frameAt(7)}, {Place: Place{ID: "low", X: 50, Y: 15, Cols: 40, Rows: 12}, Frame: frameAt(8)}}},
		{"no picture yet", []Tile{{Place: big}, {Place: small, Frame: frameAt(12)}}},
		{"all gone", nil},
	}
	for _, mode := range []Mode{ModeOctant, ModeSextant, ModeQuadrant, ModeHalf} {
		t.Run(mode.String(), func(t *testing.T) {
			term := newTerminal(t, cols, rows)
			d := New(term, Config{Mode: mode, Now: stillClock})
			for _, s := range steps {
				for range 3 { // twice more to see that standing still is stable
					if _, err := d.Draw(Scene{Cols: cols, Rows: rows, Tiles: s.tiles}); err != nil {
						t.Fatal(err)
					}
					term.check(t, d, s.name)
				}
			}
			if len(d.tiles) != 0 {
				t.Error("tiles are left over")
			}
		})
	}
}

// TestStandingPictureSettles checks that a picture that stands still is refined
// row by row and then costs nothing.
func TestStandingPictureSettles(t *testing.T) {
	var out bytes.Buffer
	d := New(&out, Config{Mode: ModeOctant, Now: stillClock})
	screen := newPixelReader(testCols, testRows)
	ref := reference(frameAt(3), testCols*2, testRows*4)
	draw := func(i int) int {
		out.Reset()
		stat, err := d.Draw(fullScene(frameAt(i)))
		if err != nil {
			t.Fatal(err)
		}
		screen.write(out.String())
		return stat.Bytes
	}
	for i := range 4 {
		draw(i)
	}
	playing := psnr(screen.pixels(), ref)
	for range testRows {
		draw(3)
	}
	settled := psnr(screen.pixels(), ref)
	if settled <= playing {
		t.Errorf("%.3f dB after it stood still, %.3f dB while playing", settled, playing)
	}
	if n := draw(3); n != 0 {
		t.Errorf("a settled picture still costs %d bytes per frame", n)
	}
	t.Logf("playing %.2f dB, settled %.2f dB", playing, settled)
}

// TestSmallErrorsAreLeft checks both sides of the threshold.
func TestSmallErrorsAreLeft(t *testing.T) {
	grey := func(level byte, seq uint64) *video.Frame {
		f := video.NewFrame(64, 64)
		for i := range f.Y {
			f.Y[i] = level
		}
		f.Seq = seq
		return f
	}
	scene := func(f *video.Frame) Scene {
		return Scene{Cols: 8, Rows: 4, Tiles: []Tile{{Place: Place{ID: "a", Cols: 8, Rows: 4}, Frame: f}}}
	}
	d := New(io.Discard, Config{Mode: ModeOctant, Now: stillClock})
	for _, step := range []struct {
		level byte
		cells int
	}{
		{100, 32},
		{102, 8},  // 2.3 of 255: only the row whose turn it is
		{140, 32}, // every cell
	} {
		stat, err := d.Draw(scene(grey(step.level, uint64(step.level))))
		if err != nil {
			t.Fatal(err)
		}
		if stat.Cells != step.cells {
			t.Errorf("luma %d: %d cells written, want %d", step.level, stat.Cells, step.cells)
		}
	}
}

// slowWriter takes a while for every write, on a clock of its own.
type slowWriter struct {
	now   time.Time
	takes time.Duration
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.now = w.now.Add(w.takes)
	return len(p), nil
}

// TestSlowTerminalGetsFewerFrames checks that a blocked write costs frames and
// detail instead of building up a lag, and that all comes back.
func TestSlowTerminalGetsFewerFrames(t *testing.T) {
	w := &slowWriter{now: time.Unix(0, 0), takes: 200 * time.Millisecond}
	interval := 50 * time.Millisecond
	d := New(w, Config{Mode: ModeHalf, Now: func() time.Time { return w.now }, FrameInterval: interval})
	play := func(frames int) (drawn int) {
		for i := range frames {
			s := fullScene(frameAt(0))
			s.Tiles[0].Dim = i/4%2 == 1 // much changes with every frame drawn slowly
			stat := draw(t, d, s)
			if !stat.Skipped {
				drawn++
			}
			w.now = w.now.Add(interval)
		}
		return drawn
	}
	// One frame takes 200 ms, then 200 ms of rest: 4 intervals are skipped, the
	// first of them having passed with the tick itself.
	if drawn := play(40); drawn != 10 {
		t.Errorf("%d of 40 frames drawn on a slow terminal, want 10", drawn)
	}
	if got := d.pace.threshold(); got != baseThreshold<<maxStrain {
		t.Errorf("threshold %d, want %d", got, baseThreshold<<maxStrain)
	}
	w.takes = time.Millisecond
	if drawn := play(100); drawn < 95 {
		t.Errorf("%d of 100 frames drawn after the terminal recovered", drawn)
	}
	if got := d.pace.threshold(); got != baseThreshold {
		t.Errorf("threshold %d after recovery, want %d", got, baseThreshold)
	}
}

// canvas is a Painter with a map of free cells.
type canvas struct {
	io.Writer
	free [][]uint32
}

func (c *canvas) Paint(build func(free [][]uint32) []byte) error {
	_, err := c.Write(build(c.free))
	return err
}

func newCanvas(w io.Writer, cols, rows int) *canvas {
	c := &canvas{Writer: w, free: make([][]uint32, rows)}
	for y := range c.free {
		c.free[y] = make([]uint32, cols)
		for x := range c.free[y] {
			c.free[y][x] = 1
		}
	}
	return c
}

// TestTextIsNeverOverdrawn lays a badge over a tile, takes it away again, and
// checks that only then its cells are drawn.
func TestTextIsNeverOverdrawn(t *testing.T) {
	const cols, rows = 30, 10
	for _, mode := range []Mode{ModeOctant, ModeASCII} {
		t.Run(mode.String(), func(t *testing.T) {
			term := newTerminal(t, cols, rows)
			c := newCanvas(term, cols, rows)
			d := New(c, Config{Mode: mode, Now: stillClock})
			scene := func(i int) Scene {
				return Scene{Cols: cols, Rows: rows, Tiles: []Tile{{Place: Place{ID: "a", Cols: cols, Rows: rows}, Frame: frameAt(i), Fill: true}}}
			}
			draw := func(i int) Stats {
				stat, err := d.Draw(scene(i))
				if err != nil {
					t.Fatal(err)
				}
				return stat
			}
			draw(0)
			for x := 5; x < 11; x++ {
				c.free[4][x] = 0
			}
			_, _ = term.WriteString("\x1b[5;6HBADGE!")
			for i := range 3 {
				draw(i)
			}
			for i, want := range "BADGE!" {
				if got := term.CellAt(5+i, 4).Content; got != string(want) {
					t.Errorf("the badge shows %q at %d, want %q", got, i, want)
				}
			}
			for x := 5; x < 11; x++ {
				c.free[4][x] = 2
			}
			if stat := draw(2); stat.Cells < 6 {
				t.Errorf("%d cells drawn after the badge went, want its 6", stat.Cells)
			}
			for x := 5; x < 11; x++ {
				char, _, _, ok := d.Cell(x, 4)
				if got := term.CellAt(x, 4).Content; !ok || got != string(char) {
					t.Errorf("cell %d under the old badge shows %q, the drawer believes %q", x, got, char)
				}
			}
		})
	}
}

// TestLeftOverTextGoes leaves cells to video that no tile covers yet.
func TestLeftOverTextGoes(t *testing.T) {
	const cols, rows = 20, 4
	term := newTerminal(t, cols, rows)
	_, _ = term.WriteString("\x1b[2;1Hold text everywhere")
	c := newCanvas(term, cols, rows)
	clear(c.free[1][:4])
	d := New(c, Config{Mode: ModeOctant, Now: stillClock})
	first := draw(t, d, Scene{Cols: cols, Rows: rows})
	for x, want := range "old                 " {
		if got := term.CellAt(x, 1).Content; got != string(want) {
			t.Errorf("cell %d shows %q, want %q", x, got, want)
		}
	}
	if again := draw(t, d, Scene{Cols: cols, Rows: rows}); first.Cells != cols*rows-4 || again.Bytes != 0 {
		t.Errorf("%d cells blanked, then %d bytes; want %d and 0", first.Cells, again.Bytes, cols*rows-4)
	}
}

// TestStoppedTerminalIsForgiven holds one write up for a minute.
func TestStoppedTerminalIsForgiven(t *testing.T) {
	p := pace{interval: time.Second / 15}
	began := time.Unix(0, 0)
	ended := began.Add(time.Minute)
	p.wrote(began, ended)
	if !p.holds(ended) || p.holds(ended.Add(maxRest)) {
		t.Errorf("rests until %v, want %v", p.resumeAt, ended.Add(maxRest))
	}
}

// TestFailedWriteIsDrawnAgain checks that nothing is believed of a write that
// failed.
func TestFailedWriteIsDrawnAgain(t *testing.T) {
	broken := errors.New("broken pipe")
	w := &failingWriter{err: broken}
	d := New(w, Config{Mode: ModeQuadrant, Now: stillClock})
	if _, err := d.Draw(fullScene(frameAt(0))); !errors.Is(err, broken) {
		t.Fatalf("error %v, want %v", err, broken)
	}
	w.err = nil
	stat, err := d.Draw(fullScene(frameAt(0)))
	if err != nil {
		t.Fatal(err)
	}
	if stat.Cells != testCols*testRows {
		t.Errorf("%d cells drawn after a failed write, want all %d", stat.Cells, testCols*testRows)
	}
}

type failingWriter struct{ err error }

func (w *failingWriter) Write(p []byte) (int, error) { return len(p), w.err }

// TestBrokenFramesAreBlank gives the drawer frames whose planes do not hold
// what their size promises.
func TestBrokenFramesAreBlank(t *testing.T) {
	good := video.NewFrame(33, 17)
	for name, f := range map[string]*video.Frame{
		"empty":          {},
		"negative":       {Width: -4, Height: 8},
		"no planes":      {Width: 16, Height: 16, YStride: 16, UVStride: 8},
		"short luma":     {Width: 33, Height: 17, Y: good.Y[:100], U: good.U, V: good.V, YStride: 33, UVStride: 17},
		"short chroma":   {Width: 33, Height: 17, Y: good.Y, U: good.U[:5], V: good.V, YStride: 33, UVStride: 17},
		"narrow stride":  {Width: 33, Height: 17, Y: good.Y, U: good.U, V: good.V, YStride: 8, UVStride: 17},
		"beyond measure": {Width: 1 << 20, Height: 1 << 20, Y: good.Y, U: good.U, V: good.V, YStride: 1 << 20, UVStride: 1 << 19},
	} {
		for _, mode := range []Mode{ModeOctant, ModeASCII, ModeKitty, ModeSixel, ModeITerm} {
			d := New(io.Discard, Config{Mode: mode, Now: stillClock})
			if _, err := d.Draw(fullScene(f)); err != nil {
				t.Errorf("%s in %v: %v", name, mode, err)
			}
			if _, _, _, ok := d.Cell(3, 3); ok {
				t.Errorf("%s in %v: something was drawn", name, mode)
			}
		}
	}
}

// TestOddSizes draws frames of every small size into tiles of every small size.
func TestOddSizes(t *testing.T) {
	for _, mode := range []Mode{ModeOctant, ModeSextant, ModeHalf, ModeASCII, ModeSixel} {
		for size := range 13 * 13 {
			f := video.NewFrame(size/13+1, size%13+1)
			for _, fill := range []bool{false, true} {
				d := New(io.Discard, Config{Mode: mode, Now: stillClock})
				s := Scene{Cols: 9, Rows: 5, Tiles: []Tile{
					{Place: Place{ID: "a", Cols: size%9 + 1, Rows: size%5 + 1}, Frame: f, Fill: fill},
					{Place: Place{ID: "none", X: 2, Y: 2}, Frame: f},
				}}
				if _, err := d.Draw(s); err != nil {
					t.Fatalf("%v %dx%d: %v", mode, f.Width, f.Height, err)
				}
			}
		}
	}
}
