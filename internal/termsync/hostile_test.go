package termsync

import (
	"bytes"
	"compress/flate"
	"fmt"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/term"
)

var began = time.Unix(1e9, 0)

// sound fails if a viewer would draw something that it must not.
func sound(t *testing.T, r *Receiver) {
	t.Helper()
	s := r.Snapshot()
	if s == nil {
		return
	}
	if s.Cols < 1 || s.Cols > term.MaxCols || len(s.Lines) != s.Rows || s.CursorX >= s.Cols || s.CursorY >= s.Rows || s.CursorX < 0 || s.CursorY < 0 {
		t.Fatalf("%d x %d, %d lines, cursor at %d, %d", s.Cols, s.Rows, len(s.Lines), s.CursorX, s.CursorY)
	}
	for _, line := range s.Lines {
		if len(line) != s.Cols {
			t.Fatalf("a line of %d cells in %d columns", len(line), s.Cols)
		}
		for x, c := range line {
			cut := c.Width == 2 && (x+1 >= len(line) || !line[x+1].Tail) || c.Tail && (x == 0 || line[x-1].Width != 2)
			if c.Text != "" && !showable(c.Text, int(c.Width)) || c.Text == "" && c.Width != 0 || cut || !c.Style.Fg.Valid() || !c.Style.Bg.Valid() {
				t.Fatalf("column %d: %+v", x, c)
			}
		}
	}
	if len(r.states) > keptStates || len(r.partial) > 4 || len(r.past.lines) > term.Scrollback {
		t.Fatalf("%d states, %d in parts, %d lines of the past", len(r.states), len(r.partial), len(r.past.lines))
	}
}

// state makes a message of a state by hand.
func state(n, back uint32, part, parts byte, head, runs []byte) []byte {
	m := []byte{kindState, 1, 0, 77}
	m = number(m, n)
	m = number(m, back)
	m = append(m, part, parts, 0)
	m = number(m, 0)
	return append(append(m, head...), runs...)
}

// A sharer that sends what no honest one does is refused, or shown as what it is.
func TestHostileSharer(t *testing.T) {
	head := func(cols, rows, x, y int) []byte {
		b := []byte{0}
		for _, n := range []int{cols, rows, x, y, 0} {
			b = number(b, n)
		}
		return b
	}
	text := func(s string) []byte {
		return append(number([]byte{runRow, 0, 0}, len(s)), s...)
	}
	var bomb bytes.Buffer
	w, _ := flate.NewWriter(&bomb, 9)
	_, _ = w.Write(make([]byte, 10<<20))
	_ = w.Close()
	for _, c := range []struct {
		name string
		m    []byte
		want string // of the first line; "" if it is refused
	}{
		{"honest", state(1, 0, 0, 1, head(10, 2, 0, 0), text("hello")), "hello"},
		{"escape sequences", state(1, 0, 0, 1, head(10, 2, 0, 0), text("\x1b]2;x\a")), "�]2;x�"},
		{"controls of 8 bits", state(1, 0, 0, 1, head(10, 2, 0, 0), text("a\u009b31m")), "a�31m"},
		{"bidi", state(1, 0, 0, 1, head(10, 2, 0, 0), text("a\u202eb")), "a�b"},
		{"a wide one said to be narrow", state(1, 0, 0, 1, head(10, 2, 0, 0), text("a日b")), "a�b"},
		{"marks alone", state(1, 0, 0, 1, head(10, 2, 0, 0), text("\u0301\u0301")), "��"},
		{"no text", state(1, 0, 0, 1, head(10, 2, 0, 0), text("\xff\xfe")), "��"},
		{"a cluster without end", state(1, 0, 0, 1, head(10, 2, 0, 0), append([]byte{runRow | runCluster, 0, 0, 101}, "e"+string(bytes.Repeat([]byte("\u0301"), 50))...)), "�"},
		{"beyond the line", state(1, 0, 0, 1, head(3, 2, 0, 0), text("hello")), ""},
		{"beyond the screen", state(1, 0, 0, 1, head(10, 2, 0, 0), append([]byte{runRow, 2, 0, 1}, 'x')), ""},
		{"no size", state(1, 0, 0, 1, head(0, 0, 0, 0), nil), ""},
		{"too large", state(1, 0, 0, 1, head(100000, 100000, 0, 0), nil), ""},
		{"a cursor outside", state(1, 0, 0, 1, head(10, 2, 10, 0), nil), ""},
		{"state 0", state(0, 0, 0, 1, head(10, 2, 0, 0), nil), ""},
		{"part 3 of 2", state(1, 0, 3, 2, head(10, 2, 0, 0), nil), ""},
		{"no parts", state(1, 0, 0, 0, head(10, 2, 0, 0), nil), ""},
		{"an unknown flag", state(1, 0, 0, 1, head(10, 2, 0, 0), []byte{0x80}), ""},
		{"text before any row", state(1, 0, 0, 1, head(10, 2, 0, 0), []byte{0, 0, 1, 'x'}), ""},
		{"an unknown colour", state(1, 0, 0, 1, head(10, 2, 0, 0), []byte{runRow | runStyle, 0, 0, 0, 3, 0, 1, 'x'}), ""},
		{"a bomb", append([]byte{kindState, 1, 0, 77, 1, 0, 0, 1, 1, 0}, bomb.Bytes()...), ""},
		{"cut off", state(1, 0, 0, 1, head(10, 2, 0, 0)[:3], nil), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewReceiver(1, 1)
			_, err := r.Take(began, c.m)
			if (err == nil) != (c.want != "") {
				t.Fatalf("error %v", err)
			}
			sound(t, r)
			if c.want != "" {
				if got := term.Text(r.Snapshot().Lines[0]); got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
			}
		})
	}
}

