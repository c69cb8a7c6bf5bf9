package front

import (
	"fmt"
	"strings"
	"time"

	"github.com/meet-term/meet/internal/safetext"
)

// Names and texts are cleaned before they are stored, and once more here, because
// this is the last thing between a stranger and the terminal. The limits are far
// above what fits.
const (
	maxNameRunes = 64
	maxTextRunes = 4000
)

// Name makes a name fit for one cell of a table.
func Name(s string) string {
	s = SteadyWidth(safetext.Line(s, maxNameRunes))
	if s == "" {
		return "(no name)"
	}
	return s
}

// Text makes any other text fit for one line.
func Text(s string) string { return SteadyWidth(safetext.Line(s, maxTextRunes)) }

// Lines is Text for what may have several lines.
func Lines(s string) string { return SteadyWidth(safetext.Block(s, maxTextRunes)) }

// SteadyWidth drops the runes that change the width of their neighbour in
// some terminals but not in others: skin tones and enclosing key caps.
func SteadyWidth(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\u20e3' || 0x1F3FB <= r && r <= 0x1F3FF {
			return -1
		}
		return r
	}, s)
}

// Plural is "1 peer" or "2 peers".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Brief shows a duration as people say it: 0.4 s, 1.2 s, 34 s, 2 min 5 s.
func Brief(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", max(0, d.Seconds()))
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// Millis shows a short duration as "23 ms".
func Millis(d time.Duration) string {
	if d > 0 && d < time.Millisecond {
		return "<1 ms"
	}
	return fmt.Sprintf("%d ms", (d+time.Millisecond/2)/time.Millisecond)
}

// DataSize shows bytes as "812 kB" or "1.2 GB".
func DataSize(n uint64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n) / 1000
	i := 0
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %cB", v, units[i])
	}
	return fmt.Sprintf("%.0f %cB", v, units[i])
}

// Percent shows a share with one digit where it matters.
func Percent(share float64) string {
	if share >= 0.1 {
		return fmt.Sprintf("%.0f%%", share*100)
	}
	return fmt.Sprintf("%.1f%%", share*100)
}
