package main

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/meet-term/meet/internal/identity"
	"github.com/meet-term/meet/internal/recent"
	"github.com/meet-term/meet/signal"
)

// completions asks the program as the shells' scripts do.
func completions(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := root()
	cmd.SetOut(&out)
	cmd.SetErr(&bytes.Buffer{})
	cmd.SetArgs(append([]string{"__complete"}, args...))
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCompletions(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("PULSE_SERVER", "unix:"+t.TempDir()+"/none")
	dir, err := identity.Dir()
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []string{"demo", "standup"} {
		if err := recent.Add(dir, room); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"join", ""}, "standup\ndemo\n:36\n"},
		{[]string{"join", "demo", ""}, ":4\n"},
		{[]string{"join", "--echo", "o"}, "on\noff\n:4\n"},
		{[]string{"join", "--mic", "t"}, "tone\n:6\n"},
		{[]string{"join", "--speaker", "n"}, "none\n:6\n"},
		{[]string{"join", "--camera", "te"}, "testcard\n:6\n"},
		{[]string{"join", "--video", "ki"}, "kitty\n:4\n"},
		{[]string{"join", "--notify", "b"}, "bell\n:4\n"},
	} {
		if got := completions(t, c.args...); got != c.want {
			t.Errorf("%q: %q, want %q", c.args, got, c.want)
		}
	}
}

func TestRemembered(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	log := slog.New(slog.DiscardHandler)
	for _, link := range []string{"demo", "http://host:7077/standup", "https://host/#secret.AQIDBAUGBwgJCgsMDQ4PEA"} {
		invite, err := signal.ParseInvite(link, localServer)
		if err != nil {
			t.Fatal(err)
		}
		remember(link, invite, log)
	}
	dir, err := identity.Dir()
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := recent.List(dir)
	if got := strings.Join(rooms, " "); err != nil || got != "http://host:7077/standup demo" {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others see the rooms: %v, %v", info, err)
	}
}
