package termvideo

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/meet-term/meet/media/video"
)

// TestRandomScenes moves tiles and text about at random for a while. After
// every step each cell of text must be untouched, each cell of video must show
// what the drawer believes, and nothing may be left behind.
func TestRandomScenes(t *testing.T) {
	for _, mode := range []Mode{ModeOctant, ModeHalf, ModeASCII} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("%v/%d", mode, seed), func(t *testing.T) {
				playRandom(t, mode, rand.New(rand.NewPCG(seed, uint64(mode))))
			})
		}
	}
}

func playRandom(t *testing.T, mode Mode, rnd *rand.Rand) {
	const cols, rows = 26, 9
	frames := make([]*video.Frame, 6)
	for i := range frames {
		frames[i] = noiseFrame(rnd, uint64(i))
	}
	term := newTerminal(t, cols, rows)
	c := newCanvas(term, cols, rows)
	d := New(c, Config{Mode: mode, Now: stillClock, Colors: ColorDepth(rnd.IntN(3))})
	stamp := uint32(1)
	for step := range 120 {
		x, y := rnd.IntN(cols), rnd.IntN(rows)
		w, h := 1+rnd.IntN(cols-x), 1+rnd.IntN(rows-y)
		text := rnd.IntN(2) == 0
		flash := rnd.IntN(3) == 0 // the text is gone again before the next frame
		stamp++
		for row := y; row < y+h; row++ {
			for col := x; col < x+w; col++ {
				switch {
				case text && flash:
					c.free[row][col] = stamp
				case text:
					c.free[row][col] = 0
				case c.free[row][col] == 0:
					c.free[row][col] = stamp
				}
			}
			if text {
				_, _ = fmt.Fprintf(term, "\x1b[m\x1b[%d;%dH%s", row+1, x+1, strings.Repeat("T", w))
			}
		}
		s := Scene{Cols: cols, Rows: rows}
		for i := range rnd.IntN(4) {
			s.Tiles = append(s.Tiles, Tile{
				Place:  Place{ID: string(rune('a' + i)), X: rnd.IntN(cols) - 3, Y: rnd.IntN(rows) - 2, Cols: rnd.IntN(cols), Rows: rnd.IntN(rows)},
				Frame:  frames[rnd.IntN(len(frames))],
				Dim:    rnd.IntN(4) == 0,
				Mirror: rnd.IntN(4) == 0,
				Fill:   rnd.IntN(2) == 0,
			})
		}
		for range 1 + rnd.IntN(3) {
			draw(t, d, s)
		}
		checkShared(t, term, c, d, step)
	}
}

func checkShared(t *testing.T, term *terminal, c *canvas, d *Drawer, step int) {
	t.Helper()
	for y, row := range c.free {
		for x, free := range row {
			cell := term.CellAt(x, y)
			char, fg, bg, ok := d.Cell(x, y)
			switch {
			case free == 0:
				if cell.Content != "T" || cell.Style.Bg != nil {
					t.Fatalf("step %d: text at %d,%d became %q", step, x, y, cell.Content)
				}
			case !ok:
				if cell.Content != " " || cell.Style.Bg != nil {
					t.Fatalf("step %d: %q is left over at %d,%d", step, cell.Content, x, y)
				}
			case cell.Content != string(char):
				t.Fatalf("step %d: cell %d,%d shows %q, the drawer believes %q", step, x, y, cell.Content, char)
			case d.glyphs != nil && (char != ' ' && packed(cell.Style.Fg) != fg || char != '█' && packed(cell.Style.Bg) != bg):
				if d.cfg.Colors == TrueColor { // the emulator has a palette of its own
					t.Fatalf("step %d: cell %d,%d has other colours", step, x, y)
				}
			}
		}
	}
}

// noiseFrame is a frame of random blocks, of a random size.
func noiseFrame(rnd *rand.Rand, seq uint64) *video.Frame {
	f := video.NewFrame(9+rnd.IntN(90), 9+rnd.IntN(60))
	f.Seq = seq
	for _, plane := range [][]byte{f.Y, f.U, f.V} {
		v := byte(0)
		for i := range plane {
			if i%7 == 0 {
				v = byte(16 + rnd.IntN(220))
			}
			plane[i] = v
		}
	}
	return f
}
