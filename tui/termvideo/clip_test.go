package termvideo

import (
	"math"
	"time"

	"github.com/meet-term/meet/media/video"
)

// The clip the drawing is measured on: a person in front of a shelf, head and
// mouth moving, with the grain of a webcam. It is computed, so that it is the
// same everywhere and nobody's face.

const (
	clipWidth, clipHeight = 640, 384 // the shape of 100x30 cells of 1:2
	clipFrames            = 30
)

type vec struct{ r, g, b float64 }

func (a vec) mix(b vec, t float64) vec {
	return vec{a.r + (b.r-a.r)*t, a.g + (b.g-a.g)*t, a.b + (b.b-a.b)*t}
}

func (a vec) scale(t float64) vec { return vec{a.r * t, a.g * t, a.b * t} }

// hash is a noise value in [0,1) for a lattice point.
func hash(x, y, seed int) float64 {
	h := uint32(x)*374761393 + uint32(y)*668265263 + uint32(seed)*2246822519
	h = (h ^ h>>13) * 1274126177
	return float64(h^h>>16) / (1 << 32)
}

// noise is smooth noise over the plane.
func noise(x, y float64, seed int) float64 {
	xi, yi := math.Floor(x), math.Floor(y)
	fx, fy := x-xi, y-yi
	fx, fy = fx*fx*(3-2*fx), fy*fy*(3-2*fy)
	at := func(dx, dy int) float64 { return hash(int(xi)+dx, int(yi)+dy, seed) }
	top := at(0, 0) + (at(1, 0)-at(0, 0))*fx
	low := at(0, 1) + (at(1, 1)-at(0, 1))*fx
	return top + (low-top)*fy
}

// edge goes from 0 to 1 over a soft border around zero.
func edge(d, soft float64) float64 {
	t := min(max(d/soft+0.5, 0), 1)
	return t * t * (3 - 2*t)
}

// ellipse is positive inside, in units of its radius.
func ellipse(x, y, cx, cy, rx, ry float64) float64 {
	return 1 - math.Hypot((x-cx)/rx, (y-cy)/ry)
}

// portrait is the colour of the clip at a point (0..1.667, 0..1) and a time.
func portrait(x, y, t float64) vec {
	c := background(x, y)
	hx := 0.83 + 0.05*math.Sin(2*math.Pi*t*0.6)
	hy := 0.42 + 0.015*math.Sin(2*math.Pi*t*1.1)

	// Shoulders in a striped shirt.
	body := ellipse(x, y, 0.83+0.02*math.Sin(2*math.Pi*t*0.6), 1.08, 0.50, 0.40)
	shirt := vec{40, 62, 104}.mix(vec{120, 140, 170}, edge(math.Sin((y+0.3*x)*95), 1.2)*0.5)
	shirt = shirt.scale(0.75 + 0.35*noise(x*9, y*9, 3))
	c = c.mix(shirt, edge(body, 0.02))
	neck := ellipse(x, y, hx, hy+0.27, 0.095, 0.16)
	c = c.mix(vec{168, 120, 96}, edge(neck, 0.06))

	// Hair behind and over the head, with strands.
	hair := vec{44, 30, 22}.mix(vec{142, 102, 68}, noise(x*90, y*12, 5))
	c = c.mix(hair, edge(ellipse(x, y, hx, hy-0.05, 0.215, 0.29), 0.04))
	light := 0.72 + 0.42*edge((hx+0.1-x)*2+(hy-y)*0.6, 1.1)
	skin := vec{214, 164, 136}.scale(light * (0.96 + 0.08*noise(x*24, y*24, 7)))
	c = c.mix(skin, edge(ellipse(x, y, hx, hy+0.02, 0.165, 0.235), 0.04))
	return face(c, x-hx, y-hy, t)
}

