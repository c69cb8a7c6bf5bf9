package termvideo

import "testing"

func TestChoose(t *testing.T) {
	caps := map[string]Caps{}
	for _, c := range terminalAnswers {
		caps[c.name] = c.want
	}
	named := func(name string, octant int) Caps { return Caps{Name: name, OctantCells: octant, Answered: true} }
	for _, c := range []struct {
		name   string
		wanted Mode
		caps   Caps
		env    map[string]string
		mode   Mode
		colors ColorDepth
	}{
		{"kitty here", ModeAuto, caps["kitty on this machine"], nil, ModeKitty, TrueColor},
		{"kitty over ssh", ModeAuto, caps["kitty over ssh"], nil, ModeOctant, TrueColor},
		{"ghostty", ModeAuto, caps["ghostty"], nil, ModeKitty, TrueColor},
		{"foot", ModeAuto, caps["foot"], nil, ModeOctant, TrueColor},
		{"old foot", ModeAuto, named("foot(1.16.2)", 1), nil, ModeSextant, TrueColor},
		{"wezterm", ModeAuto, caps["wezterm"], nil, ModeSextant, TrueColor},
		{"wezterm nightly", ModeAuto, named("WezTerm 20250811-090000-abc", 1), nil, ModeOctant, TrueColor},
		{"gnome terminal", ModeAuto, named("VTE(7802)", 1), nil, ModeOctant, TrueColor},
		{"gnome terminal of 2022", ModeAuto, named("VTE(6800)", 1), nil, ModeSextant, TrueColor},
		{"xterm", ModeAuto, caps["xterm"], map[string]string{"TERM": "xterm-256color"}, ModeQuadrant, TrueColor},
		{"konsole", ModeAuto, named("Konsole 24.12.1", 1), nil, ModeQuadrant, TrueColor},
		{"tmux somewhere", ModeAuto, caps["tmux of Debian 12"], map[string]string{"TERM": "tmux-256color"}, ModeQuadrant, Colors256},
		{"tmux in gnome terminal", ModeAuto, caps["tmux of Debian 12"],
			map[string]string{"TERM": "tmux-256color", "COLORTERM": "truecolor", "VTE_VERSION": "7802"}, ModeSextant, TrueColor},
		{"new tmux in gnome terminal", ModeAuto, named("tmux 3.6", 1),
			map[string]string{"TERM": "tmux-256color", "COLORTERM": "truecolor", "VTE_VERSION": "7802"}, ModeOctant, TrueColor},
		{"tmux in kitty", ModeAuto, named("tmux 3.6", 1),
			map[string]string{"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, ModeSextant, Colors256},
		{"alacritty", ModeAuto, named("", 1), map[string]string{"TERM": "alacritty"}, ModeQuadrant, TrueColor},
		{"windows terminal", ModeAuto, named("", 1), map[string]string{"WT_SESSION": "x"}, ModeQuadrant, TrueColor},
		{"windows console", ModeAuto, named("", 1), nil, ModeQuadrant, TrueColor},
		{"linux console", ModeAuto, named("", 1), map[string]string{"TERM": "linux"}, ModeASCII, Colors16},
		{"no answer", ModeAuto, caps["none"], map[string]string{"TERM": "xterm-256color"}, ModeQuadrant, Colors256},
		{"no answer, few colours", ModeAuto, caps["none"], map[string]string{"TERM": "vt100"}, ModeASCII, Colors16},
		{"no UTF-8", ModeAuto, named("", 4), map[string]string{"TERM": "xterm-256color"}, ModeASCII, Colors256},
		{"NO_COLOR", ModeAuto, caps["kitty on this machine"], map[string]string{"NO_COLOR": "1"}, ModeASCII, NoColor},
		{"dumb", ModeAuto, caps["none"], map[string]string{"TERM": "dumb"}, ModeOff, NoColor},
		{"asked: off", ModeOff, caps["kitty on this machine"], nil, ModeOff, TrueColor},
		{"asked: sixel", ModeSixel, caps["foot"], nil, ModeSixel, TrueColor},
		{"asked: octant although dropped", ModeOctant, caps["tmux of Debian 12"], map[string]string{"TERM": "screen-256color"}, ModeOctant, Colors256},
		{"asked: kitty over ssh", ModeKitty, caps["kitty over ssh"], nil, ModeKitty, TrueColor},
		{"asked: half despite NO_COLOR", ModeHalf, caps["foot"], map[string]string{"NO_COLOR": "1"}, ModeHalf, TrueColor},
		{"asked: ascii", ModeASCII, caps["foot"], nil, ModeASCII, TrueColor},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Choose(c.wanted, c.caps, func(k string) string { return c.env[k] })
			if got.Mode != c.mode || got.Colors != c.colors {
				t.Errorf("%v at depth %d, want %v at depth %d", got.Mode, got.Colors, c.mode, c.colors)
			}
			if got.Reason == "" {
				t.Error("no reason given")
			}
			t.Logf("%v: %s", got.Mode, got.Reason)
		})
	}
}

func TestModesHaveNames(t *testing.T) {
	for m := ModeAuto; m <= ModeKitty; m++ {
		got, err := ParseMode(m.String())
		if err != nil || got != m {
			t.Errorf("ParseMode(%q) is %v, %v", m.String(), got, err)
		}
	}
	if _, err := ParseMode("braille"); err == nil {
		t.Error("an unknown mode was taken")
	}
}

func TestPictureSize(t *testing.T) {
	wide := Caps{CellWidth: 10, CellHeight: 20}
	for _, c := range []struct {
		mode Mode
		caps Caps
		w, h int
	}{
		{ModeOctant, wide, 200, 120},   // its sub-pixels are square
		{ModeOctant, Caps{}, 200, 120}, // cells are taken to be 1:2
		{ModeSextant, wide, 200, 120},  // 200x90 would waste columns
		{ModeQuadrant, wide, 200, 120},
		{ModeHalf, wide, 100, 60},
		{ModeOctant, Caps{CellWidth: 9, CellHeight: 20}, 200, 133},
		{ModeOctant, Caps{CellWidth: 12, CellHeight: 20}, 240, 120},
		{ModeASCII, wide, 100, 60},
		{ModeKitty, wide, 1000, 600},
		{ModeOff, wide, 0, 0},
	} {
		w, h := Choice{Mode: c.mode}.PictureSize(c.caps, 100, 30)
		if w != c.w || h != c.h {
			t.Errorf("%v on %dx%d: %dx%d, want %dx%d", c.mode, c.caps.CellWidth, c.caps.CellHeight, w, h, c.w, c.h)
		}
	}
}
