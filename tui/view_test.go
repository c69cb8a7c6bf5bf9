package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

var sizes = []struct{ w, h int }{{40, 12}, {80, 24}, {120, 40}, {200, 60}}

// scenes are the pictures that are kept as golden files at every size.
var scenes = []struct {
	name string
	make func(sc *screen)
}{
	{"alone", func(sc *screen) {
		sc.view, sc.invite = roomOf(), newInviteBox(call.Place{Invite: call.Invite{Command: "meet join standup"}}, "")
	}},
	{"alone-card", func(sc *screen) {
		sc.view, sc.stage = roomOf(), true
		sc.invite = newInviteBox(call.Place{Invite: call.Invite{
			Command: "meet join https://meet.example/standup#k=c2VjcmV0", Link: "https://meet.example/standup#k=c2VjcmV0", Works: "works from anywhere",
		}}, "")
	}},
	{"alone-dead", func(sc *screen) {
		sc.view, sc.panel = roomOf(), panelInvite
		sc.view.Since = time.Time{}
		sc.view.Server = rtc.ServerView{State: signal.Connecting, Attempt: 3, Address: "meet.exmaple:7077", Trouble: "no such host", RetryAt: noon.Add(2 * time.Second)}
		sc.invite = newInviteBox(call.Place{Invite: call.Invite{Link: "https://meet.exmaple:7077/standup#k=c2VjcmV0"}}, "")
	}},
	{"speaks", func(sc *screen) {
		sc.view, sc.stage = many(4), true
		sc.levels = map[signal.PeerID]media.Loudness{"id-guest-02": {DB: -15, Speaking: true}}
	}},
	{"two", func(sc *screen) { sc.view = many(2) }},
	{"five", func(sc *screen) { sc.view = many(5) }},
	{"nine", func(sc *screen) { sc.view = many(9) }},
	{"sixteen", func(sc *screen) { sc.view = many(16); sc.selected = "id-guest-11" }},
	{"states", func(sc *screen) {
		sc.view = everyState()
		sc.selected = "id-carol"
		sc.stats = byPeer(figures(sc.view))
	}},
	{"names", func(sc *screen) { sc.view = oddNames() }},
	{"server-lost", func(sc *screen) {
		sc.view = many(4)
		sc.view.Server = rtc.ServerView{State: signal.Reconnecting, Attempt: 2, RetryAt: noon.Add(3500 * time.Millisecond), Lost: true}
	}},
	{"server-first", func(sc *screen) {
		sc.view = roomOf()
		sc.view.Since = time.Time{}
		sc.view.Server = rtc.ServerView{State: signal.Connecting, Attempt: 1}
	}},
	{"muted-open", func(sc *screen) {
		sc.view = many(3)
		sc.view.Media, sc.view.Open = signal.Media{}, true
	}},
	{"no-devices", func(sc *screen) {
		sc.view = many(2)
		sc.sources = []media.Source{{Kind: media.Mic, Missing: "no microphone: listening only"}, {Kind: media.Camera, Missing: "no camera"}}
	}},
	{"toast", func(sc *screen) {
		sc.view = many(3)
		sc.toasts.add(toast{toastGood, "Reconnected to bob (1 attempt, 1.2 s)", noon.Add(-time.Second)})
	}},
	{"toast-warn", func(sc *screen) {
		sc.view = many(3)
		sc.toasts.add(toast{toastWarn, "no camera", noon.Add(-time.Second)})
	}},
	{"server-lost-alone", func(sc *screen) {
		sc.view = roomOf()
		sc.view.Server = rtc.ServerView{State: signal.Reconnecting, Attempt: 2, RetryAt: noon.Add(3500 * time.Millisecond), Lost: true}
	}},
	{"leave", func(sc *screen) { sc.view = many(3); sc.asking = true }},
	{"help", func(sc *screen) { sc.view = many(3); sc.panel = panelHelp }},
	{"log", func(sc *screen) {
		sc.view, sc.panel = many(3), panelLog
		for i := range 30 {
			sc.toasts.add(toast{toastInfo, fmt.Sprintf("guest-%02d joined", i), noon.Add(time.Duration(i-60) * time.Second)})
		}
	}},
	{"stats", func(sc *screen) {
		sc.view, sc.panel, sc.selected = many(4), panelStats, "id-guest-02"
		sc.stats = byPeer(figures(sc.view))
		for i := range 80 {
			l := byPeer(figures(sc.view))["id-guest-02"]
			l.Transport.RTT += time.Duration(i%20) * 5 * time.Millisecond
			l.Now.Down += i * 9000
			sc.past = sc.past.add(map[signal.PeerID]call.PeerStats{"id-guest-02": l})
		}
	}},
	{"devices", func(sc *screen) {
		sc.view, sc.panel = many(3), panelDevices
		sc.devices = deviceList{}.update([]media.Device{
			{Kind: media.Camera, ID: "c0", Name: "Integrated Camera", InUse: true},
			{Kind: media.Mic, ID: "m0", Name: "Built-in Audio", InUse: true},
			{Kind: media.Mic, ID: "m1", Name: "USB Headset"},
			{Kind: media.Speaker, ID: "s0", Name: "Built-in Audio", InUse: true},
		}).move(1)
	}},
	{"invite", func(sc *screen) {
		sc.view, sc.panel = many(3), panelInvite
		sc.invite = newInviteBox(call.Place{Invite: call.Invite{Command: "meet join https://meet.example/standup#k=c2VjcmV0", Link: "https://meet.example/standup#k=c2VjcmV0"}}, "")
	}},
	{"chat", func(sc *screen) {
		sc.view, sc.typing = many(3), true
		for i, text := range []string{"hello", "can everyone see it?", "yes, look at https://example.org/a/rather/long/path?with=arguments&and=more",
			"a longer message that has to be wrapped because it does not fit on one line of the chat at all, whatever the size", "日本語のメッセージも表示できます"} {
			sc.chat.add(call.Chat{Who: rtc.Who{Peer: "id-guest-01", Name: "guest-01"}, Text: text, Time: noon.Add(time.Duration(i) * time.Minute)}, true)
		}
		sc.input.insert("my answer", false)
	}},
	{"chat-long", func(sc *screen) {
		sc.view = many(3)
		for _, text := range []string{"before", strings.Repeat("a message that goes on and on, ", 125), "after"} {
			sc.chat.add(call.Chat{Who: rtc.Who{Peer: "id-guest-01", Name: "guest-01"}, Text: text, Time: noon}, true)
		}
	}},
	{"meters", func(sc *screen) {
		sc.view, sc.stats = many(5), byPeer(figures(many(5)))
		sc.levels = map[signal.PeerID]media.Loudness{
			self: {DB: -30, Speaking: true}, "id-guest-01": {DB: -15, Speaking: true}, "id-guest-02": {DB: -50}, "id-guest-03": {DB: -127},
		}
		sc.setVolume("id-guest-02", volume{percent: 50})
		sc.setVolume("id-guest-04", volume{percent: 100, muted: true})
	}},
	{"spotlight", func(sc *screen) { sc.view, sc.stage, sc.stats = everyState(), true, byPeer(figures(everyState())) }},
	{"grid", func(sc *screen) { sc.view, sc.stage, sc.mode = everyState(), true, modeGrid }},
	{"zoom", func(sc *screen) { sc.view, sc.stage, sc.mode = everyState(), true, modeZoom }},
	{"terminal", func(sc *screen) {
		sc.view, sc.stage = many(3), true
		sc.terms.all = []call.TerminalView{shared("id-guest-01", "guest-01", 1, 80, 24, "vim notes.md", "first line\r\n\x1b[1;31mred\x1b[m 日本\r\n$ ")}
		sc.terms.all[0].Typing = []rtc.Who{{Peer: "id-guest-02", Name: "guest-02"}}
	}},
	{"terminal-zoom", func(sc *screen) { // without pictures, and larger than any box
		sc.view, sc.mode = many(3), modeZoom
		sc.terms.all = []call.TerminalView{shared("id-guest-01", "guest-01", 1, 300, 90, "top", strings.Repeat("x", 299)+"\x1b[88;250Hhere is the cursor")}
	}},
	{"terminal-asked", func(sc *screen) {
		sc.view = many(3)
		own := shared(self, "alice", 1, 80, 24, "bash", "$ ")
		own.Own, own.Asking = true, []rtc.Who{{Peer: "id-guest-02", Name: "guest-02"}}
		sc.terms.all = []call.TerminalView{own}
	}},
	{"ascii", func(sc *screen) {
		sc.view, sc.stage = everyState(), true
		sc.styles = NewStyles(Theme{ASCII: true, NoColor: true})
		sc.levels = map[signal.PeerID]media.Loudness{self: {DB: -30, Speaking: true}}
		sc.stats = byPeer(figures(sc.view))
	}},
}

