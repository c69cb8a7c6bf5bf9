package termvideo

import "strconv"

// pen is the state of the terminal's colours while a frame is written. At its
// start nothing is known about them: the program around writes too.
type pen struct {
	fg, bg           rgb
	fgKnown, bgKnown bool
	bgDefault        bool // the terminal's own background is set
}

// position of the terminal's cursor while a frame is written.
type position struct {
	x, y  int
	known bool
}

// build writes the difference between the screen and the tiles to d.buf. It is
// called by the Painter with the cells that are free.
func (d *Drawer) build(free [][]uint32) []byte {
	d.buf = d.buf[:0]
	d.pen = pen{}
	at := position{}
	for y := range d.rows {
		stamps, all := rowOf(free, y)
		d.prepareDamaged(y, stamps, all)
		for x := range d.cols {
			stamp := uint32(1)
			if !all {
				if x >= len(stamps) {
					d.forget(y, x, d.cols)
					break
				}
				stamp = stamps[x]
			}
			d.updateCell(x, y, stamp, !all, &at)
		}
	}
	if d.pixels != nil {
		d.buf = d.pixels.append(d.buf, d.tiles, free, d.cfg.Now())
	}
	if len(d.buf) > 0 && d.stat.Cells > 0 && d.cfg.Colors != NoColor {
		d.buf = append(d.buf, "\x1b[m"...)
	}
	d.stat.Bytes = len(d.buf)
	return d.buf
}

func rowOf(free [][]uint32, y int) (stamps []uint32, all bool) {
	if free == nil {
		return nil, true
	}
	if y < len(free) {
		return free[y], false
	}
	return nil, false
}

// forget marks cells that show something else now.
func (d *Drawer) forget(y, from, to int) {
	for x := from; x < to; x++ {
		d.shown[y*d.cols+x] = shownCell{}
	}
}

// prepareDamaged computes the rows in which cells were overwritten although
// their picture did not change.
func (d *Drawer) prepareDamaged(y int, stamps []uint32, all bool) {
	if d.pixels != nil {
		return
	}
	var last uint16
	for x := range d.cols {
		o := d.owner[y*d.cols+x]
		if o == 0 || o == last {
			continue
		}
		stamp := uint32(1)
		if !all {
			if x >= len(stamps) {
				return
			}
			stamp = stamps[x]
		}
		s := &d.shown[y*d.cols+x]
		if stamp == 0 || s.stamp == stamp && s.kind != cellForeign {
			continue
		}
		t := d.tiles[o-1]
		if row := y - t.Y; !t.made[row] {
			d.computeRow(t, row)
		}
		last = o
	}
}

// updateCell brings one cell up to date. A stamp of 0 means that it shows text;
// shared, that the stamps come from a Painter.
func (d *Drawer) updateCell(x, y int, stamp uint32, shared bool, at *position) {
	s := &d.shown[y*d.cols+x]
	if stamp == 0 {
		*s = shownCell{}
		return
	}
	damaged := s.kind == cellForeign || s.stamp != stamp
	o := d.owner[y*d.cols+x]
	if o == 0 {
		// Nobody's. What a tile left behind has to go, and so has old text
		// where the interface leaves a cell to video; on a plain writer other
		// cells are not ours to touch.
		if s.kind == cellGlyph && !damaged || shared && (damaged || s.kind != cellBlank) {
			d.moveTo(x, y, at)
			d.putBlank(s, stamp, at)
		}
		return
	}
	t := d.tiles[o-1]
	row, col := y-t.Y, x-t.X
	if d.pixels != nil {
		if damaged || s.kind != cellBlank {
			d.moveTo(x, y, at)
			d.putBlank(s, stamp, at)
			t.damaged = true
		}
		return
	}
	if !t.made[row] {
		return
	}
	w := &t.want[row*t.Cols+col]
	if w.blank {
		if damaged || s.kind != cellBlank {
			d.moveTo(x, y, at)
			d.putBlank(s, stamp, at)
		}
		return
	}
	tolerance, limit := d.threshold(t, row)
	if !damaged && s.kind == cellGlyph && t.gain[row*t.Cols+col] <= limit {
		return
	}
	d.moveTo(x, y, at)
	if d.glyphs == nil {
		d.putASCII(w.mosaic, s)
	} else {
		d.putMosaic(w.mosaic, s, tolerance)
	}
	s.kind, s.stamp = cellGlyph, stamp
	d.stat.Cells++
	at.x++
}

// moveTo brings the cursor to a cell by the shortest sequence that does not
// depend on tabs or margins.
func (d *Drawer) moveTo(x, y int, at *position) {
	if at.known && at.x == x && at.y == y {
		return
	}
	if at.known && at.y == y && x > at.x {
		d.buf = append(d.buf, "\x1b["...)
		if n := x - at.x; n > 1 {
			d.buf = strconv.AppendInt(d.buf, int64(n), 10)
		}
		d.buf = append(d.buf, 'C')
	} else {
		d.buf = appendPosition(d.buf, x, y)
	}
	*at = position{x: x, y: y, known: true}
}

