package termvideo

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// kittyScreen understands the sequences of the kitty protocol the drawer uses.
type kittyScreen struct {
	t       *testing.T
	dir     string // where shared memory objects and files are
	images  map[string]kittyImage
	chunk   map[string]string // keys of the picture whose chunks come in
	payload strings.Builder
	at      string // the last cursor position
	sent    int
	reads   bool // takes files away, as a terminal does
}

type kittyImage struct {
	at, cols, rows string
	w, h           int
	rgb            []byte
}

func (k *kittyScreen) Write(p []byte) (int, error) {
	s := string(p)
	k.sent += len(s)
	for {
		esc := strings.IndexByte(s, 0x1b)
		if esc < 0 {
			return len(p), nil
		}
		s = s[esc:]
		if body, ok := strings.CutPrefix(s, "\x1b_G"); ok {
			body, rest, ok := strings.Cut(body, "\x1b\\")
			if !ok {
				k.t.Fatal("a graphics sequence without an end")
			}
			k.graphics(body)
			s = rest
			continue
		}
		end := strings.IndexAny(s, "Hm")
		if end < 0 {
			return len(p), nil
		}
		if s[end] == 'H' {
			k.at = s[2:end]
		}
		s = s[end+1:]
	}
}

func (k *kittyScreen) graphics(body string) {
	control, data, _ := strings.Cut(body, ";")
	keys := map[string]string{}
	for kv := range strings.SplitSeq(control, ",") {
		key, value, _ := strings.Cut(kv, "=")
		keys[key] = value
	}
	if len(data) > kittyChunk {
		k.t.Errorf("a chunk of %d bytes", len(data))
	}
	switch {
	case keys["a"] == "d":
		if keys["d"] != "I" || k.images[keys["i"]].rgb == nil {
			k.t.Errorf("deletes %v, which is not there", keys)
		}
		delete(k.images, keys["i"])
		return
	case keys["a"] == "T":
		k.chunk = keys
		k.payload.Reset()
	}
	k.payload.WriteString(data)
	if keys["m"] == "1" {
		return
	}
	k.show()
}

func (k *kittyScreen) show() {
	raw, err := base64.StdEncoding.DecodeString(k.payload.String())
	if err != nil {
		k.t.Fatalf("payload: %v", err)
	}
	switch k.chunk["t"] {
	case "d":
		r, err := zlib.NewReader(bytes.NewReader(raw))
		if err == nil {
			raw, err = io.ReadAll(r)
		}
		if err != nil {
			k.t.Fatalf("inflate: %v", err)
		}
	case "s", "t":
		path := filepath.Join(k.dir, filepath.Base(string(raw)))
		if raw, err = os.ReadFile(path); err != nil {
			k.t.Fatalf("read the picture: %v", err)
		}
		if k.reads {
			if err := os.Remove(path); err != nil {
				k.t.Fatal(err)
			}
		}
	}
	img := kittyImage{at: k.at, cols: k.chunk["c"], rows: k.chunk["r"], rgb: raw}
	img.w, _ = strconv.Atoi(k.chunk["s"])
	img.h, _ = strconv.Atoi(k.chunk["v"])
	if len(raw) != img.w*img.h*3 {
		k.t.Fatalf("%d bytes for %dx%d", len(raw), img.w, img.h)
	}
	k.images[k.chunk["i"]] = img
}

func (k *kittyScreen) only() kittyImage {
	k.t.Helper()
	if len(k.images) != 1 {
		k.t.Fatalf("%d pictures on the screen, want 1", len(k.images))
	}
	for _, img := range k.images {
		return img
	}
	return kittyImage{}
}

func floats(rgb []byte) []float64 {
	out := make([]float64, len(rgb))
	for i, v := range rgb {
		out[i] = float64(v)
	}
	return out
}

func newKitty(t *testing.T, local bool, now func() time.Time) (*kittyScreen, *Drawer) {
	k := &kittyScreen{t: t, images: map[string]kittyImage{}, reads: true}
	d := New(k, Config{Mode: ModeKitty, KittyLocal: local, Now: now, ImageIDs: 100})
	d.pixels.files.dir = t.TempDir() // not the machine's own
	k.dir = d.pixels.files.dir
	return k, d
}

