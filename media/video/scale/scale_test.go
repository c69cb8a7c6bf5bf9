package scale

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/meet-term/meet/media/video"
)

func TestFit(t *testing.T) {
	tests := []struct {
		name                  string
		w, h, maxW, maxH      int
		wantWidth, wantHeight int
	}{
		{"the same size", 640, 360, 640, 360, 640, 360},
		{"never larger", 640, 360, 4000, 4000, 640, 360},
		{"half", 640, 360, 320, 180, 320, 180},
		{"limited by width", 640, 360, 200, 1000, 200, 112},
		{"limited by height", 640, 360, 1000, 90, 160, 90},
		{"odd limits", 640, 360, 201, 121, 200, 114},
		{"odd source", 641, 361, 1000, 1000, 640, 360},
		{"upright", 720, 1280, 200, 120, 68, 120},
		{"extreme shape", 1000, 10, 100, 100, 100, 16},
		{"nobody looks", 640, 360, 0, 100, 0, 0},
		{"no source", 0, 360, 100, 100, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, h := Fit(tt.w, tt.h, tt.maxW, tt.maxH)
			if w != tt.wantWidth || h != tt.wantHeight {
				t.Errorf("Fit(%d, %d, %d, %d) = %d, %d, want %d, %d", tt.w, tt.h, tt.maxW, tt.maxH, w, h, tt.wantWidth, tt.wantHeight)
			}
		})
	}
}

// noise is the hardest picture: every sample counts.
func noise(width, height int) *video.Frame {
	r := rand.New(rand.NewPCG(1, uint64(width*height)))
	f := video.NewFrame(width, height)
	for _, p := range [][]byte{f.Y, f.U, f.V} {
		for i := range p {
			p[i] = byte(r.UintN(256))
		}
	}
	f.Time, f.Seq = time.Unix(7, 0), 9
	return f
}

// slow is the exact mean of an area, sample by sample.
func slow(src []byte, stride, srcW, srcH, dstW, dstH, x, y int) float64 {
	x0, x1 := float64(x*srcW)/float64(dstW), float64((x+1)*srcW)/float64(dstW)
	y0, y1 := float64(y*srcH)/float64(dstH), float64((y+1)*srcH)/float64(dstH)
	sum, area := 0.0, 0.0
	for sy := int(y0); sy < srcH && float64(sy) < y1; sy++ {
		for sx := int(x0); sx < srcW && float64(sx) < x1; sx++ {
			a := (min(x1, float64(sx+1)) - max(x0, float64(sx))) * (min(y1, float64(sy+1)) - max(y0, float64(sy)))
			sum += a * float64(src[sy*stride+sx])
			area += a
		}
	}
	return sum / area
}

func TestScaleIsTheMeanOfTheArea(t *testing.T) {
	sizes := [][4]int{
		{640, 360, 320, 180}, {640, 360, 200, 112}, {641, 361, 200, 114}, {64, 64, 63, 62},
		{17, 33, 16, 16}, {1280, 720, 16, 16}, {40, 40, 40, 20}, {40, 40, 20, 40}, {30, 20, 61, 40},
	}
	var s Scaler
	for _, z := range sizes {
		t.Run(fmt.Sprint(z), func(t *testing.T) {
			src := noise(z[0], z[1])
			dst := s.Scale(src, z[2], z[3])
			if dst.Width != z[2] || dst.Height != z[3] || dst.Time != src.Time || dst.Seq != src.Seq {
				t.Fatalf("got %dx%d, time %v, number %d", dst.Width, dst.Height, dst.Time, dst.Seq)
			}
			check := func(name string, got []byte, gotStride int, in []byte, inStride, srcW, srcH, dstW, dstH int) {
				worst := 0.0
				for y := range dstH {
					for x := range dstW {
						want := slow(in, inStride, srcW, srcH, dstW, dstH, x, y)
						worst = max(worst, math.Abs(float64(got[y*gotStride+x])-want))
					}
				}
				// Two roundings, and weights in 256ths.
				if worst > 3 {
					t.Errorf("%s is off by up to %.2f", name, worst)
				}
			}
			check("luma", dst.Y, dst.YStride, src.Y, src.YStride, z[0], z[1], z[2], z[3])
			cw, ch, dw, dh := (z[0]+1)/2, (z[1]+1)/2, (z[2]+1)/2, (z[3]+1)/2
			check("U", dst.U, dst.UVStride, src.U, src.UVStride, cw, ch, dw, dh)
			check("V", dst.V, dst.UVStride, src.V, src.UVStride, cw, ch, dw, dh)
		})
	}
}

func TestScaleKeepsFlatColours(t *testing.T) {
	var s Scaler
	for _, level := range []byte{0, 1, 16, 235, 254, 255} {
		src := video.NewFrame(1283, 719)
		for i := range src.Y {
			src.Y[i] = level
		}
		for i, v := range s.Scale(src, 202, 114).Y {
			if v != level {
				t.Fatalf("sample %d of a plane of %d became %d", i, level, v)
			}
		}
	}
}

func TestScaleHonoursStrides(t *testing.T) {
	whole := noise(64, 64)
	part := &video.Frame{
		Width: 32, Height: 32, Y: whole.Y[8*64+8:], U: whole.U[4*32+4:], V: whole.V[4*32+4:],
		YStride: 64, UVStride: 32,
	}
	tight := video.NewFrame(32, 32)
	for y := range 32 {
		copy(tight.Y[32*y:][:32], part.Y[64*y:])
	}
	for y := range 16 {
		copy(tight.U[16*y:][:16], part.U[32*y:])
		copy(tight.V[16*y:][:16], part.V[32*y:])
	}
	var s Scaler
	a, b := s.Scale(part, 20, 22), s.Scale(tight, 20, 22)
	if string(a.Y) != string(b.Y) || string(a.U) != string(b.U) || string(a.V) != string(b.V) {
		t.Error("a picture within a larger one is scaled differently from the same picture alone")
	}
}

func TestScaleToTheSameSizeCostsNothing(t *testing.T) {
	var s Scaler
	src := noise(64, 64)
	if got := s.Scale(src, 64, 64); got != src {
		t.Error("a copy was made")
	}
}

func BenchmarkScale(b *testing.B) {
	for _, z := range [][4]int{{640, 360, 320, 180}, {640, 360, 200, 112}, {1280, 720, 640, 360}, {1920, 1080, 1280, 720}} {
		b.Run(fmt.Sprintf("%dx%d-%dx%d", z[0], z[1], z[2], z[3]), func(b *testing.B) {
			src := noise(z[0], z[1])
			var s Scaler
			b.ReportAllocs()
			for b.Loop() {
				s.Scale(src, z[2], z[3])
			}
		})
	}
}
