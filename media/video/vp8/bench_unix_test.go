//go:build unix

package vp8

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meet-term/meet/media/video"
)

// workloads are what the codec is measured with.
var workloads = []struct {
	name          string
	width, height int
	kbps          int
	hint          ContentHint
	make          func(width, height, n int) []*video.Frame
}{
	{"camera 320x180", 320, 180, 150, Camera, cameraFrames},
	{"camera 640x360", 640, 360, 500, Camera, cameraFrames},
	{"screen 640x360", 640, 360, 500, Screen, screenFrames},
	{"screen 1280x720", 1280, 720, 1500, Screen, screenFrames},
}

const benchFPS = 15

func BenchmarkEncode(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			frames := w.make(w.width, w.height, 60)
			e, err := NewEncoder(Config{Width: w.width, Height: w.height, FPS: benchFPS, BitrateKbps: w.kbps, ContentHint: w.hint})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if _, err := e.Encode(frames[i%len(frames)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			packets, _ := encodeAll(b, w.make(w.width, w.height, 60), Config{
				Width: w.width, Height: w.height, FPS: benchFPS, BitrateKbps: w.kbps, ContentHint: w.hint})
			d := NewDecoder(DecoderOptions{})
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				f, err := d.Decode(packets[i%len(packets)])
				if err != nil {
					b.Fatal(err)
				}
				d.Recycle(f)
			}
		})
	}
}

// encodeAll encodes frames and returns the packets that were not dropped, and
// the mean luma PSNR of what they show.
func encodeAll(t testing.TB, frames []*video.Frame, cfg Config) (packets [][]byte, quality float64) {
	t.Helper()
	e, err := NewEncoder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		p, err := e.Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Dropped {
			packets = append(packets, p.Data)
		}
		quality += psnr(f, e.reconstruction())
	}
	return packets, quality / float64(len(frames))
}

// cpuTime returns what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// attempts is how often everything is measured; the best counts, since what
// else the machine does only ever adds.
const attempts = 5

// best returns the shortest of several measurements.
func best(measure func() time.Duration) time.Duration {
	shortest := measure()
	for range attempts - 1 {
		shortest = min(shortest, measure())
	}
	return shortest
}

// timed runs a program several times and returns its CPU time.
func timed(t testing.TB, name string, args ...string) time.Duration {
	t.Helper()
	return best(func() time.Duration {
		cmd := exec.Command(name, args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
		}
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	})
}

// TestSideBySide prints a table that compares this package with libvpx at the
// same bit rate on the same pictures, in CPU time of one thread.
func TestSideBySide(t *testing.T) {
	if os.Getenv("MEET_BENCH") == "" {
		t.Skip("set MEET_BENCH=1 to compare with libvpx; it takes two minutes")
	}
	needTools(t, "vpxenc", "vpxdec")
	const n = 300
	fmt.Printf("%-16s %-12s %8s %7s %8s %8s %6s\n", "content", "codec", "kbit/s", "frames", "PSNR dB", "enc ms", "dec ms")
	for _, w := range workloads {
		dir := t.TempDir()
		frames := w.make(w.width, w.height, n)
		raw := filepath.Join(dir, "in.yuv")
		var all []byte
		for _, f := range frames {
			all = append(all, packed(f)...)
		}
		if err := os.WriteFile(raw, all, 0o600); err != nil {
			t.Fatal(err)
		}
		line := func(codec string, packets [][]byte, quality float64, enc, dec time.Duration) {
			bytes := 0
			for _, p := range packets {
				bytes += len(p)
			}
			fmt.Printf("%-16s %-12s %8.0f %7d %8.2f %8.2f %6.2f\n", w.name, codec,
				float64(bytes)*8*benchFPS/n/1000, len(packets), quality,
				enc.Seconds()*1000/n, dec.Seconds()*1000/n)
		}
		for _, speed := range []string{"8", "-8"} {
			out := filepath.Join(dir, "out.ivf")
			args := []string{"--codec=vp8", "--ivf", "--i420", fmt.Sprint("--width=", w.width), fmt.Sprint("--height=", w.height),
				fmt.Sprintf("--fps=%d/1", benchFPS), "--rt", "--cpu-used=" + speed, "--threads=1", "--lag-in-frames=0",
				"--end-usage=cbr", fmt.Sprint("--target-bitrate=", w.kbps), "--min-q=2", "--max-q=56", "--kf-max-dist=9999",
				"--buf-sz=1000", "--buf-initial-sz=500", "--buf-optimal-sz=600", "--undershoot-pct=100", "--overshoot-pct=15"}
			if w.hint == Screen {
				args = append(args, "--screen-content-mode=1")
			}
			enc := timed(t, "vpxenc", append(args, "-o", out, raw)...)
			dec := timed(t, "vpxdec", "--noblit", "--threads=1", out)
			line("libvpx "+speed, readIVF(t, out), decodedPSNR(t, readIVF(t, out), frames), enc, dec)
		}
		cfg := Config{Width: w.width, Height: w.height, FPS: benchFPS, BitrateKbps: w.kbps, ContentHint: w.hint}
		packets, quality := encodeAll(t, frames, cfg)
		line("own", packets, quality, timeEncode(t, frames, cfg), timeDecode(t, packets))
		out := filepath.Join(dir, "own.ivf")
		if err := os.WriteFile(out, joinIVF(w.width, w.height, packets), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%-16s %-12s %51s %6.2f\n", w.name, "own stream", "decoded by libvpx",
			timed(t, "vpxdec", "--noblit", "--threads=1", out).Seconds()*1000/n)
		fmt.Printf("%-16s %-12s %51s %6.2f\n", w.name, "libvpx -8", "decoded by own",
			timeDecode(t, readIVF(t, filepath.Join(dir, "out.ivf"))).Seconds()*1000/n)
	}
}

// decodedPSNR decodes packets, one for each frame, and returns the mean PSNR.
func decodedPSNR(t testing.TB, packets [][]byte, frames []*video.Frame) float64 {
	t.Helper()
	if len(packets) != len(frames) {
		t.Fatalf("%d packets for %d frames", len(packets), len(frames))
	}
	d := NewDecoder(DecoderOptions{})
	sum := 0.0
	for i, p := range packets {
		f, err := d.Decode(p)
		if err != nil {
			t.Fatal(err)
		}
		sum += psnr(frames[i], f)
	}
	return sum / float64(len(frames))
}

func timeEncode(t testing.TB, frames []*video.Frame, cfg Config) time.Duration {
	t.Helper()
	return best(func() time.Duration {
		e, err := NewEncoder(cfg)
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		start := cpuTime()
		for _, f := range frames {
			if _, err := e.Encode(f); err != nil {
				t.Fatal(err)
			}
		}
		return cpuTime() - start
	})
}

func timeDecode(t testing.TB, packets [][]byte) time.Duration {
	t.Helper()
	return best(func() time.Duration {
		d := NewDecoder(DecoderOptions{})
		runtime.GC()
		start := cpuTime()
		for _, p := range packets {
			f, err := d.Decode(p)
			if err != nil {
				t.Fatal(err)
			}
			d.Recycle(f)
		}
		return cpuTime() - start
	})
}
