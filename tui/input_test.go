package tui

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// read passes chunks through a keyReader and returns what came out.
func read(t testing.TB, chunks ...string) string {
	t.Helper()
	var readers []io.Reader
	for _, c := range chunks {
		readers = append(readers, strings.NewReader(c))
	}
	k := newKeyReader(io.MultiReader(readers...), []string{" "})
	var out bytes.Buffer
	buf := make([]byte, 256)
	for {
		n, err := k.Read(buf)
		out.Write(buf[:n])
		if err != nil {
			if !errors.Is(err, errTerminalGone) {
				t.Fatal(err)
			}
			return out.String()
		}
	}
}

func TestKittyKeysBecomePlainOnes(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"text", "hello 漢字", "hello 漢字"},
		{"escape", "\x1b[27u", "\x1b"},
		{"escape alone", "\x1b", "\x1b"},
		{"ctrl+c", "\x1b[99;5u", "\x03"},
		{"ctrl+c with caps lock", "\x1b[99;69u", "\x03"},
		{"alt+m", "\x1b[109;3u", "\x1bm"},
		{"ctrl+alt+a", "\x1b[97;7u", "\x1b\x01"},
		{"shift+tab", "\x1b[9;2u", "\x1b[Z"},
		{"enter", "\x1b[13u", "\r"},
		{"backspace", "\x1b[127u", "\x7f"},
		{"shift+a", "\x1b[97;2u", "A"},
		{"alternatives", "\x1b[97:65;2:1;65u", "A"},
		{"space down", "\x1b[32;1:1u", " "},
		{"space repeats", "\x1b[32;1:2u", " "},
		{"space up", "\x1b[32;1:3u", "\x1b[34~"},
		{"m up", "\x1b[109;1:3u", ""},
		{"super+x", "\x1b[120;9u", ""},
		{"caps lock itself", "\x1b[57358u", ""},
		{"ctrl+1 has no plain form", "\x1b[49;5u", ""},
		{"arrow", "\x1b[A", "\x1b[A"},
		{"arrow down", "\x1b[1;1:1A", "\x1b[A"},
		{"ctrl+arrow repeats", "\x1b[1;5:2C", "\x1b[1;5C"},
		{"arrow up", "\x1b[1;1:3A", ""},
		{"page up", "\x1b[5;1:1~", "\x1b[5~"},
		{"shift+page up", "\x1b[5;2:1~", "\x1b[5;2~"},
		{"legacy ctrl+arrow", "\x1b[1;5C", "\x1b[1;5C"},
		{"mouse", "\x1b[<0;10;20M", "\x1b[<0;10;20M"},
		{"focus", "\x1b[I\x1b[O", "\x1b[I\x1b[O"},
		{"nonsense", "\x1b[;;;u\x1b[99999999999u\x1b[1114112u", ""},
		{"paste", "\x1b[200~a\x1b[99;5ub\x1b[201~", "\x1b[200~a\x1b[99;5ub\x1b[201~"},
		{"enter and escape after a paste", "\x1b[200~a\x1b[201~\r\x1b", "\x1b[200~a\x1b[201~\r\x1b"},
		{"keys in a paste", "\x1b[200~a\x1b[201~\x1bmqy\x1b[201~", "\x1b[200~a\x1b[201~"},
		{"a paste in a paste", "\x1b[200~a\x1b[201~qy\x1b[200~b\x1b[201~sm\x1b[201~", "\x1b[200~a\x1b[201~\x1b[200~b\x1b[201~"},
		{"no escape in an unfinished one", "\x1b[12\x01x", "\x1b[12\x01x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if got := read(t, c.in); got != want {
				t.Errorf("%q became %q, want %q", c.in, got, want)
			}
			// However the input is cut, the same comes out; only an escape at
			// the end of a short read is taken for the key.
			for i := 1; i < len(c.in); i++ {
				if strings.HasSuffix(c.in[:i], "\x1b") || strings.HasSuffix(c.in[:i], "\x1b[") {
					continue
				}
				if got := read(t, c.in[:i], c.in[i:]); got != want {
					t.Errorf("%q + %q became %q, want %q", c.in[:i], c.in[i:], got, want)
				}
			}
		})
	}
}

// TestKeysCountAfterARest: what comes right behind a paste is none, even if it
// comes in pieces, until the input rests.
func TestKeysCountAfterARest(t *testing.T) {
	now := noon
	var in strings.Reader
	k := newKeyReader(&in, nil)
	k.now = func() time.Time { return now }
	for _, c := range []struct {
		after    time.Duration
		in, want string
	}{
		{0, "m", "m"},
		{0, "\x1b[200~text\x1b[201~", "\x1b[200~text\x1b[201~"},
		{pasteQuiet - 1, "qy", ""},
		{pasteQuiet - 1, "\x1b[109;3u", ""},
		{pasteQuiet - 1, "\r", "\r"},
		{pasteQuiet - 1, "\x1b[2", ""},
		{1, "00~more\x1b[201~", "\x1b[200~more\x1b[201~"},
		{pasteQuiet, "m\x1b[99;5u", "m\x03"},
		{0, "q", "q"},
		{0, "\x1b[200~slow", "\x1b[200~slow"},
		{time.Hour, " text\x1b[201~", " text\x1b[201~"},
		{pasteQuiet - 1, "s", ""},
		{pasteQuiet, "s", "s"},
		{0, "\x1b[200~" + strings.Repeat("x", 256-12) + "\x1b[201~", "\x1b[200~" + strings.Repeat("x", 256-12) + "\x1b[201~"},
		{time.Hour, "qy", ""}, // was there before
		{pasteQuiet, "q", "q"},
	} {
		now = now.Add(c.after)
		in.Reset(c.in)
		buf := make([]byte, 256)
		n, err := k.Read(buf)
		if got := string(buf[:n]); got != c.want || err != nil {
			t.Errorf("%q became %q, %v, want %q", c.in, got, err, c.want)
		}
	}
}

func TestPasteIsCut(t *testing.T) {
	got := read(t, "a\x1b[200~"+strings.Repeat("p", 1<<20)+"\x1b[201~\r\x1b[200~x\x1b[201~")
	want := "a\x1b[200~" + strings.Repeat("p", pasteMax) + "\x1b[201~\r\x1b[200~x\x1b[201~"
	if got != want {
		t.Errorf("a megabyte became %d bytes, want %d", len(got), len(want))
	}
}

func TestSequencesOverFullReads(t *testing.T) {
	for n := range 12 {
		in := strings.Repeat("x", 256-n) + "\x1b[99;5u" + "\x1b[32;1:3u"
		if got, want := read(t, in), strings.Repeat("x", 256-n)+"\x03\x1b[34~"; got != want {
			t.Errorf("after %d bytes: %q", 256-n, got[250-n:])
		}
	}
}

func TestInputErrors(t *testing.T) {
	k := newKeyReader(iotest.ErrReader(io.ErrClosedPipe), nil)
	if _, err := k.Read(make([]byte, 10)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func FuzzKeyReader(f *testing.F) {
	f.Add([]byte("\x1b[32;1:3u\x1b[200~x\x1b[201~\x1b[1;5:2C"), 3)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		cut = max(0, min(cut, len(data)))
		got := read(t, string(data[:cut]), string(data[cut:]))
		if len(got) > len(data) {
			t.Errorf("%q became longer: %q", data, got)
		}
		if !bytes.ContainsRune(data, 0x1b) && got != string(data) {
			t.Errorf("%q without sequences became %q", data, got)
		}
	})
}
