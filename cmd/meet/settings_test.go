package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/meet-term/meet/internal/config"
	"github.com/meet-term/meet/media/audio"
)

// TestSoundSettings: the file says what is done to the sound, and a flag goes
// before it.
func TestSoundSettings(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("HOME", dir)
	if err := os.MkdirAll(filepath.Join(dir, "meet"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "[audio]\necho = \"off\"\nnoise = false\nmusic = true\nlisten-muted = true\n"
	if err := os.WriteFile(filepath.Join(dir, "meet", "config.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		args   []string
		want   audio.Processing
		listen bool
	}{
		{"the file", nil, audio.Processing{Echo: audio.Off, NoiseOff: true, Music: true}, true},
		{"flags", []string{"--echo", "on", "--noise", "--gain=false", "--music=false", "--listen-muted=false"},
			audio.Processing{Echo: audio.On, GainOff: true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd, f := newJoinCommand()
			if err := cmd.ParseFlags(c.args); err != nil {
				t.Fatal(err)
			}
			loadSettings(cmd.Flags(), f)
			cfg, err := f.call()
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Processing != c.want || cfg.ListenMuted != c.listen {
				t.Errorf("got %+v and %v, want %+v and %v", cfg.Processing, cfg.ListenMuted, c.want, c.listen)
			}
		})
	}
	if _, err := (joinFlags{echo: "loud", stats: 1e9, video: "auto"}).call(); err == nil {
		t.Error("--echo loud is taken")
	}
}

// without says of the settings that have no flag of their name what does the same.
var without = map[string]string{
	"reach":          "--local, --lan and --internet",
	"carry":          "--no-carry",
	"ice-hosts":      "the server's affair, not that of one call",
	"background":     "the terminal's affair, which is asked",
	"on.peer-joined": "of all calls", "on.chat": "of all calls",
}

// once says of the flags of join that are no settings why.
var once = map[string]string{
	"colors": "of the terminal one sits at, and [colors] names the colours",
	"local":  "setting reach", "lan": "setting reach", "internet": "setting reach", "no-carry": "setting carry",
	"share": "of one call", "record": "of one call", "report": "of one call", "private": "of one call", "code": "of one call", "token": "a secret: $MEET_TOKEN has it", "exit-after": "of one call",
	"headless": "of a script", "plain": "of a script", "times": "of plain mode", "stats-interval": "of a script",
	"log-file": "to find a fault", "debug": "to find a fault", "help": "",
}

// templateSettings are the settings of the template with their table, such as
// "audio.echo", and the line that sets each; keys and colours come from the screen.
func templateSettings() map[string]string {
	all := map[string]string{}
	table := ""
	setting := regexp.MustCompile(`^# ([a-z-]+) = .+$`)
	for l := range strings.Lines(config.Template(nil, nil)) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			table = strings.Trim(l, "[]") + "."
		} else if m := setting.FindStringSubmatch(l); m != nil {
			all[table+m[1]] = strings.TrimPrefix(l, "# ")
		}
	}
	return all
}

// Every setting of the template is one, with a flag of its name that it changes,
// and every flag of join is a setting or of one call only.
func TestSettingsAndFlagsAgree(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("HOME", dir)
	t.Setenv("MEET_SERVER", "")
	path, err := config.Path()
	if err != nil || !strings.HasPrefix(path, dir) {
		t.Skipf("the settings of this system cannot be elsewhere: %s, %v", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	settings := templateSettings()
	if len(settings) < 20 {
		t.Fatalf("the template has %d settings only: %v", len(settings), settings)
	}
	flags := map[string]bool{}
	for key, line := range settings {
		table, name := "", key
		if before, after, ok := strings.Cut(key, "."); ok {
			table, name = "["+before+"]\n", after
		}
		if _, problems := config.Parse("template", table+line); len(problems) > 0 {
			t.Errorf("the template is wrong: %v", problems)
		}
		cmd, f := newJoinCommand()
		flag := cmd.Flags().Lookup(name)
		if flag == nil {
			if without[key] == "" {
				t.Errorf("setting %s has no flag, and nothing in its place", key)
			}
			continue
		}
		flags[name] = true
		if err := os.WriteFile(path, []byte(table+name+" = "+other(flag)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		loadSettings(cmd.Flags(), f)
		if flag.Value.String() == flag.DefValue {
			t.Errorf("setting %s does not reach --%s", key, name)
		}
	}
	cmd, _ := newJoinCommand()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if _, known := once[f.Name]; !flags[f.Name] && !known {
			t.Errorf("--%s is no setting of the template, and nothing says why", f.Name)
		}
	})
}

// other is a value, as the file has it, that is not the flag's default.
func other(f *pflag.Flag) string {
	switch {
	case f.DefValue == "true":
		return "false"
	case f.DefValue == "false":
		return "true"
	case f.Name == "ice-server":
		return `["stun:stun.example"]`
	}
	return `"off"`
}

// The flags that README.md, docs/HEADLESS.md and docs/OPERATIONS.md name are flags of some command.
func TestDocumentedFlagsExist(t *testing.T) {
	known := map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		c.Flags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root())
	named := regexp.MustCompile("(?m)[ `|(]--([a-z][a-z-]*[a-z])")
	others := regexp.MustCompile("`systemctl [^`]*`") // commands of other programs
	for _, doc := range []string{"../../README.md", "../../docs/HEADLESS.md", "../../docs/OPERATIONS.md"} {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllSubmatch(others.ReplaceAll(text, nil), -1) {
			if name := string(m[1]); !known[name] {
				t.Errorf("%s names --%s, which no command has", doc, name)
			}
		}
	}
}
