package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/meet-term/meet/internal/config"
	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/signal"
	"github.com/meet-term/meet/tui"
	"github.com/meet-term/meet/tui/termvideo"
)

// run executes the command line as main does and returns the exit status.
func run(t *testing.T, args ...string) (int, error) {
	t.Helper()
	cmd := root()
	cmd.SetArgs(args)
	cmd.SetOut(t.Output())
	err := cmd.ExecuteContext(t.Context())
	if err == nil {
		return 0, nil
	}
	return status(err), err
}

func TestExitStatus(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, c := range []struct {
		args []string
		want int
		text string
	}{
		{[]string{"version"}, 0, ""},
		{[]string{"completion", "bash"}, 0, ""},
		{[]string{"devices", "--json"}, 0, ""},
		{[]string{"config", "init"}, 0, ""},
		{[]string{"config", "init"}, 2, "there already"},
		{[]string{"completion", "tcsh"}, 2, "bash, zsh, fish and powershell"},
		{[]string{"frobnicate"}, 2, "unknown command"},
		{[]string{"join"}, 2, "one room"},
		{[]string{"join", "a", "b"}, 2, "one room"},
		{[]string{"join", "demo", "--no-such-flag"}, 2, "unknown flag"},
		{[]string{"join", "a+b"}, 2, "room name"},
		{[]string{"join", "../x"}, 2, "name of a host"},
		{[]string{"join", "wss//foo"}, 2, "colon missing"},
		{[]string{"join", "https://host:70777/demo"}, 2, "no port"},
		{[]string{"demo"}, 2, "meet join demo"},
		{[]string{"jion", "demo"}, 2, `did you mean "meet join"?`},
		{[]string{"--version"}, 0, ""},
		{[]string{"join", "Room/../x"}, 2, "path of the server"},
		{[]string{"join", "demo", "--mic", "file:/does/not/exist.wav"}, 2, "--mic"},
		{[]string{"join", "demo", "--camera", "nonsense"}, 2, "--camera"},
		{[]string{"join", "demo", "--screen", "display:x"}, 2, "--screen"},
		{[]string{"join", "demo", "--speaker", "tape"}, 2, "--speaker"},
		{[]string{"join", "demo", "--video", "hologram"}, 2, "--video"},
		{[]string{"join", "demo", "--headless", "--plain"}, 2, "exclude"},
		{[]string{"join", "demo", "--stats-interval", "99ms"}, 2, "100ms"},
		{[]string{"join", "demo", "--exit-after", "-1s"}, 2, "--exit-after"},
		{[]string{"serve", "--listen", busy.Addr().String()}, 1, "in use"},
		{[]string{"serve", "--tls-cert", "x"}, 2, "go together"},
		{[]string{"serve", "--tls-auto", "--tls-cert", "x", "--tls-key", "y"}, 2, "exclude each other"},
		{[]string{"serve", "--max-room-size", "1"}, 2, "--max-room-size"},
	} {
		got, err := run(t, c.args...)
		if got != c.want || c.want != 0 && !strings.Contains(err.Error(), c.text) {
			t.Errorf("meet %s: status %d, %v; want %d, %q", strings.Join(c.args, " "), got, err, c.want, c.text)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("meet %s: more than one line: %q", strings.Join(c.args, " "), err)
		}
	}
	refused := fmt.Errorf("join: %w", &signal.RefusedError{Code: signal.RefusedFull})
	if got := status(refused); got != exitRefused {
		t.Errorf("a refusal is status %d", got)
	}
	if got := status(errors.New("anything")); got != exitFailure {
		t.Errorf("a failure is status %d", got)
	}
}

