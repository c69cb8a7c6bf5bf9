package term

import "github.com/charmbracelet/x/ansi"

// escape carries out an escape sequence (ECMA-48 section 5.3).
func (t *Terminal) escape(cmd ansi.Cmd) {
	t.joins = false
	switch i := cmd.Intermediate(); {
	case i == '(' || i == ')':
		t.cur.sets[i-'('] = cmd.Final()
		return
	case i == '#' && cmd.Final() == '8': // DECALN
		t.top, t.bottom = 0, t.g.rows-1
		for y := range t.g.rows {
			r := t.g.write(y)
			for x := range r.cells {
				r.cells[x] = Cell{Text: "E", Width: 1}
			}
			r.used = t.g.cols
		}
		t.moveTo(0, 0)
		return
	case i != 0:
		return
	}
	switch cmd.Final() {
	case '7':
		t.save()
	case '8':
		t.restore()
	case 'D':
		t.index(t.blank())
		t.cur.wrap = false
	case 'E':
		t.index(t.blank())
		t.cur.x, t.cur.wrap = 0, false
	case 'M':
		t.reverseIndex()
		t.cur.wrap = false
	case 'H':
		t.tabs[t.cur.x] = true
	case '=':
		t.modes.Keypad = true
	case '>':
		t.modes.Keypad = false
	case 'c':
		t.reset(t.g.cols, t.g.rows)
		t.title = ""
	}
}

func (t *Terminal) save() { t.saved[t.screen()] = t.cur }

func (t *Terminal) restore() {
	t.cur = t.saved[t.screen()]
	t.cur.x, t.cur.y = min(t.cur.x, t.g.cols-1), min(t.cur.y, t.g.rows-1)
	t.cur.wrap = false
}

func (t *Terminal) screen() int {
	if t.g == t.other {
		return 1
	}
	return 0
}

// moveTo puts the cursor at a place counted from the origin.
func (t *Terminal) moveTo(x, y int) {
	top, bottom := 0, t.g.rows-1
	if t.cur.origin {
		top, bottom = t.top, t.bottom
	}
	t.cur.x = min(max(x, 0), t.g.cols-1)
	t.cur.y = min(max(top+min(y, t.g.rows), top), bottom)
	t.cur.wrap = false
}

// vertical moves the cursor by n rows and not out of the region it is in.
func (t *Terminal) vertical(n int) {
	top, bottom := 0, t.g.rows-1
	if t.cur.y >= t.top && t.cur.y <= t.bottom {
		top, bottom = t.top, t.bottom
	}
	t.cur.y = min(max(t.cur.y+n, top), bottom)
	t.cur.wrap = false
}

// maxCount bounds the counts of sequences: no screen is larger.
const maxCount = 1 << 16

// csi carries out a control sequence (ECMA-48 section 5.4).
func (t *Terminal) csi(cmd ansi.Cmd, params ansi.Params) {
	if cmd.Final() != 'b' {
		t.joins = false
	}
	n := func(i, def int) int {
		v, _, ok := params.Param(i, def)
		if !ok || v < 0 {
			return def
		}
		return min(v, maxCount)
	}
	count := max(1, n(0, 1))
	switch {
	case cmd.Prefix() == '?' && cmd.Intermediate() == 0:
		t.private(cmd.Final(), params, n(0, 0))
		return
	case cmd.Prefix() != 0:
		return
	case cmd.Intermediate() == ' ' && cmd.Final() == 'q':
		t.shape = uint8(min(n(0, 0), 6))
		return
	case cmd.Intermediate() == '!' && cmd.Final() == 'p':
		t.softReset()
		return
	case cmd.Intermediate() != 0:
		return
	}
	if t.csiMove(cmd.Final(), count, n) || t.csiEdit(cmd.Final(), count, n) {
		return
	}
	switch cmd.Final() {
	case 'm':
		t.sgr(params)
	case 'r':
		top, bottom := max(1, n(0, 1)), n(1, t.g.rows)
		if bottom == 0 || bottom > t.g.rows {
			bottom = t.g.rows // that of a size that is no longer
		}
		if top < bottom {
			t.top, t.bottom = top-1, bottom-1
			t.moveTo(0, 0)
		}
	case 's':
		t.save()
	case 'u':
		t.restore()
	case 'g':
		switch n(0, 0) {
		case 0:
			t.tabs[t.cur.x] = false
		case 3:
			clear(t.tabs)
		}
	case 'h', 'l':
		params.ForEach(0, func(_, p int, _ bool) {
			switch p {
			case 4:
				t.insert = cmd.Final() == 'h'
			case 20:
				t.newline = cmd.Final() == 'h'
			}
		})
	}
}

