package source

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/meet-term/meet/media/video"
)

// bt601 is the exact limited-range conversion, from the constants of the
// standard (ITU-R BT.601-7 section 2.5).
func bt601(r, g, b float64) (y, u, v float64) {
	y = 0.299*r + 0.587*g + 0.114*b
	return 16 + y*219/255, 128 + (b-y)/1.772*224/255, 128 + (r-y)/1.402*224/255
}

func TestBGRAIsConvertedExactly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const w, h = 34, 18
	pixels := make([]byte, 4*w*h)
	for i := range pixels {
		pixels[i] = byte(r.UintN(256))
	}
	copy(pixels, []byte{0, 0, 0, 9, 255, 255, 255, 9, 255, 0, 0, 9, 0, 255, 0, 9, 0, 0, 255, 9})
	f := video.NewFrame(w, h)
	for y := 0; y < h; y += 2 {
		bgraRows(f, y, pixels[4*w*y:][:4*w], pixels[4*w*(y+1):][:4*w])
	}
	at := func(x, y int) (r, g, b float64) {
		p := pixels[4*(y*w+x):]
		return float64(p[2]), float64(p[1]), float64(p[0])
	}
	for y := range h {
		for x := range w {
			if want, _, _ := bt601(at(x, y)); math.Abs(float64(f.Y[y*w+x])-want) > 1 {
				t.Fatalf("luma at %d,%d is %d, want %.1f", x, y, f.Y[y*w+x], want)
			}
		}
	}
	for y := 0; y < h; y += 2 {
		for x := 0; x < w; x += 2 {
			var r, g, b float64
			for i := range 4 {
				pr, pg, pb := at(x+i&1, y+i>>1)
				r, g, b = r+pr/4, g+pg/4, b+pb/4
			}
			_, u, v := bt601(r, g, b)
			gotU, gotV := f.U[y/2*f.UVStride+x/2], f.V[y/2*f.UVStride+x/2]
			if math.Abs(float64(gotU)-u) > 1 || math.Abs(float64(gotV)-v) > 1 {
				t.Fatalf("chroma at %d,%d is %d, %d, want %.1f, %.1f", x, y, gotU, gotV, u, v)
			}
		}
	}
}

func TestCanvasMakesPicturesOfChangesOnly(t *testing.T) {
	const w, h = 64, 32
	pixels := make([]byte, 4*w*h)
	want := Want{Width: 64, Height: 32, FPS: 15}
	var c canvas
	now := time.Unix(1, 0)
	first := c.update(pixels, w, h, want, now)
	if first == nil || first.Seq != 1 || !first.Time.Equal(now) {
		t.Fatalf("first picture %+v", first)
	}
	if f := c.update(pixels, w, h, want, now); f != nil {
		t.Error("a picture of no change")
	}
	pixels[4*(5*w+7)+1] = 255 // one green pixel
	second := c.update(pixels, w, h, want, now)
	if second == nil || second.Seq != 2 || second.Y[5*w+7] == 16 || first.Y[5*w+7] != 16 {
		t.Error("the change does not show, or shows in the picture before")
	}
	if f := c.update(pixels, w, h, Want{32, 16, 15}, now); f == nil || f.Width != 32 || f.Height != 16 {
		t.Errorf("smaller wanted: %+v", f)
	}
	if f := c.update(make([]byte, 4*20*20), 20, 20, want, now); f == nil || f.Width != 20 || f.Height != 20 {
		t.Errorf("another screen size: %+v", f)
	}
}

func TestPointerIsCutAtTheEdges(t *testing.T) {
	part := rectangle{10, 10, 4, 4}
	img := []uint32{0xff0000ff, 0x80800000, 0, 0xffffffff}
	for y := 5; y < 20; y++ {
		for x := 5; x < 20; x++ {
			blend(make([]byte, 4*4*4), part, img, rectangle{x, y, 2, 2})
		}
	}
	pixels := bytes.Repeat([]byte{100, 100, 100, 0}, 16)
	blend(pixels, part, img, rectangle{11, 12, 2, 2})
	check := func(x, y int, b, g, r byte) {
		t.Helper()
		if p := pixels[4*(y*4+x):]; p[0] != b || p[1] != g || p[2] != r {
			t.Errorf("pixel %d,%d is %v, want %d, %d, %d", x, y, p[:3], b, g, r)
		}
	}
	check(1, 2, 255, 0, 0)
	check(2, 2, 50, 50, 178)
	check(1, 3, 100, 100, 100)
	check(2, 3, 255, 255, 255)
	check(0, 0, 100, 100, 100)
}

