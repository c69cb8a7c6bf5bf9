package termvideo

import (
	"os"
	"time"

	"github.com/meet-term/meet/media/video"
)

// pixelSender shows tiles as real pictures, one protocol for all of them. It
// belongs to its Drawer.
type pixelSender struct {
	cfg   *Config
	tiles []*pixelTile
	next  uint32 // image ids given out so far, modulo imageIDCount
	files fileBox
	kitty kittyEncoder
	iterm itermEncoder
	sixel sixelEncoder
	rgb   []byte // the picture being sent, three bytes per pixel
}

// pixelTile is what the terminal holds for one tile.
type pixelTile struct {
	id     string
	seen   bool // still in the scene
	area   rect // cells the picture covers; empty while none is shown
	image  uint32
	scaler *scaler

	frame             *video.Frame
	dim, mirror, fill bool
}

// imageIDCount is how many kitty image ids one process uses in rotation.
const imageIDCount = 4096

func newPixelSender(cfg *Config) *pixelSender {
	if cfg.ImageIDs == 0 {
		// Somewhere far from the small numbers that tools like to use.
		cfg.ImageIDs = 0x6d000000 | uint32(os.Getpid()&0xfff)*imageIDCount
	}
	return &pixelSender{cfg: cfg, files: newFileBox(filePrefix())}
}

// invalidate forgets the pictures; they are sent and placed again.
func (p *pixelSender) invalidate() {
	for _, t := range p.tiles {
		t.frame = nil
	}
}

// append adds what brings the pictures on the terminal in line with the tiles.
func (p *pixelSender) append(b []byte, tiles []*tileState, free [][]uint32, now time.Time) []byte {
	for _, t := range p.tiles {
		t.seen = false
	}
	for _, t := range tiles {
		b = p.update(b, t, wholeRows(t.clip, free), now)
		t.damaged = false
	}
	kept := p.tiles[:0]
	for _, t := range p.tiles {
		if t.seen {
			kept = append(kept, t)
		} else {
			b = p.remove(b, t)
		}
	}
	p.tiles = kept
	return b
}

func (p *pixelSender) tile(id string) *pixelTile {
	for _, t := range p.tiles {
		if t.id == id {
			return t
		}
	}
	t := &pixelTile{id: id}
	p.tiles = append(p.tiles, t)
	return t
}

// update sends the picture of one tile if it changed, or was damaged.
func (p *pixelSender) update(b []byte, t *tileState, area rect, now time.Time) []byte {
	pt := p.tile(t.ID)
	pt.seen = true
	if p.cfg.Mode == ModeSixel {
		area = sixelArea(area, t.screenRows)
	}
	if area.w == 0 || area.h == 0 || !drawable(t.Frame) {
		return p.remove(b, pt)
	}
	same := pt.area == area && pt.frame != nil && samePicture(pt.frame, t.Frame) &&
		pt.dim == t.Dim && pt.mirror == t.Mirror && pt.fill == t.Fill
	if same && !t.damaged {
		return b
	}
	if p.cfg.Mode == ModeKitty && p.cfg.KittyLocal && p.files.behind(t.ID, now) {
		// The terminal has not read the last picture yet. Nothing is queued:
		// the newest picture is sent as soon as it has.
		return b
	}
	w, h := p.render(pt, t, area)
	sent, ok := p.encode(b, pt, t.ID, area, w, h, now)
	if !ok {
		return b
	}
	pt.area, pt.frame, pt.dim, pt.mirror, pt.fill = area, t.Frame, t.Dim, t.Mirror, t.Fill
	return sent
}

func (p *pixelSender) encode(b []byte, pt *pixelTile, id string, area rect, w, h int, now time.Time) ([]byte, bool) {
	b = appendPosition(b, area.x, area.y)
	switch p.cfg.Mode {
	case ModeKitty:
		old := pt.image
		image := p.cfg.ImageIDs + p.next%imageIDCount
		var ok bool
		if p.cfg.KittyLocal {
			b, ok = p.appendKittyFile(b, image, id, area, w, h, now)
		} else {
			b, ok = p.kitty.appendDirect(b, image, area, w, h, p.rgb)
		}
		if !ok {
			return b, false
		}
		// The new picture is there before the old one goes: no flicker.
		p.next++
		pt.image = image
		if old != 0 {
			b = appendKittyDelete(b, old)
		}
		return b, true
	case ModeITerm:
		return p.iterm.append(b, area, w, h, p.rgb)
	case ModeSixel:
		return p.sixel.append(b, w, h, p.rgb), true
	case ModeAuto, ModeOff, ModeASCII, ModeHalf, ModeQuadrant, ModeSextant, ModeOctant:
	}
	return b, false
}

