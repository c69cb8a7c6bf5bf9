package vp8

import (
	"fmt"
	"math"
	"testing"

	"github.com/meet-term/meet/media/video"
)

// reconstruction returns what a decoder shows after the last frame encoded.
func (e *Encoder) reconstruction() *video.Frame { return e.ref.frame(e.width, e.height) }

// lavfi renders a source of ffmpeg's.
func lavfi(t testing.TB, source string, width, height, frames int) []*video.Frame {
	t.Helper()
	needTools(t, "ffmpeg")
	raw := run(t, nil, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", fmt.Sprint(frames),
		"-s", fmt.Sprintf("%dx%d", width, height), "-pix_fmt", "yuv420p", "-f", "rawvideo", "-")
	return unpacked(t, raw, width, height)
}

// psnr is the luma PSNR in dB.
func psnr(a, b *video.Frame) float64 {
	sum := 0.0
	for y := range a.Height {
		for x := range a.Width {
			d := float64(a.Y[y*a.YStride+x]) - float64(b.Y[y*b.YStride+x])
			sum += d * d
		}
	}
	return 10 * math.Log10(255*255*float64(a.Width*a.Height)/max(sum, 1e-9))
}

func TestEncoderReconstruction(t *testing.T) {
	tests := []struct {
		name   string
		source string
		width  int
		height int
		cfg    Config
	}{
		{"camera", "mandelbrot=s=320x180:r=15", 320, 180, Config{BitrateKbps: 200}},
		{"camera, two threads", "mandelbrot=s=320x180:r=15,noise=alls=8:allf=t", 320, 180, Config{BitrateKbps: 300, Threads: 2}},
		{"screen", "testsrc2=s=640x360:r=15", 640, 360, Config{BitrateKbps: 500, ContentHint: Screen}},
		{"odd size", "testsrc2=s=175x143:r=15,rotate=t", 175, 143, Config{BitrateKbps: 150}},
		{"tiny", "testsrc2=s=34x18:r=15", 34, 18, Config{BitrateKbps: 40}},
		{"high rate", "testsrc2=s=160x96:r=15,noise=alls=40:allf=t", 160, 96, Config{BitrateKbps: 8000}},
		{"low rate", "testsrc2=s=320x180:r=15,noise=alls=40:allf=t", 320, 180, Config{BitrateKbps: 60}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			frames := lavfi(t, tt.source, tt.width, tt.height, 45)
			cfg := tt.cfg
			cfg.Width, cfg.Height, cfg.FPS = tt.width, tt.height, 15
			e, err := NewEncoder(cfg)
			if err != nil {
				t.Fatal(err)
			}
			d := NewDecoder(DecoderOptions{})
			var packets, recon [][]byte
			bytes, quality := 0, 0.0
			for i, f := range frames {
				p, err := e.Encode(f)
				if err != nil {
					t.Fatal(err)
				}
				if p.Dropped {
					continue
				}
				bytes += len(p.Data)
				got, err := d.Decode(p.Data)
				if err != nil {
					t.Fatalf("frame %d: %v", i, err)
				}
				want := packed(e.reconstruction())
				samePictures(t, [][]byte{packed(got)}, want)
				packets, recon = append(packets, p.Data), append(recon, want)
				quality += psnr(f, got)
			}
			t.Logf("%d of %d frames, %.0f kbit/s for %d, %.2f dB", len(packets), len(frames),
				float64(bytes)*8*15/float64(len(frames))/1000, cfg.BitrateKbps, quality/float64(len(packets)))
			needTools(t, "ffmpeg", "vpxdec")
			ivf := joinIVF(tt.width, tt.height, packets)
			for _, o := range oracles {
				samePictures(t, recon, o.decode(t, ivf))
			}
		})
	}
}