func TestSettingsFillInFlags(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("MEET_SERVER", "")
	if err := os.MkdirAll(filepath.Join(dir, "meet"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "name = \"Ada\"\nserver = \"ws://elsewhere:1\"\nmuted = true\nmic = \"none\"\nvideo = 7\n"
	if err := os.WriteFile(filepath.Join(dir, "meet", "config.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := joinCommand()
	if err := cmd.ParseFlags([]string{"--name", "Grace"}); err != nil {
		t.Fatal(err)
	}
	f := joinFlags{name: "Grace", mic: "default", video: "auto"}
	loadSettings(cmd.Flags(), &f)
	if f.name != "Grace" || f.server != "ws://elsewhere:1" || !f.muted || f.mic != "none" || f.video != "auto" {
		t.Errorf("flags %+v", f)
	}
}

// TestEveryFaultOfTheKeysIsShown: each with its line, whatever came before it.
func TestEveryFaultOfTheKeysIsShown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	text := "name = \"Ada\"\n[keys]\nmic = [\"z\"]\ndance = [\"x\"]\nzoom = [\"z\"]\ngrid = [\"3\"]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	settings, problems := config.Load(path)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	_, err := tui.NewKeymap(settings.Keys)
	var got []string
	for _, p := range keyProblems(path, &settings, err) {
		got = append(got, strings.TrimPrefix(p.Error(), path))
	}
	want := []string{
		":4: keys.dance: there is no such action",
		":6: keys.grid: the digits 1 to 9 choose people",
		":5: keys.zoom: \"z\" already means mic",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := keyProblems(path, &settings, nil); got != nil {
		t.Errorf("%v without a fault", got)
	}
}

func TestIsMeet(t *testing.T) {
	meet := httptest.NewServer(signal.NewServer(signal.ServerConfig{}))
	defer meet.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "<html>a router's login page</html>")
	}))
	defer other.Close()
	if err := isMeet(t.Context(), meet.URL+"/"); err != nil {
		t.Errorf("a meet server: %v", err)
	}
	if err := isMeet(t.Context(), other.URL+"/"); !errors.Is(err, venue.ErrStranger) {
		t.Errorf("something else: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := isMeet(ended, meet.URL+"/"); err == nil {
		t.Error("no error although the context has ended")
	}
}

// TestColors: what is said of the terminal goes before what the terminal says, and
// ASCII is meant of pictures too.
func TestColors(t *testing.T) {
	env := func(name string) string { return map[string]string{"TERM": "xterm"}[name] }
	for flag, want := range map[string]termvideo.Choice{
		"auto": {Mode: termvideo.ModeASCII, Colors: termvideo.Colors16},
		"16":   {Mode: termvideo.ModeASCII, Colors: termvideo.Colors16},
		"256":  {Mode: termvideo.ModeQuadrant, Colors: termvideo.Colors256},
		"all":  {Mode: termvideo.ModeQuadrant, Colors: termvideo.TrueColor},
	} {
		f := joinFlags{video: "auto", colors: flag}
		got := f.choosePictures(termvideo.ModeAuto, termvideo.Caps{}, env)
		if got.Mode != want.Mode || got.Colors != want.Colors {
			t.Errorf("--colors %s: %v with %d, want %v with %d", flag, got.Mode, got.Colors, want.Mode, want.Colors)
		}
	}
	f := joinFlags{video: "auto", colors: "256"}
	none := func(name string) string { return map[string]string{"TERM": "xterm", "NO_COLOR": "1"}[name] }
	if got := f.choosePictures(termvideo.ModeAuto, termvideo.Caps{}, none); got.Colors != termvideo.NoColor {
		t.Errorf("colours in spite of NO_COLOR: %+v", got)
	}
	if got := screenOptions(nil, place{}, f).Theme.Depth; got != 256 {
		t.Errorf("the screen has %d colours", got)
	}
	f.ascii = true
	if mode, err := f.pictureMode(); err != nil || mode != termvideo.ModeASCII {
		t.Errorf("--ascii draws pictures as %v, %v", mode, err)
	}
	f.video = "half" // as asked for
	if mode, err := f.pictureMode(); err != nil || mode != termvideo.ModeHalf {
		t.Errorf("--ascii --video half draws %v, %v", mode, err)
	}
}

func TestLight(t *testing.T) {
	t.Setenv("COLORFGBG", "")
	yes := true
	var set joinFlags
	set.settings.Light = &yes
	white := termvideo.Caps{HasBackground: true, Background: [3]uint8{250, 250, 250}}
	black := termvideo.Caps{HasBackground: true, Background: [3]uint8{20, 20, 30}}
	if !light(white, joinFlags{}) || light(black, joinFlags{}) || light(termvideo.Caps{}, joinFlags{}) || !light(black, set) {
		t.Error("light and dark backgrounds are confused")
	}
}
