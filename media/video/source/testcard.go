package source

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/meet-term/meet/media/video"
)

// Sizes of the test cards. They differ so that a camera that is taken for a
// screen shows.
const (
	CameraCardWidth, CameraCardHeight = 640, 360
	ScreenCardWidth, ScreenCardHeight = 1280, 720
)

// testCard is a picture with a clock, a moving element and a stamp that
// ReadStamp understands. It needs no device.
type testCard struct {
	screen bool
}

// Check implements [Source]: a test card always works.
func (testCard) Check(context.Context) error { return nil }

// Run implements [Source].
func (t testCard) Run(ctx context.Context, d *Demand, emit func(*video.Frame)) error {
	var paint func(now time.Time) *video.Frame
	if t.screen {
		paint = paintScreenCard
	} else {
		paint = paintCameraCard
	}
	seq := uint64(0)
	return pace(ctx, d, func(_ Want, now time.Time) error {
		f := paint(now)
		seq++
		f.Time, f.Seq = now, seq
		writeStamp(f, Stamp{Screen: t.screen, Milliseconds: uint32(now.UnixMilli()) & stampTime})
		emit(f)
		return nil
	})
}

// copyFrame is a quick way to a new frame that starts as another one, whose
// planes are packed as NewFrame packs them.
func copyFrame(f *video.Frame) *video.Frame {
	luma, chroma := len(f.Y), len(f.U)
	buf := make([]byte, 0, luma+2*chroma)
	buf = append(append(append(buf, f.Y...), f.U...), f.V...)
	c := *f
	c.Y, c.U, c.V = buf[:luma:luma], buf[luma:luma+chroma:luma+chroma], buf[luma+chroma:]
	return &c
}

// sceneryWidth is how wide the scenery is that the camera card pans over.
const sceneryWidth = 2 * CameraCardWidth

// scenery is what the camera card shows: smooth shapes and fine texture, as
// rooms and faces have, and grain that is added anew to every picture.
type scenery struct {
	wide  *video.Frame
	grain []uint64 // eight samples each, 0 to 3
}

var loadScenery = sync.OnceValue(func() *scenery {
	const w, h = sceneryWidth, CameraCardHeight
	r := rand.New(rand.NewPCG(640, 360))
	f := video.NewFrame(w, h)
	// Sums of waves that fit the width a whole number of times, so that the
	// pan has no seam.
	wave := func(x, y, kx, ky, phase float64) float64 {
		return math.Sin(2*math.Pi*(kx*x+ky*y) + phase)
	}
	for y := range h {
		for x := range w {
			u, v := float64(x)/w, float64(y)/h
			l := 118 + 38*wave(u, v, 2, 0.7, 0) + 24*wave(u, v, 5, -1.3, 1) + 12*wave(u, v, 23, 9, 2)*wave(u, v, 1, 2, 3)
			f.Y[y*w+x] = byte(l + 8*r.Float64())
		}
	}
	for y := range h / 2 {
		for x := range w / 2 {
			u, v := 2*float64(x)/w, 2*float64(y)/h
			f.U[y*w/2+x] = byte(128 + 22*wave(u, v, 1, 0.5, 1))
			f.V[y*w/2+x] = byte(128 + 22*wave(u, v, 2, -0.5, 4))
		}
	}
	s := &scenery{wide: f, grain: make([]uint64, 4096)}
	for i := range s.grain {
		s.grain[i] = r.Uint64() & 0x0303030303030303
	}
	return s
})

// paintCameraCard pans over the scenery.
func paintCameraCard(now time.Time) *video.Frame {
	const w, h = CameraCardWidth, CameraCardHeight
	s := loadScenery()
	// One sample every 20 ms; the turning point is never reached: it wraps.
	ms := now.UnixMilli()
	pan := int(ms/20) % sceneryWidth
	luma, chroma := w*h, w*h/4
	buf := make([]byte, luma+2*chroma)
	f := &video.Frame{
		Width: w, Height: h, YStride: w, UVStride: w / 2,
		Y: buf[:luma:luma], U: buf[luma : luma+chroma : luma+chroma], V: buf[luma+chroma:],
	}
	grain := int(uint64(now.UnixNano()/1000) * 2654435761 % 4001)
	for y := range h {
		row := f.Y[y*w:][:w]
		copyWrapped(row, s.wide.Y[y*sceneryWidth:][:sceneryWidth], pan)
		for x := 0; x < w; x += 8 {
			// The scenery stays below 252, so no sample overflows.
			binary.LittleEndian.PutUint64(row[x:], binary.LittleEndian.Uint64(row[x:])+s.grain[grain&4095])
			grain++
		}
	}
	for y := range h / 2 {
		copyWrapped(f.U[y*w/2:][:w/2], s.wide.U[y*sceneryWidth/2:][:sceneryWidth/2], pan/2)
		copyWrapped(f.V[y*w/2:][:w/2], s.wide.V[y*sceneryWidth/2:][:sceneryWidth/2], pan/2)
	}
	x, y := bounce(ms, w-64, h-104, 5, 7)
	box(f, x, y+72, 64, 32, 200, 90, 190)
	clock(f, now, 8, 40, 4)
	return f
}