// Lines of the past that nobody asked for are not kept.
func TestUnaskedLines(t *testing.T) {
	s, r := NewSender(1, 77, 0), NewReceiver(1, 1)
	x := term.New(10, 2)
	for i := range 300 {
		fmt.Fprintf(x, "line %d\r\n", i)
	}
	s.Lines(x.History(0, 300))
	r.known, r.instance = true, 77
	for _, m := range s.answer {
		if _, err := r.Take(began, m); err == nil {
			t.Fatal("taken")
		}
	}
	if len(r.past.lines) > 0 {
		t.Error("kept")
	}
}

// A viewer that lies harms only itself.
func TestHostileViewer(t *testing.T) {
	x := term.New(20, 5)
	fmt.Fprint(x, "secret")
	ack := func(have, held int, keys ...Key) []byte {
		m := number([]byte{kindAck, 1, 0, 77}, 5)
		return appendKeys(append(number(number(m, have), held), 0), 1, keys)
	}
	s := NewSender(1, 77, 0)
	s.Show(x.Snapshot())
	for _, m := range [][]byte{
		ack(5, 0), {kindAck, 1, 0, 77}, {kindWant, 1, 0, 77, 0, 200, 1}, {9, 1, 0, 77}, ack(0, 100_000),
		ack(0, 0, Key{Text: "\x1b[31m"}), ack(0, 0, Key{Name: Paste, Text: "a\x1b[201~b"}), ack(0, 0, Key{Name: 99}), ack(0, 0, Key{Mods: 0x80, Name: Up}),
	} {
		if keys, want, err := s.Take(began, m); err == nil || keys != nil || want != nil {
			t.Errorf("%v: %v, %v, %v", m, keys, want, err)
		}
	}
	if out, _ := s.Poll(began, 0); len(out) > 0 {
		t.Error("something is sent to one who never looked")
	}
	// It asks for the past without end, and is answered at the rate of all else.
	if _, _, err := s.Take(began, ack(0, 0)); err != nil {
		t.Fatal(err)
	}
	sent := 0
	now := began
	for range 10_000 {
		now = now.Add(time.Millisecond)
		if _, want, _ := s.Take(now, []byte{kindWant, 1, 0, 77, 0, maxLines}); want != nil && s.Room(now) {
			s.Lines(0, x.Snapshot().Lines)
		}
		_, _, _ = s.Take(now, ack(0, 0))
		out, _ := s.Poll(now, 0)
		for _, m := range out {
			sent += len(m)
		}
	}
	if sent > 10*300_000 {
		t.Errorf("%d bytes in 10 s", sent)
	}
	if len(s.sent) > keptStates {
		t.Errorf("%d states are remembered", len(s.sent))
	}
}

func FuzzReceiver(f *testing.F) {
	x := term.New(30, 6)
	s := NewSender(1, 77, 0)
	var all []byte
	for _, out := range []string{"hello 日本 e\u0301\r\n", "\x1b[31mred\r\n\n\n\n\n\n", "\x1b[?25l\x1b[44m\x1b[2J"} {
		fmt.Fprint(x, out)
		s.Show(x.Snapshot())
		s.lookedAt = began
		for _, m := range s.state(began) {
			f.Add(m, all)
			all = m
		}
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		r := NewReceiver(1, 1)
		for _, m := range [][]byte{a, b, a} {
			_, _ = r.Take(began, m)
			sound(t, r)
			_, _ = r.Poll(began)
		}
	})
}

func FuzzSender(f *testing.F) {
	r := NewReceiver(1, 1)
	r.Type(Key{Text: "ls"}, Key{Name: Up, Mods: Ctrl})
	f.Add(r.ack(began))
	f.Fuzz(func(t *testing.T, m []byte) {
		s := NewSender(1, 77, 0)
		s.Show(term.New(5, 2).Snapshot())
		keys, want, _ := s.Take(began, m)
		if len(keys) > MaxKeys || want != nil && want.Count > maxLines {
			t.Fatal("too much")
		}
		for _, k := range keys {
			if k.Name <= Paste && !typable(k.Text, k.Name == Paste) || k.Name >= names {
				t.Fatalf("%+v", k)
			}
		}
		_, _ = s.Poll(began, 0)
	})
}

// What a program gets for a key.
func TestKeys(t *testing.T) {
	for _, c := range []struct {
		k                 Key
		cursorKeys, paste bool
		want              string
	}{
		{Key{Text: "é"}, false, false, "é"},
		{Key{Text: "c", Mods: Ctrl}, false, false, "\x03"},
		{Key{Text: "é", Mods: Ctrl}, false, false, ""},
		{Key{Text: "b", Mods: Alt}, false, false, "\x1bb"},
		{Key{Name: Enter}, false, false, "\r"},
		{Key{Name: Tab, Mods: Shift}, false, false, "\x1b[Z"},
		{Key{Name: Up}, false, false, "\x1b[A"},
		{Key{Name: Up}, true, false, "\x1bOA"},
		{Key{Name: Left, Mods: Ctrl}, true, false, "\x1b[1;5D"},
		{Key{Name: Delete}, false, false, "\x1b[3~"},
		{Key{Name: PageUp, Mods: Shift}, false, false, "\x1b[5;2~"},
		{Key{Name: F1}, false, false, "\x1bOP"},
		{Key{Name: F12}, false, false, "\x1b[24~"},
		{Key{Name: Paste, Text: "a\nb"}, false, true, "\x1b[200~a\nb\x1b[201~"},
		{Key{Name: Paste, Text: "a\nb"}, false, false, "a\rb"},
	} {
		if got := string(c.k.Bytes(c.cursorKeys, c.paste)); got != c.want {
			t.Errorf("%+v: %q, want %q", c.k, got, c.want)
		}
	}
}