func TestYUYV(t *testing.T) {
	// Two by two samples in rows of six bytes.
	src := []byte{10, 100, 20, 200, 0, 0, 30, 102, 40, 203, 0, 0}
	f, err := fromYUYV(src, 6, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(f.Y, []byte{10, 20, 30, 40}) || f.U[0] != 101 || f.V[0] != 202 {
		t.Errorf("luma %v, chroma %v, %v", f.Y, f.U, f.V)
	}
	for _, bad := range [][4]int{{len(src) - 3, 6, 2, 2}, {len(src), 3, 2, 2}, {len(src), 6, 3, 2}, {len(src), 6, 2, 1}, {0, 6, 2, 2}} {
		if _, err := fromYUYV(src[:bad[0]], bad[1], bad[2], bad[3]); err == nil {
			t.Errorf("accepted %v", bad)
		}
	}
}

// picture is a smooth colour picture in some subsampling.
func picture(ratio image.YCbCrSubsampleRatio, w, h int) *image.YCbCr {
	m := image.NewYCbCr(image.Rect(0, 0, w, h), ratio)
	for y := range h {
		for x := range w {
			m.Y[m.YOffset(x, y)] = byte(40 + x)
			m.Cb[m.COffset(x, y)] = byte(100 + y)
			m.Cr[m.COffset(x, y)] = 180
		}
	}
	return m
}

// stripTables removes the Huffman tables of a JPEG file, as cameras do.
func stripTables(data []byte) []byte {
	out := append([]byte(nil), data[:2]...)
	for at := 2; ; {
		end := at + 2 + int(data[at+2])<<8 + int(data[at+3])
		if data[at+1] == markerSOS {
			return append(out, data[at:]...)
		}
		if data[at+1] != markerDHT {
			out = append(out, data[at:end]...)
		}
		at = end
	}
}

func TestJPEGOfCameras(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(image.YCbCrSubsampleRatio420, 64, 48), &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	bare := stripTables(whole)
	if len(bare) >= len(whole) {
		t.Fatal("the test has not removed anything")
	}
	for name, data := range map[string][]byte{"whole": whole, "without tables": bare} {
		img, err := decodeJPEG(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f, err := fromImage(img)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := 16 + (40+20)*219/255
		if y := int(f.Y[10*f.YStride+20]); f.Width != 64 || f.Height != 48 || y < want-2 || y > want+2 {
			t.Errorf("%s: %dx%d, luma %d, want %d", name, f.Width, f.Height, y, want)
		}
	}
}

func TestPicturesOfEverySubsampling(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		f, err := fromImage(picture(ratio, 65, 49)) // odd sides are cut
		if err != nil {
			t.Fatalf("%v: %v", ratio, err)
		}
		u, v := int(f.U[10*f.UVStride+10]), int(f.V[10*f.UVStride+10])
		if f.Width != 64 || f.Height != 48 || u < 118 || u > 123 || v != 16+(180*224+127)/255 {
			t.Errorf("%v: %dx%d, chroma %d, %d", ratio, f.Width, f.Height, u, v)
		}
	}
	grey := image.NewGray(image.Rect(0, 0, 32, 32))
	grey.SetGray(3, 4, color.Gray{255})
	if f, err := fromImage(grey); err != nil || f.Y[4*32+3] != 235 || f.U[0] != 128 {
		t.Errorf("grey: %v", err)
	}
	for _, bad := range []image.Image{image.NewRGBA(image.Rect(0, 0, 32, 32)), image.NewGray(image.Rect(0, 0, 2, 32))} {
		if _, err := fromImage(bad); err == nil {
			t.Errorf("accepted %T of %v", bad, bad.Bounds())
		}
	}
}

func FuzzJPEG(f *testing.F) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(image.YCbCrSubsampleRatio420, 32, 16), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(stripTables(b.Bytes()))
	f.Add([]byte{0xff, markerSOI, 0xff, markerSOS})
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := decodeJPEG(data)
		if err != nil {
			return
		}
		if f, err := fromImage(img); err == nil && (len(f.Y) != f.Width*f.Height || f.Width > maxFileSide) {
			t.Fatalf("%dx%d with %d samples", f.Width, f.Height, len(f.Y))
		}
	})
}

func BenchmarkConvert(b *testing.B) {
	const w, h = 1280, 720
	pixels := make([]byte, 4*w*h)
	for i := range pixels {
		pixels[i] = byte(i * 7)
	}
	b.Run("bgra-1280x720", func(b *testing.B) {
		f := video.NewFrame(w, h)
		for b.Loop() {
			for y := 0; y < h; y += 2 {
				bgraRows(f, y, pixels[4*w*y:][:4*w], pixels[4*w*(y+1):][:4*w])
			}
		}
	})
	b.Run("yuyv-640x480", func(b *testing.B) {
		for b.Loop() {
			if _, err := fromYUYV(pixels, 2*640, 640, 480); err != nil {
				b.Fatal(err)
			}
		}
	})
}
