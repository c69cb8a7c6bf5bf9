package tui

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// typed applies keys to an editor: names of keys in angle brackets, other text
// as typed characters, and text between the brackets « » as one paste.
func typed(e *editor, script string) {
	for script != "" {
		if rest, ok := strings.CutPrefix(script, "<"); ok {
			name, tail, _ := strings.Cut(rest, ">")
			e.key(name)
			script = tail
			continue
		}
		if rest, ok := strings.CutPrefix(script, "«"); ok {
			text, tail, _ := strings.Cut(rest, "»")
			e.insert(text, true)
			script = tail
			continue
		}
		_, n := utf8.DecodeRuneInString(script)
		e.insert(script[:n], false)
		script = script[n:]
	}
}

// shown is the text with the cursor as a bar.
func shown(e *editor) string {
	return strings.Join(e.text[:e.cursor], "") + "|" + strings.Join(e.text[e.cursor:], "")
}

func TestEditor(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"typing", "hello world", "hello world|"},
		{"movement", "abc<left><left>x<home>y<end>z", "yaxbcz|"},
		{"words", "one two  three<alt+b><alt+b>X<alt+f>Y", "one XtwoY|  three"},
		{"deleting", "abcd<left><backspace><delete>e", "abe|"},
		{"at the ends", "<backspace><left><delete>a<right><delete>", "a|"},
		{"kill and yank", "one two three<ctrl+w><ctrl+w><ctrl+y>", "one two |"},
		{"kill line", "one two<left><left><left><ctrl+k><ctrl+y><ctrl+y>", "one twotwo|"},
		{"kill before", "one two<left><left><left><ctrl+u>", "|two"},
		{"undo a word", "one two three<ctrl+_>", "one two|"},
		{"undo twice", "one two three<ctrl+_><ctrl+_>", "one|"},
		{"undo all", "one two three<ctrl+_><ctrl+_><ctrl+_><ctrl+_>", "|"},
		{"undo deletion", "one<backspace><backspace><ctrl+_>", "on|"},
		{"undo after moving", "one<home>x<ctrl+_>", "|one"},
		{"paste", "a«b\nc\td\x1b[31me»f", "ab c def|"},
		{"undo paste", "ab«long text»<ctrl+_>", "ab|"},
		{"hostile paste", "«a\u202eb\u200bc\U0001CD00»", "abc|"},
		{"blanks stay", "a<left> <end> b", " a b|"},
		{"clusters", "e\u0301x<left><left>y", "y|e\u0301x"},
		{"flags", "🇩🇪🇫🇷<left><backspace>", "|🇫🇷"},
		{"wide", "漢字<left>x", "漢x|字"},
		{"accent joins", "e<home>a<end>\u0301<backspace>", "a|"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e editor
			typed(&e, c.script)
			if got := shown(&e); got != c.want {
				t.Errorf("%q gives %q, want %q", c.script, got, c.want)
			}
		})
	}
}

func TestEditorHistory(t *testing.T) {
	var e editor
	for _, s := range []string{"one", "two", "two", " three "} {
		typed(&e, s)
		e.take()
	}
	typed(&e, "draft")
	var got []string
	for _, key := range []string{"up", "up", "up", "up", "down", "down", "down", "down"} {
		e.key(key)
		got = append(got, e.String())
	}
	if want := "three two one one two three draft draft"; strings.Join(got, " ") != want {
		t.Errorf("history went %q, want %q", got, want)
	}
	if e.take() != "draft" || !e.empty() {
		t.Error("the line was not taken")
	}
}

func TestEditorRender(t *testing.T) {
	s := NewStyles(Theme{})
	var e editor
	typed(&e, "a long line of text with 漢字 in it that does not fit")
	for w := 2; w < 40; w++ {
		for range len(e.text) + 1 {
			if n := width(e.Render(s, w, true)); n != w {
				t.Fatalf("%d cells wide, want %d", n, w)
			}
			e.key("left")
		}
		e.key("end")
	}
}

func FuzzEditor(f *testing.F) {
	f.Add("one <left>two«three»<ctrl+_><up><ctrl+w>")
	f.Fuzz(func(t *testing.T, script string) {
		var e editor
		s := NewStyles(Theme{})
		typed(&e, script)
		if e.cursor < 0 || e.cursor > len(e.text) {
			t.Fatalf("the cursor is at %d of %d", e.cursor, len(e.text))
		}
		if n := width(e.Render(s, 20, true)); n != 20 {
			t.Errorf("%q is drawn %d cells wide", script, n)
		}
		// What is typed bit by bit is as clean as what comes whole, but for
		// blanks and for marks without a letter, which sending takes care of.
		letters := func(s string) string {
			return strings.Map(func(r rune) rune {
				if unicode.Is(unicode.M, r) || unicode.IsSpace(r) {
					return -1
				}
				return r
			}, s)
		}
		if text := e.String(); len(text) < editorMax && letters(cleanText(text)) != letters(text) {
			t.Errorf("the text %q is not clean: %q", text, cleanText(text))
		}
	})
}
