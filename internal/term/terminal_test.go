package term

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// show is what a screen says, its lines between bars.
func show(t *Terminal) string { return strings.Join(t.Snapshot().Texts(), "|") }

func TestScreens(t *testing.T) {
	for _, c := range []struct {
		name       string
		cols, rows int
		in         []string // one write each
		want       string
	}{
		{"lines", 5, 2, []string{"ab\r\ncd"}, "ab|cd"},
		{"wrap is due only with the next character", 3, 2, []string{"abc\rX"}, "Xbc|"},
		{"wrap", 3, 2, []string{"abcd"}, "abc|d"},
		{"no wrap", 3, 2, []string{"\x1b[?7labcde"}, "abe|"},
		{"a mark in the next write", 5, 1, []string{"e", "\u0301x"}, "e\u0301x"},
		{"a character in pieces", 5, 1, []string{"\xe6", "\x97", "\xa5x"}, "日x"},
		{"bytes that are no text", 9, 1, []string{"a\xff\xe6b\x80\xc3"}, "a\ufffd\ufffdb\ufffd"},
		{"a wide one at the edge wraps", 3, 2, []string{"ab日"}, "ab|日"},
		{"a wide one that ends at the edge", 4, 2, []string{"ab日c"}, "ab日|c"},
		{"half of a wide one overwritten", 4, 1, []string{"日本\x1b[2Gx"}, " x本"},
		{"the other half", 4, 1, []string{"日本\x1b[3Gx"}, "日x"},
		{"a family is one", 6, 1, []string{"👩\u200d👩", "\u200d👧.", "🇩🇪!"}, "👩\u200d👩\u200d👧.🇩🇪!"},
		{"no title ends at half a character", 5, 1, []string{"\x1b]2;日本\x07ok"}, "ok"},
		{"a string that never ends and then does", 5, 1, []string{"\x1bP1", "$q", "x\x1b", "\\ok"}, "ok"},
		{"boxes", 5, 1, []string{"\x1b(0lqk\x1b(Bq"}, "┌─┐q"},
		{"a region of a size that is gone", 5, 3, []string{"a\r\nb\r\nc\x1b[2;300r\x1b[3;1H\x1b[LX"}, "a|b|X"},
		{"insert and delete characters", 6, 1, []string{"abcdef\x1b[2G\x1b[2@\x1b[1G\x1b[P"}, "  bcd"},
		{"insert and delete lines", 3, 3, []string{"a\r\nb\r\nc\x1b[1H\x1b[L\x1b[2H\x1b[M"}, "|b|"},
		{"repeat is bounded", 4, 2, []string{"a\x1b[65535b"}, "aaaa|a"},
		{"the other screen leaves the main one", 5, 1, []string{"main\x1b[?1049hother\x1b[?1049l"}, "main"},
		{"erase with a background", 3, 1, []string{"abc\x1b[44m\x1b[2J"}, ""},
		{"tabs", 20, 1, []string{"a\tb\x1b[Zc"}, "a       c"},
		{"alignment", 3, 2, []string{"\x1b#8"}, "EEE|EEE"},
		{"full reset", 3, 1, []string{"abc\x1bc"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			term := New(c.cols, c.rows)
			for _, w := range c.in {
				_, _ = term.Write([]byte(w))
			}
			if got := show(term); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			check(t, term)
		})
	}
}

func TestTitlesAndModes(t *testing.T) {
	term := New(10, 2)
	fmt.Fprint(term, "\x1b]0;日本 vim\x1b\\\x1b[?1h\x1b=\x1b[?2004h\x1b[?25l\x1b[?2026h\x1b[?1002h\x1b[?1006h\x1b[4 q\a")
	if got := term.Title(); got != "日本 vim" {
		t.Errorf("title %q", got)
	}
	want := Modes{CursorKeys: true, Keypad: true, Paste: true, Hidden: true, Synchronized: true, Mouse: 1002, MouseSGR: true}
	if got := term.Modes(); got != want {
		t.Errorf("modes %+v, want %+v", got, want)
	}
	if s := term.Snapshot(); s.Shape != 4 || s.Bells != 1 || !s.Hidden {
		t.Errorf("%+v", s)
	}
	fmt.Fprint(term, "\x1b]2;"+strings.Repeat("ü", 4000)+"\a")
	if got := term.Title(); len(got) > maxTitle || !utf8.ValidString(got) {
		t.Errorf("a title of %d bytes, %q", len(got), got)
	}
}

