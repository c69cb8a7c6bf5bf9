package termvideo

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/meet-term/meet/media/video"
)

// What a terminal would show, turned back into pixels: 2x4 per cell. It reads
// only the sequences that pictures of glyphs are made of, ours and chafa's.

type shownGlyph struct {
	r      rune
	fg, bg rgb
}

type pixelReader struct {
	cols, rows int
	cells      []shownGlyph
	x, y       int
	fg, bg     rgb
	inverse    bool
	defaultFG  rgb
	defaultBG  rgb
}

func newPixelReader(cols, rows int) *pixelReader {
	p := &pixelReader{cols: cols, rows: rows, cells: make([]shownGlyph, cols*rows), defaultFG: 0xffffff}
	p.fg = p.defaultFG
	for i := range p.cells {
		p.cells[i].r = ' '
	}
	return p
}

func (p *pixelReader) write(s string) {
	for len(s) > 0 {
		switch {
		case strings.HasPrefix(s, "\x1b["):
			end := 2
			for end < len(s) && (s[end] < 0x40 || s[end] > 0x7e) {
				end++
			}
			if end == len(s) {
				return
			}
			p.control(s[2:end], s[end])
			s = s[end+1:]
		case s[0] == '\n':
			p.x, p.y = 0, p.y+1
			s = s[1:]
		case s[0] < 0x20:
			s = s[1:]
		default:
			r, n := utf8.DecodeRuneInString(s)
			p.put(r)
			s = s[n:]
		}
	}
}

func (p *pixelReader) put(r rune) {
	if p.x < p.cols && p.y < p.rows {
		g := shownGlyph{r: r, fg: p.fg, bg: p.bg}
		if p.inverse {
			g.fg, g.bg = g.bg, g.fg
		}
		p.cells[p.y*p.cols+p.x] = g
	}
	p.x++
}

func (p *pixelReader) control(params string, final byte) {
	var n []int
	for part := range strings.SplitSeq(strings.TrimLeft(params, "?"), ";") {
		v, _ := strconv.Atoi(part)
		n = append(n, v)
	}
	arg := func(i int) int {
		if i < len(n) && n[i] > 0 {
			return n[i]
		}
		return 1
	}
	switch final {
	case 'H':
		p.y, p.x = arg(0)-1, arg(1)-1
	case 'C':
		p.x += arg(0)
	case 'm':
		p.style(n)
	}
}

func (p *pixelReader) style(n []int) {
	for i := 0; i < len(n); i++ {
		switch v := n[i]; {
		case v == 0:
			p.fg, p.bg, p.inverse = p.defaultFG, p.defaultBG, false
		case v == 7:
			p.inverse = true
		case v == 39:
			p.fg = p.defaultFG
		case v == 49:
			p.bg = p.defaultBG
		case v >= 30 && v < 38:
			p.fg = ansi16[v-30]
		case v >= 90 && v < 98:
			p.fg = ansi16[v-90+8]
		case v >= 40 && v < 48:
			p.bg = ansi16[v-40]
		case v >= 100 && v < 108:
			p.bg = ansi16[v-100+8]
		case v == 38 || v == 48:
			c, used := colorOf(n[i+1:])
			if i += used; v == 38 {
				p.fg = c
			} else {
				p.bg = c
			}
		}
	}
}

func colorOf(n []int) (rgb, int) {
	if len(n) >= 4 && n[0] == 2 {
		return makeRGB(uint8(n[1]), uint8(n[2]), uint8(n[3])), 4
	}
	if len(n) >= 2 && n[0] == 5 {
		return xterm256(n[1]), 2
	}
	return 0, len(n)
}

func xterm256(i int) rgb {
	switch {
	case i < 16:
		return ansi16[i]
	case i >= 232:
		v := rgb(8 + 10*(i-232))
		return v<<16 | v<<8 | v
	}
	i -= 16
	return rgb(cubeLevels[i/36]<<16 | cubeLevels[i/6%6]<<8 | cubeLevels[i%6])
}

