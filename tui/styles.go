package tui

import (
	"hash/fnv"
	"io"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// Theme says how the screen may look. The zero value is a dark terminal with
// all colours and the full set of symbols.
type Theme struct {
	Light   bool // the terminal's background is light
	NoColor bool // NO_COLOR, or a terminal without colours
	// Depth is how many colours the terminal has: 16, 256, or 0 for all.
	Depth int
	ASCII bool // no symbol outside of ASCII, no hyperlinks
	// Colors replaces colours by token name, see [ColorTokens]. The values
	// are "#rrggbb" or an ANSI number from "0" to "255".
	Colors map[string]string
}

// ThemeFromEnv reads what the environment says about the terminal: NO_COLOR,
// COLORTERM, TERM and COLORFGBG. A terminal that was asked for its background
// knows better than the last of these.
func ThemeFromEnv(getenv func(string) string) Theme {
	t := Theme{NoColor: getenv("NO_COLOR") != "", Depth: 16}
	term := getenv("TERM")
	switch color := getenv("COLORTERM"); {
	case color == "truecolor" || color == "24bit":
		t.Depth = 0
	case term == "xterm-kitty" || term == "xterm-ghostty" || term == "alacritty" || term == "wezterm" || term == "foot" || strings.HasSuffix(term, "-direct"):
		t.Depth = 0
	case strings.Contains(term, "256color"):
		t.Depth = 256
	}
	// "15;0" or "0;default;15": the last number is the background; 7 and the
	// bright ones but 8 are light.
	fields := strings.Split(getenv("COLORFGBG"), ";")
	if n, err := strconv.Atoi(fields[len(fields)-1]); err == nil && len(fields) > 1 {
		t.Light = n == 7 || n > 8
	}
	return t
}

// profile is the same for lipgloss, which translates colours down.
func (t Theme) profile() termenv.Profile {
	switch t.Depth {
	case 16:
		return termenv.ANSI
	case 256:
		return termenv.ANSI256
	}
	return termenv.TrueColor
}

// token is the purpose of a colour.
type token uint8

const (
	tokenText token = iota
	tokenDim
	tokenAccent
	tokenGood
	tokenWarn
	tokenBad
	tokenSpeak
	tokenCount
)

// palette is the one place where colours are written down: name of the token,
// colour on a dark and on a light background. All reach a contrast of 4.5:1
// against black and white respectively.
var palette = [tokenCount]struct{ name, dark, light string }{
	tokenText:   {"text", "", ""},
	tokenDim:    {"dim", "245", "242"},
	tokenAccent: {"accent", "#8aa9ff", "#2f4fc4"},
	tokenGood:   {"good", "#7fd88f", "#1a7431"},
	tokenWarn:   {"warn", "#f2c14e", "#8a5a00"},
	tokenBad:    {"bad", "#ff8080", "#b3261e"},
	tokenSpeak:  {"speak", "#5fd7d7", "#00697a"},
}

// nameColors tell the people of a chat apart, on a dark and on a light background. None
// is that of a warning or an error; all have the contrast of the palette.
var nameColors = []struct{ dark, light string }{
	{"#8aa9ff", "#2f4fc4"}, {"#d7a6ff", "#7a2fb0"}, {"#ffb38a", "#a34700"},
	{"#6fd3c0", "#00697a"}, {"#f2a6c8", "#a8246b"}, {"#c6d57e", "#5a6b00"},
}

// ColorTokens are the names that [Theme.Colors] understands.
func ColorTokens() []string {
	names := make([]string, 0, tokenCount)
	for _, p := range palette {
		names = append(names, p.name)
	}
	return names
}

// DefaultColor is the colour of a token on a dark or light background; empty
// for the terminal's own.
func DefaultColor(name string, light bool) string {
	for _, p := range palette {
		if p.name == name && light {
			return p.light
		} else if p.name == name {
			return p.dark
		}
	}
	return ""
}

// Styles holds every colour and symbol of the screen. It is immutable.
type Styles struct {
	text, dim, accent, good, warn, bad, speak lipgloss.Style

	bold     lipgloss.Style
	title    lipgloss.Style // the room's name
	key      lipgloss.Style // a key in the help
	selected lipgloss.Style // the row of the cursor
	cursor   lipgloss.Style // the cell of the text cursor
	off      lipgloss.Style // OFF in the header
	banner   lipgloss.Style
	qr       lipgloss.Style // light modules of a QR code on dark ground

	profile    termenv.Profile  // the colours there are
	names      []lipgloss.Style // of people in the chat
	hyperlinks bool             // addresses are marked by OSC 8
	glyph      glyphs
}

// glyphs are the symbols of the screen, each one cell wide.
type glyphs struct {
	connected, fresh, failed, away, oneWay string
	spinner                                []string
	retry, ok, info, warn, bad, arrow      string
	private, open, hand                    string
	dot, dash, ellipsis, prompt            string
	feed                                   string   // the end of a line in what is being written
	bars                                   []string // of a level or a sparkline, low to high
	h, v, tl, tr, bl, br                   string   // of a box
	rule                                   string
}

var unicodeGlyphs = glyphs{
	connected: "●", fresh: "○", failed: "✕", away: "◌", oneWay: "◐",
	spinner: []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"},
	retry:   "↻", ok: "✓", info: "•", warn: "!", bad: "✕", arrow: "▸",
	private: "◆", open: "◇", hand: "↑",
	dot: "·", dash: "–", ellipsis: "…", prompt: ">", feed: "↵",
	bars: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
	h:    "─", v: "│", tl: "┌", tr: "┐", bl: "└", br: "┘", rule: "─",
}

var asciiGlyphs = glyphs{
	connected: "*", fresh: "o", failed: "x", away: ".", oneWay: "%",
	spinner: []string{"|", "/", "-", "\\"},
	retry:   "@", ok: "+", info: "*", warn: "!", bad: "x", arrow: ">",
	private: "#", open: "o", hand: "^",
	dot: "-", dash: "-", ellipsis: "~", prompt: ">", feed: "\\",
	bars: []string{".", ".", ":", ":", "=", "=", "#", "#"},
	h:    "-", v: "|", tl: "+", tr: "+", bl: "+", br: "+", rule: "-",
}

// NewStyles makes the styles of a theme. It asks the terminal nothing.
func NewStyles(t Theme) *Styles {
	r := lipgloss.NewRenderer(io.Discard)
	// With NO_COLOR bold, faint and reverse remain: they are no colours.
	r.SetColorProfile(t.profile())
	r.SetHasDarkBackground(!t.Light)
	plain := r.NewStyle()
	paint := func(k token) lipgloss.Style {
		p := palette[k]
		color := p.dark
		if t.Light {
			color = p.light
		}
		if c, ok := t.Colors[p.name]; ok {
			color = c
		}
		switch {
		case t.NoColor && k == tokenDim:
			return plain.Faint(true)
		case t.NoColor || color == "":
			return plain
		}
		return plain.Foreground(lipgloss.Color(color))
	}
	s := &Styles{
		profile: t.profile(),
		text:    paint(tokenText), dim: paint(tokenDim), accent: paint(tokenAccent),
		good: paint(tokenGood), warn: paint(tokenWarn), bad: paint(tokenBad), speak: paint(tokenSpeak),
		glyph: unicodeGlyphs, hyperlinks: !t.ASCII,
	}
	s.bold = s.text.Bold(true)
	s.title = s.accent.Bold(true)
	s.key = s.accent.Bold(true)
	s.selected = s.text.Bold(true)
	s.cursor = plain.Reverse(true)
	s.off = s.warn.Bold(true)
	s.banner = s.warn.Bold(true)
	s.qr = plain
	if !t.NoColor {
		s.qr = plain.Foreground(lipgloss.Color("15")).Background(lipgloss.Color("0"))
	} else if t.Light {
		s.qr = plain.Reverse(true)
	}
	for _, c := range nameColors {
		switch {
		case t.NoColor:
			s.names = append(s.names, plain)
		case t.Light:
			s.names = append(s.names, plain.Foreground(lipgloss.Color(c.light)))
		default:
			s.names = append(s.names, plain.Foreground(lipgloss.Color(c.dark)))
		}
	}
	if t.ASCII {
		s.glyph = asciiGlyphs
	}
	return s
}

// person is the style of somebody's name in the chat: the same on every screen and in
// every call.
func (s *Styles) person(name string) lipgloss.Style {
	h := fnv.New32a()
	h.Write([]byte(name)) // never fails
	return s.names[(h.Sum32()>>16)%uint32(len(s.names))]
}

// still is the step of a spinner that does not move.
const still = -1

// spinner is the picture of the spinner at a step.
func (s *Styles) spinner(step int) string {
	if step == still {
		return s.glyph.retry
	}
	return s.glyph.spinner[step%len(s.glyph.spinner)]
}

// bar draws a value from 0 to 1 as one cell.
func (s *Styles) bar(v float64) string {
	n := len(s.glyph.bars)
	return s.glyph.bars[max(0, min(n-1, int(v*float64(n))))]
}
