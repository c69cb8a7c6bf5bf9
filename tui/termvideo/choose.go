package termvideo

import (
	"strconv"
	"strings"
)

// Choice is how pictures are drawn on a terminal.
type Choice struct {
	Mode   Mode
	Colors ColorDepth
	Reason string // in plain words, for a person who wonders
}

// Config returns the configuration of a Drawer for this choice.
func (c Choice) Config(caps Caps) Config {
	return Config{
		Mode: c.Mode, Colors: c.Colors,
		CellWidth: caps.CellWidth, CellHeight: caps.CellHeight,
		Background: caps.Background, KittyLocal: caps.KittyLocal,
	}
}

// PictureSize returns the pixels a picture of so many cells can show, for the
// sender to scale to: square ones, and no fewer in any direction than the mode
// resolves. It is 0 and 0 where no pictures are drawn.
func (c Choice) PictureSize(caps Caps, cols, rows int) (width, height int) {
	cfg := c.Config(caps).withDefaults()
	if cols <= 0 || rows <= 0 || c.Mode == ModeOff || c.Mode == ModeAuto {
		return 0, 0
	}
	width, height = cols*cfg.CellWidth, rows*cfg.CellHeight
	if c.Mode.pixels() {
		return width, height
	}
	subCols, subRows := c.Mode.SubPixels()
	if subCols*cfg.CellHeight > subRows*cfg.CellWidth { // columns are finer
		return cols * subCols, roundDiv(int64(cols*subCols)*int64(height), int64(width))
	}
	return roundDiv(int64(rows*subRows)*int64(width), int64(height)), rows * subRows
}

// Choose decides how to draw. wanted is what the user asked for; ModeAuto takes
// the best of kitty graphics on the same machine, octants, sextants, quadrants,
// half blocks and grey characters that the terminal is known to show well.
// getenv reads the environment (os.Getenv).
func Choose(wanted Mode, caps Caps, getenv func(string) string) Choice {
	c := Choice{Mode: wanted, Colors: colorDepth(caps, getenv), Reason: "as asked for"}
	switch {
	case wanted == ModeAuto:
		c.Mode, c.Reason = best(caps, c.Colors, getenv)
	case wanted == ModeKitty && !caps.KittyGraphics:
		c.Reason = "as asked for, though the terminal does not answer for kitty graphics"
	case wanted == ModeSixel && !caps.Sixel:
		c.Reason = "as asked for, though the terminal does not name sixel graphics"
	case wanted == ModeOctant && caps.OctantCells == 0:
		c.Reason = "as asked for, though the terminal drops octants"
	}
	if noColor(getenv) && c.Mode == ModeASCII {
		c.Colors = NoColor
	}
	return c
}

func noColor(getenv func(string) string) bool { return getenv("NO_COLOR") != "" }

func best(caps Caps, colors ColorDepth, getenv func(string) string) (Mode, string) {
	switch {
	case getenv("TERM") == "dumb":
		return ModeOff, "the terminal is dumb"
	case noColor(getenv):
		return ModeASCII, "NO_COLOR is set"
	case caps.KittyGraphics && caps.KittyLocal:
		return ModeKitty, "the terminal shows kitty graphics and runs on this machine"
	case caps.OctantCells > 2:
		return ModeASCII, "the terminal does not read UTF-8"
	case colors == Colors16 || colors == NoColor:
		return ModeASCII, "the terminal shows sixteen colours or fewer"
	}
	mode, who := knownGlyphs(caps, getenv)
	switch {
	case mode == ModeOctant && caps.OctantCells != 1:
		return ModeSextant, who + " draws octants, but something in between does not pass them"
	case mode == ModeHalf:
		return mode, who + " has half blocks only"
	case who == "":
		return mode, "quadrants are in every font; the terminal is not known to draw more"
	}
	return mode, who + " draws " + mode.String() + "s itself"
}