// remove takes a picture off the screen. The cells below it are blank already;
// protocols without names for pictures are overwritten by writing the cells.
func (p *pixelSender) remove(b []byte, t *pixelTile) []byte {
	if p.cfg.Mode == ModeKitty && t.image != 0 {
		b = appendKittyDelete(b, t.image)
		t.image = 0
	}
	if p.cfg.Mode != ModeKitty && t.area.w > 0 {
		b = append(b, "\x1b[49m"...)
		for y := range t.area.h {
			b = appendPosition(b, t.area.x, t.area.y+y)
			for range t.area.w {
				b = append(b, ' ')
			}
		}
	}
	t.area, t.frame = rect{}, nil
	return b
}

// appendCleanup removes every picture of this drawer.
func (p *pixelSender) appendCleanup(b []byte) []byte {
	for _, t := range p.tiles {
		if p.cfg.Mode == ModeKitty && t.image != 0 {
			b = appendKittyDelete(b, t.image)
		}
	}
	p.tiles = nil
	return b
}

func (p *pixelSender) removeFiles() { p.files.removeAll() }

// wholeRows returns the longest run of rows of a place in which every cell is
// free: a picture cannot be cut around a badge as cells can. A place that is
// more than half covered, by a dialog for instance, shows no picture.
func wholeRows(clip rect, free [][]uint32) rect {
	if free == nil {
		return clip
	}
	best := rect{x: clip.x, w: clip.w}
	run := 0
	for y := clip.y; y < clip.y+clip.h; y++ {
		if !rowIsFree(free, y, clip.x, clip.x+clip.w) {
			run = 0
			continue
		}
		if run++; run > best.h {
			best.y, best.h = y-run+1, run
		}
	}
	if best.h*2 < clip.h {
		return rect{}
	}
	return best
}

func rowIsFree(free [][]uint32, y, from, to int) bool {
	if y >= len(free) || to > len(free[y]) {
		return false
	}
	for _, stamp := range free[y][from:to] {
		if stamp == 0 {
			return false
		}
	}
	return true
}

// directPixels bounds the pictures that travel through the terminal's input.
const directPixels = 640 * 400

// render scales a frame to the pixels of an area, bars included, into p.rgb.
func (p *pixelSender) render(pt *pixelTile, t *tileState, area rect) (w, h int) {
	w, h = area.w*p.cfg.CellWidth, area.h*p.cfg.CellHeight
	if p.cfg.Mode != ModeSixel {
		// These terminals scale by themselves: never send more pixels than the
		// frame has, nor more than the way to the terminal carries.
		w, h = shrink(w, h, t.Frame.Width, t.Frame.Height)
		if !p.cfg.KittyLocal || p.cfg.Mode != ModeKitty {
			for w*h > directPixels {
				w, h = max(w*9/10, 1), max(h*9/10, 1)
			}
		}
	}
	key := scalerKey{srcW: t.Frame.Width, srcH: t.Frame.Height, gridW: w, gridH: h, pxW: 1, pxH: 1, fill: t.Fill}
	if pt.scaler == nil || pt.scaler.key != key {
		pt.scaler = newScaler(key)
	}
	if cap(p.rgb) < w*h*3 {
		p.rgb = make([]byte, w*h*3)
	}
	p.rgb = p.rgb[:w*h*3]
	s := pt.scaler
	bar := makeRGB(p.cfg.Background[0], p.cfg.Background[1], p.cfg.Background[2])
	for y := range h {
		line := p.rgb[y*w*3:][:w*3]
		i := y - s.dst.y
		if i < 0 || i >= s.dst.h {
			fillRGB(line, bar)
			continue
		}
		s.row(t.Frame, i)
		fillRGB(line[:s.dst.x*3], bar)
		fillRGB(line[(s.dst.x+s.dst.w)*3:], bar)
		convertRow(line[s.dst.x*3:][:s.dst.w*3], s, t.Dim, t.Mirror)
	}
	return w, h
}

// shrink reduces w x h to no more than needed to show all samples of a source.
func shrink(w, h, srcW, srcH int) (int, int) {
	if w <= srcW || h <= srcH {
		return w, h
	}
	if w*srcH > h*srcW { // wider than the source: its height decides
		return max(w*srcH/h, 1), srcH
	}
	return srcW, max(h*srcW/w, 1)
}

func fillRGB(line []byte, c rgb) {
	for i := 0; i+2 < len(line); i += 3 {
		line[i], line[i+1], line[i+2] = byte(c>>16), byte(c>>8), byte(c)
	}
}

func convertRow(line []byte, s *scaler, dim, mirror bool) {
	n := len(s.y)
	for x := range n {
		i := x
		if mirror {
			i = n - 1 - x
		}
		c := limitedRGB(s.y[i], s.u[i], s.v[i])
		if dim {
			c = c.dimmed()
		}
		line[3*x], line[3*x+1], line[3*x+2] = byte(c>>16), byte(c>>8), byte(c)
	}
}
