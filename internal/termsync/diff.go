package termsync

import (
	"unicode/utf8"

	"github.com/meet-term/meet/internal/term"
)

// frame is one state as either side remembers it. Its lines are never changed.
type frame struct {
	number   uint32
	cols     int
	lines    [][]term.Cell
	hashes   []uint64 // of the lines, once asked for
	x, y     int
	hidden   bool
	other    bool // the other screen
	shape    uint8
	scrolled uint64
}

func newFrame(s *term.Snapshot) *frame {
	return &frame{
		cols: s.Cols, lines: s.Lines, x: s.CursorX, y: s.CursorY, hidden: s.Hidden,
		other: s.Alternate, shape: s.Shape, scrolled: s.Scrolled,
	}
}

// blank is the state that everybody has before the first: nothing.
func blank(cols, rows int) *frame {
	f := &frame{cols: cols, lines: make([][]term.Cell, rows)}
	line := make([]term.Cell, cols)
	for i := range f.lines {
		f.lines[i] = line
	}
	return f
}

func (f *frame) rows() int { return len(f.lines) }

// snapshot is the state for those who draw it.
func (f *frame) snapshot() *term.Snapshot {
	return &term.Snapshot{
		Cols: f.cols, Rows: f.rows(), Lines: f.lines, CursorX: f.x, CursorY: f.y,
		Hidden: f.hidden, Shape: f.shape, Alternate: f.other, Scrolled: f.scrolled,
	}
}

// same reports whether two states look alike.
func (f *frame) same(g *frame) bool {
	if f.cols != g.cols || f.rows() != g.rows() || f.x != g.x || f.y != g.y ||
		f.hidden != g.hidden || f.other != g.other || f.shape != g.shape {
		return false
	}
	for y := range f.lines {
		if !sameLine(f.lines[y], g.lines[y]) {
			return false
		}
	}
	return true
}

