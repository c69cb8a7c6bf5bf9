package safetext

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "Ada Lovelace", "Ada Lovelace"},
		{"cjk", "王小明", "王小明"},
		{"emoji", "Zoë 🦊", "Zoë 🦊"},
		{"emoji family falls apart", "👩\u200d👧", "👩👧"},
		{"combining kept", "e\u0301", "e\u0301"},
		{"marks bounded", "o" + strings.Repeat("\u0301", 9), "o" + strings.Repeat("\u0301", maxMarks)},
		{"mark without base", "\u0301a", "a"},
		{"spaces", "  a \t\r\n\u00a0\u2003 b  ", "a b"},
		{"colour", "\x1b[31mred\x1b[0m", "red"},
		{"clear screen", "a\x1b[2J\x1b[Hb", "ab"},
		{"title", "\x1b]0;owned\x07bob", "bob"},
		{"hyperlink", "\x1b]8;;http://x\x1b\\bob\x1b]8;;\x1b\\", "bob"},
		{"device control", "\x1bPq#0;2\x1b\\x", "x"},
		{"unfinished string swallows nothing", "\x1b]0;bob", "0;bob"},
		{"unfinished csi", "bob\x1b[31", "bob"},
		{"c1 csi rune", "\u009b31mbob", "bob"},
		{"c1 csi byte", "\x9b31mbob", "bob"},
		{"charset", "\x1b(0bob", "bob"},
		{"reset", "\x1bcbob", "bob"},
		{"lone escape", "\x1b", ""},
		{"escape before text beyond ascii", "\x1bé", "é"},
		{"nul and bell", "b\x00o\x07b", "bob"},
		{"bidi", "\u202egnp.exe\u202c\u2066x\u2069\u200e\u061c", "gnp.exex"},
		{"zero width", "b\u200bo\u200c\u2060b\ufeff\u00ad", "bob"},
		{"placeholder", "b\U0001CD00\U0010EEEEb", "bb"},
		{"private use", "b\ue000b", "bb"},
		{"fillers", "\u3164\u2800\u115f", ""},
		{"variation selector", "❤\ufe0f", "❤"},
		{"tags", "a\U000E0041b", "ab"},
		{"invalid utf-8", "a\xff\xfe\xc3b", "ab"},
		{"replacement character", "a\ufffdb", "ab"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Line(tc.in, 64); got != tc.want {
				t.Errorf("Line(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

func TestLineIsBounded(t *testing.T) {
	for _, tc := range []struct {
		in   string
		max  int
		want string
	}{
		{strings.Repeat("x", 5000), 64, strings.Repeat("x", 64)},
		{"ab cd", 2, "ab"},
		{"ab cd", 3, "ab"},
		{"ab cd", 4, "ab c"},
		{"王小明", 2, "王小"},
		{"a", 0, ""},
	} {
		if got := Line(tc.in, tc.max); got != tc.want {
			t.Errorf("Line(%.10q, %d) = %q, want %q", tc.in, tc.max, got, tc.want)
		}
	}
}

func TestBlock(t *testing.T) {
	in := "\n\none\r\ntwo \x1b[1mbold\n\n\n\nthree\n"
	if got, want := Block(in, 100), "one\ntwo bold\n\nthree"; got != want {
		t.Errorf("Block = %q, want %q", got, want)
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"Ada", "\x1b[31mred", "\x1b]0;t\x07", "\u202e\u200b\U0001CD00", "a\n\nb", "\xff\x9b1m"} {
		f.Add(s, 64)
	}
	f.Fuzz(func(t *testing.T, s string, maxRunes int) {
		maxRunes = int(uint(maxRunes) % 300)
		for name, got := range map[string]string{"Line": Line(s, maxRunes), "Block": Block(s, maxRunes)} {
			if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxRunes {
				t.Fatalf("%s(%q, %d) = %q: invalid or too long", name, s, maxRunes, got)
			}
			for _, r := range got {
				if r == '\n' && name == "Block" {
					continue
				}
				if unicode.Is(unicode.C, r) || isUnsafe(r) {
					t.Fatalf("%s(%q) = %q holds %U", name, s, got, r)
				}
			}
			again := Line(got, maxRunes)
			if name == "Block" {
				again = Block(got, maxRunes)
			}
			if again != got {
				t.Fatalf("%s is not idempotent: %q, then %q", name, got, again)
			}
		}
	})
}
