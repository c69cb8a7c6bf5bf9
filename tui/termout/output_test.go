package termout

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func newTest(w *bytes.Buffer, synchronized bool) *Output {
	return &Output{w: w, sync: synchronized}
}

// freeMap shows what is left to video, one letter per cell: . for text, a for
// the first epoch seen, b for the next.
func freeMap(o *Output, cols, rows int) string {
	var b strings.Builder
	names := map[uint32]rune{}
	_ = o.Paint(func(free [][]uint32) []byte {
		for y := range rows {
			for x := range cols {
				if y >= len(free) || x >= len(free[y]) || free[y][x] == 0 {
					b.WriteByte('.')
					continue
				}
				name, ok := names[free[y][x]]
				if !ok {
					name = 'a' + rune(len(names))
					names[free[y][x]] = name
				}
				b.WriteRune(name)
			}
			b.WriteByte('\n')
		}
		return nil
	})
	return b.String()
}

const p = string(Placeholder)

func TestPlaceholdersBecomeCursorMovement(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"none", "hello", "hello"},
		{"a run", "ab" + p + p + p + "c", "ab\x1b[3Cc"},
		{"two runs", p + "x" + p + p, "\x1b[1Cx\x1b[2C"},
		{"in colour", "\x1b[31m" + p + p + "\x1b[m", "\x1b[31m\x1b[2C\x1b[m"},
		{"not in a title", "\x1b]2;" + p + "\a" + p, "\x1b]2;" + p + "\a\x1b[1C"},
		{"neighbours stay", "\U0001CD01\U0001CCFF", "\U0001CD01\U0001CCFF"},
		{"broken text stays", "a\xf0\x9c" + "b\xff", "a\xf0\x9c" + "b\xff"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w bytes.Buffer
			n, err := newTest(&w, false).Write([]byte(c.in))
			if err != nil || n != len(c.in) {
				t.Fatalf("Write returned %d, %v", n, err)
			}
			if w.String() != c.want {
				t.Errorf("sent %q, want %q", w.String(), c.want)
			}
		})
	}
}

// TestSplitWrites cuts a frame at every byte: what is sent and what is known of
// the screen must not depend on it, but for runs of cursor movement.
func TestSplitWrites(t *testing.T) {
	frame := "\x1b[H│" + p + p + "│é日\r\n\x1b[1;38;2;1;2;3mab" + p + p + p + "\x1b[m\x1b[K\x1b]0;t\x1b\\" + p + "z"
	var whole bytes.Buffer
	o := newTest(&whole, false)
	_, _ = o.Write([]byte(frame))
	want := freeMap(o, 12, 3)
	for cut := range len(frame) {
		var w bytes.Buffer
		o := newTest(&w, false)
		_, _ = o.Write([]byte(frame[:cut]))
		_, _ = o.Write([]byte(frame[cut:]))
		got := strings.ReplaceAll(freeMap(o, 12, 3), "b", "a")
		if got != want {
			t.Errorf("cut at %d: screen\n%swant\n%s", cut, got, want)
		}
		if a, b := movement(w.String()), movement(whole.String()); a != b {
			t.Errorf("cut at %d: sent %q, want %q", cut, a, b)
		}
	}
}

// movement writes cursor-forward as single steps, so that runs compare.
func movement(s string) string {
	for n := 9; n > 0; n-- {
		s = strings.ReplaceAll(s, fmt.Sprintf("\x1b[%dC", n), strings.Repeat("→", n))
	}
	return s
}

