package term

// Snapshot is what a terminal shows at one moment. It is never changed.
type Snapshot struct {
	Cols, Rows       int
	Lines            [][]Cell // Rows of them, of Cols cells each
	CursorX, CursorY int
	Hidden           bool // the cursor is
	Shape            uint8
	Alternate        bool
	Title            string
	Scrolled         uint64 // lines that left the main screen at the top, ever
	Bells            int
}

// Snapshot takes the present. It costs little: rows are shared with the terminal
// until that writes to them.
func (t *Terminal) Snapshot() *Snapshot {
	s := &Snapshot{
		Cols: t.g.cols, Rows: t.g.rows, Lines: make([][]Cell, t.g.rows),
		CursorX: t.cur.x, CursorY: t.cur.y, Hidden: t.modes.Hidden, Shape: t.shape,
		Alternate: t.modes.Alternate, Title: t.title, Scrolled: t.main.scrolled, Bells: t.bells,
	}
	for y := range s.Lines {
		r := t.g.at(y)
		r.shared = true
		s.Lines[y] = r.cells
	}
	return s
}

// History returns kept lines that left at the top, the oldest first: those from
// number first on, counted as [Snapshot.Scrolled] counts, n at most. It returns the
// number of the first that it gives.
func (t *Terminal) History(first uint64, n int) (uint64, [][]Cell) {
	g := t.main
	oldest := g.scrolled - uint64(g.kept)
	first = max(first, oldest)
	if first >= g.scrolled || n <= 0 {
		return first, nil
	}
	n = min(n, int(g.scrolled-first))
	lines := make([][]Cell, 0, n)
	for i := range n {
		r := g.past(int(first-oldest) + i)
		r.shared = true
		lines = append(lines, r.cells)
	}
	return first, lines
}

// Text is what a line says, without the blanks at its end.
func Text(cells []Cell) string {
	end := len(cells)
	for end > 0 && cells[end-1].Blank() && !cells[end-1].Tail {
		end--
	}
	b := make([]byte, 0, end)
	for _, c := range cells[:end] {
		switch {
		case c.Tail:
		case c.Text == "":
			b = append(b, ' ')
		default:
			b = append(b, c.Text...)
		}
	}
	return string(b)
}

// Texts is what a snapshot says, a line for each row.
func (s *Snapshot) Texts() []string {
	all := make([]string, s.Rows)
	for y, line := range s.Lines {
		all[y] = Text(line)
	}
	return all
}