// csiMove carries out what moves the cursor, and reports whether it did.
func (t *Terminal) csiMove(final byte, count int, n func(int, int) int) bool {
	c := &t.cur
	switch final {
	case 'A':
		t.vertical(-count)
	case 'B', 'e':
		t.vertical(count)
	case 'C', 'a':
		c.x, c.wrap = min(c.x+count, t.g.cols-1), false
	case 'D':
		c.x, c.wrap = max(c.x-count, 0), false
	case 'E':
		t.vertical(count)
		c.x = 0
	case 'F':
		t.vertical(-count)
		c.x = 0
	case 'G', '`':
		c.x, c.wrap = min(count, t.g.cols)-1, false
	case 'H', 'f':
		t.moveTo(max(1, n(1, 1))-1, max(1, n(0, 1))-1)
	case 'd':
		x := c.x
		t.moveTo(x, count-1)
	case 'I':
		t.tab(count)
	case 'Z':
		t.tab(-count)
	default:
		return false
	}
	return true
}

// csiEdit carries out what changes cells, and reports whether it did.
func (t *Terminal) csiEdit(final byte, count int, n func(int, int) int) bool {
	g, c := t.g, &t.cur
	switch final {
	case 'J':
		t.eraseDisplay(n(0, 0))
	case 'K':
		switch n(0, 0) {
		case 0:
			g.erase(c.y, c.x, g.cols, t.blank())
		case 1:
			g.erase(c.y, 0, c.x+1, t.blank())
		case 2:
			g.erase(c.y, 0, g.cols, t.blank())
		}
	case 'X':
		g.erase(c.y, c.x, c.x+count, t.blank())
	case '@':
		t.insertChars(count, t.blank())
	case 'P':
		t.deleteChars(count)
	case 'L', 'M':
		if c.y < t.top || c.y > t.bottom {
			return true
		}
		if final == 'L' {
			g.scrollDown(c.y, t.bottom, count, t.blank())
		} else {
			g.scrollUp(c.y, t.bottom, count, t.blank(), false)
		}
		c.wrap = false
	case 'S':
		g.scrollUp(t.top, t.bottom, count, t.blank(), g == t.main)
	case 'T':
		g.scrollDown(t.top, t.bottom, count, t.blank())
	case 'b':
		text := t.lastText
		for range min(count, g.cols*g.rows) {
			if text == "" {
				break
			}
			w := 1
			if len(text) > 1 {
				_, w = ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
			}
			t.put(text, min(max(w, 1), 2))
		}
	default:
		return false
	}
	return true
}

func (t *Terminal) eraseDisplay(what int) {
	g, c := t.g, &t.cur
	from, to := 0, g.rows
	switch what {
	case 0:
		g.erase(c.y, c.x, g.cols, t.blank())
		from = c.y + 1
	case 1:
		g.erase(c.y, 0, c.x+1, t.blank())
		to = c.y
	case 2:
	case 3:
		if g.history != nil {
			clear(g.history)
			g.first, g.kept = 0, 0
		}
		return
	default:
		return
	}
	for y := from; y < to; y++ {
		g.erase(y, 0, g.cols, t.blank())
	}
}

func (t *Terminal) softReset() {
	t.modes.CursorKeys, t.modes.Keypad, t.modes.Hidden = false, false, false
	t.noWrap, t.insert = false, false
	t.top, t.bottom = 0, t.g.rows-1
	t.cur.style, t.cur.origin, t.cur.sets, t.cur.shift = Style{}, false, [2]byte{}, 0
	t.saved[t.screen()] = cursor{}
}

// private sets and resets modes of the terminal's makers.
func (t *Terminal) private(final byte, params ansi.Params, first int) {
	if final == 'J' {
		t.eraseDisplay(first)
		return
	}
	if final != 'h' && final != 'l' {
		return
	}
	on := final == 'h'
	params.ForEach(0, func(_, p int, _ bool) {
		m := &t.modes
		switch p {
		case 1:
			m.CursorKeys = on
		case 6:
			t.cur.origin = on
			t.moveTo(0, 0)
		case 7:
			t.noWrap = !on
			t.cur.wrap = t.cur.wrap && on
		case 25:
			m.Hidden = !on
		case 47, 1047:
			t.alternate(on, p == 1047)
		case 1048:
			if on {
				t.save()
			} else {
				t.restore()
			}
		case 1049:
			if on {
				t.save()
				t.alternate(true, true)
			} else {
				t.alternate(false, true)
				t.restore()
			}
		case 1000, 1002, 1003:
			m.Mouse = 0
			if on {
				m.Mouse = uint16(p)
			}
		case 1004:
			m.Focus = on
		case 1006:
			m.MouseSGR = on
		case 2004:
			m.Paste = on
		case 2026:
			m.Synchronized = on
		}
	})
}

// alternate shows the other screen, or the main one again.
func (t *Terminal) alternate(on, clear bool) {
	if on == t.modes.Alternate {
		return
	}
	t.modes.Alternate = on
	t.g = t.main
	if on {
		t.g = t.other
		if clear {
			for y := range t.other.rows {
				t.other.erase(y, 0, t.other.cols, t.blank())
			}
		}
	}
	t.cur.wrap = false
}