func TestScreenIsFollowed(t *testing.T) {
	hole := func(n int) string { return strings.Repeat(p, n) }
	for _, c := range []struct {
		name   string
		writes []string
		want   string
	}{
		{"holes", []string{"\x1b[Hab" + hole(3) + "c\r\n" + hole(2)}, "..aaa.\naa....\n......\n"},
		{"skipped lines keep theirs", []string{"\x1b[H" + hole(6) + "\r\n" + hole(6) + "\r\nx", "\x1b[H\n\nyy"}, "aaaaaa\naaaaaa\n......\n"},
		{"a badge and its end", []string{"\x1b[H" + hole(6), "\x1b[Ha" + hole(1) + "bb" + hole(2), "\x1b[H" + hole(6)}, "abaabb\n......\n......\n"},
		{"wide text", []string{"\x1b[H日" + hole(2) + "e\u0301" + hole(1)}, "..aa.b\n......\n......\n"},
		{"erased to the right", []string{"\x1b[H" + hole(6), "\x1b[Hab\x1b[K"}, "......\n......\n......\n"},
		{"erased below", []string{"\x1b[H" + hole(6) + "\r\n" + hole(6), "\x1b[1;3H\x1b[J"}, "aa....\n......\n......\n"},
		{"erased left and line", []string{"\x1b[H" + hole(6) + "\r\n" + hole(6), "\x1b[1;2H\x1b[1K\x1b[2;1H\x1b[2K"}, "..aaaa\n......\n......\n"},
		{"cleared", []string{"\x1b[H" + hole(6), "\x1b[2J"}, "......\n......\n......\n"},
		{"another screen", []string{"\x1b[H" + hole(6), "\x1b[?1049l"}, "......\n......\n......\n"},
		{"modes change nothing", []string{"\x1b[H" + hole(6), "\x1b[?25l\x1b[?2004h\x1b[>1u\x1b[0 q\x1b]2;x\a"}, "aaaaaa\n......\n......\n"},
		{"moved about", []string{"\x1b[2;3H" + hole(1) + "\x1b[A" + hole(1) + "\x1b[2D\x1b[2B" + hole(1)}, "...a..\n..a...\n..a...\n"},
		{"scrolled", []string{"\x1b[H" + hole(6), "\x1b[1L"}, "......\n......\n......\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newTest(&bytes.Buffer{}, false)
			for _, w := range c.writes {
				_, _ = o.WriteString(w)
			}
			got := freeMap(o, 6, 3)
			if c.name == "wide text" || c.name == "moved about" {
				got, c.want = strings.ReplaceAll(got, "b", "a"), strings.ReplaceAll(c.want, "b", "a")
			}
			if got != c.want {
				t.Errorf("free cells\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestDamageRenumbersEveryHole(t *testing.T) {
	o := newTest(&bytes.Buffer{}, false)
	_, _ = o.WriteString("\x1b[Hx" + p)
	stamp := func() (s uint32) {
		_ = o.Paint(func(free [][]uint32) []byte { s = free[0][1]; return nil })
		return s
	}
	before := stamp()
	o.Damage()
	if after := stamp(); after == before || after == 0 {
		t.Errorf("number %d after damage, %d before", after, before)
	}
}

func TestSynchronizedOutput(t *testing.T) {
	var w bytes.Buffer
	o := newTest(&w, true)
	for _, c := range []struct{ name, in, want string }{
		{"a frame", "\x1b[Hhello", "\x1b[?2026h\x1b[Hhello\x1b[?2026l"},
		{"a mode", "\x1b[?25l", "\x1b[?25l"},
		{"half a sequence", "\x1b[", ""},
		{"and its end", "2J", "\x1b[?2026h\x1b[2J\x1b[?2026l"},
	} {
		w.Reset()
		_, _ = o.WriteString(c.in)
		if w.String() != c.want {
			t.Errorf("%s: sent %q, want %q", c.name, w.String(), c.want)
		}
	}
	w.Reset()
	_ = o.Paint(func([][]uint32) []byte { return []byte("video") })
	if want := "\x1b[?2026h\x1b7video\x1b8\x1b[?2026l"; w.String() != want {
		t.Errorf("video sent as %q, want %q", w.String(), want)
	}
	w.Reset()
	_ = o.Paint(func([][]uint32) []byte { return nil })
	if w.Len() != 0 {
		t.Errorf("nothing to draw sent %q", w.String())
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestErrorsAreReported(t *testing.T) {
	o := &Output{w: brokenWriter{}}
	if _, err := o.WriteString("x"); !errors.Is(err, errBroken) {
		t.Errorf("Write returned %v", err)
	}
	if err := o.Paint(func([][]uint32) []byte { return []byte("x") }); !errors.Is(err, errBroken) {
		t.Errorf("Paint returned %v", err)
	}
}

// TestNothingGoesPastTheFilter checks the methods that os.File would otherwise
// lend the Output.
func TestNothingGoesPastTheFilter(t *testing.T) {
	r, f, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	o := New(f, false)
	if o.Fd() != f.Fd() {
		t.Error("the descriptor is not the file's")
	}
	if _, err := o.ReadFrom(strings.NewReader(p + "a")); err != nil {
		t.Fatal(err)
	}
	if _, err := o.WriteString(p + "b"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := got.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	if want := "\x1b[1Ca\x1b[1Cb"; got.String() != want {
		t.Errorf("sent %q, want %q", got.String(), want)
	}
}

// FuzzFilter feeds arbitrary bytes in two pieces: nothing may panic, and what
// is held back must come out with the rest.
func FuzzFilter(f *testing.F) {
	f.Add([]byte("\x1b[H"+p+p+"a\r\n\x1b[K"), uint16(3))
	f.Add([]byte("\x1b]0;x\x1b\\\x1bP1$r\x1b\\\xf0\x9c\xb4"), uint16(7))
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		if bytes.Contains(in, []byte(p)) {
			return
		}
		var w bytes.Buffer
		o := newTest(&w, false)
		cut := int(at) % (len(in) + 1)
		_, _ = o.Write(in[:cut])
		_, _ = o.Write(in[cut:])
		if got := w.String() + string(o.tail); got != string(in) {
			t.Errorf("%q became %q", in, got)
		}
	})
}
