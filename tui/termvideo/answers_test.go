package termvideo

import (
	"slices"
	"testing"
)

// What terminals answer to questions, as their manuals and sources have it.
var terminalAnswers = []struct {
	name    string
	answers string
	want    Caps
}{
	{
		name: "kitty on this machine",
		answers: "\x1bP>|kitty(0.42.1)\x1b\\\x1b_Gi=31;OK\x1b\\\x1b_Gi=32;OK\x1b\\\x1b[?2026;2$y\x1b[?0u" +
			"\x1b[6;22;11t\x1b[4;880;1320t\x1b[8;40;120t\x1b]11;rgb:1e1e/2020/3030\x1b\\\x1b[7;1R\x1b[7;2R\x1b[?62;52;c",
		want: Caps{Name: "kitty(0.42.1)", KittyGraphics: true, KittyLocal: true, SyncOutput: true, KittyKeyboard: true,
			CellWidth: 11, CellHeight: 22, Background: [3]uint8{0x1e, 0x20, 0x30}, HasBackground: true, OctantCells: 1, Answered: true},
	},
	{
		name: "kitty over ssh",
		answers: "\x1bP>|kitty(0.42.1)\x1b\\\x1b_Gi=31;OK\x1b\\\x1b_Gi=32;EBADF:Failed to open shared memory\x1b\\\x1b[?2026;2$y\x1b[?0u" +
			"\x1b[6;22;11t\x1b[4;880;1320t\x1b[8;40;120t\x1b]11;rgb:0/0/0\x1b\\\x1b[7;1R\x1b[7;2R\x1b[?62;52;c",
		want: Caps{Name: "kitty(0.42.1)", KittyGraphics: true, SyncOutput: true, KittyKeyboard: true,
			CellWidth: 11, CellHeight: 22, HasBackground: true, OctantCells: 1, Answered: true},
	},
	{
		name: "ghostty",
		answers: "\x1bP>|ghostty 1.2.3\x1b\\\x1b_Gi=31;OK\x1b\\\x1b_Gi=32;OK\x1b\\\x1b[?2026;2$y\x1b[?0u" +
			"\x1b[6;18;9t\x1b[4;720;1080t\x1b[8;40;120t\x1b]11;rgb:28/2c/34\x1b\\\x1b[3;1R\x1b[3;2R\x1b[?62;22c",
		want: Caps{Name: "ghostty 1.2.3", KittyGraphics: true, KittyLocal: true, SyncOutput: true, KittyKeyboard: true,
			CellWidth: 9, CellHeight: 18, Background: [3]uint8{0x28, 0x2c, 0x34}, HasBackground: true, OctantCells: 1, Answered: true},
	},
	{
		name: "foot",
		answers: "\x1bP>|foot(1.21.0)\x1b\\\x1b[?2026;2$y\x1b[?0u\x1b[6;20;10t\x1b[4;800;1200t\x1b[8;40;120t" +
			"\x1b]11;rgb:2424/2424/2424\x1b\\\x1b[2;1R\x1b[2;2R\x1b[?62;4;22;28;52c",
		want: Caps{Name: "foot(1.21.0)", Sixel: true, SyncOutput: true, KittyKeyboard: true,
			CellWidth: 10, CellHeight: 20, Background: [3]uint8{0x24, 0x24, 0x24}, HasBackground: true, OctantCells: 1, Answered: true},
	},
	{
		name: "wezterm",
		answers: "\x1bP>|WezTerm 20240203-110809-5046fc22\x1b\\\x1b_Gi=31;OK\x1b\\\x1b_Gi=32;ENOTSUPPORTED\x1b\\\x1b[?2026;2$y" +
			"\x1b[6;19;9t\x1b[4;760;1080t\x1b[8;40;120t\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[9;1R\x1b[9;2R\x1b[?65;4;6;18;22c",
		want: Caps{Name: "WezTerm 20240203-110809-5046fc22", KittyGraphics: true, Sixel: true, SyncOutput: true,
			CellWidth: 9, CellHeight: 19, HasBackground: true, OctantCells: 1, Answered: true},
	},
	{
		name: "xterm",
		answers: "\x1bP>|XTerm(390)\x1b\\\x1b[?2026;0$y\x1b[6;13;6t\x1b[4;520;720t\x1b[8;40;120t" +
			"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[24;1R\x1b[24;2R\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c",
		want: Caps{Name: "XTerm(390)", CellWidth: 6, CellHeight: 13, Background: [3]uint8{255, 255, 255},
			HasBackground: true, OctantCells: 1, Answered: true},
	},
	{
		name:    "tmux of Debian 12",
		answers: "\x1bP>|tmux 3.3a\x1b\\\x1b[4;640;960t\x1b[8;40;120t\x1b[1;1R\x1b[1;1R\x1b[?1;2;4c",
		want: Caps{Name: "tmux 3.3a", Sixel: true, CellWidth: 8, CellHeight: 16,
			OctantCells: 0, Answered: true},
	},
	{
		name:    "a terminal that ends strings with BEL and knows little",
		answers: "\x1b]11;rgb:000/800/fff\a\x1b[1;1R\x1b[1;5R\x1b[?6c",
		want:    Caps{Background: [3]uint8{0, 0x80, 255}, HasBackground: true, OctantCells: 4, Answered: true},
	},
	{
		name: "none",
		want: Caps{OctantCells: -1},
	},
}

