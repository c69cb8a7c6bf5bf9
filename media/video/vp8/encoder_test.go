package vp8

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/meet-term/meet/media/video"
)

// reconstruction returns what a decoder shows after the last frame encoded.
func (e *Encoder) reconstruction() *video.Frame { return e.rec.frame(e.width, e.height) }

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

func TestNewEncoderErrors(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
	}{
		{"no size", Config{}},
		{"no height", Config{Width: 16}},
		{"too wide", Config{Width: 1 << 14, Height: 16}},
		{"three threads", Config{Width: 16, Height: 16, Threads: 3}},
		{"negative rate", Config{Width: 16, Height: 16, BitrateKbps: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewEncoder(tt.cfg); !errors.Is(err, ErrConfig) {
				t.Errorf("got %v, want ErrConfig", err)
			}
		})
	}
}

func TestEncodeBadFrames(t *testing.T) {
	e, err := NewEncoder(Config{Width: 64, Height: 48})
	if err != nil {
		t.Fatal(err)
	}
	short := video.NewFrame(64, 48)
	short.U = short.U[:len(short.U)-1]
	narrow := video.NewFrame(64, 48)
	narrow.YStride = 60
	for _, f := range []*video.Frame{{}, short, narrow, video.NewFrame(1<<14, 1)} {
		if _, err := e.Encode(f); !errors.Is(err, ErrConfig) {
			t.Errorf("frame of %d x %d: got %v, want ErrConfig", f.Width, f.Height, err)
		}
	}
	if p, err := e.Encode(video.NewFrame(64, 48)); err != nil || !p.Key {
		t.Errorf("a good frame afterwards: key %v, %v", p.Key, err)
	}
}

// TestKeyFrames asks for key frames and changes the size in mid-stream.
func TestKeyFrames(t *testing.T) {
	e, err := NewEncoder(Config{Width: 160, Height: 96, BitrateKbps: 200})
	if err != nil {
		t.Fatal(err)
	}
	d := NewDecoder(DecoderOptions{})
	sizes := map[int][2]int{0: {160, 96}, 12: {97, 61}, 16: {320, 180}}
	var frames []*video.Frame
	for i := range 24 {
		if size, ok := sizes[i]; ok {
			frames = cameraFrames(size[0], size[1], 12)
		}
		if i == 5 {
			e.ForceKeyFrame()
		}
		p, err := e.Encode(frames[i%12])
		if err != nil {
			t.Fatal(err)
		}
		_, resized := sizes[i]
		if want := resized || i == 5; p.Key != want {
			t.Errorf("frame %d: key %v, want %v", i, p.Key, want)
		}
		if p.Dropped {
			continue
		}
		w, h, ok := keyFrameHeader(p.Data)
		if ok != p.Key || ok && (w != frames[0].Width || h != frames[0].Height) {
			t.Errorf("frame %d: header says %d x %d, %v", i, w, h, ok)
		}
		f, err := d.Decode(p.Data)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		samePictures(t, [][]byte{packed(f)}, packed(e.reconstruction()))
	}
}

// TestForcedKeyFrameIsNotDropped wants a key frame out of an encoder that is
// far behind.
func TestForcedKeyFrameIsNotDropped(t *testing.T) {
	e, err := NewEncoder(Config{Width: 320, Height: 180, BitrateKbps: 5})
	if err != nil {
		t.Fatal(err)
	}
	dropped := false
	for _, f := range cameraFrames(320, 180, 4) {
		p, err := e.Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		dropped = dropped || p.Dropped
	}
	if !dropped {
		t.Fatal("the encoder is not behind")
	}
	e.ForceKeyFrame()
	if p, err := e.Encode(cameraFrames(320, 180, 1)[0]); err != nil || !p.Key || p.Dropped {
		t.Errorf("got key %v, dropped %v, %v", p.Key, p.Dropped, err)
	}
}

// TestBitrate holds the encoder to its rate, over all and after a change.
func TestBitrate(t *testing.T) {
	const fps = 15
	frames := cameraFrames(320, 180, 4*fps)
	e, err := NewEncoder(Config{Width: 320, Height: 180, FPS: fps, BitrateKbps: 200})
	if err != nil {
		t.Fatal(err)
	}
	for phase, kbps := range []int{200, 80, 300} {
		e.SetBitrate(kbps)
		bits, dropped := 0, 0
		for i := range 8 * fps {
			p, err := e.Encode(frames[i%len(frames)])
			if err != nil {
				t.Fatal(err)
			}
			if p.Dropped {
				dropped++
			}
			bits += 8 * len(p.Data)
		}
		got := float64(bits) / 8 / 1000
		t.Logf("%.0f kbit/s for %d, %d frames dropped", got, kbps, dropped)
		// Queued at the start of a phase, and at its end, may be what
		// maxDelay allows.
		if got > float64(kbps)*1.1 || got < float64(kbps)*0.8 {
			t.Errorf("phase %d: %.0f kbit/s, want %d", phase, got, kbps)
		}
		if dropped > fps {
			t.Errorf("phase %d: %d frames dropped", phase, dropped)
		}
	}
}