// copyWrapped fills dst from src, starting at some sample and going on at the
// front after the last.
func copyWrapped(dst, src []byte, from int) {
	copy(dst[copy(dst, src[from:]):], src)
}

// bounce is where something is that flies around in an area.
func bounce(ms int64, width, height, slowX, slowY int64) (x, y int) {
	fold := func(at, length int64) int {
		if length <= 0 {
			return 0
		}
		at %= 2 * length
		return int(min(at, 2*length-at)) &^ 1
	}
	return fold(ms/slowX, width), fold(ms/slowY, height)
}

// loadDesktop is what stands still on the screen card: windows with text.
var loadDesktop = sync.OnceValue(func() *video.Frame {
	f := video.NewFrame(ScreenCardWidth, ScreenCardHeight)
	box(f, 0, 0, f.Width, f.Height, 60, 140, 120)
	r := rand.New(rand.NewPCG(1280, 720))
	window := func(x, y, w, h int, paper byte) {
		box(f, x-2, y-18, w+4, h+20, 30, 128, 128)
		box(f, x, y, w, h, paper, 128, 128)
		for line := y + 6; line+10 < y+h; line += 12 {
			for at := x + 8 + 16*r.IntN(3); at < x+w-60; at += 4 + 6*r.IntN(9) {
				for range 2 + r.IntN(7) {
					if at < x+w-16 {
						glyph(f, digits[r.IntN(10)], at, line, 1, 251-paper)
					}
					at += 6
				}
			}
		}
	}
	window(30, 120, 560, 560, 235)
	window(640, 120, 600, 300, 24)
	window(640, 460, 600, 220, 235)
	return f
})

// paintScreenCard shows windows that mostly stand still: a clock counts, a
// cursor flies around, and one window scrolls a line per second.
func paintScreenCard(now time.Time) *video.Frame {
	f := copyFrame(loadDesktop())
	ms := now.UnixMilli()
	scroll(f, 640, 130, 600, 276, int(ms/1000)*12)
	clock(f, now, 300, 46, 6)
	x, y := bounce(ms, int64(f.Width-16), int64(f.Height-140), 3, 4)
	box(f, x, y+120, 12, 16, 210, 60, 170)
	return f
}

// scroll turns the lines of an area upwards by some rows.
func scroll(f *video.Frame, x, y, w, h, by int) {
	from := loadDesktop()
	by %= h
	for i := range h {
		src := y + (i+by)%h
		copy(f.Y[(y+i)*f.YStride+x:][:w], from.Y[src*from.YStride+x:][:w])
	}
}

// box fills a rectangle, cut to the frame. Positions and sizes should be even.
func box(f *video.Frame, x, y, w, h int, luma, u, v byte) {
	fill := func(plane []byte, stride, x0, y0, x1, y1 int, value byte) {
		for row := y0; row < y1; row++ {
			line := plane[row*stride:]
			for i := x0; i < x1; i++ {
				line[i] = value
			}
		}
	}
	x0, y0 := min(max(x, 0), f.Width), min(max(y, 0), f.Height)
	x1, y1 := min(max(x+w, x0), f.Width), min(max(y+h, y0), f.Height)
	fill(f.Y, f.YStride, x0, y0, x1, y1, luma)
	fill(f.U, f.UVStride, x0/2, y0/2, x1/2, y1/2, u)
	fill(f.V, f.UVStride, x0/2, y0/2, x1/2, y1/2, v)
}

