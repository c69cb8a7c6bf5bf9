package term

import (
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// blank is what erasing leaves behind: the background of the present style.
func (t *Terminal) blank() Cell { return Cell{Style: Style{Bg: t.cur.style.Bg}} }

// printASCII prints printable characters of one byte.
func (t *Terminal) printASCII(p []byte) {
	if t.cur.sets[t.cur.shift] == '0' || t.insert {
		for _, b := range p {
			t.print(rune(b))
		}
		return
	}
	for len(p) > 0 {
		t.wrapIfDue()
		g, c := t.g, &t.cur
		n := min(len(p), g.cols-c.x)
		r := g.write(c.y)
		g.split(r, c.x)
		g.split(r, c.x+n)
		cells := r.cells[c.x : c.x+n]
		for i := range cells {
			cells[i] = Cell{Text: ascii[p[i]&0x7f], Style: c.style, Width: 1}
		}
		r.used = max(r.used, c.x+n)
		t.printed(c.x+n-1, c.y, ascii[p[n-1]&0x7f])
		if c.x += n; c.x == g.cols {
			c.x, c.wrap = g.cols-1, !t.noWrap
			if t.noWrap && n < len(p) { // the rest overwrites the last column
				p = p[len(p)-1:]
				continue
			}
		}
		p = p[n:]
	}
}

// printed notes where a character stands that marks may follow.
func (t *Terminal) printed(x, y int, text string) {
	t.lastX, t.lastY, t.lastText, t.joins = x, y, text, true
}

func (t *Terminal) wrapIfDue() {
	if !t.cur.wrap {
		return
	}
	t.cur.wrap = false
	if t.noWrap {
		return
	}
	t.cur.x = 0
	t.index(Cell{})
}

// print prints one character of any kind.
func (t *Terminal) print(r rune) {
	if r < utf8.RuneSelf {
		if t.cur.sets[t.cur.shift] == '0' {
			r = graphics(r)
		}
	} else if r < 0xa0 {
		return // a control character of 8 bits
	}
	if t.join(r) {
		return
	}
	text := string(r)
	width := 1
	if r >= utf8.RuneSelf {
		width = widthOf(text, r)
	}
	if width == 0 {
		return // a mark with nothing to stand on
	}
	t.put(text, width)
}

// widthOf is the width of a character in cells; common ones are not looked up.
func widthOf(text string, r rune) int {
	if plainWide(r) {
		return 2
	}
	_, w := ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
	return min(w, 2)
}

// plainWide reports whether a character is wide and joins with no other: Han,
// Kana and Hangul.
func plainWide(r rune) bool {
	return r >= 0x3041 && r <= 0x3098 || r >= 0x309b && r <= 0x9fff && (r < 0x302a || r > 0x302f) || r >= 0xac00 && r <= 0xd7a3
}

// join adds a mark, or the next part of a cluster, to the character before it. It
// may come in another write: nothing needs to be held back.
func (t *Terminal) join(r rune) bool {
	if !t.joins || r < 0x300 && r != 0xad {
		return false
	}
	if plainWide(r) || r >= 0x2500 && r < 0x25a0 {
		return false
	}
	row := t.g.at(t.lastY)
	before := row.cells[t.lastX]
	joined := before.Text + string(r)
	cluster, width := ansi.FirstGraphemeCluster(joined, ansi.GraphemeWidth)
	if len(cluster) != len(joined) {
		return false
	}
	if len(joined) > MaxCluster {
		return true // dropped
	}
	if unicode.IsControl(r) {
		return true
	}
	width = min(max(width, 1), 2)
	row = t.g.write(t.lastY)
	row.cells[t.lastX].Text = joined
	t.lastText = joined
	if width == 2 && before.Width == 1 && t.lastX+1 < t.g.cols && t.cur.x == t.lastX+1 && !t.cur.wrap {
		t.g.split(row, t.lastX+2)
		row.cells[t.lastX].Width = 2
		row.cells[t.lastX+1] = Cell{Style: before.Style, Tail: true}
		row.used = max(row.used, t.lastX+2)
		if t.cur.x++; t.cur.x >= t.g.cols {
			t.cur.x, t.cur.wrap = t.g.cols-1, !t.noWrap
		}
	}
	return true
}

// put writes one cluster at the cursor.
func (t *Terminal) put(text string, width int) {
	t.wrapIfDue()
	g, c := t.g, &t.cur
	if width == 2 && c.x == g.cols-1 {
		if t.noWrap || g.cols < 2 {
			return
		}
		c.x = 0
		t.index(Cell{})
	}
	if t.insert {
		t.insertChars(width, Cell{})
	}
	r := g.write(c.y)
	g.split(r, c.x)
	g.split(r, c.x+width)
	r.cells[c.x] = Cell{Text: text, Style: c.style, Width: uint8(width)}
	if width == 2 {
		r.cells[c.x+1] = Cell{Style: c.style, Tail: true}
	}
	r.used = max(r.used, c.x+width)
	t.printed(c.x, c.y, text)
	if c.x += width; c.x >= g.cols {
		c.x, c.wrap = g.cols-1, !t.noWrap
	}
}

// index moves the cursor down, and the region up at its end.
func (t *Terminal) index(blank Cell) {
	t.joins = false
	switch {
	case t.cur.y == t.bottom:
		t.g.scrollUp(t.top, t.bottom, 1, blank, t.g == t.main)
	case t.cur.y < t.g.rows-1:
		t.cur.y++
	}
}

func (t *Terminal) reverseIndex() {
	switch {
	case t.cur.y == t.top:
		t.g.scrollDown(t.top, t.bottom, 1, t.blank())
	case t.cur.y > 0:
		t.cur.y--
	}
}

// insertChars moves what is right of the cursor further right.
func (t *Terminal) insertChars(n int, blank Cell) {
	g, x := t.g, t.cur.x
	n = min(n, g.cols-x)
	r := g.write(t.cur.y)
	g.split(r, x)
	g.split(r, g.cols-n)
	copy(r.cells[x+n:], r.cells[x:g.cols-n])
	for i := x; i < x+n; i++ {
		r.cells[i] = blank
	}
	r.used = g.cols
}

// deleteChars moves what is right of the cursor left.
func (t *Terminal) deleteChars(n int) {
	g, x := t.g, t.cur.x
	n = min(n, g.cols-x)
	r := g.write(t.cur.y)
	g.split(r, x)
	g.split(r, x+n)
	copy(r.cells[x:], r.cells[x+n:])
	for i := g.cols - n; i < g.cols; i++ {
		r.cells[i] = t.blank()
	}
	r.used = g.cols
}

// execute carries out a control character (ECMA-48 section 5.2).
func (t *Terminal) execute(b byte) {
	t.joins = false
	c := &t.cur
	switch b {
	case 0x07:
		t.bells++
	case 0x08:
		c.x, c.wrap = max(0, c.x-1), false
	case 0x09:
		t.tab(1)
	case 0x0a, 0x0b, 0x0c:
		t.index(t.blank())
		c.wrap = false
		if t.newline {
			c.x = 0
		}
	case 0x0d:
		c.x, c.wrap = 0, false
	case 0x0e:
		c.shift = 1
	case 0x0f:
		c.shift = 0
	}
}

// tab goes n tab stops on, or back when n is negative.
func (t *Terminal) tab(n int) {
	x, step := t.cur.x, 1
	if n < 0 {
		n, step = -n, -1
	}
	for ; n > 0; n-- {
		for x += step; x > 0 && x < t.g.cols-1 && !t.tabs[x]; x += step {
		}
		if x <= 0 || x >= t.g.cols-1 {
			break
		}
	}
	t.cur.x, t.cur.wrap = min(max(x, 0), t.g.cols-1), false
}

// graphics is the character of the set of lines and boxes of the VT100.
func graphics(r rune) rune {
	if r < 0x60 || r > 0x7e {
		return r
	}
	return []rune("◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")[r-0x60]
}
