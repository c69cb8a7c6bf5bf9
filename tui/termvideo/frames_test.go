package termvideo

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/meet-term/meet/media/video"
)

var update = flag.Bool("update", false, "write the frames in testdata anew from the clip")

const framesKept = 4

func framePath(i int) string {
	return filepath.Join("testdata", fmt.Sprintf("portrait-%d.jpg", i))
}

// checkedIn returns the frames in testdata: every seventh frame of the clip,
// kept as files so that figures compare from machine to machine.
func checkedIn(t testing.TB) []*video.Frame {
	t.Helper()
	frames := make([]*video.Frame, framesKept)
	for i := range frames {
		if *update {
			if err := os.WriteFile(framePath(i), toJPEG(t, frameAt(7*i)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := os.ReadFile(framePath(i))
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		ycc, ok := img.(*image.YCbCr)
		if !ok || ycc.SubsampleRatio != image.YCbCrSubsampleRatio420 {
			t.Fatalf("%s is no 4:2:0 picture", framePath(i))
		}
		f := video.NewFrame(ycc.Rect.Dx(), ycc.Rect.Dy())
		f.Seq = uint64(7*i + 1)
		convertPlane(f.Y, f.YStride, ycc.Y, ycc.YStride, f.Width, f.Height, func(v int) int { return 16 + (v*219+127)/255 })
		chroma := func(v int) int { return 128 + (v-128)*224/255 }
		convertPlane(f.U, f.UVStride, ycc.Cb, ycc.CStride, (f.Width+1)/2, (f.Height+1)/2, chroma)
		convertPlane(f.V, f.UVStride, ycc.Cr, ycc.CStride, (f.Width+1)/2, (f.Height+1)/2, chroma)
		frames[i] = f
	}
	return frames
}

// toJPEG keeps a frame; the format is full range.
func toJPEG(t testing.TB, f *video.Frame) []byte {
	t.Helper()
	ycc := image.NewYCbCr(image.Rect(0, 0, f.Width, f.Height), image.YCbCrSubsampleRatio420)
	convertPlane(ycc.Y, ycc.YStride, f.Y, f.YStride, f.Width, f.Height, func(v int) int { return (v - 16) * 255 / 219 })
	chroma := func(v int) int { return 128 + (v-128)*255/224 }
	convertPlane(ycc.Cb, ycc.CStride, f.U, f.UVStride, (f.Width+1)/2, (f.Height+1)/2, chroma)
	convertPlane(ycc.Cr, ycc.CStride, f.V, f.UVStride, (f.Width+1)/2, (f.Height+1)/2, chroma)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, ycc, &jpeg.Options{Quality: 88}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func convertPlane(dst []byte, dstStride int, src []byte, srcStride, w, h int, f func(int) int) {
	for y := range h {
		for x := range w {
			dst[y*dstStride+x] = byte(min(max(f(int(src[y*srcStride+x])), 0), 255))
		}
	}
}

// TestFramesAreTheClip checks that the frames in testdata are what the
// generator makes, so that both tell the same story.
func TestFramesAreTheClip(t *testing.T) {
	total := 0
	for i, f := range checkedIn(t) {
		info, err := os.Stat(framePath(i))
		if err != nil {
			t.Fatal(err)
		}
		total += int(info.Size())
		db := psnr(reference(f, f.Width, f.Height), reference(frameAt(7*i), f.Width, f.Height))
		if db < 34 {
			t.Errorf("frame %d is %.1f dB away from the clip; run with -update after changing it", i, db)
		}
	}
	if total > 300<<10 {
		t.Errorf("%d bytes of frames, want 300 kB or less", total)
	}
	t.Logf("%d bytes", total)
}
