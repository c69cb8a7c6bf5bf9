package term

// grid is one of the two screens, with its scrollback. Rows are pointers in a ring,
// so that a line feed at the bottom of the whole screen moves none of them.
type grid struct {
	cols, rows int
	lines      []*row // rows*; the ring of the visible rows begins at top
	top        int
	history    []*row // ring, oldest at first; nil on the other screen
	first      int
	kept       int
	scrolled   uint64 // lines that left at the top, ever
}

func newGrid(cols, rows, history int) *grid {
	g := &grid{cols: cols, rows: rows, lines: make([]*row, rows)}
	for i := range g.lines {
		g.lines[i] = newRow(cols)
	}
	if history > 0 {
		g.history = make([]*row, history)
	}
	return g
}

func (g *grid) slot(y int) int {
	if i := g.top + y; i < g.rows {
		return i
	}
	return g.top + y - g.rows
}

// at is a row to read.
func (g *grid) at(y int) *row { return g.lines[g.slot(y)] }

// write is a row to write to: a copy, if a snapshot has it.
func (g *grid) write(y int) *row {
	i := g.slot(y)
	r := g.lines[i]
	if r.shared {
		c := &row{cells: make([]Cell, len(r.cells)), used: r.used}
		copy(c.cells, r.cells[:r.used])
		g.lines[i], r = c, c
	}
	return r
}

// remember puts a row that left at the top into the history and returns one that
// may be used again, or nil.
func (g *grid) remember(r *row) *row {
	g.scrolled++
	if g.history == nil {
		return r
	}
	if g.kept < len(g.history) {
		g.history[(g.first+g.kept)%len(g.history)] = r
		g.kept++
		return nil
	}
	old := g.history[g.first]
	g.history[g.first] = r
	g.first = (g.first + 1) % len(g.history)
	return old
}

// past is line i of the history, 0 the oldest.
func (g *grid) past(i int) *row { return g.history[(g.first+i)%len(g.history)] }

// reuse makes a blank row of an old one if nobody reads that.
func (g *grid) reuse(old *row, blank Cell) *row {
	if old == nil || old.shared || len(old.cells) != g.cols {
		old = newRow(g.cols)
	}
	old.clear(blank)
	return old
}

// scrollUp moves rows top..bottom (inclusive) up by n; blank ones come in.
func (g *grid) scrollUp(top, bottom, n int, blank Cell, remember bool) {
	n = min(n, bottom-top+1)
	if top == 0 && bottom == g.rows-1 {
		for range n {
			old := g.lines[g.top]
			if remember {
				old = g.remember(old)
			}
			g.lines[g.top] = g.reuse(old, blank)
			g.top = (g.top + 1) % g.rows
		}
		return
	}
	for range n {
		old := g.at(top)
		if remember && top == 0 {
			old = g.remember(old)
		}
		for y := top; y < bottom; y++ {
			g.lines[g.slot(y)] = g.at(y + 1)
		}
		g.lines[g.slot(bottom)] = g.reuse(old, blank)
	}
}

// scrollDown moves rows top..bottom down by n.
func (g *grid) scrollDown(top, bottom, n int, blank Cell) {
	n = min(n, bottom-top+1)
	for range n {
		old := g.at(bottom)
		for y := bottom; y > top; y-- {
			g.lines[g.slot(y)] = g.at(y - 1)
		}
		g.lines[g.slot(top)] = g.reuse(old, blank)
	}
}

// resize cuts and pads. Fewer rows push what is above the cursor out at the top,
// once the blank ones below it are gone. It returns the cursor's row.
func (g *grid) resize(cols, rows, y int) int {
	lines := make([]*row, 0, max(rows, g.rows))
	for i := range g.rows {
		lines = append(lines, g.at(i))
	}
	for len(lines) > rows && len(lines) > y+1 && lines[len(lines)-1].used == 0 {
		lines = lines[:len(lines)-1]
	}
	for len(lines) > rows {
		if y == 0 {
			lines = lines[:rows]
			break
		}
		g.remember(lines[0])
		lines = lines[1:]
		y--
	}
	g.cols, g.rows, g.top = cols, rows, 0
	g.lines = make([]*row, rows)
	for i := range g.lines {
		switch {
		case i >= len(lines):
			g.lines[i] = newRow(cols)
		case len(lines[i].cells) != cols:
			g.lines[i] = lines[i].resized(cols)
		default:
			g.lines[i] = lines[i]
		}
	}
	return y
}

// erase blanks cells x1 up to x2 of a row, and the other halves of wide characters
// that are cut.
func (g *grid) erase(y, x1, x2 int, blank Cell) {
	x1, x2 = max(0, x1), min(x2, g.cols)
	if x1 >= x2 {
		return
	}
	r := g.write(y)
	g.split(r, x1)
	g.split(r, x2)
	if blank == (Cell{}) {
		if x1 < r.used {
			clear(r.cells[x1:min(x2, r.used)])
		}
		if x2 >= r.used {
			r.used = min(r.used, x1)
		}
		return
	}
	for x := x1; x < x2; x++ {
		r.cells[x] = blank
	}
	r.used = max(r.used, x2)
}

// split blanks a wide character that stands across x.
func (g *grid) split(r *row, x int) {
	if x <= 0 || x >= g.cols || !r.cells[x].Tail {
		return
	}
	r.cells[x-1] = Cell{Style: r.cells[x-1].Style}
	r.cells[x] = Cell{Style: r.cells[x].Style}
}
