package termvideo

import (
	"bytes"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/meet-term/meet/media/video"
)

// frameAt returns a frame of the clip, which is rendered once.
func frameAt(i int) *video.Frame { return rendered[i]() }

var rendered = func() (frames [clipFrames]func() *video.Frame) {
	for i := range frames {
		frames[i] = sync.OnceValue(func() *video.Frame { return clipFrame(i) })
	}
	return frames
}()

func clip() []*video.Frame {
	frames := make([]*video.Frame, clipFrames)
	for i := range frames {
		frames[i] = frameAt(i)
	}
	return frames
}

const testCols, testRows = 100, 30

func fullScene(f *video.Frame) Scene {
	return Scene{Cols: testCols, Rows: testRows, Tiles: []Tile{{
		Place: Place{ID: "a", Cols: testCols, Rows: testRows}, Frame: f,
	}}}
}

// stillClock is a clock that never moves: no write is ever slow.
func stillClock() time.Time { return time.Unix(1, 0) }

type measured struct {
	psnr, firstDB float64
	bytes, cells  int // per frame, without the first
	firstBytes    int
}

// measure plays the clip into a fresh terminal.
func measure(t testing.TB, cfg Config, frames []*video.Frame, refs [][]float64) measured {
	t.Helper()
	var out bytes.Buffer
	cfg.Now = stillClock
	d := New(&out, cfg)
	screen := newPixelReader(testCols, testRows)
	var m measured
	for i, f := range frames {
		out.Reset()
		stat, err := d.Draw(fullScene(f))
		if err != nil {
			t.Fatalf("draw frame %d: %v", i, err)
		}
		if stat.Bytes != out.Len() {
			t.Fatalf("frame %d: %d bytes reported, %d written", i, stat.Bytes, out.Len())
		}
		screen.write(out.String())
		db := psnr(screen.pixels(), refs[i])
		m.psnr += db / float64(len(frames))
		if i == 0 {
			m.firstDB, m.firstBytes = db, stat.Bytes
			continue
		}
		m.bytes += stat.Bytes
		m.cells += stat.Cells
	}
	if n := len(frames) - 1; n > 0 {
		m.bytes /= n
		m.cells /= n
	}
	return m
}

func references(frames []*video.Frame) [][]float64 {
	refs := make([][]float64, len(frames))
	for i, f := range frames {
		refs[i] = reference(f, testCols*2, testRows*4)
	}
	return refs
}

// TestPictureQuality holds every glyph mode to the quality it was built for.
func TestPictureQuality(t *testing.T) {
	frames := checkedIn(t)
	refs := references(frames)
	for _, c := range []struct {
		mode   Mode
		colors ColorDepth
		least  float64 // dB at 200x120
	}{
		{ModeOctant, TrueColor, 31.5},
		{ModeSextant, TrueColor, 30.5},
		{ModeQuadrant, TrueColor, 28.5},
		{ModeHalf, TrueColor, 26.5},
		{ModeOctant, Colors256, 21},
		{ModeHalf, Colors16, 10},
		{ModeASCII, TrueColor, 10},
	} {
		m := measure(t, Config{Mode: c.mode, Colors: c.colors}, frames, refs)
		t.Logf("%-8v depth %d: first %.2f dB, playing %.2f dB, %d then %d bytes/frame",
			c.mode, c.colors, m.firstDB, m.psnr, m.firstBytes, m.bytes)
		if m.firstDB < c.least {
			t.Errorf("%v at depth %d: %.2f dB, want %.2f or more", c.mode, c.colors, m.firstDB, c.least)
		}
	}
}

