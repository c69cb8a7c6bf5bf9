package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	c, problems := Parse("config.toml", `
name = "Ada"   # a comment
server = 'wss://meet.example'
muted = true
no-lobby = true
background = "light"
video = "half"

[audio]
echo = "off"
noise = false
music = true
listen-muted = true

[colors]
good = "#12ab34"
dim = "245"

[keys]
mic = "f2"
leave = ["Q", "ctrl+q"]
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	light, noise := true, false
	want := Config{
		Name: "Ada", Server: "wss://meet.example", Muted: true, NoLobby: true, Video: "half", Light: &light,
		Colors: map[string]string{"good": "#12ab34", "dim": "245"},
		Keys:   map[string][]string{"mic": {"f2"}, "leave": {"Q", "ctrl+q"}},
		Audio:  Audio{Echo: "off", Noise: &noise, Music: true, ListenMuted: true},
		lines:  c.lines,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
	if got := c.Line("keys.leave"); got != 21 {
		t.Errorf("keys.leave is on line %d", got)
	}
	if got := c.Line("keys.zoom"); got != 0 {
		t.Errorf("a setting that is not there is on line %d", got)
	}
}

func TestProblems(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"syntax", "name = \"Ada\"\nmuted = yes\n", "c.toml:2: muted: expected value but found \"yes\" instead"},
		{"type", "\nname = 3\n", `c.toml:2: name: must be a text in quotes, such as "x"`},
		{"switch", "muted = \"yes\"", "c.toml:1: muted: must be true or false"},
		{"unknown", "name = \"x\"\nnmae = \"Ada\"", "c.toml:2: nmae: there is no such setting"},
		{"background", "background = 1", `c.toml:1: background: must be "light" or "dark"`},
		{"echo", "[audio]\necho = true", `c.toml:2: audio.echo: must be "auto", "on" or "off"`},
		{"noise", "[audio]\nnoise = \"on\"", "c.toml:2: audio.noise: must be true or false"},
		{"sound", "[audio]\nbass = true", "c.toml:2: audio.bass: there is no such setting"},
		{"no table", "keys = 1", "c.toml:1: keys: must be a table: [keys]"},
		{"key", "[keys]\nmic = 1", `c.toml:2: keys.mic: must be a key or a list of keys, such as "m" or ["m", "f2"]`},
		{"key list", "[keys]\nmic = [1]", `c.toml:2: keys.mic: must be a key or a list of keys, such as "m" or ["m", "f2"]`},
		{"color", "[colors]\n\ngood = \"green\"", `c.toml:3: colors.good: must be "#rrggbb" or a number from "0" to "255"`},
		{"color number", "[colors]\ngood = \"256\"", `c.toml:2: colors.good: must be "#rrggbb" or a number from "0" to "255"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := Parse("c.toml", c.text)
			if len(problems) != 1 || problems[0].Error() != c.want {
				t.Errorf("got %v, want %s", problems, c.want)
			}
		})
	}
}

func TestAFaultSparesTheRest(t *testing.T) {
	c, problems := Parse("c.toml", "server = 1\nmuted = 1\nname = \"Ada\"\n[keys]\nmic = 1\nzoom = \"f\"\n")
	if len(problems) != 3 || problems[0].Key != "server" || problems[1].Key != "muted" || problems[2].Key != "keys.mic" {
		t.Errorf("got %v", problems)
	}
	if c.Name != "Ada" || len(c.Keys["zoom"]) != 1 || c.Server != "" {
		t.Errorf("got %+v", c)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if c, problems := Load(filepath.Join(dir, "none.toml")); problems != nil || c.Name != "" {
		t.Errorf("a file that is not there: %v", problems)
	}
	if _, problems := Load(dir); len(problems) != 1 {
		t.Errorf("a directory: %v", problems)
	}
	large := filepath.Join(dir, "large.toml")
	if err := os.WriteFile(large, []byte(strings.Repeat("#", sizeMax+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, problems := Load(large); len(problems) != 1 || !strings.Contains(problems[0].Error(), "larger than 1 MB") {
		t.Errorf("a large file: %v", problems)
	}
}

func TestInit(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	path, err := Path()
	if err != nil {
		t.Fatal(err)
	}
	text := Template([]KeyHelp{{"mic", []string{"m", "alt+m"}, "microphone on or off"}, {"talk", []string{"space"}, "talk while held"}},
		[]ColorHelp{{"text", "", ""}, {"good", "#7fd88f", "#1a7431"}})
	if err := Init(path, text); err != nil {
		t.Fatal(err)
	}
	if err := Init(path, text); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an existing file: %v", err)
	}
	if c, problems := Load(path); len(problems) > 0 || c.Name != "" {
		t.Errorf("the template as it is: %v", problems)
	}
	// Without its comment marks, every line of settings is good.
	var plain []string
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "# "); ok && strings.Contains(rest, " = ") {
			line = rest
		}
		plain = append(plain, line)
	}
	c, problems := Parse(path, strings.Join(plain, ""))
	if len(problems) > 0 {
		t.Fatalf("the template, used: %v", problems)
	}
	if c.Name != "Ada" || len(c.Keys["mic"]) != 2 || c.Colors["good"] != "#7fd88f" || c.Light == nil {
		t.Errorf("got %+v", c)
	}
	for key := range c.texts() {
		if c.Line(key) == 0 {
			t.Errorf("the template does not mention %s", key)
		}
	}
	for key := range c.switches() {
		if c.Line(key) == 0 {
			t.Errorf("the template does not mention %s", key)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("name = \"x\"\n[keys]\nmic = [\"m\"]\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, problems := Parse("c.toml", text)
		for _, p := range problems {
			if p.Reason == "" || p.Line < 0 {
				t.Errorf("a problem without a reason: %+v", p)
			}
		}
	})
}

// Commands are lists of words, or a text that is taken apart.
func TestCommandsOfEvents(t *testing.T) {
	c, problems := Parse("x", "[on]\nchat = \"a 'b c'\"\nleft = [\"d\", \"e f\"]\njoined = 5\nroster = \"'\"\npeer-left = \"\"\n")
	if got := fmt.Sprintf("%q", c.On); got != `map["chat":["a" "b c"] "left":["d" "e f"]]` {
		t.Errorf("got %s", got)
	}
	var keys []string
	for _, p := range problems {
		keys = append(keys, p.Key)
	}
	if got := strings.Join(keys, " "); got != "on.joined on.roster on.peer-left" {
		t.Errorf("problems of %s", got)
	}
}
