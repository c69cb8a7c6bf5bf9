package termvideo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/meet-term/meet/media/video"
)

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// chafa draws a frame with the program of that name and returns the quality at
// the same pixels and its processor time for one frame. What it needs to start
// and to load the picture is measured on a picture of one cell and taken off.
func chafa(ctx context.Context, f *video.Frame, symbols string, ref []float64) (db, ms float64, err error) {
	if _, err := exec.LookPath("chafa"); err != nil {
		return 0, 0, fmt.Errorf("find chafa: %w", err)
	}
	dir, err := os.MkdirTemp("", "meet-chafa")
	if err != nil {
		return 0, 0, fmt.Errorf("make a directory for the picture: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "frame.ppm")
	if err := os.WriteFile(path, ppm(f), 0o600); err != nil {
		return 0, 0, fmt.Errorf("write the picture: %w", err)
	}
	run := func(cols, rows int) (string, time.Duration, error) {
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, "chafa", "--symbols", symbols, "--colors", "full",
			"--size", strconv.Itoa(cols)+"x"+strconv.Itoa(rows), "--stretch", "--threads", "1",
			"--format", "symbols", "--color-space", "rgb", "--work", "9", path)
		cmd.Stdout = &out
		if err := cmd.Run(); err != nil {
			return "", 0, fmt.Errorf("run chafa: %w", err)
		}
		return out.String(), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
	}
	var whole, start []time.Duration
	var text string
	for range 7 {
		_, took, err := run(1, 1)
		if err != nil {
			return 0, 0, err
		}
		start = append(start, took)
		if text, took, err = run(testCols, testRows); err != nil {
			return 0, 0, err
		}
		whole = append(whole, took)
	}
	screen := newPixelReader(testCols, testRows)
	screen.write(text)
	return psnr(screen.pixels(), ref), milliseconds(median(whole) - median(start)), nil
}

// ppm is the frame as a picture file every program reads.
func ppm(f *video.Frame) []byte {
	px := reference(f, f.Width, f.Height)
	b := fmt.Appendf(nil, "P6\n%d %d\n255\n", f.Width, f.Height)
	for _, v := range px {
		b = append(b, byte(v+0.5))
	}
	return b
}