// printable makes the placeholders of video visible in golden files.
func printable(s string) string {
	return strings.ReplaceAll(ansi.Strip(s), string(Placeholder), "░")
}

func TestScenes(t *testing.T) {
	for _, scene := range scenes {
		for _, size := range sizes {
			name := fmt.Sprintf("%s-%dx%d", scene.name, size.w, size.h)
			t.Run(name, func(t *testing.T) {
				sc := screenOf(nil, size.w, size.h)
				scene.make(&sc)
				sc.digits = sc.digits.follow(sc.view)
				got := sc.Render()
				fits(t, got, size.w, size.h)
				if again := sc.Render(); again != got {
					t.Error("drawing the same values twice gives two pictures")
				}
				golden(t, name, printable(got))
			})
		}
	}
}

// TestLobbyScenes keeps the screen before the call.
func TestLobbyScenes(t *testing.T) {
	for _, size := range sizes {
		name := fmt.Sprintf("lobby-%dx%d", size.w, size.h)
		box := lobbyBox{
			room: "standup", name: "alice", media: signal.Media{Mic: true}, keys: DefaultKeymap(),
			sources: []media.Source{
				{Kind: media.Mic, Name: "Built-in Audio", DB: -24}, {Kind: media.Speaker, Name: "Built-in Audio"},
				{Kind: media.Camera, Name: "Integrated Camera"}, {Kind: media.Screen, Missing: "no screen to share"},
			},
		}
		got := box.Render(NewStyles(Theme{}), size.w, size.h)
		fits(t, got, size.w, size.h)
		golden(t, name, printable(got))
		box.sound = &call.Sound{Echo: "auto", Noise: true, Gain: true, Check: "recording"}
		box.choosing, box.devices = true, deviceList{}.update([]media.Device{
			{Kind: media.Mic, ID: "m1", Name: "Built-in Audio", InUse: true}, {Kind: media.Mic, ID: "m2", Name: "USB headset"},
			{Kind: media.Speaker, ID: "s1", Name: "Built-in Audio", InUse: true},
		})
		golden(t, "lobby-devices-"+name[len("lobby-"):], printable(box.Render(NewStyles(Theme{}), size.w, size.h)))
		box.asking, box.open = true, true
		for w := 1; w < 100; w += 3 {
			for h := 1; h < 30; h++ {
				fits(t, box.Render(NewStyles(Theme{}), w, h), w, h)
			}
		}
	}
}

