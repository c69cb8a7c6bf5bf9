package termvideo

import (
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/meet-term/meet/media/video"
)

// Config tells a Drawer about its terminal. The zero value draws in 24-bit
// half blocks on cells of 8x16 pixels.
type Config struct {
	Mode                  Mode       // ModeAuto is taken as ModeHalf
	Colors                ColorDepth // for the glyph modes
	CellWidth, CellHeight int        // pixels of one cell; only their ratio matters to glyphs
	Background            [3]uint8   // the terminal's, for the bars beside a picture
	// FrameInterval is the time between two frames at full rate, 1/15 s by
	// default. A write that blocks longer makes the drawer skip frames.
	FrameInterval time.Duration
	// Now tells the time; time.Now by default.
	Now func() time.Time
	// KittyLocal says that the terminal reads the files of this machine, so
	// that pixels need not pass through the terminal's input.
	KittyLocal bool
	// ImageIDs is the first of the 4096 kitty image ids that are the drawer's
	// own; 0 derives it from the process id.
	ImageIDs uint32
}

func (cfg Config) withDefaults() Config {
	if cfg.Mode == ModeAuto {
		cfg.Mode = ModeHalf
	}
	if cfg.CellWidth <= 0 || cfg.CellHeight <= 0 {
		cfg.CellWidth, cfg.CellHeight = 8, 16
	}
	if cfg.FrameInterval <= 0 {
		cfg.FrameInterval = time.Second / 15
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

// Stats says what one Draw did.
type Stats struct {
	Cells   int  // cells written
	Bytes   int  // bytes written, escape sequences included
	Skipped bool // the terminal is behind: nothing was drawn
}

// Drawer shows scenes on one terminal and remembers what was really sent. It
// belongs to one goroutine.
type Drawer struct {
	cfg     Config
	painter Painter
	glyphs  *glyphSet // nil unless the mode is a mosaic
	subCols int
	subRows int
	pace    pace

	cols, rows int
	shown      []shownCell // what the terminal shows, row by row
	owner      []uint16    // 1 + index of the tile a cell belongs to, 0 for none
	tiles      []*tileState
	pixels     *pixelSender // nil unless the mode sends pixels

	buf  []byte // the frame being built
	pen  pen
	stat Stats
}

// shownCell is what one cell of the screen is known to show.
type shownCell struct {
	mosaic
	kind  cellKind
	stamp uint32 // Painter's value when the cell was written
}

type cellKind uint8

const (
	cellForeign cellKind = iota // not ours, or unknown
	cellBlank                   // a space on the default background
	cellGlyph                   // a mosaic or a character
)

// New returns a drawer that writes to w. It writes nothing before Draw.
func New(w io.Writer, cfg Config) *Drawer {
	cfg = cfg.withDefaults()
	d := &Drawer{cfg: cfg, glyphs: glyphsOf(cfg.Mode), pace: pace{interval: cfg.FrameInterval}}
	d.subCols, d.subRows = cfg.Mode.SubPixels()
	if p, ok := w.(Painter); ok {
		d.painter = p
	} else {
		d.painter = wholeScreen{w}
	}
	if cfg.Mode.pixels() {
		d.pixels = newPixelSender(&d.cfg)
	}
	return d
}

// wholeScreen is the Painter of a plain writer: every cell is video's.
type wholeScreen struct{ w io.Writer }

func (s wholeScreen) Paint(build func(free [][]uint32) []byte) error {
	b := build(nil)
	if len(b) == 0 {
		return nil
	}
	_, err := s.w.Write(b)
	return err
}

// Draw makes the terminal show the scene, as far as it can keep up. Frames are
// only read, and not kept beyond the next Draw.
func (d *Drawer) Draw(s Scene) (Stats, error) {
	d.stat = Stats{}
	if d.cfg.Mode == ModeOff {
		return d.stat, nil
	}
	if d.pace.holds(d.cfg.Now()) {
		d.stat.Skipped = true
		return d.stat, nil
	}
	d.resize(s.Cols, s.Rows)
	d.arrange(s.Tiles)
	if d.pixels == nil {
		for _, t := range d.tiles {
			d.prepare(t)
		}
	}
	began := d.cfg.Now()
	err := d.painter.Paint(d.build)
	if d.stat.Bytes > 0 {
		d.pace.wrote(began, d.cfg.Now())
	}
	if err != nil {
		// Nobody knows how much of it arrived.
		d.Invalidate()
		return d.stat, fmt.Errorf("draw video: %w", err)
	}
	return d.stat, nil
}

// Invalidate forgets what the terminal shows; the next Draw sends everything.
func (d *Drawer) Invalidate() {
	for i := range d.shown {
		d.shown[i] = shownCell{}
	}
	for _, t := range d.tiles {
		t.drawnAll = false
	}
	if d.pixels != nil {
		d.pixels.invalidate()
	}
}

// Close takes the drawer's pictures off the terminal and removes its files. The
// cells themselves are left to the program, which clears the screen anyway.
func (d *Drawer) Close() error {
	if d.pixels == nil {
		return nil
	}
	defer d.pixels.removeFiles()
	err := d.painter.Paint(func([][]uint32) []byte { return d.pixels.appendCleanup(nil) })
	if err != nil {
		return fmt.Errorf("remove pictures from the terminal: %w", err)
	}
	return nil
}

// Cell returns what the drawer knows a cell to show: its character and colours
// as 0xRRGGBB. ok is false where it has drawn nothing, and where it has left a
// blank on the terminal's own background.
func (d *Drawer) Cell(x, y int) (char rune, fg, bg uint32, ok bool) {
	if x < 0 || y < 0 || x >= d.cols || y >= d.rows {
		return 0, 0, 0, false
	}
	s := &d.shown[y*d.cols+x]
	if s.kind != cellGlyph {
		return 0, 0, 0, false
	}
	if d.glyphs == nil {
		return rune(asciiGlyphs[s.pattern].char), uint32(s.fg), uint32(s.bg), true
	}
	g := d.glyphs.glyphs[s.pattern]
	char, _ = utf8.DecodeRune(g.utf8[:g.size])
	return char, uint32(s.fg), uint32(s.bg), true
}

const maxScreenSide = 1024 // cells; more is a wrong size, not a screen

func (d *Drawer) resize(cols, rows int) {
	cols, rows = min(max(cols, 0), maxScreenSide), min(max(rows, 0), maxScreenSide)
	if cols == d.cols && rows == d.rows {
		return
	}
	d.cols, d.rows = cols, rows
	d.shown = make([]shownCell, cols*rows)
	d.owner = make([]uint16, cols*rows)
	d.tiles = nil // places are clipped to the screen: plan them again
	if d.pixels != nil {
		d.pixels.invalidate()
	}
}

// tileState is a tile together with what was computed for it.
type tileState struct {
	Tile
	clip   rect // the part of the place that is on the screen
	scaler *scaler

	// want and gain belong to the cells of the place, row by row. gain is the
	// squared error that writing the cell anew would take away from the screen.
	want []wantCell
	gain []int64
	made []bool // rows of want that were computed for this frame

	drawnAll bool // the frame was compared with the whole screen once
	settle   int  // rows still to be refined while the picture stands still
	refine   int  // the row that is refined next
	refining int  // the row refined in this Draw, -1 for none
	px       []rgb

	// The pixel modes only.
	damaged    bool // cells under the picture were written anew
	screenRows int
}

type wantCell struct {
	mosaic
	blank bool // beside the picture
}

// arrange takes over the tiles of a scene, keeps what is known about those that
// stayed, and finds out which cell belongs to which.
func (d *Drawer) arrange(tiles []Tile) {
	tiles = tiles[:min(len(tiles), 1<<16-1)]
	moved := len(tiles) != len(d.tiles)
	next := make([]*tileState, len(tiles))
	for i, t := range tiles {
		t.Cols, t.Rows = min(max(t.Cols, 0), maxScreenSide), min(max(t.Rows, 0), maxScreenSide)
		old := d.tile(t.ID, i)
		if old == nil || old.Place != t.Place {
			moved = true
			n := &tileState{Tile: t, clip: d.clip(t.Place), refining: -1, screenRows: d.rows}
			if d.pixels == nil {
				n.allocate(d.subCols * d.subRows)
			}
			next[i] = n
			continue
		}
		if i >= len(d.tiles) || d.tiles[i] != old {
			moved = true
		}
		if !samePicture(old.Frame, t.Frame) || old.Dim != t.Dim || old.Mirror != t.Mirror || old.Fill != t.Fill {
			old.drawnAll = false
		}
		old.Tile = t
		next[i] = old
	}
	d.tiles = next
	if moved {
		d.assignOwners()
	}
}

func (t *tileState) allocate(subPixels int) {
	t.want = make([]wantCell, t.Cols*t.Rows)
	t.gain = make([]int64, t.Cols*t.Rows)
	t.made = make([]bool, t.Rows)
	t.px = make([]rgb, t.Cols*subPixels)
}

// tile finds the state of a tile, most often at the same index as before.
func (d *Drawer) tile(id string, i int) *tileState {
	if i < len(d.tiles) && d.tiles[i].ID == id {
		return d.tiles[i]
	}
	for _, t := range d.tiles {
		if t.ID == id {
			return t
		}
	}
	return nil
}

func samePicture(a, b *video.Frame) bool {
	return a == b || a != nil && b != nil && a.Seq == b.Seq && a.Time.Equal(b.Time) &&
		a.Width == b.Width && a.Height == b.Height && len(a.Y) > 0 && len(b.Y) > 0 && &a.Y[0] == &b.Y[0]
}

func (d *Drawer) clip(p Place) rect {
	x0, y0 := min(max(p.X, 0), d.cols), min(max(p.Y, 0), d.rows)
	x1, y1 := min(max(p.X+p.Cols, x0), d.cols), min(max(p.Y+p.Rows, y0), d.rows)
	return rect{x: x0, y: y0, w: x1 - x0, h: y1 - y0}
}

func (d *Drawer) assignOwners() {
	clear(d.owner)
	for i, t := range d.tiles {
		for y := t.clip.y; y < t.clip.y+t.clip.h; y++ {
			row := d.owner[y*d.cols:][t.clip.x : t.clip.x+t.clip.w]
			for x := range row {
				row[x] = uint16(i + 1)
			}
		}
	}
}

// prepare computes what the cells of a tile should show: all of them for a new
// picture, one row at a time to refine a picture that stands still.
func (d *Drawer) prepare(t *tileState) {
	clear(t.made)
	t.refining = -1
	if t.Rows == 0 || t.Cols == 0 {
		return
	}
	if !t.drawnAll {
		t.settle = t.Rows
	}
	if t.settle == 0 {
		return
	}
	if d.pace.strain == 0 {
		t.settle--
	}
	t.refining = t.refine % t.Rows
	t.refine = t.refining + 1
	if t.drawnAll {
		d.computeRow(t, t.refining)
		return
	}
	for row := range t.Rows {
		d.computeRow(t, row)
	}
	t.drawnAll = true
}

// threshold is the squared error a cell of this row may have before it is
// written again. The row that is refined is held to the least.
func (d *Drawer) threshold(t *tileState, row int) (perSample int, perCell int64) {
	perSample = d.pace.threshold()
	if row == t.refining && d.pace.strain == 0 {
		perSample = 1
	}
	return perSample, int64(perSample*perSample) * int64(3*d.subCols*d.subRows)
}

// computeRow fills want and gain for one row of cells of a tile.
func (d *Drawer) computeRow(t *tileState, row int) {
	t.made[row] = true
	want, gain := t.want[row*t.Cols:][:t.Cols], t.gain[row*t.Cols:][:t.Cols]
	if !drawable(t.Frame) {
		for i := range want {
			want[i], gain[i] = wantCell{blank: true}, 0
		}
		return
	}
	d.scaleRow(t, row)
	_, limit := d.threshold(t, row)
	n := d.subCols * d.subRows
	y := t.Y + row
	for i := range want {
		var shown *shownCell
		if x := t.X + i; x >= 0 && x < d.cols && y >= 0 && y < d.rows {
			shown = &d.shown[y*d.cols+x]
		}
		px := t.px[i*n:][:n:n]
		if px[0]&outside != 0 && allOutside(px) {
			want[i], gain[i] = wantCell{blank: true}, 0
			continue
		}
		want[i].blank = false
		want[i].mosaic, gain[i] = d.fit(px, shown, limit)
	}
}

// fit returns what a cell should show, and how much better than now that is.
func (d *Drawer) fit(px []rgb, shown *shownCell, limit int64) (mosaic, int64) {
	known := shown != nil && shown.kind == cellGlyph
	if d.glyphs == nil {
		light := makeRGB(d.cfg.Background[0], d.cfg.Background[1], d.cfg.Background[2]).luma() > 128
		m := fitASCII(px, d.cfg.Colors, light)
		if known && m == shown.mosaic {
			return m, 0
		}
		return m, limit + 1
	}
	var keep int64
	if known {
		if keep = shown.errorOf(px); keep <= limit {
			return shown.mosaic, 0
		}
	}
	m, remaining := fitCell(px)
	if d.cfg.Colors != TrueColor {
		m.fg, m.bg = quantise(m.fg, d.cfg.Colors), quantise(m.bg, d.cfg.Colors)
		remaining = m.errorOf(px)
	}
	return m, keep - remaining
}

// outside marks a sub-pixel beside the picture; its colour is the background.
const outside rgb = 1 << 24

func allOutside(px []rgb) bool {
	for _, p := range px {
		if p&outside == 0 {
			return false
		}
	}
	return true
}

// scaleRow fills t.px with the sub-pixels of one row of cells, cell by cell.
func (d *Drawer) scaleRow(t *tileState, row int) {
	key := scalerKey{
		srcW: t.Frame.Width, srcH: t.Frame.Height,
		gridW: t.Cols * d.subCols, gridH: t.Rows * d.subRows,
		pxW: d.cfg.CellWidth * d.subRows, pxH: d.cfg.CellHeight * d.subCols,
		stepX: d.subCols, stepY: d.subRows, fill: t.Fill,
	}
	if t.scaler == nil || t.scaler.key != key {
		t.scaler = newScaler(key)
	}
	s := t.scaler
	bar := outside | makeRGB(d.cfg.Background[0], d.cfg.Background[1], d.cfg.Background[2])
	n := d.subCols * d.subRows
	for sub := range d.subRows {
		line := row*d.subRows + sub - s.dst.y
		inside := line >= 0 && line < s.dst.h
		if inside {
			s.row(t.Frame, line)
		}
		for x := range key.gridW {
			at := x/d.subCols*n + sub*d.subCols + x%d.subCols
			i := x - s.dst.x
			if !inside || i < 0 || i >= s.dst.w {
				t.px[at] = bar
				continue
			}
			if t.Mirror {
				i = s.dst.w - 1 - i
			}
			c := limitedRGB(s.y[i], s.u[i], s.v[i])
			if t.Dim {
				c = c.dimmed()
			}
			t.px[at] = c
		}
	}
}
