package main

import (
	"os"
	"path/filepath"
	"testing"

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