func face(c vec, x, y, t float64) vec {
	open := 0.5 + 0.5*math.Sin(2*math.Pi*t*3.1)
	blink := edge(math.Mod(t, 2.3)-0.12, 0.05)
	for _, side := range [...]float64{-1, 1} {
		ex := x - side*0.068
		c = c.mix(vec{70, 48, 36}, 0.85*edge(ellipse(ex, y, 0, -0.062-0.01*side*open, 0.047, 0.011), 0.5))
		c = c.mix(vec{236, 232, 226}, edge(ellipse(ex, y, 0, -0.012, 0.034, 0.004+0.014*blink), 0.3))
		c = c.mix(vec{52, 74, 88}, blink*edge(ellipse(ex, y, 0.006*math.Sin(4*t), -0.012, 0.013, 0.015), 0.3))
		c = c.mix(vec{226, 140, 124}, 0.35*edge(ellipse(ex, y, side*0.02, 0.075, 0.05, 0.04), 1))
	}
	nose := ellipse(x, y, 0.012, 0.05, 0.03, 0.05)
	c = c.mix(c.scale(0.8), edge(nose, 0.9))
	c = c.mix(vec{176, 84, 84}, edge(ellipse(x, y, 0, 0.135, 0.066, 0.019+0.016*open), 0.25))
	c = c.mix(vec{64, 24, 28}, edge(ellipse(x, y, 0, 0.135, 0.05, 0.001+0.018*open), 0.3))
	return c
}

// background is a wall with a lamp, a plant and two shelves of books.
func background(x, y float64) vec {
	c := vec{176, 168, 152}.mix(vec{112, 116, 124}, min(x/1.667+0.15*y, 1))
	glow := math.Exp(-9 * (math.Pow(x-0.25, 2) + math.Pow(y-0.2, 2)))
	c = c.mix(vec{255, 240, 205}, 0.8*glow)
	for i, top := range [...]float64{0.08, 0.46} {
		if x > 1.12 && y > top && y < top+0.32 {
			book := math.Floor((x - 1.12) / 0.036)
			tall := 0.2 + 0.11*hash(int(book), i, 11)
			hue := hash(int(book), i, 13)
			spine := vec{96 + 110*hue, 60 + 90*hash(int(book), i, 17), 70 + 80*(1-hue)}
			inBook := math.Mod((x-1.12)/0.036, 1)
			letter := noise(x*160, y*120, 19+i)
			if y > top+0.32-tall {
				c = spine.scale(0.65 + 0.45*math.Sin(math.Pi*inBook))
				if math.Abs(inBook-0.5) < 0.3 && y > top+0.16 && y < top+0.3 {
					c = c.mix(vec{236, 226, 196}, edge(letter-0.55, 0.3))
				}
				if math.Abs(y-top-0.2) < 0.012 {
					c = c.mix(vec{225, 210, 160}, 0.7)
				}
			} else {
				c = c.scale(0.45)
			}
		}
		if x > 1.1 && math.Abs(y-top-0.335) < 0.014 {
			c = vec{110, 78, 50}
		}
	}
	leaf := math.Sin(34*x+9*math.Sin(13*y)) * math.Sin(27*y-7*math.Cos(9*x))
	if d := ellipse(x, y, 0.16, 0.78, 0.2, 0.27); d > 0 {
		c = c.mix(vec{44, 96, 52}.mix(vec{120, 160, 90}, edge(leaf, 0.7)), edge(d, 0.2)*edge(leaf+0.55, 0.5))
	}
	return c
}

// clipFrame renders frame i of the clip, at 15 frames per second.
func clipFrame(i int) *video.Frame {
	f := video.NewFrame(clipWidth, clipHeight)
	f.Seq, f.Time = uint64(i+1), time.Unix(0, 0).Add(time.Duration(i)*time.Second/15)
	t := float64(i) / 15
	for cy := range clipHeight / 2 {
		for cx := range clipWidth / 2 {
			var sum vec
			for k := range 4 {
				px, py := 2*cx+k&1, 2*cy+k>>1
				c := portrait(float64(px)/clipHeight, float64(py)/clipHeight, t)
				grain := 11 * (hash(px, py, 100+i) + hash(px, py, 200+i) - 1)
				c = vec{c.r + grain, c.g + grain, c.b + grain}
				f.Y[py*f.YStride+px] = limited(16 + (65.738*c.r+129.057*c.g+25.064*c.b)/256)
				sum = vec{sum.r + c.r/4, sum.g + c.g/4, sum.b + c.b/4}
			}
			f.U[cy*f.UVStride+cx] = limited(128 + (-37.945*sum.r-74.494*sum.g+112.439*sum.b)/256)
			f.V[cy*f.UVStride+cx] = limited(128 + (112.439*sum.r-94.154*sum.g-18.285*sum.b)/256)
		}
	}
	return f
}

func limited(v float64) byte { return byte(min(max(math.Round(v), 16), 240)) }