func draw(t *testing.T, d *Drawer, s Scene) Stats {
	t.Helper()
	stat, err := d.Draw(s)
	if err != nil {
		t.Fatal(err)
	}
	return stat
}

func TestKittyPictures(t *testing.T) {
	for name, local := range map[string]bool{"through files": true, "through the terminal": false} {
		t.Run(name, func(t *testing.T) {
			k, d := newKitty(t, local, stillClock)
			for i := range 3 {
				draw(t, d, fullScene(frameAt(i)))
			}
			img := k.only()
			if img.at != "1;1" || img.cols != "100" || img.rows != "30" {
				t.Errorf("shown at %s in %sx%s cells", img.at, img.cols, img.rows)
			}
			ref := reference(frameAt(2), img.w, img.h)
			if db := psnr(floats(img.rgb), ref); db < 45 {
				t.Errorf("%.1f dB at %dx%d", db, img.w, img.h)
			}
			before := k.sent
			if stat := draw(t, d, fullScene(frameAt(2))); stat.Bytes != 0 || k.sent != before {
				t.Error("the same picture was sent again")
			}
			draw(t, d, Scene{Cols: testCols, Rows: testRows, Tiles: []Tile{
				{Place: Place{ID: "a", X: 50, Y: 2, Cols: 40, Rows: 12}, Frame: frameAt(2)}}})
			if img := k.only(); img.at != "3;51" || img.cols != "40" {
				t.Errorf("after a move: at %s in %s columns", img.at, img.cols)
			}
			draw(t, d, Scene{Cols: testCols, Rows: testRows})
			if len(k.images) != 0 {
				t.Errorf("%d pictures left after the tile went", len(k.images))
			}
			draw(t, d, fullScene(frameAt(0)))
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			if len(k.images) != 0 {
				t.Errorf("%d pictures left after Close", len(k.images))
			}
		})
	}
}

// TestUnreadKittyPicturesDoNotPileUp stops the terminal from reading files.
func TestUnreadKittyPicturesDoNotPileUp(t *testing.T) {
	now := time.Unix(0, 0)
	k, d := newKitty(t, true, func() time.Time { return now })
	k.reads = false
	shown := 0
	for i := range 45 { // three seconds
		if stat := draw(t, d, fullScene(frameAt(i%4))); stat.Bytes > 0 {
			shown++
		}
		now = now.Add(time.Second / 15)
	}
	if shown != 3 {
		t.Errorf("%d pictures sent to a terminal that reads none, want one a second", shown)
	}
	files, err := os.ReadDir(k.dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%d files lie about (%v), want 1", len(files), err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if files, err = os.ReadDir(k.dir); err != nil || len(files) != 0 {
		t.Errorf("%d files lie about after Close (%v)", len(files), err)
	}
}

func TestAbandon(t *testing.T) {
	box := newFileBox(filePrefix())
	name, _, err := box.put("tile", []byte("picture"), time.Time{})
	if err != nil {
		t.Skipf("no place for pictures here: %v", err)
	}
	path := box.unread["tile"].path
	var out bytes.Buffer
	if err := Abandon(&out, ModeKitty); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", name, err)
	}
	if want := "\x1b[?2026l\x1b[m\x1b_Ga=d,d=A,q=2\x1b\\"; out.String() != want {
		t.Errorf("sent %q, want %q", out.String(), want)
	}
}

func TestPictureLeavesRowsOfTextAlone(t *testing.T) {
	k, _ := newKitty(t, false, stillClock)
	c := newCanvas(k, testCols, testRows)
	d := New(c, Config{Mode: ModeKitty, Now: stillClock})
	draw(t, d, fullScene(frameAt(0)))
	c.free[29][4] = 0 // a badge in the last row
	draw(t, d, fullScene(frameAt(1)))
	if img := k.only(); img.rows != "29" {
		t.Errorf("the picture has %s rows over a badge, want 29", img.rows)
	}
	for y := 8; y < 22; y++ {
		c.free[y][50] = 0 // a dialog in the middle
	}
	draw(t, d, fullScene(frameAt(2)))
	if len(k.images) != 0 {
		t.Error("a picture is shown beside a dialog in the middle of its tile")
	}
}