// TestColours keeps the escape sequences too, for every theme.
func TestColours(t *testing.T) {
	for name, theme := range map[string]Theme{
		"dark": {}, "light": {Light: true}, "no-color": {NoColor: true},
		"256": {Depth: 256}, "16": {Depth: 16, Light: true},
		"custom": {Colors: map[string]string{"good": "#123456", "warn": "33"}},
	} {
		t.Run(name, func(t *testing.T) {
			sc := screenOf(everyState(), 80, 24)
			sc.styles = NewStyles(theme)
			got := sc.Render()
			if theme.NoColor {
				for _, code := range []string{"\x1b[38;", "\x1b[48;", "\x1b[3", "\x1b[9"} {
					for rest := got; ; {
						i := strings.Index(rest, code)
						if i < 0 {
							break
						}
						t.Fatalf("a colour in spite of NO_COLOR: %q", rest[i:min(len(rest), i+12)])
					}
				}
			}
			golden(t, "colours-"+name, strings.ReplaceAll(got, "\x1b", "␛"))
		})
	}
}

func TestThemeFromEnv(t *testing.T) {
	for env, want := range map[string]Theme{
		"":                                        {Depth: 16},
		"TERM=xterm":                              {Depth: 16},
		"TERM=linux":                              {Depth: 16},
		"TERM=xterm-256color":                     {Depth: 256},
		"TERM=tmux-256color COLORTERM=truecolor":  {},
		"TERM=xterm-kitty":                        {},
		"TERM=xterm-256color NO_COLOR=1":          {Depth: 256, NoColor: true},
		"TERM=rxvt-256color COLORFGBG=0;15":       {Depth: 256, Light: true},
		"TERM=rxvt-256color COLORFGBG=15;0":       {Depth: 256},
		"TERM=rxvt-256color COLORFGBG=0;defaul;7": {Depth: 256, Light: true},
		"COLORFGBG=7":                             {Depth: 16},
	} {
		got := ThemeFromEnv(func(name string) string {
			for _, kv := range strings.Fields(env) {
				if k, v, _ := strings.Cut(kv, "="); k == name {
					return v
				}
			}
			return ""
		})
		if got.Depth != want.Depth || got.NoColor != want.NoColor || got.Light != want.Light {
			t.Errorf("%s: got %+v, want %+v", env, got, want)
		}
	}
}

func TestASCIIOnly(t *testing.T) {
	for _, scene := range scenes {
		sc := screenOf(nil, 120, 40)
		scene.make(&sc)
		if scene.name == "names" || scene.name == "chat" || scene.name == "devices" {
			continue // hold texts of people
		}
		sc.styles = NewStyles(Theme{ASCII: true})
		for _, r := range ansi.Strip(sc.Render()) {
			if r > 0x7e && r != Placeholder {
				t.Errorf("scene %s: %q (%U) on an ASCII screen", scene.name, r, r)
				break
			}
		}
	}
}

