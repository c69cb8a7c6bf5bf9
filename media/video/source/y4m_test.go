package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media/video"
)

// writeY4M writes frames as a y4m stream.
func writeY4M(w io.Writer, rate string, frames ...*video.Frame) error {
	for i, f := range frames {
		var b bytes.Buffer
		if i == 0 {
			fmt.Fprintf(&b, "YUV4MPEG2 W%d H%d F%s Ip A1:1 C420mpeg2\n", f.Width, f.Height, rate)
		}
		b.WriteString("FRAME\n")
		for y := range f.Height {
			b.Write(f.Y[y*f.YStride:][:f.Width])
		}
		for _, p := range [][]byte{f.U, f.V} {
			for y := range (f.Height + 1) / 2 {
				b.Write(p[y*f.UVStride:][:(f.Width+1)/2])
			}
		}
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// numbered returns frames that tell their number by their first luma sample.
func numbered(n, width, height int) []*video.Frame {
	frames := make([]*video.Frame, n)
	for i := range frames {
		frames[i] = video.NewFrame(width, height)
		frames[i].Y[0] = byte(i)
	}
	return frames
}

func writeFile(t testing.TB, rate string, frames ...*video.Frame) string {
	t.Helper()
	var b bytes.Buffer
	if err := writeY4M(&b, rate, frames...); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "film.y4m")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestY4MHeaders(t *testing.T) {
	tests := []struct {
		name, line string
		want       y4mHeader
		err        string // part of the error
	}{
		{"ffmpeg", "YUV4MPEG2 W640 H360 F30:1 Ip A1:1 C420jpeg XYSCSS=420JPEG", y4mHeader{640, 360, 30, false}, ""},
		{"shortest", "YUV4MPEG2 W16 H17", y4mHeader{16, 17, 25, false}, ""},
		{"ntsc", "YUV4MPEG2 H480 W640 F30000:1001 I?", y4mHeader{640, 480, 30000. / 1001, false}, ""},
		{"unknown rate", "YUV4MPEG2 W640 H480 F0:0", y4mHeader{640, 480, 25, false}, ""},
		{"full range", "YUV4MPEG2 W640 H480 C420paldv XCOLORRANGE=FULL", y4mHeader{640, 480, 25, true}, ""},
		{"not y4m", "RIFF....", y4mHeader{}, "YUV4MPEG2"},
		{"empty", "", y4mHeader{}, "YUV4MPEG2"},
		{"422", "YUV4MPEG2 W640 H480 C422", y4mHeader{}, `"422"`},
		{"10 bits", "YUV4MPEG2 W640 H480 C420p10", y4mHeader{}, `"420p10"`},
		{"interlaced", "YUV4MPEG2 W640 H480 It", y4mHeader{}, "interlaced"},
		{"no height", "YUV4MPEG2 W640", y4mHeader{}, "missing"},
		{"negative", "YUV4MPEG2 W-640 H360", y4mHeader{}, "-640"},
		{"huge", "YUV4MPEG2 W640 H99999999999999999999", y4mHeader{}, "99999"},
		{"no rate", "YUV4MPEG2 W640 H360 F30", y4mHeader{}, "rate"},
		{"not constant", "YUV4MPEG2 W640 H480 F0:1", y4mHeader{640, 480, 25, false}, ""},
		{"endless rate", "YUV4MPEG2 W640 H360 F1:0", y4mHeader{}, "rate"},
		{"not a number", "YUV4MPEG2 W640 H360 FNaN:1", y4mHeader{}, "rate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseY4M(tt.line)
			if tt.err == "" && err != nil || tt.err != "" && (!errors.Is(err, ErrFile) || !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("error %v, want one with %q", err, tt.err)
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// playFile plays a file for some time and returns when which frame came.
func playFile(t *testing.T, path string, d *Demand, length time.Duration) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	start := time.Now()
	var got []string
	err := file{path}.Run(ctx, d, func(f *video.Frame) {
		got = append(got, fmt.Sprintf("%d@%v", f.Y[0], time.Since(start).Round(time.Millisecond)))
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFileIsPlayedAtItsOwnRateAndLoops(t *testing.T) {
	path := writeFile(t, "10:1", numbered(3, 32, 16)...)
	synctest.Test(t, func(t *testing.T) {
		got := playFile(t, path, NewDemand(Want{640, 360, 30}), 450*time.Millisecond)
		want := "[0@0s 1@100ms 2@200ms 0@300ms 1@400ms]"
		if fmt.Sprint(got) != want {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

func TestFileLeavesOutWhatIsTooFast(t *testing.T) {
	path := writeFile(t, "25:1", numbered(25, 32, 16)...)
	synctest.Test(t, func(t *testing.T) {
		got := playFile(t, path, NewDemand(Want{640, 360, 15}), 390*time.Millisecond)
		want := "[0@0s 2@80ms 3@120ms 5@200ms 7@280ms 8@320ms]"
		if fmt.Sprint(got) != want {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

func TestFileCutOffInAFrameLoopsBeforeIt(t *testing.T) {
	path := writeFile(t, "10:1", numbered(3, 32, 16)...)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		got := playFile(t, path, NewDemand(Want{640, 360, 30}), 350*time.Millisecond)
		if want := "[0@0s 1@100ms 0@200ms 1@300ms]"; fmt.Sprint(got) != want {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

func TestFileThatIsNone(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct{ name, path, want string }{
		{"missing", filepath.Join(dir, "no"), "no such file"},
		{"a directory", dir, "directory"},
		{"empty", write("a", ""), "first frame"},
		{"a picture", write("b", "\x89PNG\r\n\x1a\n"), "YUV4MPEG2"},
		{"endless line", write("c", "YUV4MPEG2 "+strings.Repeat("X", 5000)), "1024 bytes"},
		{"header alone", write("d", "YUV4MPEG2 W16 H16\n"), "first frame"},
		{"half a frame", write("e", "YUV4MPEG2 W16 H16\nFRAME\nabc"), "first frame"},
		{"no frame", write("f", "YUV4MPEG2 W16 H16\nGARBAGE\n"), "FRAME"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseCamera("file:" + tt.path)
			if !errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.path) {
				t.Errorf("got %v, want an error with %q and the path", err, tt.want)
			}
			err = Camera{Kind: File, Path: tt.path}.Source().Run(t.Context(), NewDemand(Want{16, 16, 15}), func(*video.Frame) {
				t.Error("a picture came out of it")
			})
			if err == nil {
				t.Error("it could be played")
			}
		})
	}
}

func TestFullRangeBecomesLimited(t *testing.T) {
	f := video.NewFrame(16, 16)
	f.Y[0], f.Y[1], f.U[0], f.U[1], f.U[2] = 0, 255, 0, 255, 128
	toLimited(f)
	if f.Y[0] != 16 || f.Y[1] != 235 || f.U[0] != 16 || f.U[1] != 240 || f.U[2] != 128 {
		t.Errorf("luma %v, chroma %v", f.Y[:2], f.U[:3])
	}
}

func FuzzY4M(f *testing.F) {
	var good bytes.Buffer
	if err := writeY4M(&good, "30:1", numbered(2, 16, 18)...); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte("YUV4MPEG2 W16 H16 F1:1 It C420 XCOLORRANGE=FULL\nFRAME Ixyz\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		y, err := newY4M(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		if y.interval() <= 0 || y.width > maxFileSide || y.height > maxFileSide {
			t.Fatalf("accepted %+v", y.y4mHeader)
		}
		again, _ := newY4M(bufio.NewReader(bytes.NewReader(data)))
		for {
			frame, err := y.next()
			skipped := again.skip()
			if (err == nil) != (skipped == nil) {
				t.Fatalf("reading says %v, skipping %v", err, skipped)
			}
			if err != nil {
				if err != io.EOF && err != io.ErrUnexpectedEOF && !errors.Is(err, ErrFile) {
					t.Fatalf("unknown error %v", err)
				}
				return
			}
			if len(frame.Y) != y.width*y.height || len(frame.U) != len(frame.V) || len(frame.U) != (y.width+1)/2*((y.height+1)/2) {
				t.Fatalf("planes of %d, %d, %d samples for %+v", len(frame.Y), len(frame.U), len(frame.V), y.y4mHeader)
			}
		}
	})
}