// drawsItself lists the terminals that draw mosaic characters themselves,
// whatever the font, and since when. A cursor that moved over a character says
// nothing about its glyph, so that all others get what every font has.
var drawsItself = []struct {
	name    string
	octant  version
	sextant version
}{
	{"kitty", version{0, 40}, version{0, 20}},
	{"foot", version{1, 20}, version{1, 8}},
	{"ghostty", version{1, 2}, version{1, 0}},
	{"vte", version{7800}, version{6400}},
	{"wezterm", version{20250301}, version{20210814}},
	{"contour", version{never}, version{0, 4}},
}

// never is a version no terminal has reached.
const never = 1 << 30

// knownGlyphs returns the finest mode the terminal is known to draw, and its
// name if it is known.
func knownGlyphs(caps Caps, getenv func(string) string) (Mode, string) {
	if getenv("TERM") == "linux" && caps.Name == "" {
		return ModeHalf, "the Linux console"
	}
	name, v := splitVersion(caps.Name)
	if name == "" || name == "tmux" {
		name, v = hintedTerminal(getenv)
	}
	for _, t := range drawsItself {
		switch {
		case t.name != name:
		case !v.less(t.octant):
			return ModeOctant, name
		case !v.less(t.sextant):
			return ModeSextant, name
		}
	}
	return ModeQuadrant, ""
}

// hintedTerminal guesses the terminal outside of a multiplexer from what it
// left in the environment. Only VTE leaves its version; for the others it is
// taken to be recent enough for sextants.
func hintedTerminal(getenv func(string) string) (string, version) {
	if v := getenv("VTE_VERSION"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			n = 0
		}
		return "vte", version{n}
	}
	for _, hint := range [...]struct {
		variable, name string
		assumed        version
	}{
		{"KITTY_WINDOW_ID", "kitty", version{0, 20}},
		{"GHOSTTY_RESOURCES_DIR", "ghostty", version{1, 0}},
		{"WEZTERM_PANE", "wezterm", version{20210814}},
	} {
		if getenv(hint.variable) != "" {
			return hint.name, hint.assumed
		}
	}
	return "", version{}
}

// version is up to three numbers, the most significant first.
type version [3]int

func (v version) less(w version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

// splitVersion reads "foot(1.20.2)" and "ghostty 1.2.0" alike.
func splitVersion(s string) (name string, v version) {
	name, rest, _ := strings.Cut(strings.Map(func(r rune) rune {
		if r == '(' || r == ')' {
			return ' '
		}
		return r
	}, s), " ")
	digits := func(r rune) bool { return r < '0' || r > '9' }
	for i, field := range strings.FieldsFunc(rest, digits) {
		if i == len(v) {
			break
		}
		n, err := strconv.Atoi(field)
		if err != nil {
			break
		}
		v[i] = n
	}
	return strings.ToLower(name), v
}

// colorDepth reads from the environment how many colours the terminal shows;
// no question gets an answer from all of them.
func colorDepth(caps Caps, getenv func(string) string) ColorDepth {
	name := getenv("TERM")
	switch getenv("COLORTERM") {
	case "truecolor", "24bit":
		return TrueColor
	}
	known, _ := splitVersion(caps.Name)
	switch {
	case name == "dumb":
		return NoColor
	case getenv("WT_SESSION") != "", strings.Contains(name, "direct"):
		return TrueColor
	case known != "" && known != "tmux":
		// Whoever tells its name is recent enough; xterm takes 24 bits and
		// shows the nearest it has.
		return TrueColor
	}
	for _, prefix := range [...]string{"xterm-kitty", "alacritty", "foot", "ghostty", "xterm-ghostty", "wezterm", "contour"} {
		if strings.HasPrefix(name, prefix) {
			return TrueColor
		}
	}
	switch {
	case strings.Contains(name, "256color"):
		return Colors256
	case name == "" && caps.Answered:
		return TrueColor // the Windows console
	}
	return Colors16
}
