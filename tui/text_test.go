package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

func TestWidthAgreesWithTheSlowWay(t *testing.T) {
	styles := NewStyles(Theme{})
	for _, s := range []string{
		"", "plain", "┌──┐", "⠋ x", string(Placeholder), "漢字", "e\u0301", "─\u0301", "a\u200db", "👍", "…", "tab\tand\x07bell",
		styles.good.Render("green"), styles.banner.Render("⠋ bold") + "漢", "\x1b]8;;x\x07link\x1b]8;;\x07", "\x1b[", "\x1b[3", "\x1b[2Jx",
		"█ and ● and –",
	} {
		if got, want := width(s), ansi.StringWidth(s); got != want {
			t.Errorf("%q is %d cells wide, want %d", s, got, want)
		}
	}
}

func FuzzWidth(f *testing.F) {
	f.Add("\x1b[1;38;5;245m┌─ name ─┐\x1b[0m ⠋ 漢字 e\u0301")
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := width(s), ansi.StringWidth(s); got != want {
			t.Errorf("%q is %d cells wide, want %d", s, got, want)
		}
		styles := NewStyles(Theme{})
		for _, w := range []int{1, 2, 7, 40} {
			if n := width(styles.fit(cleanName(s), w)); n != w {
				t.Errorf("%q fit to %d is %d", s, w, n)
			}
		}
	})
}

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
		if got := cleanName(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		clock(12*time.Minute + 34*time.Second):       "00:12:34",
		clock(-time.Second):                          "00:00:00",
		clock(100 * time.Hour):                       "100:00:00",
		brief(1234 * time.Millisecond):               "1.2 s",
		brief(65 * time.Second):                      "1 min 5 s",
		brief(90 * time.Minute):                      "1 h 30 min",
		bitrate(64_000):                              "64 k",
		bitrate(1_240_000):                           "1.2 M",
		bitrate(999_600):                             "1.0 M",
		bitrate(10_000_000):                          "10 M",
		dataSize(999):                                "999 B",
		dataSize(999_999):                            "1.0 MB",
		dataSize(12_345_678):                         "12 MB",
		dataSize(1 << 63):                            "9.2 EB",
		millis(23400 * time.Microsecond):             "23 ms",
		percent(0.004):                               "0.4%",
		percent(0.5):                                 "50%",
		until(noon, noon.Add(time.Second)):           "in 1 s",
		until(noon, noon.Add(3001*1e6)):              "in 4 s",
		until(noon, noon.Add(-1)) + "!":              "now!",
		until(noon, time.Time{}):                     "now",
		plural(1, "peer") + ", " + plural(2, "peer"): "1 peer, 2 peers",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