// TestBench prints what docs/PERFORMANCE.md records: quality, time and bytes
// of every mode, beside chafa on the same pictures in the same run.
func TestBench(t *testing.T) {
	if os.Getenv("MEET_BENCH") == "" {
		t.Skip("a comparison that takes a while; set MEET_BENCH=1 to run it")
	}
	frames := clip()
	refs := references(frames)
	stills := checkedIn(t)
	stillRefs := references(stills)
	t.Logf("%-22s %9s %9s %9s %9s %12s", "100x30 cells", "ms whole", "ms play", "dB whole", "dB play", "bytes/frame")
	var sextant, sextantMS float64
	for _, mode := range []Mode{ModeHalf, ModeQuadrant, ModeSextant, ModeOctant, ModeASCII} {
		m := measure(t, Config{Mode: mode}, frames, refs)
		m.firstDB = measure(t, Config{Mode: mode}, stills[:1], stillRefs).psnr
		ms := drawTime(t, Config{Mode: mode}, frames, true)
		t.Logf("%-22s %9.2f %9.2f %9.2f %9.2f %12d", mode, ms, drawTime(t, Config{Mode: mode}, frames, false), m.firstDB, m.psnr, m.bytes)
		switch {
		case mode == ModeSextant:
			sextant, sextantMS = m.firstDB, ms
		case mode == ModeOctant && (m.firstDB < 31.5 || ms > 2):
			t.Errorf("octants: %.2f dB in %.2f ms, want 31.5 dB or more in 2 ms or less", m.firstDB, ms)
		}
	}
	for _, c := range []struct {
		name string
		cfg  Config
	}{
		{"kitty, shared memory", Config{Mode: ModeKitty, KittyLocal: true}},
		{"kitty, direct", Config{Mode: ModeKitty}},
		{"iterm", Config{Mode: ModeITerm}},
		{"sixel", Config{Mode: ModeSixel}},
	} {
		t.Logf("%-22s %9.2f", c.name, drawTime(t, c.cfg, frames, false))
	}
	for _, symbols := range []string{"vhalf", "sextant"} {
		db, ms, err := chafa(t.Context(), stills[0], symbols, stillRefs[0])
		if err != nil {
			t.Skipf("no comparison with chafa: %v", err)
		}
		t.Logf("%-22s %9.2f %9s %9.2f", "chafa "+symbols, ms, "", db)
		if symbols == "sextant" && (sextant <= db || sextantMS*3 >= ms) {
			t.Errorf("sextants: %.2f dB in %.2f ms, want better than chafa's %.2f dB in less than a third of %.2f ms", sextant, sextantMS, db, ms)
		}
	}
}

// drawTime is the median time to draw one frame, in ms: every cell of it, or
// what changed since the last one.
func drawTime(t *testing.T, cfg Config, frames []*video.Frame, whole bool) float64 {
	t.Helper()
	var times []time.Duration
	cfg.Now = stillClock
	d := New(discard{}, cfg)
	if d.pixels != nil && cfg.KittyLocal {
		// A terminal that reads at once: the file is gone when the next comes.
		d.painter = readingTerminal{&d.pixels.files}
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	for range 3 {
		for _, f := range frames {
			if whole {
				d.Invalidate()
			}
			began := time.Now()
			if _, err := d.Draw(fullScene(f)); err != nil {
				t.Fatal(err)
			}
			times = append(times, time.Since(began))
		}
	}
	return milliseconds(median(times))
}

type readingTerminal struct{ files *fileBox }

func (r readingTerminal) Paint(build func(free [][]uint32) []byte) error {
	build(nil)
	r.files.removeAll()
	return nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkDraw(b *testing.B) {
	frames := clip()
	for _, mode := range []Mode{ModeHalf, ModeQuadrant, ModeSextant, ModeOctant, ModeASCII, ModeKitty, ModeITerm, ModeSixel} {
		b.Run(mode.String(), func(b *testing.B) {
			d := New(discard{}, Config{Mode: mode, Now: stillClock, KittyLocal: true})
			if d.pixels != nil {
				d.painter = readingTerminal{&d.pixels.files}
			}
			total := 0
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				stat, err := d.Draw(fullScene(frames[i%len(frames)]))
				if err != nil {
					b.Fatal(err)
				}
				total += stat.Bytes
			}
			b.ReportMetric(float64(total)/float64(b.N), "bytes/frame")
		})
	}
}

func BenchmarkScale(b *testing.B) {
	f := frameAt(0)
	s := newScaler(scalerKey{srcW: f.Width, srcH: f.Height, gridW: 200, gridH: 120, pxW: 1, pxH: 1})
	for b.Loop() {
		for i := range s.dst.h {
			s.row(f, i)
		}
	}
}
