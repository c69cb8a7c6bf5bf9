package vp8

import (
	"math"
	"math/rand/v2"

	"github.com/meet-term/meet/media/video"
)

// texture is a square of smooth random structure at all scales, like that of
// natural pictures, which wraps around. Its side is a power of two.
type texture struct {
	side int
	v    []float64 // roughly -1 to 1
}

func newTexture(seed uint64, side int) *texture {
	rng := rand.New(rand.NewPCG(seed, 1))
	t := &texture{side: side, v: make([]float64, side*side)}
	amplitude := 0.5
	for grid := 4; grid <= side/2; grid *= 2 {
		knots := make([]float64, grid*grid)
		for i := range knots {
			knots[i] = rng.Float64()*2 - 1
		}
		k := &texture{side: grid, v: knots}
		for y := range side {
			for x := range side {
				t.v[y*side+x] += amplitude * k.at(float64(x)*float64(grid)/float64(side), float64(y)*float64(grid)/float64(side))
			}
		}
		amplitude *= 0.62
	}
	return t
}

// at returns the texture at a place between its samples.
func (t *texture) at(x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	u, v := x-fx, y-fy
	x0, y0 := int(fx)&(t.side-1), int(fy)&(t.side-1)
	x1, y1 := (x0+1)&(t.side-1), (y0+1)&(t.side-1)
	top := t.v[y0*t.side+x0]*(1-u) + t.v[y0*t.side+x1]*u
	bottom := t.v[y1*t.side+x0]*(1-u) + t.v[y1*t.side+x1]*u
	return top*(1-v) + bottom*v
}

// cameraFrames makes pictures such as a webcam takes: a still, textured room, a
// head and shoulders that sway and turn, and the noise of the sensor.
func cameraFrames(width, height, n int) []*video.Frame {
	room, skin, cloth := newTexture(1, 256), newTexture(2, 128), newTexture(3, 128)
	rng := rand.New(rand.NewPCG(4, 4))
	scale := float64(height) / 360
	var frames []*video.Frame
	for i := range n {
		f := video.NewFrame(width, height)
		t := float64(i) / 15
		hx := (float64(width)/2/scale + 30*math.Sin(t*1.1) + 5*math.Sin(t*4.3)) * scale
		hy := (150 + 12*math.Sin(t*1.7+1)) * scale
		turn := 6 * math.Sin(t*0.9)
		for y := range height {
			for x := range width {
				px, py := float64(x)/scale, float64(y)/scale
				dx, dy := (float64(x)-hx)/scale, (float64(y)-hy)/scale
				l := 120 + 60*room.at(px/3, py/3)
				switch {
				case dx*dx/(70*70)+dy*dy/(95*95) < 1:
					l = 165 + 40*skin.at((dx+turn*math.Cos(dx/70))/2, dy/2) - 30*dx*dx/4900
					if math.Abs(math.Abs(dx-turn*2)-28) < 12 && math.Abs(dy+20) < 6+3*math.Sin(t*5) {
						l = 60
					}
				case dy > 80 && math.Abs(dx) < 90+dy/2:
					l = 80 + 50*cloth.at(dx/1.5, dy/1.5)
				}
				f.Y[y*f.YStride+x] = uint8(min(max(l+rng.NormFloat64()*1.6, 16), 235))
			}
		}
		for y := range (height + 1) / 2 {
			for x := range (width + 1) / 2 {
				dx, dy := (float64(2*x)-hx)/scale, (float64(2*y)-hy)/scale
				u, v := 124+20*room.at(float64(x)/8/scale, float64(y)/8/scale), 130.0
				if dx*dx/(70*70)+dy*dy/(95*95) < 1 {
					u, v = 112, 152
				} else if dy > 80 && math.Abs(dx) < 90+dy/2 {
					u, v = 145, 110
				}
				f.U[y*f.UVStride+x] = uint8(u + rng.NormFloat64())
				f.V[y*f.UVStride+x] = uint8(v + rng.NormFloat64())
			}
		}
		frames = append(frames, f)
	}
	return frames
}

// screenFrames makes pictures of a desktop: two pages of text, one of which
// someone types into while the other scrolls now and then, and a pointer.
func screenFrames(width, height, n int) []*video.Frame {
	rng := rand.New(rand.NewPCG(5, 5))
	glyphs := make([][13]uint8, 64)
	for i := range glyphs {
		for y := 2; y < 11; y++ {
			glyphs[i][y] = uint8(rng.Uint32()) & uint8(rng.Uint32()|0x24) & 0x7e
		}
	}
	text := make([]uint8, 400*400) // glyphs of an endless page, 0 a blank
	for i := range text {
		if rng.IntN(6) > 0 && i%400 < 40+rng.IntN(60) {
			text[i] = uint8(1 + rng.IntN(63))
		}
	}
	draw := func(f *video.Frame, x0, y0, w, h, scroll, limit int, paper, ink uint8) {
		for y := y0; y < y0+h; y++ {
			for x := x0; x < x0+w; x++ {
				line, col := (y-y0+scroll)/14, (x-x0)/8
				c := paper
				if g := text[line*400+col]; g > 0 && line*400+col < limit {
					if row := (y - y0 + scroll) % 14; row < 13 && glyphs[g][row]>>((x-x0)%8)&1 == 1 {
						c = ink
					}
				}
				f.Y[y*f.YStride+x] = c
			}
		}
	}
	var frames []*video.Frame
	scroll := 0
	for i := range n {
		f := video.NewFrame(width, height)
		for j := range f.Y {
			f.Y[j] = 90 + uint8(j/f.YStride*40/height)
		}
		for j := range f.U {
			f.U[j], f.V[j] = 140, 118
		}
		if i%45 >= 30 { // scrolls for a second, every three
			scroll += 9
		}
		draw(f, 20, 30, width/2-30, height-60, scroll, 1<<30, 230, 30)
		lines := (height - 60) / 14
		draw(f, width/2+10, 30, width/2-30, height-60, 0, (lines/2)*400+i/2, 30, 200)
		px, py := width/2+int(float64(width)/6.4*math.Sin(float64(i)/20)), height/2+int(float64(height)/7.2*math.Cos(float64(i)/14))
		for y := range 16 {
			for x := range 1 + y/2 {
				f.Y[(py+y)*f.YStride+px+x] = 235
			}
		}
		frames = append(frames, f)
	}
	return frames
}