// TestFrameRate changes the frame rate in mid-stream: the bit rate stays, and no
// key frame is needed.
func TestFrameRate(t *testing.T) {
	const kbps, seconds = 150, 8
	frames := cameraFrames(320, 180, 60)
	e, err := NewEncoder(Config{Width: 320, Height: 180, FPS: 15, BitrateKbps: kbps})
	if err != nil {
		t.Fatal(err)
	}
	d := NewDecoder(DecoderOptions{})
	for phase, fps := range []int{15, 30, 10} {
		e.SetFrameRate(fps)
		bits := 0
		for i := range seconds * fps {
			p, err := e.Encode(frames[i%len(frames)])
			if err != nil {
				t.Fatal(err)
			}
			bits += 8 * len(p.Data)
			if p.Key != (phase == 0 && i == 0) {
				t.Errorf("frame %d at %d frames/s: key frame %v", i, fps, p.Key)
			}
			if p.Dropped {
				continue
			}
			if _, err := d.Decode(p.Data); err != nil {
				t.Fatal(err)
			}
		}
		got := float64(bits) / seconds / 1000
		t.Logf("%.0f kbit/s at %d frames/s", got, fps)
		if got < 0.85*kbps || got > 1.1*kbps {
			t.Errorf("%.0f kbit/s at %d frames/s, want %d", got, fps, kbps)
		}
	}
}

// TestClock gives the encoder frames of half the expected rate: they may be
// twice the size.
func TestClock(t *testing.T) {
	frames := cameraFrames(320, 180, 60)
	e, err := NewEncoder(Config{Width: 320, Height: 180, FPS: 30, BitrateKbps: 150})
	if err != nil {
		t.Fatal(err)
	}
	start, bits := time.Unix(1000, 0), 0
	for i := range 120 {
		f := *frames[i%60]
		f.Time = start.Add(time.Duration(i) * time.Second / 15)
		p, err := e.Encode(&f)
		if err != nil {
			t.Fatal(err)
		}
		bits += 8 * len(p.Data)
	}
	if got := float64(bits) / 8 / 1000; got < 110 || got > 165 {
		t.Errorf("%.0f kbit/s of the clock, want 150", got)
	}
}

// TestStillScreen wants a picture that does not change to cost next to nothing
// once it is good.
func TestStillScreen(t *testing.T) {
	f := screenFrames(320, 180, 1)[0]
	e, err := NewEncoder(Config{Width: 320, Height: 180, BitrateKbps: 300, ContentHint: Screen})
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for range 90 {
		p, err := e.Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		last = len(p.Data)
	}
	if q := psnr(f, e.reconstruction()); q < 45 {
		t.Errorf("%.1f dB after six seconds, want 45", q)
	}
	if last > 60 {
		t.Errorf("%d bytes for a frame in which nothing happens", last)
	}
}

func TestScrollIsFound(t *testing.T) {
	for _, distance := range []int{1, 9, -30, 100} {
		tall := screenFrames(640, 600, 1)[0]
		window := func(top int) *plane {
			p := newPlane(tall.Y[top*tall.YStride:], 640, 360, 0)
			return &p
		}
		changed := make([]bool, 23)
		for i := range changed {
			changed[i] = true
		}
		var s scrollFinder
		if got := s.find(window(120+distance), window(120), changed); got != distance {
			t.Errorf("found %d, want %d", got, distance)
		}
	}
}

// TestAllocations wants an encoder and a decoder in full swing to make no
// garbage but the packets and the frames' headers.
func TestAllocations(t *testing.T) {
	frames := cameraFrames(320, 180, 30)
	e, err := NewEncoder(Config{Width: 320, Height: 180, BitrateKbps: 300})
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	i := 0
	encode := func() {
		p, err := e.Encode(frames[i%len(frames)])
		if err != nil {
			t.Fatal(err)
		}
		if i++; !p.Dropped {
			packets = append(packets, p.Data)
		}
	}
	for range 60 {
		encode()
	}
	if n := testing.AllocsPerRun(60, encode); n > 2 {
		t.Errorf("%.1f allocations to encode a frame", n)
	}
	d := NewDecoder(DecoderOptions{})
	i = 0
	decode := func() {
		f, err := d.Decode(packets[i])
		if err != nil {
			t.Fatal(err)
		}
		d.Recycle(f)
		i++
	}
	for range 30 {
		decode()
	}
	if n := testing.AllocsPerRun(60, decode); n > 3 {
		t.Errorf("%.1f allocations to decode a frame", n)
	}
}