func TestSixelPicture(t *testing.T) {
	var out bytes.Buffer
	d := New(&out, Config{Mode: ModeSixel, Now: stillClock, CellWidth: 4, CellHeight: 8})
	draw(t, d, Scene{Cols: testCols, Rows: testRows + 1, Tiles: []Tile{
		{Place: Place{ID: "a", Cols: testCols, Rows: testRows}, Frame: frameAt(0)}}})
	_, rest, ok := strings.Cut(out.String(), "\x1bP0;1q")
	if !ok {
		t.Fatal("no sixel sequence")
	}
	body, _, ok := strings.Cut(rest, "\x1b\\")
	if !ok {
		t.Fatal("the sequence does not end")
	}
	w, h := testCols*4, testRows*8
	got := decodeSixel(t, body, w, h)
	ref := reference(frameAt(0), w, h)
	if db := psnr(got, ref); db < 20 {
		t.Errorf("%.1f dB against the frame", db)
	}
	// Dithering trades places for shades: from some way off it must be right.
	near := areaScale(got, w, h, w/8, h/8)
	db := psnr(near, areaScale(ref, w, h, w/8, h/8))
	t.Logf("%d bytes; %.1f dB over 8x8 pixels", out.Len(), db)
	if db < 30 {
		t.Errorf("%.1f dB over 8x8 pixels, want 30 or more", db)
	}
}

// decodeSixel paints what a sixel sequence holds on a magenta ground.
func decodeSixel(t *testing.T, body string, w, h int) []float64 {
	t.Helper()
	size := fmt.Sprintf("\"1;1;%d;%d", w, h)
	body, ok := strings.CutPrefix(body, size)
	if !ok {
		t.Fatalf("the size is not %s", size)
	}
	out := make([]float64, w*h*3)
	for i := range out {
		out[i] = float64(255 * (1 - i%3%2))
	}
	number := func() int {
		end := strings.IndexFunc(body, func(r rune) bool { return r < '0' || r > '9' })
		n, err := strconv.Atoi(body[:end])
		if err != nil {
			t.Fatalf("a number is missing before %.10q", body)
		}
		body = body[end:]
		return n
	}
	palette := map[int][3]float64{}
	color, x, top, repeat := 0, 0, 0, 1
	for len(body) > 0 {
		c := body[0]
		body = body[1:]
		switch {
		case c == '#':
			color = number()
			if after, ok := strings.CutPrefix(body, ";2;"); ok {
				body = after
				var percent [3]float64
				for i := range percent {
					percent[i] = float64(number()) * 2.55
					body = strings.TrimPrefix(body, ";")
				}
				palette[color] = percent
			}
		case c == '!':
			repeat = number()
		case c == '$':
			x = 0
		case c == '-':
			x, top = 0, top+6
		case c >= '?' && c <= '~':
			for ; repeat > 0; repeat-- {
				for bit := range 6 {
					if (c-'?')>>bit&1 != 0 {
						if x >= w || top+bit >= h {
							t.Fatalf("a pixel at %d,%d", x, top+bit)
						}
						rgb := palette[color]
						copy(out[((top+bit)*w+x)*3:], rgb[:])
					}
				}
				x++
			}
			repeat = 1
		default:
			t.Fatalf("%q in a sixel picture", c)
		}
	}
	return out
}

func imageFloats(img image.Image, w, h int) []float64 {
	out := make([]float64, 0, w*h*3)
	for y := range h {
		for x := range w {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			out = append(out, float64(c.R), float64(c.G), float64(c.B))
		}
	}
	return out
}

// TestSixelStaysAboveTheLastRow: below the picture the cursor would scroll the
// screen.
func TestSixelStaysAboveTheLastRow(t *testing.T) {
	var out bytes.Buffer
	d := New(&out, Config{Mode: ModeSixel, Now: stillClock, CellWidth: 4, CellHeight: 8})
	draw(t, d, fullScene(frameAt(0)))
	if want := "\"1;1;400;" + strconv.Itoa((testRows-1)*8); !strings.Contains(out.String(), want) {
		t.Errorf("the picture is not %s pixels in size", want)
	}
}

