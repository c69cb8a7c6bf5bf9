package tui

import (
	"strings"
	"testing"
)

func TestTypedKeys(t *testing.T) {
	for _, c := range []struct{ in, keys, rest string }{
		{"", "", ""},
		{"mé漢", "m é 漢", ""},
		{"a b\r\x03\x7f\t", "a   b enter ctrl+c backspace tab", ""},
		{"q\x1b", "q esc", ""},
		{"q\x1b[A", "q", "\x1b[A"},
		{"\x1bmx", "", "\x1bmx"},
		{"x\xff\xe6\xbc", "x", "\xe6\xbc"},
	} {
		keys, rest := typedKeys([]byte(c.in))
		var names []string
		for _, k := range keys {
			names = append(names, k.String())
		}
		if got := strings.Join(names, " "); got != c.keys || string(rest) != c.rest {
			t.Errorf("%q: keys %q and rest %q, want %q and %q", c.in, got, rest, c.keys, c.rest)
		}
	}
}

// TestTypedBeforeActsAtOnce: it does not wait for another key, and what only
// the reader of the terminal understands comes first when there is one.
func TestTypedBeforeActsAtOnce(t *testing.T) {
	inTerminal(t, func(o *Options) { o.Typed = []byte("m cto q\x1b[") }, func(r *terminalRig) {
		r.shows("mic OFF", "> to q")
		r.press("D!")
		r.shows("> to !q")
	})
}
