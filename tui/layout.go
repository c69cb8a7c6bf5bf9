package tui

// rect is a part of the screen in cells; empty when w or h is 0.
type rect struct{ x, y, w, h int }

func (r rect) empty() bool { return r.w <= 0 || r.h <= 0 }

// inner is what a box of this size leaves inside its border.
func (r rect) inner() rect { return rect{r.x + 1, r.y + 1, max(0, r.w-2), max(0, r.h-2)} }

// mode is how the pictures are arranged.
type mode uint8

const (
	modeSpotlight mode = iota // one large, the others in a strip
	modeGrid                  // all of one size
	modeZoom                  // one over the whole screen
)

// shape is everything the layout depends on.
type shape struct {
	w, h   int
	people int // rows of the table without its head
	tiles  int // pictures and name tiles there are; 0: no stage at all
	mode   mode
	list   bool // the list of people is wanted
	link   bool // there are figures of a connection for a line below the list
	panel  bool // a panel is open
	chat   bool // there is a chat
	typing bool // and it has the keyboard
}

// layout says where everything goes. It is computed from a shape alone, so
// that the same shape always looks the same.
type layout struct {
	line   bool // too small: one line is all
	header rect
	banner rect // empty: the banner shares the status line
	table  rect
	link   rect   // a line about one connection
	spot   rect   // box of the spotlight
	tiles  []rect // boxes of the strip or the grid, in order
	panel  rect
	chat   rect
	status rect // toast or question
	help   rect
}

// Sizes at which the arrangement changes, and of its parts.
const (
	lineW, lineH     = 30, 8  // below: one line
	bannerH          = 16     // from here on the banner has its own line
	mediumW, mediumH = 60, 12 // below: one thing at a time; height of the middle
	wideW, wideH     = 100, 22
	sideMin, sideMax = 44, 64
	stripW, stripH   = 20, 7 // a box of the strip; 18x5 cells is 16:9
	tileW, tileH     = 12, 4 // the smallest box of the grid
	chatMin          = 4
	panelMin         = 12
)

// arrange computes the layout of a shape.
func arrange(s shape) layout {
	if s.w < lineW || s.h < lineH {
		return layout{line: true}
	}
	l := layout{
		header: rect{0, 0, s.w, 1},
		status: rect{0, s.h - 2, s.w, 1},
		help:   rect{0, s.h - 1, s.w, 1},
	}
	main := rect{0, 1, s.w, s.h - 3}
	if s.h >= bannerH {
		l.banner = rect{0, 1, s.w, 1}
		main = rect{0, 2, s.w, s.h - 4}
	}
	switch {
	case s.w < mediumW || main.h < mediumH:
		l.small(s, main)
	case s.w >= wideW && main.h >= wideH:
		l.wide(s, main)
	default:
		l.medium(s, main)
	}
	return l
}

// small shows one thing at a time.
func (l *layout) small(s shape, main rect) {
	switch {
	case s.panel:
		l.panel = main
	case s.typing:
		l.chat = main
	case s.tiles > 0 && s.mode != modeSpotlight:
		l.stage(s, main)
	default:
		l.table = main
	}
}

// medium has the table above and picture and chat side by side below.
func (l *layout) medium(s shape, main rect) {
	if s.panel {
		l.panel = main
		return
	}
	if s.tiles > 0 && s.mode != modeSpotlight {
		if s.typing {
			side := max(28, main.w*2/5)
			l.chat = rect{main.x + main.w - side, main.y, side, main.h}
			main.w -= side + 1
		}
		l.stage(s, main)
		return
	}
	rest := main
	if s.list || s.tiles == 0 {
		l.table = main
		l.table.h = min(max(s.people+1, 4), max(4, main.h/2))
		rest = rect{main.x, main.y + l.table.h, main.w, main.h - l.table.h}
	}
	switch {
	case rest.h < chatMin:
		l.table = main
	case s.tiles == 0 && s.chat:
		l.chat = rest
	case s.tiles == 0:
		l.table = main
	case !s.chat:
		l.spot = rest
	default:
		left := rest.w * 58 / 100
		l.spot = rect{rest.x, rest.y, left, rest.h}
		l.chat = rect{rest.x + left + 1, rest.y, rest.w - left - 1, rest.h}
	}
}