func TestITermPicture(t *testing.T) {
	var out bytes.Buffer
	d := New(&out, Config{Mode: ModeITerm, Now: stillClock})
	draw(t, d, fullScene(frameAt(0)))
	_, rest, ok := strings.Cut(out.String(), "\x1b]1337;File=")
	if !ok {
		t.Fatal("no inline file")
	}
	keys, rest, _ := strings.Cut(rest, ":")
	data, _, ok := strings.Cut(rest, "\a")
	if !ok || !strings.Contains(keys, "width=100;height=30") || !strings.Contains(keys, "inline=1") {
		t.Fatalf("keys %q, ended %v", keys, ok)
	}
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(keys, "size="+strconv.Itoa(len(raw))) {
		t.Errorf("keys %q for %d bytes", keys, len(raw))
	}
	img, err := jpeg.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	if db := psnr(imageFloats(img, b.Dx(), b.Dy()), reference(frameAt(0), b.Dx(), b.Dy())); db < 28 {
		t.Errorf("%.1f dB at %v", db, b)
	}
}

func TestSamplesKeepTheirMeaning(t *testing.T) {
	for _, c := range []struct {
		y, u, v byte
		want    rgb
	}{
		{16, 128, 128, 0x000000},  // limited range: this is black
		{235, 128, 128, 0xffffff}, // and this is white
		{81, 90, 240, 0xff0000},
		{145, 54, 34, 0x00ff00},
		{41, 240, 110, 0x0000ff},
	} {
		if got := limitedRGB(c.y, c.u, c.v); distance(got, c.want) > 12 {
			t.Errorf("%d,%d,%d became %06x, want %06x", c.y, c.u, c.v, uint32(got), uint32(c.want))
		}
	}
}

// TestScalingIsExact compares the integer scaler with areas in floating point.
func TestScalingIsExact(t *testing.T) {
	f := frameAt(0)
	plane := make([]float64, f.Width*f.Height*3)
	for i := range f.Width * f.Height {
		plane[3*i] = float64(f.Y[i])
	}
	for _, size := range [][2]int{{200, 120}, {7, 5}, {1, 1}, {640, 384}, {641, 400}, {1000, 700}, {333, 1}} {
		w, h := size[0], size[1]
		want := areaScale(plane, f.Width, f.Height, w, h)
		s := newScaler(scalerKey{srcW: f.Width, srcH: f.Height, gridW: w, gridH: h, pxW: f.Width * h, pxH: w * f.Height})
		s.dst = rect{w: w, h: h}
		s.lumaX, s.lumaY = newAxis(0, f.Width, w), newAxis(0, f.Height, h)
		out := make([]byte, w)
		for y := range h {
			s.plane(out, f.Y, f.YStride, &s.lumaX, &s.lumaY, y, inverse(s.lumaX.length*s.lumaY.length))
			for x := range w {
				if d := float64(out[x]) - want[(y*w+x)*3]; d > 0.51 || d < -0.51 {
					t.Fatalf("%dx%d: sample %d,%d is %d, want %.2f", w, h, x, y, out[x], want[(y*w+x)*3])
				}
			}
		}
	}
}

func TestFitting(t *testing.T) {
	for _, c := range []struct {
		name           string
		srcW, srcH     int
		gridW, gridH   int
		pxW, pxH       int
		inside, filled rect
	}{
		{"same shape", 640, 360, 64, 36, 1, 1, rect{0, 0, 64, 36}, rect{0, 0, 640, 360}},
		{"wider", 640, 360, 100, 36, 1, 1, rect{18, 0, 64, 36}, rect{0, 64, 640, 230}},
		{"taller", 640, 360, 64, 72, 1, 1, rect{0, 18, 64, 36}, rect{160, 0, 320, 360}},
		{"tall sub-pixels", 640, 360, 64, 18, 1, 2, rect{0, 0, 64, 18}, rect{0, 0, 640, 360}},
		{"one sample", 1, 1, 9, 3, 1, 1, rect{3, 0, 3, 3}, rect{0, 0, 1, 1}},
		{"nothing", 640, 360, 0, 5, 1, 1, rect{}, rect{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fitInside(c.srcW, c.srcH, c.gridW, c.gridH, c.pxW, c.pxH); got != c.inside {
				t.Errorf("inside %+v, want %+v", got, c.inside)
			}
			if got := cropToFill(c.srcW, c.srcH, c.gridW, c.gridH, c.pxW, c.pxH); got != c.filled {
				t.Errorf("filled from %+v, want %+v", got, c.filled)
			}
		})
	}
}