// appendPosition appends the sequence that moves the cursor to a cell (CUP).
func appendPosition(b []byte, x, y int) []byte {
	b = append(b, "\x1b["...)
	b = strconv.AppendInt(b, int64(y+1), 10)
	b = append(b, ';')
	b = strconv.AppendInt(b, int64(x+1), 10)
	return append(b, 'H')
}

func (d *Drawer) putBlank(s *shownCell, stamp uint32, at *position) {
	if d.cfg.Colors != NoColor && !d.pen.bgDefault {
		d.buf = append(d.buf, "\x1b[49m"...)
		d.pen.bgDefault, d.pen.bgKnown = true, false
	}
	d.buf = append(d.buf, ' ')
	*s = shownCell{kind: cellBlank, stamp: stamp}
	d.stat.Cells++
	at.x++
}

func (d *Drawer) putASCII(m mosaic, s *shownCell) {
	if d.cfg.Colors != NoColor {
		if !d.pen.bgDefault {
			d.buf = append(d.buf, "\x1b[49m"...)
			d.pen.bgDefault, d.pen.bgKnown = true, false
		}
		if !d.pen.fgKnown || d.pen.fg != m.fg {
			d.setColors(true, m.fg, false, 0)
		}
	}
	d.buf = append(d.buf, asciiGlyphs[m.pattern].char)
	s.mosaic = m
}

// putMosaic writes a glyph. Every pattern can also be drawn as its opposite
// with the colours swapped: whichever needs fewer new colours is taken. A
// colour of the pen that is as good as the wanted one is used in its place,
// and remembered as what is shown.
func (d *Drawer) putMosaic(m mosaic, s *shownCell, tolerance int) {
	full := d.glyphs.full
	usesFG, usesBG := m.pattern != 0, m.pattern != full
	straightFG := !usesFG || d.pen.hasFG(m.fg, tolerance)
	straightBG := !usesBG || d.pen.hasBG(m.bg, tolerance)
	if !straightFG || !straightBG {
		swappedFG := !usesBG || d.pen.hasFG(m.bg, tolerance)
		swappedBG := !usesFG || d.pen.hasBG(m.fg, tolerance)
		if truths(swappedFG, swappedBG) > truths(straightFG, straightBG) {
			m.fg, m.bg, m.pattern = m.bg, m.fg, full&^m.pattern
			usesFG, usesBG = usesBG, usesFG
			straightFG, straightBG = swappedFG, swappedBG
		}
	}
	if d.cfg.Colors != NoColor {
		d.setColors(!straightFG, m.fg, !straightBG, m.bg)
	}
	d.buf = d.glyphs.append(d.buf, m.pattern)
	if usesFG && d.pen.fgKnown {
		m.fg = d.pen.fg
	}
	if usesBG && d.pen.bgKnown {
		m.bg = d.pen.bg
	}
	s.mosaic = m
}

func truths(a, b bool) int {
	n := 0
	if a {
		n++
	}
	if b {
		n++
	}
	return n
}

func (p *pen) hasFG(c rgb, tolerance int) bool { return p.fgKnown && near(p.fg, c, tolerance) }
func (p *pen) hasBG(c rgb, tolerance int) bool { return p.bgKnown && near(p.bg, c, tolerance) }

// near compares by root mean square over the three channels.
func near(a, b rgb, tolerance int) bool {
	return a == b || distance(a, b) <= int32(3*tolerance*tolerance)
}

// setColors appends one SGR sequence for the colours that change.
func (d *Drawer) setColors(setFG bool, fg rgb, setBG bool, bg rgb) {
	if !setFG && !setBG {
		return
	}
	d.buf = append(d.buf, "\x1b["...)
	if setFG {
		d.buf = appendColor(d.buf, fg, d.cfg.Colors, false)
		d.pen.fg, d.pen.fgKnown = fg, true
	}
	if setBG {
		if setFG {
			d.buf = append(d.buf, ';')
		}
		d.buf = appendColor(d.buf, bg, d.cfg.Colors, true)
		d.pen.bg, d.pen.bgKnown, d.pen.bgDefault = bg, true, false
	}
	d.buf = append(d.buf, 'm')
}

// appendColor appends the SGR parameters of one colour.
func appendColor(b []byte, c rgb, depth ColorDepth, background bool) []byte {
	switch depth {
	case NoColor:
		return b
	case Colors16:
		code := int64(nearest16(c))
		if code >= 8 {
			code += 90 - 8
		} else {
			code += 30
		}
		if background {
			code += 10
		}
		return strconv.AppendInt(b, code, 10)
	case Colors256:
		index, _ := nearest256(c)
		b = append(b, selector(background)...)
		b = append(b, "5;"...)
		return strconv.AppendInt(b, int64(index), 10)
	case TrueColor:
	}
	r, g, bl := c.split()
	b = append(b, selector(background)...)
	b = append(b, "2;"...)
	b = strconv.AppendInt(b, int64(r), 10)
	b = append(b, ';')
	b = strconv.AppendInt(b, int64(g), 10)
	b = append(b, ';')
	return strconv.AppendInt(b, int64(bl), 10)
}

func selector(background bool) string {
	if background {
		return "48;"
	}
	return "38;"
}