func TestAnswers(t *testing.T) {
	for _, c := range terminalAnswers {
		t.Run(c.name, func(t *testing.T) {
			a := NewAnswers()
			if typed := a.Feed([]byte(c.answers)); len(typed) != 0 {
				t.Errorf("%q taken for typed", typed)
			}
			if got := a.Caps(); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// TestAnswersInPieces feeds the answers byte by byte, with a person typing in
// between: what is known and what was typed must come out whole.
func TestAnswersInPieces(t *testing.T) {
	keys := []string{"h", "é", "\x1b[A", "\x1bOP", "\x1bx", "\r", "\x1b[15~", "\x1b[200~paste\x1b[201~"}
	for _, c := range terminalAnswers {
		t.Run(c.name, func(t *testing.T) {
			var got []byte
			in, want := []byte("typed\x1b[B"), []byte("typed\x1b[B")
			in = append(in, c.answers...)
			for _, k := range keys {
				in, want = append(in, k...), append(want, k...)
			}
			a := NewAnswers()
			for _, b := range in {
				got = append(got, a.Feed([]byte{b})...)
			}
			got = append(got, a.Rest()...)
			if !slices.Equal(got, want) {
				t.Errorf("typed %q, want %q", got, want)
			}
			if caps := a.Caps(); caps != c.want {
				t.Errorf("got  %+v\nwant %+v", caps, c.want)
			}
		})
	}
}

func TestEscapeKeyIsNotLost(t *testing.T) {
	a := NewAnswers()
	typed := a.Feed([]byte("q\x1b"))
	if string(typed) != "q" || string(a.Rest()) != "\x1b" {
		t.Errorf("typed %q and then not the escape", typed)
	}
}

func TestTerminalNameIsPrintable(t *testing.T) {
	a := NewAnswers()
	a.Feed([]byte("\x1bP>|evil\xc2\x9b31m\xe2\x80\xae(1)\x1b\\"))
	if got := a.Caps().Name; got != "evil31m(1)" {
		t.Errorf("name %q", got)
	}
}

// FuzzAnswers feeds anything in two pieces: no panic, no byte made up, and the
// pieces do not matter.
func FuzzAnswers(f *testing.F) {
	for _, c := range terminalAnswers {
		f.Add([]byte(c.answers), uint16(len(c.answers)/2))
	}
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		whole, pieces := NewAnswers(), NewAnswers()
		want := append(whole.Feed(in), whole.Rest()...)
		cut := int(at) % (len(in) + 1)
		got := append([]byte(nil), pieces.Feed(in[:cut])...)
		got = append(append(got, pieces.Feed(in[cut:])...), pieces.Rest()...)
		if len(in) < maxAnswer && (!slices.Equal(got, want) || whole.Caps() != pieces.Caps()) {
			t.Errorf("cut at %d: %q and %+v, whole: %q and %+v", cut, got, pieces.Caps(), want, whole.Caps())
		}
		if len(want) > len(in) {
			t.Errorf("%d bytes typed of %d read", len(want), len(in))
		}
	})
}

// TestEscapeIsAKey: an escape alone is no answer that would have to be waited
// for; an answer that is cut later than that is.
func TestEscapeIsAKey(t *testing.T) {
	a := NewAnswers()
	if got := string(a.Feed([]byte("a\x1b"))) + string(a.Key()); got != "a\x1b" {
		t.Errorf("typed %q", got)
	}
	if got := string(a.Feed([]byte("b\x1b[?62"))) + string(a.Key()); got != "b" {
		t.Errorf("typed %q", got)
	}
	if got := string(a.Feed([]byte(";4cd"))) + string(a.Key()); got != "d" || !a.Caps().Answered || !a.Caps().Sixel {
		t.Errorf("typed %q, heard %+v", got, a.Caps())
	}
}