// TestPicturesLieOnWholeCells checks every place for bars that begin at the edge
// of a cell and are as wide on one side as on the other, and that a picture is
// cropped only when little is lost.
func TestPicturesLieOnWholeCells(t *testing.T) {
	const cellW, cellH = 8, 16
	for _, mode := range []Mode{ModeHalf, ModeQuadrant, ModeSextant, ModeOctant, ModeASCII} {
		subW, subH := mode.SubPixels()
		for cols := 1; cols <= 80; cols += 3 {
			for rows := 1; rows <= 30; rows++ {
				for _, fill := range []bool{false, true} {
					k := scalerKey{
						srcW: 640, srcH: 360, gridW: cols * subW, gridH: rows * subH,
						pxW: cellW * subH, pxH: cellH * subW, stepX: subW, stepY: subH, fill: fill,
					}
					s := newScaler(k)
					right, below := k.gridW-s.dst.w-s.dst.x, k.gridH-s.dst.h-s.dst.y
					if s.dst.x%subW != 0 || s.dst.y%subH != 0 || right%subW != 0 || below%subH != 0 {
						if s.dst.w > subW && s.dst.h > subH {
							t.Fatalf("%v %dx%d: %+v is not on whole cells of a grid of %dx%d", mode, cols, rows, s.dst, k.gridW, k.gridH)
						}
						continue // hardly a picture
					}
					if s.dst.x != right || s.dst.y != below {
						t.Fatalf("%v %dx%d: bars of %d and %d, %d and %d", mode, cols, rows, s.dst.x, right, s.dst.y, below)
					}
					shape := float64(cols*cellW*9) / float64(rows*cellH*16)
					if filled := s.dst.w == k.gridW && s.dst.h == k.gridH; fill && shape > 0.76 && shape < 1.31 && !filled {
						t.Fatalf("%dx%d: %+v could be filled", cols, rows, s.dst)
					} else if (shape < 0.7 || shape > 1.4) && filled && rows > 4 && cols > 8 {
						t.Fatalf("%dx%d: too much is lost", cols, rows)
					}
				}
			}
		}
	}
}

// TestFitCellNearTheBest compares the search along one line with the best of
// all patterns on cells of the clip.
func TestFitCellNearTheBest(t *testing.T) {
	d := New(io.Discard, Config{Mode: ModeSextant, Now: stillClock})
	tile := &tileState{Tile: fullScene(frameAt(0)).Tiles[0]}
	tile.allocate(6)
	var ours, best int64
	for row := 3; row < testRows; row += 6 {
		d.scaleRow(tile, row)
		for c := 0; c < testCols; c += 3 {
			px := tile.px[c*6:][:6]
			_, e := fitCell(px)
			ours += e
			least := e
			for p := range 32 {
				least = min(least, patternError(px, uint8(p)))
			}
			best += least
		}
	}
	if float64(ours) > 1.02*float64(best) {
		t.Errorf("squared error %d, the exact search leaves %d", ours, best)
	}
	t.Logf("squared error %.2f %% above the exact search", 100*(float64(ours)/float64(best)-1))
}

func patternError(px []rgb, pattern uint8) int64 {
	var sum [2][3]int32
	var n [2]int32
	for i, p := range px {
		g := pattern >> i & 1
		r, gr, b := p.split()
		sum[g][0], sum[g][1], sum[g][2] = sum[g][0]+r, sum[g][1]+gr, sum[g][2]+b
		n[g]++
	}
	m := mosaic{pattern: pattern}
	if n[0] > 0 {
		m.bg = mean(sum[0][0], sum[0][1], sum[0][2], n[0])
	}
	if n[1] > 0 {
		m.fg = mean(sum[1][0], sum[1][1], sum[1][2], n[1])
	}
	return m.errorOf(px)
}