func TestSymbolsAreOneCell(t *testing.T) {
	for _, g := range []glyphs{unicodeGlyphs, asciiGlyphs} {
		all := append([]string{g.connected, g.fresh, g.failed, g.away, g.oneWay, g.retry, g.ok, g.info, g.warn, g.bad, g.arrow,
			g.private, g.open, g.dot, g.dash, g.ellipsis, g.prompt, g.h, g.v, g.tl, g.tr, g.bl, g.br, g.rule, string(Placeholder)},
			append(g.spinner, g.bars...)...)
		for _, s := range all {
			if n := ansi.StringWidth(s); n != 1 {
				t.Errorf("%q takes %d cells", s, n)
			}
		}
	}
}

// TestLogIsNeverCut: what happened is read whole, the newest at the end.
func TestLogIsNeverCut(t *testing.T) {
	s := NewStyles(Theme{})
	var ts toasts
	const text = "No sound server: no microphone and no speaker until there is one."
	for i := range 5 {
		ts.add(toast{toastWarn, fmt.Sprintf("%d %s", i, text), noon})
	}
	for w := lineW; w <= 100; w += 7 {
		for h := 1; h <= 20; h++ {
			lines := ts.Log(s, w, h, 0)
			got := strings.Join(strings.Fields(printable(strings.Join(lines, " "))), " ")
			if len(lines) > h || h > 4 && !strings.HasSuffix(got, "12:00:00 ! 4 "+text) {
				t.Fatalf("%dx%d: %d lines, %q", w, h, len(lines), got)
			}
		}
		if got := printable(strings.Join(ts.Log(s, w, 9, 2), "")); !strings.Contains(got, "! 2 No") || strings.Contains(got, "! 3 No") {
			t.Fatalf("%d cells, two back: %q", w, got)
		}
	}
}

// TestHelpIsNeverCut: what the keys do is read whole at every width.
func TestHelpIsNeverCut(t *testing.T) {
	for w := lineW; w <= 120; w++ {
		sc := screenOf(many(3), w, 200)
		sc.panel = panelHelp
		text := strings.Join(strings.Fields(printable(strings.Join(sc.renderPanel(w, 200), " "))), " ")
		if strings.Contains(text, sc.styles.glyph.ellipsis) {
			t.Fatalf("%d cells: something is cut:\n%s", w, strings.Join(sc.renderPanel(w, 200), "\n"))
		}
		for _, a := range Actions() {
			if !strings.Contains(text, a.Help) {
				t.Fatalf("%d cells: %q is not whole", w, a.Help)
			}
		}
		for _, hint := range sc.hints() {
			if !strings.Contains(text, hint) {
				t.Fatalf("%d cells: %q is not whole", w, hint)
			}
		}
		sc.typing = true
		if got := printable(sc.bar(w)); strings.Contains(got, sc.styles.glyph.ellipsis) || !strings.Contains(got, "enter send  esc back") {
			t.Fatalf("%d cells: %q while typing", w, got)
		}
	}
}

func TestTinyScreensAreOneLine(t *testing.T) {
	for _, size := range []struct{ w, h int }{{29, 8}, {30, 7}, {10, 1}, {1, 1}, {80, 5}} {
		sc := screenOf(many(3), size.w, size.h)
		got := sc.Render()
		fits(t, got, size.w, size.h)
		if rest := strings.TrimSpace(strings.Join(splitLines(got)[1:], "")); rest != "" {
			t.Errorf("%dx%d shows more than one line: %q", size.w, size.h, rest)
		}
	}
	sc := screenOf(many(3), 29, 8)
	sc.typing = true
	sc.input.insert("a text", false)
	if got := printable(sc.Render()); !strings.HasPrefix(got, "> a text ") {
		t.Errorf("while typing the line says %q", got)
	}
	sc.typing = false
	if got := printable(sc.Render()); !strings.Contains(got, "standup 3") || !strings.Contains(got, "mic on") {
		t.Errorf("the line says %q", got)
	}
}

// TestEverySizeFits draws every scene at every size a window may have on the
// way from one to another.
func TestEverySizeFits(t *testing.T) {
	for _, scene := range scenes {
		sc := screenOf(nil, 0, 0)
		scene.make(&sc)
		for w := 1; w < 240; w += 23 {
			for h := 1; h < 70; h += 9 {
				sc.w, sc.h = w, h
				fits(t, sc.Render(), w, h)
			}
		}
	}
}
