package vp8

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meet-term/meet/media/video"
)

// needTools skips a test on a machine without the programs it compares with.
func needTools(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed; Debian packages ffmpeg and vpx-tools have what this test compares with", name)
		}
	}
}

// run executes a program and returns what it writes to stdout.
func run(t testing.TB, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, msg bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, msg.String())
	}
	return out.Bytes()
}

// splitIVF returns the frames of an IVF file.
func splitIVF(data []byte) ([][]byte, error) {
	if len(data) < 32 || string(data[:4]) != "DKIF" {
		return nil, errors.New("not an IVF file")
	}
	data = data[32:]
	var frames [][]byte
	for len(data) >= 12 {
		n := int(binary.LittleEndian.Uint32(data))
		data = data[12:]
		if n > len(data) {
			return nil, errors.New("IVF file is truncated")
		}
		frames = append(frames, data[:n])
		data = data[n:]
	}
	return frames, nil
}

// readIVF returns the frames of an IVF file on disk.
func readIVF(t testing.TB, path string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := splitIVF(data)
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

// joinIVF makes an IVF file of frames.
func joinIVF(width, height int, frames [][]byte) []byte {
	out := make([]byte, 32)
	copy(out, "DKIF\x00\x00\x20\x00VP80")
	binary.LittleEndian.PutUint16(out[12:], uint16(width))
	binary.LittleEndian.PutUint16(out[14:], uint16(height))
	binary.LittleEndian.PutUint32(out[16:], 30)
	binary.LittleEndian.PutUint32(out[20:], 1)
	binary.LittleEndian.PutUint32(out[24:], uint32(len(frames)))
	for i, f := range frames {
		var head [12]byte
		binary.LittleEndian.PutUint32(head[:], uint32(len(f)))
		binary.LittleEndian.PutUint64(head[4:], uint64(i))
		out = append(append(out, head[:]...), f...)
	}
	return out
}

// packed returns the samples of a frame as raw I420.
func packed(f *video.Frame) []byte {
	var out []byte
	add := func(p []byte, stride, w, h int) {
		for y := range h {
			out = append(out, p[y*stride:y*stride+w]...)
		}
	}
	cw, ch := (f.Width+1)/2, (f.Height+1)/2
	add(f.Y, f.YStride, f.Width, f.Height)
	add(f.U, f.UVStride, cw, ch)
	add(f.V, f.UVStride, cw, ch)
	return out
}

// unpacked makes frames of raw I420.
func unpacked(t testing.TB, data []byte, width, height int) []*video.Frame {
	t.Helper()
	cw, ch := (width+1)/2, (height+1)/2
	size := width*height + 2*cw*ch
	if len(data)%size != 0 {
		t.Fatalf("%d bytes are not a whole number of %d x %d pictures", len(data), width, height)
	}
	var frames []*video.Frame
	for ; len(data) > 0; data = data[size:] {
		frames = append(frames, &video.Frame{
			Width: width, Height: height, YStride: width, UVStride: cw,
			Y: data[:width*height], U: data[width*height:][:cw*ch], V: data[width*height+cw*ch:][:cw*ch],
		})
	}
	return frames
}

// stream is a test stream that ffmpeg makes with libvpx.
type stream struct {
	name    string
	source  string // lavfi
	width   int
	height  int
	frames  int
	options string
	twoPass bool
}

var streams = []stream{
	{"realtime", "testsrc2=s=320x180:r=30", 320, 180, 60, "-deadline realtime -cpu-used 8 -b:v 200k", false},
	{"two pass with hidden frames", "mandelbrot=s=176x144:r=30", 176, 144, 80,
		"-deadline good -auto-alt-ref 1 -lag-in-frames 16 -arnr-maxframes 7 -arnr-strength 5 -b:v 150k", true},
	{"best with hidden frames", "testsrc2=s=192x128:r=30,rotate=t/3", 192, 128, 60,
		"-deadline best -auto-alt-ref 1 -lag-in-frames 20 -b:v 100k", true},
	{"four partitions, resilient", "testsrc2=s=352x288:r=30", 352, 288, 40,
		"-deadline realtime -cpu-used 4 -error-resilient default -slices 4 -b:v 300k", false},
	{"eight partitions", "life=s=320x240:mold=10:r=25", 320, 240, 30, "-deadline realtime -cpu-used 5 -slices 8 -b:v 400k", false},
	{"odd size", "mandelbrot=s=175x143:r=30", 175, 143, 40, "-deadline good -cpu-used 2 -b:v 120k", false},
	{"tiny", "testsrc2=s=34x18:r=30", 34, 18, 40, "-deadline good -b:v 60k", false},
	{"one macroblock", "testsrc2=s=16x16:r=30", 16, 16, 40, "-deadline realtime -cpu-used 3 -b:v 20k", false},
	{"profile 1", "testsrc2=s=208x160:r=30,rotate=t/2", 208, 160, 40, "-profile:v 1 -deadline good -b:v 150k", false},
	{"profile 2", "mandelbrot=s=208x160:r=30", 208, 160, 40, "-profile:v 2 -deadline good -b:v 150k", false},
	{"profile 3", "testsrc2=s=208x160:r=30,rotate=t/2", 208, 160, 40, "-profile:v 3 -deadline good -b:v 150k", false},
	{"sharp and noisy", "testsrc2=s=320x176:r=30,noise=alls=40:allf=t", 320, 176, 30,
		"-deadline good -cpu-used 3 -sharpness 5 -b:v 800k", false},
	{"high quality", "testsrc2=s=160x96:r=30,noise=alls=20:allf=t", 160, 96, 20, "-deadline good -qmin 0 -qmax 4 -b:v 6M", false},
	{"low quality", "testsrc2=s=320x192:r=30,noise=alls=20:allf=t", 320, 192, 30, "-deadline realtime -cpu-used 4 -qmin 60 -qmax 63 -b:v 50k", false},
}

// make encodes the stream and returns it as IVF.
func (s stream) make(t testing.TB, dir string) []byte {
	t.Helper()
	base := []string{"-v", "error", "-f", "lavfi", "-i", s.source, "-frames:v", fmt.Sprint(s.frames),
		"-pix_fmt", "yuv420p", "-c:v", "libvpx", "-threads", "1"}
	base = append(base, strings.Fields(s.options)...)
	out := filepath.Join(dir, "out.ivf")
	if s.twoPass {
		log := filepath.Join(dir, "log")
		run(t, nil, "ffmpeg", append(base, "-pass", "1", "-passlogfile", log, "-f", "null", "-")...)
		base = append(base, "-pass", "2", "-passlogfile", log)
	}
	run(t, nil, "ffmpeg", append(base, "-y", out)...)
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// oracles decode an IVF file to raw I420, one with libvpx and one without.
var oracles = []struct {
	name   string
	tool   string
	decode func(t testing.TB, ivf []byte) []byte
}{
	{"libvpx", "vpxdec", func(t testing.TB, ivf []byte) []byte {
		path := filepath.Join(t.TempDir(), "in.ivf")
		if err := os.WriteFile(path, ivf, 0o600); err != nil {
			t.Fatal(err)
		}
		return run(t, nil, "vpxdec", "--i420", "-o", "-", path)
	}},
	{"ffmpeg", "ffmpeg", func(t testing.TB, ivf []byte) []byte {
		return run(t, ivf, "ffmpeg", "-v", "error", "-c:v", "vp8", "-f", "ivf", "-i", "-",
			"-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
	}},
}

// decodeAll decodes frames with d and returns the raw pictures shown.
func decodeAll(t testing.TB, d *Decoder, frames [][]byte) [][]byte {
	t.Helper()
	var out [][]byte
	for i, data := range frames {
		f, err := d.Decode(data)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if f != nil {
			out = append(out, packed(f))
			d.Recycle(f)
		}
	}
	return out
}

// samePictures compares raw pictures with a file of them.
func samePictures(t testing.TB, got [][]byte, want []byte) {
	t.Helper()
	for i, g := range got {
		if len(want) < len(g) {
			t.Fatalf("%d pictures, more than expected", len(got))
		}
		if !bytes.Equal(g, want[:len(g)]) {
			at := 0
			for g[at] == want[at] {
				at++
			}
			t.Fatalf("picture %d of %d differs first at byte %d: got %d, want %d", i, len(got), at, g[at], want[at])
		}
		want = want[len(g):]
	}
	if len(want) > 0 {
		t.Fatalf("%d pictures, fewer than expected", len(got))
	}
}

func TestDecoderAgainstOracles(t *testing.T) {
	needTools(t, "ffmpeg", "vpxdec")
	for _, s := range streams {
		t.Run(s.name, func(t *testing.T) {
			ivf := s.make(t, t.TempDir())
			frames, err := splitIVF(ivf)
			if err != nil {
				t.Fatal(err)
			}
			got := decodeAll(t, NewDecoder(DecoderOptions{}), frames)
			for _, o := range oracles {
				t.Run(o.name, func(t *testing.T) { samePictures(t, got, o.decode(t, ivf)) })
			}
			t.Logf("%d frames, %d shown, %d bytes", len(frames), len(got), len(ivf))
		})
	}
}

// TestDecoderChangesSize feeds streams of several sizes to one decoder.
func TestDecoderChangesSize(t *testing.T) {
	needTools(t, "ffmpeg", "vpxdec")
	d := NewDecoder(DecoderOptions{})
	for _, name := range []string{"realtime", "tiny", "odd size", "realtime", "profile 3", "four partitions, resilient"} {
		for _, s := range streams {
			if s.name != name {
				continue
			}
			s.frames = 10
			ivf := s.make(t, t.TempDir())
			frames, err := splitIVF(ivf)
			if err != nil {
				t.Fatal(err)
			}
			samePictures(t, decodeAll(t, d, frames), oracles[0].decode(t, ivf))
		}
	}
}
