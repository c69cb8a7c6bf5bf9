package termvideo

import "strconv"

// sixelEncoder writes pictures as DEC sixel graphics (VT330/340 programmer
// reference, chapter 14) with a fixed palette: six levels of each channel,
// ordered dither in between. Nothing is counted or sorted per frame.
type sixelEncoder struct {
	bits   [sixelColors][]byte // per colour: the column bits of one band
	used   []uint8             // the colours of this band, in order of appearance
	reach  [sixelColors]int    // one past the last column a colour is in
	levels [64][256]uint8      // channel value to level, per dither position
	ready  bool
}

const (
	sixelLevels = 6
	sixelColors = sixelLevels * sixelLevels * sixelLevels
	sixelBand   = 6
)

// sixelArea leaves out the last row of the screen: the cursor ends below the
// picture, and there it would scroll the screen.
func sixelArea(area rect, screenRows int) rect {
	if area.y+area.h >= screenRows {
		area.h = max(screenRows-1-area.y, 0)
	}
	return area
}

// prepare fills the dither tables: an 8x8 Bayer matrix decides, per position,
// where between two levels the upper one begins.
func (e *sixelEncoder) prepare() {
	const step = 255 / (sixelLevels - 1)
	for pos := range 64 {
		x, y := pos&7, pos>>3
		rank := 0
		for bit := range 3 {
			rank |= ((x^y)>>bit&1)<<(2*(2-bit)+1) | (y>>bit&1)<<(2*(2-bit))
		}
		for v := range 256 {
			e.levels[pos][v] = uint8(min((v+(2*rank+1)*step/128)/step, sixelLevels-1))
		}
	}
	e.ready = true
}

func (e *sixelEncoder) append(b []byte, w, h int, rgb []byte) []byte {
	if !e.ready {
		e.prepare()
	}
	if len(e.bits[0]) != w {
		for c := range e.bits {
			e.bits[c] = make([]byte, w)
		}
	}
	// Aspect 1:1, pixels not set stay as they are; then the size.
	b = append(b, "\x1bP0;1q\"1;1;"...)
	b = strconv.AppendInt(b, int64(w), 10)
	b = append(b, ';')
	b = strconv.AppendInt(b, int64(h), 10)
	b = appendSixelPalette(b)
	for top := 0; top < h; top += sixelBand {
		rows := min(sixelBand, h-top)
		e.collect(rgb[top*w*3:], w, top, rows)
		for i, c := range e.used {
			if i > 0 {
				b = append(b, '$') // back to the left edge of the band
			}
			b = append(b, '#')
			b = strconv.AppendInt(b, int64(c), 10)
			b = appendRuns(b, e.bits[c][:e.reach[c]])
			clear(e.bits[c][:e.reach[c]])
			e.reach[c] = 0
		}
		e.used = e.used[:0]
		b = append(b, '-') // next band
	}
	return append(b, "\x1b\\"...)
}

// collect sorts the pixels of one band by colour.
func (e *sixelEncoder) collect(rgb []byte, w, top, rows int) {
	for y := range rows {
		line := rgb[y*w*3:][:w*3]
		bit := byte(1) << y
		dither := e.levels[((top+y)&7)<<3:][:8]
		for x := range w {
			levels := &dither[x&7]
			c := (levels[line[3*x]]*sixelLevels+levels[line[3*x+1]])*sixelLevels + levels[line[3*x+2]]
			if e.reach[c] == 0 {
				e.used = append(e.used, c)
			}
			e.bits[c][x] |= bit
			e.reach[c] = max(e.reach[c], x+1)
		}
	}
}

// appendSixelPalette defines the colours, in percent as the format has it.
func appendSixelPalette(b []byte) []byte {
	const step = 100 / (sixelLevels - 1)
	for c := range sixelColors {
		b = append(b, '#')
		b = strconv.AppendInt(b, int64(c), 10)
		b = append(b, ";2"...)
		for _, level := range [...]int{c / (sixelLevels * sixelLevels), c / sixelLevels % sixelLevels, c % sixelLevels} {
			b = append(b, ';')
			b = strconv.AppendInt(b, int64(level*step), 10)
		}
	}
	return b
}

// appendRuns writes the columns of one colour, runs of four and more counted.
func appendRuns(b, columns []byte) []byte {
	for x := 0; x < len(columns); {
		v, run := columns[x], 1
		for x+run < len(columns) && columns[x+run] == v {
			run++
		}
		x += run
		if run > 3 {
			b = append(b, '!')
			b = strconv.AppendInt(b, int64(run), 10)
			run = 1
		}
		for range run {
			b = append(b, v+'?')
		}
	}
	return b
}