// coverage says how much of each of the 2x4 pixels of a cell a glyph inks.
func coverage(r rune) (c [8]float64) {
	for _, set := range [...]*glyphSet{octantGlyphs, sextantGlyphs, quadrantGlyphs, halfGlyphs} {
		for p := range int(set.full) + 1 {
			if g := set.glyphs[p]; string(g.utf8[:g.size]) == string(r) {
				return patternCoverage(set, uint8(p))
			}
		}
	}
	for _, g := range asciiGlyphs {
		if rune(g.char) == r {
			for i := range c {
				ink := g.upper
				if i >= 4 {
					ink = g.low
				}
				c[i] = float64(ink) / 255
			}
		}
	}
	return c
}

func patternCoverage(set *glyphSet, p uint8) (c [8]float64) {
	for i := range c {
		x, top := float64(i&1)/2, float64(i>>1)/4
		for bit := range set.cols * set.rows {
			if p>>bit&1 == 0 {
				continue
			}
			bx, by := float64(bit%set.cols)/float64(set.cols), float64(bit/set.cols)/float64(set.rows)
			bw, bh := 1/float64(set.cols), 1/float64(set.rows)
			w := max(0, min(x+0.5, bx+bw)-max(x, bx)) / 0.5
			h := max(0, min(top+0.25, by+bh)-max(top, by)) / 0.25
			c[i] += w * h
		}
	}
	return c
}

// pixels returns what is shown as linear lists of channel values.
func (p *pixelReader) pixels() []float64 {
	w := p.cols * 2
	out := make([]float64, w*p.rows*4*3)
	cache := map[rune][8]float64{}
	for i, g := range p.cells {
		cov, ok := cache[g.r]
		if !ok {
			cov = coverage(g.r)
			cache[g.r] = cov
		}
		fr, fgr, fb := g.fg.split()
		br, bgr, bb := g.bg.split()
		for k, c := range cov {
			at := ((i/p.cols*4+k>>1)*w + i%p.cols*2 + k&1) * 3
			out[at] = float64(br) + c*float64(fr-br)
			out[at+1] = float64(bgr) + c*float64(fgr-bgr)
			out[at+2] = float64(bb) + c*float64(fb-bb)
		}
	}
	return out
}

// reference scales a frame to the same pixels in floating point, without any
// of the code under test.
func reference(f *video.Frame, w, h int) []float64 {
	full := make([]float64, f.Width*f.Height*3)
	for y := range f.Height {
		for x := range f.Width {
			l := (float64(f.Y[y*f.YStride+x]) - 16) * 255 / 219
			u := (float64(f.U[y/2*f.UVStride+x/2]) - 128) * 255 / 224
			v := (float64(f.V[y/2*f.UVStride+x/2]) - 128) * 255 / 224
			at := (y*f.Width + x) * 3
			full[at] = l + 1.402*v
			full[at+1] = l - 0.344136*u - 0.714136*v
			full[at+2] = l + 1.772*u
			for c := range 3 {
				full[at+c] = min(max(full[at+c], 0), 255)
			}
		}
	}
	return areaScale(full, f.Width, f.Height, w, h)
}

func areaScale(src []float64, sw, sh, w, h int) []float64 {
	out := make([]float64, w*h*3)
	for y := range h {
		y0, y1 := float64(y*sh)/float64(h), float64((y+1)*sh)/float64(h)
		for x := range w {
			x0, x1 := float64(x*sw)/float64(w), float64((x+1)*sw)/float64(w)
			var sum [3]float64
			for sy := int(y0); sy < sh && float64(sy) < y1; sy++ {
				wy := min(y1, float64(sy+1)) - max(y0, float64(sy))
				for sx := int(x0); sx < sw && float64(sx) < x1; sx++ {
					wt := wy * (min(x1, float64(sx+1)) - max(x0, float64(sx)))
					for c := range 3 {
						sum[c] += wt * src[(sy*sw+sx)*3+c]
					}
				}
			}
			for c := range 3 {
				out[(y*w+x)*3+c] = sum[c] / ((y1 - y0) * (x1 - x0))
			}
		}
	}
	return out
}

func psnr(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return 10 * math.Log10(255*255/(sum/float64(len(a))))
}