func sameLine(a, b []term.Cell) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || &a[0] == &b[0] {
		return true
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// hash of a line; 0 is a blank one.
func (f *frame) hash(y int) uint64 {
	if f.hashes == nil {
		f.hashes = make([]uint64, f.rows())
		for i, line := range f.lines {
			f.hashes[i] = hashLine(line)
		}
	}
	return f.hashes[y]
}

func hashLine(line []term.Cell) uint64 {
	const prime = 1099511628211 // of FNV-1a
	h, seen := uint64(14695981039346656037), false
	for x := range line {
		c := &line[x]
		if *c == (term.Cell{}) {
			h *= prime
			continue
		}
		seen = true
		for i := range len(c.Text) {
			h = (h ^ uint64(c.Text[i])) * prime
		}
		h = (h ^ uint64(c.Style.Fg)) * prime
		h = (h ^ uint64(c.Style.Bg)<<8 ^ uint64(c.Style.Attr)) * prime
	}
	if !seen {
		return 0
	}
	return h | 1
}

// shift says that lines top..bottom moved up by some lines, or down if negative.
type shift struct{ top, bottom, by int }

// findShift looks for lines that moved: of all shifts within the band that changed
// the one that explains most lines.
func findShift(from, to *frame) (best shift) {
	if from.cols != to.cols || from.rows() != to.rows() {
		return best
	}
	top, bottom := 0, to.rows()-1
	for top <= bottom && sameLine(from.lines[top], to.lines[top]) {
		top++
	}
	for bottom > top && sameLine(from.lines[bottom], to.lines[bottom]) {
		bottom--
	}
	n := bottom - top + 1
	if n < 3 {
		return best
	}
	most := 0
	for y := top; y <= bottom; y++ {
		if to.hash(y) != 0 && from.hash(y) == to.hash(y) {
			most++
		}
	}
	most++ // a shift costs something too
	for by := 1; by < n; by++ {
		for _, by := range []int{by, -by} {
			hits := 0
			for y := max(top, top-by); y <= min(bottom, bottom-by); y++ {
				if h := to.hash(y); h != 0 && h == from.hash(y+by) {
					hits++
				}
			}
			if hits > most {
				most, best = hits, shift{top, bottom, by}
			}
		}
	}
	return best
}

// apply returns the lines after a shift; those that come in are blank.
func (s shift) apply(lines [][]term.Cell, cols int) [][]term.Cell {
	out := append([][]term.Cell(nil), lines...)
	if s.by == 0 {
		return out
	}
	var empty []term.Cell
	for y := s.top; y <= s.bottom; y++ {
		if from := y + s.by; from >= s.top && from <= s.bottom {
			out[y] = lines[from]
			continue
		}
		if empty == nil {
			empty = make([]term.Cell, cols)
		}
		out[y] = empty
	}
	return out
}

// runs writes cells as runs of equal style.
type runs struct {
	b     []byte
	style term.Style
}

// line writes what differs in a line.
func (w *runs) line(y int, from, to []term.Cell) {
	x, end := 0, 0 // where we are, and where the run before ended
	first := true
	for x < len(to) {
		if x < len(from) && from[x] == to[x] {
			x++
			continue
		}
		if to[x].Tail { // comes with its left half
			if x > 0 && to[x-1].Width == 2 && (x-1 >= len(from) || from[x-1] == to[x-1]) {
				x-- // that did not change, but this did
			} else {
				x++
				continue
			}
		}
		n := runLength(from, to, x)
		flags := byte(0)
		if first {
			flags |= runRow
		}
		x = w.run(flags, y, x-end, to[x:x+n], x)
		end, first = x, false
	}
}

// runLength is how many cells from x on go into one run: equal in style and kind,
// and over a few that did not change, which is shorter than another run.
func runLength(from, to []term.Cell, x int) int {
	n, changed := 0, 0
	for x+n < len(to) && alike(to[x], to[x+n]) {
		if n++; x+n > len(from) || from[x+n-1] != to[x+n-1] {
			changed = n
		} else if n-changed > 4 {
			break
		}
	}
	n = max(changed, 1)
	for x+n < len(to) && to[x+n].Tail {
		n++
	}
	return n
}

type kind uint8

const (
	kindBlank kind = iota
	kindNarrow
	kindWide
	kindCluster
	kindTail
)

func kindOf(c term.Cell) kind {
	switch {
	case c.Tail:
		return kindTail
	case c.Text == "":
		return kindBlank
	case c.Text == " ":
		return kindNarrow
	case utf8.RuneCountInString(c.Text) > 1:
		return kindCluster
	case c.Width == 2:
		return kindWide
	}
	return kindNarrow
}

func alike(a, b term.Cell) bool {
	ka, kb := kindOf(a), kindOf(b)
	return a.Style == b.Style && (ka == kb && ka != kindCluster || ka == kindWide && kb == kindTail)
}

// run writes one run and returns the column after it.
func (w *runs) run(flags byte, y, skip int, cells []term.Cell, x int) int {
	c := cells[0]
	if kindOf(c) == kindCluster {
		cells = cells[:max(1, int(c.Width))]
		flags |= runCluster
	}
	if c.Style != w.style {
		flags |= runStyle
	}
	if c.Width == 2 {
		flags |= runWide
	}
	if kindOf(c) == kindBlank {
		flags |= runBlanks
	}
	w.b = append(w.b, flags)
	if flags&runRow != 0 {
		w.b = number(w.b, y)
	}
	w.b = number(w.b, skip)
	if flags&runStyle != 0 {
		w.b, w.style = appendStyle(w.b, c.Style), c.Style
	}
	if flags&runBlanks != 0 {
		w.b = number(w.b, len(cells))
		return x + len(cells)
	}
	size := 0
	for _, c := range cells {
		size += len(c.Text)
	}
	w.b = number(w.b, size)
	for _, c := range cells {
		w.b = append(w.b, c.Text...)
	}
	return x + len(cells)
}

// readRuns puts runs into lines, which it copies before it writes to one. It returns
// the rows that changed.
func readRuns(r *reader, lines [][]term.Cell, cols int) {
	var style term.Style
	y, x := -1, 0
	owned := make([]bool, len(lines))
	for len(r.b) > 0 && r.err == nil {
		flags := r.byte()
		if flags&^byte(runFlags) != 0 {
			r.fail(errValue)
			return
		}
		if flags&runRow != 0 {
			y, x = r.int(len(lines)-1), 0
		}
		x += r.int(cols)
		if flags&runStyle != 0 {
			style = r.style()
		}
		if y < 0 || x >= cols {
			r.fail(errValue)
		}
		if r.err != nil {
			return
		}
		if !owned[y] {
			lines[y], owned[y] = append([]term.Cell(nil), lines[y]...), true
		}
		if flags&runBlanks != 0 {
			n := r.int(cols - x)
			if r.err != nil {
				return
			}
			set(lines[y], x, n, term.Cell{Style: style})
			x += n
			continue
		}
		text := r.bytes(r.int(cols * term.MaxCluster))
		x = readText(r, lines[y], x, text, style, flags)
	}
}

// readText puts the text of a run into a line and returns the column after it.
func readText(r *reader, line []term.Cell, x int, text []byte, style term.Style, flags byte) int {
	if r.err == nil && len(text) == 0 {
		r.fail(errText)
	}
	for len(text) > 0 && r.err == nil {
		n := len(text)
		if flags&runCluster == 0 {
			_, n = utf8.DecodeRune(text)
		}
		c := cell(intern(text[:n]), style, flags&runWide != 0)
		text = text[n:]
		if x+int(c.Width) > len(line) {
			r.fail(errValue)
			break
		}
		set(line, x, int(c.Width), term.Cell{Style: style})
		line[x] = c
		if c.Width == 2 {
			line[x+1] = term.Cell{Style: style, Tail: true}
		}
		x += int(c.Width)
	}
	return x
}

// set fills cells, and takes away the halves of wide characters at both ends.
func set(line []term.Cell, x, n int, c term.Cell) {
	if n <= 0 {
		return
	}
	if line[x].Tail {
		line[x-1] = term.Cell{Style: line[x-1].Style}
	}
	if x+n < len(line) && line[x+n].Tail {
		line[x+n] = term.Cell{Style: line[x+n].Style}
	}
	for i := x; i < x+n; i++ {
		line[i] = c
	}
}

// one holds the texts of one byte, so that most cells need no memory of their own.
var one = func() (all [256]string) {
	for i := range all {
		all[i] = string([]byte{byte(i)})
	}
	return all
}()

func intern(b []byte) string {
	if len(b) == 1 {
		return one[b[0]]
	}
	return string(b)
}
