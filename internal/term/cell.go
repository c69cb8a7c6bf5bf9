package term

// Color is the colour of a foreground or a background: 0 is the terminal's own,
// others are made by [Indexed] and [RGB].
type Color uint32

const (
	colorIndexed Color = 1 << 24
	colorRGB     Color = 2 << 24
)

// Indexed is colour n of the palette of 256.
func Indexed(n uint8) Color { return colorIndexed | Color(n) }

// RGB is a colour by its parts.
func RGB(r, g, b uint8) Color { return colorRGB | Color(r)<<16 | Color(g)<<8 | Color(b) }

// Valid reports whether the colour is one that this package makes.
func (c Color) Valid() bool {
	switch c &^ 0xffffff {
	case 0:
		return c == 0
	case colorIndexed:
		return c&0xffff00 == 0
	}
	return c&^0xffffff == colorRGB
}

// Index returns the number in the palette, or false.
func (c Color) Index() (n uint8, ok bool) { return uint8(c), c&^0xffffff == colorIndexed }

// RGB returns the parts of a colour that is none of the palette, or false.
func (c Color) RGB() (r, g, b uint8, ok bool) {
	return uint8(c >> 16), uint8(c >> 8), uint8(c), c&^0xffffff == colorRGB
}

// Attr is a set of attributes of a cell.
type Attr uint8

// The attributes (ECMA-48 section 8.3.117).
const (
	Bold Attr = 1 << iota
	Faint
	Italic
	Underline
	Blink
	Reverse
	Conceal
	Strike
)

// Style is how a cell is drawn. The zero value is the terminal's own.
type Style struct {
	Fg, Bg Color
	Attr   Attr
}

// Cell is one place of the grid. The zero value is a blank.
type Cell struct {
	// Text is one grapheme cluster of at most [MaxCluster] bytes; "" is a blank, and
	// the right half of a wide character.
	Text  string
	Style Style
	// Width is 2 for a wide character, whose right half follows with [Tail] true; 0
	// for a blank and for the right half; else 1.
	Width uint8
	Tail  bool
}

// Blank reports whether there is nothing to read in the cell.
func (c Cell) Blank() bool { return c.Text == "" || c.Text == " " }

// row is one line of cells. One that a snapshot knows is never changed any more.
type row struct {
	cells  []Cell
	used   int // cells beyond it are zero
	shared bool
}

func newRow(cols int) *row { return &row{cells: make([]Cell, cols)} }

// clear makes all cells blank, in a background.
func (r *row) clear(blank Cell) {
	if blank == (Cell{}) {
		clear(r.cells[:r.used])
		r.used = 0
		return
	}
	for i := range r.cells {
		r.cells[i] = blank
	}
	r.used = len(r.cells)
}

// resized is a copy with other columns, which cuts or pads.
func (r *row) resized(cols int) *row {
	n := newRow(cols)
	n.used = min(copy(n.cells, r.cells), r.used)
	if cols < len(r.cells) && cols > 0 && n.cells[cols-1].Width == 2 {
		n.cells[cols-1] = Cell{Style: n.cells[cols-1].Style} // its right half was cut off
	}
	return n
}

// ascii holds the text of cells that are one byte.
var ascii = func() (all [128]string) {
	for i := range all {
		all[i] = string(rune(i))
	}
	return all
}()