// digits are the figures and the signs of a clock, five dots wide and seven
// high; the highest of the five bits is on the left.
var digits = [12][7]byte{
	{14, 17, 19, 21, 25, 17, 14}, {4, 12, 4, 4, 4, 4, 14}, {14, 17, 1, 2, 4, 8, 31}, {31, 2, 4, 2, 1, 17, 14},
	{2, 6, 10, 18, 31, 2, 2}, {31, 16, 30, 1, 1, 17, 14}, {6, 8, 16, 30, 17, 17, 14}, {31, 1, 2, 4, 8, 8, 8},
	{14, 17, 17, 14, 17, 17, 14}, {14, 17, 17, 15, 1, 2, 12}, {0, 4, 4, 0, 4, 4, 0}, {0, 0, 0, 0, 0, 12, 12},
}

// glyph draws one sign with dots of size by size samples.
func glyph(f *video.Frame, dots [7]byte, x, y, size int, luma byte) {
	for row, bits := range dots {
		for col := range 5 {
			if bits>>(4-col)&1 == 0 {
				continue
			}
			for i := range size {
				at := (y+row*size+i)*f.YStride + x + col*size
				for j := range size {
					f.Y[at+j] = luma
				}
			}
		}
	}
}

// clock draws the time of day to the millisecond, with dots of the given size.
func clock(f *video.Frame, now time.Time, x, y, size int) {
	box(f, x-size, y-size, (12*6+1)*size, 9*size, 16, 128, 128)
	for _, c := range now.Format("15:04:05.000") {
		index := 11
		switch {
		case c >= '0' && c <= '9':
			index = int(c - '0')
		case c == ':':
			index = 10
		}
		glyph(f, digits[index], x, y, size, 235)
		x += 6 * size
	}
}

// Stamp is what a test card says about itself in a row of black and white
// squares along its top. It survives coding and scaling, so that a test can
// tell how old a picture is and where it came from.
type Stamp struct {
	Screen bool // of the screen card, not of the camera card
	// Milliseconds is the low 20 bits of the Unix time in milliseconds at
	// which the picture was made; it repeats after 17 minutes.
	Milliseconds uint32
}

// Age is how long before now, at most 17 minutes, the picture was made.
func (s Stamp) Age(now time.Time) time.Duration {
	return time.Duration((uint32(now.UnixMilli())-s.Milliseconds)&stampTime) * time.Millisecond
}

// The squares, from the left: white, black, one for the kind, 20 for the time
// with the highest bit first, and the parity of those 21.
const (
	stampBits   = 24
	stampTime   = 1<<20 - 1
	stampHeight = 15 // the squares are a 15th of the height
)

func (s Stamp) bits() uint32 {
	b := s.Milliseconds & stampTime
	if s.Screen {
		b |= 1 << 20
	}
	parity := uint32(0)
	for v := b; v != 0; v &= v - 1 {
		parity ^= 1
	}
	return 1<<23 | b<<1 | parity
}

func writeStamp(f *video.Frame, s Stamp) {
	bits, h := s.bits(), f.Height/stampHeight&^1
	for i := range stampBits {
		luma := byte(16)
		if bits>>(stampBits-1-i)&1 == 1 {
			luma = 235
		}
		x0, x1 := i*f.Width/stampBits&^1, (i+1)*f.Width/stampBits&^1
		box(f, x0, 0, x1-x0, h, luma, 128, 128)
	}
}

// ReadStamp reads the stamp of a test card from a picture of any size that
// shows it whole. It fails on a picture without one.
func ReadStamp(f *video.Frame) (Stamp, error) {
	bits := uint32(0)
	for i := range stampBits {
		x0, x1 := i*f.Width/stampBits, (i+1)*f.Width/stampBits
		y0, y1 := 0, f.Height/stampHeight
		x0, x1, y0, y1 = x0+(x1-x0)/4, x1-(x1-x0)/4, y0+(y1-y0)/4, y1-(y1-y0)/4
		sum, n := 0, 0
		for y := y0; y < y1; y++ {
			for _, v := range f.Y[y*f.YStride:][x0:x1] {
				sum += int(v)
				n++
			}
		}
		if n == 0 {
			return Stamp{}, fmt.Errorf("read stamp: %d x %d is too small", f.Width, f.Height)
		}
		bits <<= 1
		if sum/n >= 126 {
			bits |= 1
		}
	}
	s := Stamp{Screen: bits>>21&1 == 1, Milliseconds: bits >> 1 & stampTime}
	if s.bits() != bits {
		return Stamp{}, fmt.Errorf("read stamp: no stamp in %06x", bits)
	}
	return s, nil
}