func TestStyles(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Style
	}{
		{"1;3;4;7", Style{Attr: Bold | Italic | Underline | Reverse}},
		{"1;22;4:3;4:0;9", Style{Attr: Strike}},
		{"31;102", Style{Fg: Indexed(1), Bg: Indexed(10)}},
		{"38;5;200;48;2;1;2;3", Style{Fg: Indexed(200), Bg: RGB(1, 2, 3)}},
		{"38:5:200;48:2::1:2:3;1", Style{Fg: Indexed(200), Bg: RGB(1, 2, 3), Attr: Bold}},
		{"48:2:1:2:3;58:2::9:9:9;58;5;1;1", Style{Bg: RGB(1, 2, 3), Attr: Bold}},
		{"38;5", Style{}},
		{"38", Style{}},
		{"31;;1", Style{Attr: Bold}},
	} {
		term := New(4, 1)
		fmt.Fprintf(term, "\x1b[%smx", c.in)
		if got := term.Snapshot().Lines[0][0].Style; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.in, got, c.want)
		}
	}
}

// Lines that leave at the top are kept, a thousand of them, those of the main screen
// alone; and a snapshot does not change when the terminal goes on.
func TestHistory(t *testing.T) {
	term := New(10, 3)
	for i := range 1500 {
		fmt.Fprintf(term, "line %d\r\n", i)
	}
	before := term.Snapshot()
	first, lines := term.History(0, 5000)
	if before.Scrolled != 1498 || first != 498 || len(lines) != Scrollback || Text(lines[0]) != "line 498" || Text(lines[999]) != "line 1497" {
		t.Errorf("%d scrolled, %d from %d: %q to %q", before.Scrolled, len(lines), first, Text(lines[0]), Text(lines[len(lines)-1]))
	}
	if first, lines := term.History(1400, 2); first != 1400 || len(lines) != 2 || Text(lines[0]) != "line 1400" {
		t.Errorf("%d from %d", len(lines), first)
	}
	fmt.Fprint(term, "\x1b[?1049h"+strings.Repeat("x\r\n", 50)+"\x1b[?1049l\x1b[2J\x1b[Hnew")
	if got := show(term); got != "new||" || term.Snapshot().Scrolled != 1498 {
		t.Errorf("%q", got)
	}
	if got := strings.Join(before.Texts(), "|"); got != "line 1498|line 1499|" {
		t.Errorf("the snapshot became %q", got)
	}
	for i := range 5000 {
		fmt.Fprintf(term, "more %d\r\n", i)
	}
	if Text(lines[0]) != "line 498" {
		t.Errorf("a line of the history became %q", Text(lines[0]))
	}
}

func TestResize(t *testing.T) {
	term := New(6, 4)
	fmt.Fprint(term, "one\r\ntwo\r\nthree\r\n$ ")
	term.Resize(4, 2)
	if got := show(term); got != "thre|$" || term.Snapshot().CursorY != 1 {
		t.Errorf("%q", got)
	}
	term.Resize(0, 0)
	term.Resize(8, 3)
	fmt.Fprint(term, "\x1b[?1049hfull")
	term.Resize(3, 9)
	term.Resize(1<<30, 1<<30)
	if cols, rows := term.Size(); cols != MaxCols || rows != MaxRows {
		t.Errorf("%d x %d", cols, rows)
	}
	check(t, term)
}

// check is what always holds.
func check(t testing.TB, term *Terminal) {
	t.Helper()
	for _, g := range []*grid{term.main, term.other} {
		if len(g.lines) != g.rows {
			t.Fatalf("%d lines, %d rows", len(g.lines), g.rows)
		}
		seen := map[*row]bool{}
		for y := range g.rows {
			r := g.at(y)
			if seen[r] || len(r.cells) != g.cols {
				t.Fatalf("row %d: %d cells, twice: %v", y, len(r.cells), seen[r])
			}
			seen[r] = true
			for x, c := range r.cells {
				wideCut := c.Width == 2 && (x+1 >= g.cols || !r.cells[x+1].Tail) || c.Tail && (x == 0 || r.cells[x-1].Width != 2)
				if len(c.Text) > MaxCluster || wideCut || x >= r.used && c != (Cell{}) || !utf8.ValidString(c.Text) {
					t.Fatalf("row %d, column %d of %d used: %+v", y, x, r.used, c)
				}
			}
		}
	}
	c := term.cur
	if c.x < 0 || c.x >= term.g.cols || c.y < 0 || c.y >= term.g.rows || term.top >= term.bottom && term.g.rows > 1 || term.bottom >= term.g.rows {
		t.Fatalf("cursor %+v, region %d to %d of %d x %d", c, term.top, term.bottom, term.g.cols, term.g.rows)
	}
}

