package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// The look of a terminal, in pixels: divisible by what blocks divide cells by.
const (
	cellW, cellH = 10, 24
	margin       = 14
	fontSize     = 16.6
	baseline     = 18
)

var (
	background = color.RGBA{0x14, 0x16, 0x1b, 0xff}
	foreground = color.RGBA{0xd6, 0xd9, 0xe0, 0xff}
)

// systemFonts hold more symbols than the built-in ones; they are used where
// they are installed.
var systemFonts = [2]string{
	"/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
	"/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf",
}

// painter draws terminals. It is not safe for concurrent use.
type painter struct{ faces [2]font.Face } // regular and bold

func newPainter() (*painter, error) {
	p := &painter{}
	for i, builtin := range [][]byte{gomono.TTF, gomonobold.TTF} {
		data, err := os.ReadFile(systemFonts[i])
		if err != nil {
			data = builtin
		}
		f, err := opentype.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("parse a font: %w", err)
		}
		if p.faces[i], err = opentype.NewFace(f, &opentype.FaceOptions{Size: fontSize, DPI: 72, Hinting: font.HintingNone}); err != nil {
			return nil, fmt.Errorf("use a font: %w", err)
		}
	}
	return p, nil
}

// png draws a capture with its escape sequences, a line of text per row.
func (p *painter) png(capture []byte, cols, rows int) ([]byte, error) {
	em := vt.NewEmulator(cols, rows)
	capture = bytes.TrimSuffix(capture, []byte("\n"))
	// Each row from its own start: a full row must not wrap.
	for y, line := range bytes.Split(capture, []byte("\n")) {
		if y >= rows {
			break
		}
		if _, err := fmt.Fprintf(em, "\x1b[%d;1H%s", y+1, line); err != nil {
			return nil, fmt.Errorf("read the capture: %w", err)
		}
	}
	img := image.NewRGBA(image.Rect(0, 0, cols*cellW+2*margin, rows*cellH+2*margin))
	draw.Draw(img, img.Bounds(), image.NewUniform(background), image.Point{}, draw.Src)
	for y := range rows {
		for x := 0; x < cols; {
			c := em.CellAt(x, y)
			if c == nil {
				x++
				continue
			}
			p.cell(img, margin+x*cellW, margin+y*cellH, c)
			x += max(1, c.Width)
		}
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("encode the picture: %w", err)
	}
	return out.Bytes(), nil
}

// colors are the foreground and background of a cell as they are seen.
func colors(s uv.Style) (fg, bg color.RGBA) {
	fg, bg = foreground, background
	if s.Fg != nil {
		fg = color.RGBAModel.Convert(s.Fg).(color.RGBA)
	}
	if s.Bg != nil {
		bg = color.RGBAModel.Convert(s.Bg).(color.RGBA)
	}
	if s.Attrs&uv.AttrReverse != 0 {
		fg, bg = bg, fg
	}
	if s.Attrs&uv.AttrFaint != 0 {
		mix := func(a, b uint8) uint8 { return uint8((int(a) + int(b)) / 2) }
		fg = color.RGBA{mix(fg.R, bg.R), mix(fg.G, bg.G), mix(fg.B, bg.B), 0xff}
	}
	return fg, bg
}

// cell draws one cell with its upper left corner at x, y.
func (p *painter) cell(img *image.RGBA, x, y int, c *uv.Cell) {
	fg, bg := colors(c.Style)
	w := cellW * max(1, c.Width)
	fill := func(x0, y0, x1, y1 int, c color.RGBA) {
		draw.Draw(img, image.Rect(x+x0, y+y0, x+x1, y+y1), image.NewUniform(c), image.Point{}, draw.Src)
	}
	fill(0, 0, w, cellH, bg)
	if c.Style.Underline != 0 {
		fill(0, cellH-4, w, cellH-3, fg)
	}
	r := []rune(c.Content)
	if len(r) == 0 || c.Content == " " {
		return
	}
	if b, ok := blockOf(r[0]); ok {
		for i := range b.w * b.h {
			if b.on>>i&1 == 1 {
				cx, cy := i%b.w, i/b.w
				fill(cx*cellW/b.w, cy*cellH/b.h, (cx+1)*cellW/b.w, (cy+1)*cellH/b.h, fg)
			}
		}
		return
	}
	if arms, ok := boxes[r[0]]; ok {
		const mx, my = cellW / 2, cellH / 2
		for arm, rect := range map[int][4]int{
			up: {mx, 0, mx + 1, my + 1}, down: {mx, my, mx + 1, cellH},
			left: {0, my, mx + 1, my + 1}, right: {mx, my, cellW, my + 1},
		} {
			if arms&arm != 0 {
				fill(rect[0], rect[1], rect[2], rect[3], fg)
			}
		}
		return
	}
	if d := dots(r[0]); d != nil {
		for _, at := range d {
			dx, dy := 2+at[0]*4, 4+at[1]*4
			fill(dx, dy, dx+2, dy+2, fg)
		}
		return
	}
	face := p.faces[0]
	if c.Style.Attrs&uv.AttrBold != 0 {
		face = p.faces[1]
	}
	(&font.Drawer{
		Dst: img, Src: image.NewUniform(fg), Face: face, Dot: fixed.P(x, y+baseline),
	}).DrawString(c.Content)
}
