package front

import (
	"strings"
	"testing"
	"time"
)

func TestCleaning(t *testing.T) {
	for in, want := range map[string]string{
		"bob":                        "bob",
		"\x1b[31mred\x1b[0m":         "red",
		"a\nb\tc":                    "a b c",
		"x\u202egnp.exe":             "xgnp.exe",
		"zero\u200bwidth":            "zerowidth",
		"video\U0001CD00here":        "videohere",
		"👍🏽 1\ufe0f\u20e3":           "👍 1",
		"":                           "(no name)",
		strings.Repeat("n", 5000):    strings.Repeat("n", maxNameRunes),
		"\x1b]52;c;ZXZpbA==\x07clip": "clip",
	} {
		if got := Name(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		Brief(1234 * time.Millisecond):               "1.2 s",
		Brief(65 * time.Second):                      "1 min 5 s",
		Brief(90 * time.Minute):                      "1 h 30 min",
		DataSize(999):                                "999 B",
		DataSize(999_999):                            "1.0 MB",
		DataSize(12_345_678):                         "12 MB",
		DataSize(1 << 63):                            "9.2 EB",
		Millis(23400 * time.Microsecond):             "23 ms",
		Percent(0.004):                               "0.4%",
		Percent(0.5):                                 "50%",
		Plural(1, "peer") + ", " + Plural(2, "peer"): "1 peer, 2 peers",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