// Whatever is written, in whatever pieces, the screen is in order, and the same.
func FuzzTerminal(f *testing.F) {
	for _, name := range recordings {
		for _, p := range recording(f, name, 20)[:3] {
			f.Add(p.out, uint8(7), uint8(20), uint8(5))
		}
	}
	for _, s := range []string{"\x1b[5;300r\x1b[6;1H\x1b[L", "\x1b[111P", "a\x1b[65535b", "日\x1b[D\x1b[X", "\x1b]2;\x9c\a", "\x1b[2147483648@", "e\u0301\u0301\x1b[99999999999S"} {
		f.Add([]byte(s), uint8(1), uint8(9), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, piece, cols, rows uint8) {
		whole, pieces := New(int(cols), int(rows)), New(int(cols), int(rows))
		_, _ = whole.Write(in)
		check(t, whole)
		for p := range slices.Chunk(in, int(piece)+1) {
			_, _ = pieces.Write(p)
		}
		if a, b := show(whole), show(pieces); a != b {
			t.Fatalf("in one piece %q, in pieces %q", a, b)
		}
		s := whole.Snapshot()
		before := strings.Join(s.Texts(), "|")
		whole.Resize(int(rows)+1, int(cols)/2)
		check(t, whole)
		_, _ = whole.Write(in)
		check(t, whole)
		if strings.Join(s.Texts(), "|") != before {
			t.Fatal("a snapshot changed")
		}
	})
}

// What another emulator shows of the same bytes, but for what it is known to get
// wrong: characters at the right edge.
func TestAsSecondOpinion(t *testing.T) {
	for _, name := range []string{"vim", "less", "htop", "shell"} {
		const cols, rows = 80, 24
		mine, theirs := New(cols, rows), vt.NewEmulator(cols, rows)
		read := make(chan struct{})
		go func() { // it answers questions, and waits until somebody reads that
			defer close(read)
			b := make([]byte, 256)
			for {
				if _, err := theirs.Read(b); err != nil {
					return
				}
			}
		}()
		for _, p := range recording(t, name, 1) {
			_, _ = mine.Write(p.out)
			_, _ = theirs.Write(p.out)
		}
		wrong := 0
		for y, line := range mine.Snapshot().Lines {
			for x, want := range vtRow(theirs, y, cols) {
				if got := line[x]; (!got.Blank() || !want.Blank()) && (got.Text != want.Text || got.Style != want.Style) {
					wrong++
				}
			}
		}
		if wrong > 0 {
			t.Errorf("%s: %d cells differ", name, wrong)
		}
		// Its Close must not run beside Read.
		if answers, ok := theirs.InputPipe().(io.Closer); ok {
			_ = answers.Close()
			<-read
		}
	}
}

// throughput is how many bytes a second f takes, in the best of several rounds: in
// the others something else had the processor.
func throughput(b []byte, rounds int, f func([]byte)) float64 {
	best := time.Duration(math.MaxInt64)
	for range rounds {
		began := time.Now()
		for p := range slices.Chunk(b, 4096) {
			f(p)
		}
		best = min(best, time.Since(began))
	}
	return float64(len(b)) / best.Seconds()
}

// Output of a program must not wait for this: a log and short lines take no more than
// a fraction of what the other emulator takes, and not much more than the parser.
func TestFastEnough(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time: left out of short runs")
	}
	var log strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&log, "2026-01-02T03:04:05.%06d INFO \x1b[32mrequest\x1b[m served path=/api/v1/things/%d status=200 bytes=%d\r\n", i, i, i*7)
	}
	for _, c := range []struct {
		name        string
		in          string
		rounds      int
		vt, parsing float64
	}{
		{"log", log.String(), 10, 5, 0.2},
		{"yes", strings.Repeat("y\r\n", 20000), 10, 20, 0.05},
	} {
		b := []byte(c.in)
		term := New(120, 40)
		mine := throughput(b, c.rounds, func(p []byte) { _, _ = term.Write(p) })
		e := vt.NewEmulator(120, 40)
		theirs := throughput(b[:len(b)/10], 3, func(p []byte) { _, _ = e.Write(p) })
		p := ansi.NewParser()
		n := 0
		p.SetHandler(ansi.Handler{Print: func(rune) { n++ }, Execute: func(byte) { n++ }})
		alone := throughput(b, c.rounds, func(b []byte) {
			for _, x := range b {
				p.Advance(x)
			}
		})
		t.Logf("%s: %.1f MB/s, %.0f times x/vt, %.2f of the parser alone", c.name, mine/1e6, mine/theirs, mine/alone)
		if mine < c.vt*theirs || mine < c.parsing*alone {
			t.Errorf("%s: %.1f MB/s; x/vt %.1f, the parser alone %.1f", c.name, mine/1e6, theirs/1e6, alone/1e6)
		}
	}
}