// wide has the pictures, or the table, at the left and a column at the right.
func (l *layout) wide(s shape, main rect) {
	share := 45
	if s.tiles == 0 {
		share = 40 // the table is the main thing
	}
	side := max(sideMin, min(sideMax, main.w*share/100))
	column := rect{main.x + main.w - side, main.y, side, main.h}
	left := rect{main.x, main.y, main.w - side - 1, main.h}
	needed := s.panel || s.typing
	if s.tiles == 0 {
		if !s.chat && !needed {
			left = main
		}
		l.table = left
		if s.panel {
			l.panel = column
		} else if s.chat {
			l.chat = column
		}
		return
	}
	if !needed && (s.mode == modeZoom || !s.list) {
		l.stage(s, main)
		return
	}
	l.stage(s, left)
	if s.list {
		l.table = column
		l.table.h = min(max(s.people+1, 4), column.h/2)
		if s.panel && column.h-l.table.h < panelMin {
			l.table = rect{}
		}
		column.y += l.table.h
		column.h -= l.table.h
		if s.link && !s.panel {
			l.link = rect{column.x, column.y, column.w, 1}
			column.y++
			column.h--
		}
	}
	if s.panel {
		l.panel = column
	} else if s.chat {
		l.chat = column
	}
}

// stage arranges the pictures in a part of the screen. The strip below the
// spotlight gets what a spotlight of 16:9 leaves, and gives back what its boxes
// do not need.
func (l *layout) stage(s shape, area rect) {
	if s.mode == modeGrid {
		l.tiles = grid(area, s.tiles, area.w)
		return
	}
	l.spot = area
	if s.mode == modeZoom || s.tiles < 2 || area.h < 3*stripH || area.w < stripW {
		return
	}
	h := min(area.h-stripH, (area.w-2)*9/32+3)
	l.tiles = grid(rect{area.x, area.y + h, area.w, area.h - h}, s.tiles-1, area.w/2)
	top := l.tiles[0].y
	spare := l.tiles[len(l.tiles)-1]
	down := area.y + area.h - (spare.y + spare.h)
	for i := range l.tiles {
		l.tiles[i].y += down
	}
	l.spot.h = top + down - area.y
}

// grid divides an area into boxes of one size for n pictures, as large as they
// can be but no wider than widest, around the middle. When they would become
// too small, there are fewer than n.
func grid(area rect, n, widest int) []rect {
	if n <= 0 || area.empty() {
		return nil
	}
	n = min(n, max(1, area.w/tileW)*max(1, area.h/tileH))
	cols, w, h := 1, 0, 0
	for c := 1; c <= n; c++ {
		rows := (n + c - 1) / c
		if c > 1 && area.w/c < tileW || rows > 1 && area.h/rows < tileH {
			continue
		}
		if bw, bh := boxOf(min(widest, area.w/c), area.h/rows); (bw-2)*(bh-2) > (w-2)*(h-2) || w == 0 {
			cols, w, h = c, bw, bh
		}
	}
	rows := (n + cols - 1) / cols
	top := area.y + (area.h-rows*h)/2
	boxes := make([]rect, 0, n)
	for i := range n {
		row, col := i/cols, i%cols
		inRow := min(cols, n-row*cols) // the last row is centred
		left := area.x + (area.w-inRow*w)/2
		boxes = append(boxes, rect{left + col*w, top + row*h, w, h})
	}
	return boxes
}

// boxOf is the largest box in w by h cells whose inside a camera's picture can
// fill: from 4:3 to 64:27, which a picture of 16:9 reaches when it loses a
// quarter. A cell is about twice as high as wide.
func boxOf(w, h int) (int, int) {
	if w <= 2 || h <= 2 {
		return w, h
	}
	w, h = w-2, h-2
	w, h = min(w, h*2*64/27), min(h, w*3/(2*4))
	return max(w, 1) + 2, max(h, 1) + 2
}
