package termsync

import "github.com/meet-term/meet/internal/term"

// past is what a viewer knows of the lines that left at the top, by their numbers:
// those that it saw leave, and those that it asked for.
type past struct {
	lines map[uint64][]term.Cell
	order []uint64 // as they came; the oldest goes when there are too many
}

func newPast() *past { return &past{lines: map[uint64][]term.Cell{}} }

func (p *past) line(n uint64) ([]term.Cell, bool) {
	l, ok := p.lines[n]
	return l, ok
}

func (p *past) add(n uint64, line []term.Cell) {
	if _, known := p.lines[n]; !known {
		if p.order = append(p.order, n); len(p.order) > term.Scrollback {
			delete(p.lines, p.order[0])
			p.order = p.order[1:]
		}
	}
	p.lines[n] = line
}

// follow keeps what left at the top between two states: if no more lines left than
// were on the screen, they were there.
func (p *past) follow(old, f *frame) {
	gone := f.scrolled - old.scrolled
	if old.other || f.scrolled <= old.scrolled || gone > uint64(old.rows()) || old.rows() != f.rows() {
		return
	}
	for y := range int(gone) {
		// Those at the cursor and below may have been written to since.
		if y < old.y {
			p.add(old.scrolled+uint64(y), old.lines[y])
		}
	}
}

// lines takes lines of the past that were asked for.
func (r *Receiver) lines(m *reader) (bool, error) {
	deflated := m.byte()
	first := m.number(1 << 62)
	count := m.int(maxLines)
	cols := m.int(term.MaxCols)
	if m.err != nil || count < 1 || cols < 1 || deflated > 1 {
		return false, errValue
	}
	asked := false
	for _, w := range r.wants {
		asked = asked || first >= w.First && first+uint64(count) <= w.First+uint64(w.Count)
	}
	if !asked {
		return false, errUnasked
	}
	body, err := unpack(m.b, deflated == 1)
	if err != nil {
		return false, err
	}
	lines := blank(cols, count).lines
	runs := &reader{b: body}
	readRuns(runs, lines, cols)
	if runs.err != nil {
		return false, runs.err
	}
	for i, line := range lines {
		r.past.add(first+uint64(i), line)
	}
	return true, nil
}
