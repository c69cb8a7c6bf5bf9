package termout

import "bytes"

// screen follows what is painted, as far as it takes to know which cells are
// left to video. It knows the sequences a full-screen program paints with;
// after one that moves lines about it takes every cell for text, and the next
// repaint puts that right.
type screen struct {
	x, y int
	// free[y][x] is 0 for text. Otherwise the cell is video's, and the number
	// is the epoch in which it became so. Rows are as long as needed.
	free  [][]uint32
	epoch uint32 // counts chunks; never 0
}

// Bounds for what is remembered; more is no terminal.
const (
	maxRows = 1024
	maxCols = 4096
)

func (s *screen) begin() {
	if s.epoch++; s.epoch == 0 {
		s.epoch = 1
	}
}

// damage gives every free cell a new number.
func (s *screen) damage() {
	s.begin()
	for _, row := range s.free {
		for x := range row {
			if row[x] != 0 {
				row[x] = s.epoch
			}
		}
	}
}

// text takes n cells for text and moves the cursor.
func (s *screen) text(n int) {
	s.clear(s.y, s.x, s.x+n)
	s.x = min(s.x+n, maxCols)
}

// hole leaves n cells to video and moves the cursor.
func (s *screen) hole(n int) {
	end := min(s.x+n, maxCols)
	if s.y >= maxRows {
		s.x = end
		return
	}
	for len(s.free) <= s.y {
		s.free = append(s.free, nil)
	}
	row := s.free[s.y]
	if grow := end - len(row); grow > 0 {
		row = append(row, make([]uint32, grow)...)
	}
	for x := s.x; x < end; x++ {
		if row[x] == 0 {
			row[x] = s.epoch
		}
	}
	s.free[s.y] = row
	s.x = end
}

// clear takes the cells from x0 up to x1 of a row for text.
func (s *screen) clear(y, x0, x1 int) {
	if y >= len(s.free) {
		return
	}
	row := s.free[y]
	if x0 >= len(row) {
		return
	}
	clear(row[x0:min(x1, len(row))])
}

func (s *screen) clearRows(y0, y1 int) {
	for y := y0; y < y1 && y < len(s.free); y++ {
		clear(s.free[y])
	}
}

func (s *screen) control(c byte) {
	switch c {
	case '\r':
		s.x = 0
	case '\n', '\v', '\f':
		s.y = min(s.y+1, maxRows)
	case '\b':
		s.x = max(s.x-1, 0)
	case '\t':
		s.x = min((s.x/8+1)*8, maxCols)
	}
}

// escape follows an escape sequence and says whether it changed cells.
func (s *screen) escape(seq []byte) bool {
	if len(seq) < 2 {
		return false
	}
	if seq[1] != '[' {
		if seq[1] == 'c' || seq[1] == 'M' || seq[1] == 'D' || seq[1] == 'E' {
			s.clearRows(0, maxRows) // reset, or lines moved
			return true
		}
		return false
	}
	final := seq[len(seq)-1]
	if len(seq) < 3 || final < 0x40 || final > 0x7e {
		return false // broken off
	}
	params := seq[2 : len(seq)-1]
	if len(params) > 0 && params[0] == '?' {
		if (final == 'h' || final == 'l') && switchesScreen(params[1:]) {
			s.clearRows(0, maxRows)
			return true
		}
		return false
	}
	if len(params) > 0 && (params[0] < '0' || params[0] > ';') {
		return false // private or with an intermediate: no cursor movement
	}
	first, second := parameters(params)
	return s.csi(final, first, second)
}

func (s *screen) csi(final byte, first, second int) bool {
	count := max(first, 1)
	switch final {
	case 'A':
		s.y = max(s.y-count, 0)
	case 'B':
		s.y = min(s.y+count, maxRows)
	case 'C':
		s.x = min(s.x+count, maxCols)
	case 'D':
		s.x = max(s.x-count, 0)
	case 'E':
		s.x, s.y = 0, min(s.y+count, maxRows)
	case 'F':
		s.x, s.y = 0, max(s.y-count, 0)
	case 'G':
		s.x = min(count-1, maxCols)
	case 'd':
		s.y = min(count-1, maxRows)
	case 'H', 'f':
		s.y, s.x = min(count-1, maxRows), min(max(second, 1)-1, maxCols)
	case 'r':
		s.x, s.y = 0, 0
	case 'J':
		s.eraseDisplay(first)
		return true
	case 'K':
		s.eraseLine(first)
		return true
	case 'X':
		s.clear(s.y, s.x, s.x+count)
		return true
	case 'L', 'M', 'S', 'T', '@', 'P':
		s.clearRows(0, maxRows)
		return true
	}
	return false
}

func (s *screen) eraseDisplay(how int) {
	switch how {
	case 0:
		s.clear(s.y, s.x, maxCols)
		s.clearRows(s.y+1, maxRows)
	case 1:
		s.clearRows(0, s.y)
		s.clear(s.y, 0, s.x+1)
	default:
		s.clearRows(0, maxRows)
	}
}

func (s *screen) eraseLine(how int) {
	switch how {
	case 0:
		s.clear(s.y, s.x, maxCols)
	case 1:
		s.clear(s.y, 0, s.x+1)
	default:
		s.clear(s.y, 0, maxCols)
	}
}

// switchesScreen says whether a private mode changes to or from the alternate
// screen.
func switchesScreen(params []byte) bool {
	for p := range bytes.SplitSeq(params, []byte{';'}) {
		switch string(p) {
		case "47", "1047", "1049":
			return true
		}
	}
	return false
}

// parameters reads the first two numbers of a control sequence, 0 if missing.
func parameters(b []byte) (first, second int) {
	var n [2]int
	i := 0
	for _, c := range b {
		switch {
		case c == ';':
			i++
		case i < len(n) && c >= '0' && c <= '9':
			n[i] = min(n[i]*10+int(c-'0'), maxCols)
		}
	}
	return n[0], n[1]
}
