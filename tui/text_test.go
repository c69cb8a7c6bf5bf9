package tui

import (
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

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		clock(12*time.Minute + 34*time.Second): "00:12:34",
		clock(-time.Second):                    "00:00:00",
		clock(100 * time.Hour):                 "100:00:00",
		bitrate(64_000):                        "64 k",
		bitrate(1_240_000):                     "1.2 M",
		bitrate(999_600):                       "1.0 M",
		bitrate(10_000_000):                    "10 M",
		until(noon, noon.Add(time.Second)):     "in 1 s",
		until(noon, noon.Add(3001*1e6)):        "in 4 s",
		until(noon, noon.Add(-1)) + "!":        "now!",
		until(noon, time.Time{}):               "now",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
