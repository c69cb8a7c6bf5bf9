//go:build linux || darwin

package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/config"
	"github.com/meet-term/meet/internal/control"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/signal"
)

// steeredCall is a call that reaches nobody, with its socket and its hooks. The
// function ends it.
func steeredCall(t *testing.T, on map[string][]string) (c *call.Call, end func()) {
	t.Helper()
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv(control.Env, "")
	invite, err := signal.ParseInvite("demo", "ws://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	camera, err := source.ParseCamera("none")
	if err != nil {
		t.Fatal(err)
	}
	screen, err := source.ParseScreen("none")
	if err != nil {
		t.Fatal(err)
	}
	c, err = call.New(call.Config{
		Invite: invite, Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), Inc: 1, Name: "Ann", Start: signal.Media{Mic: true},
		Mic: audio.Mic{Kind: audio.Tone, Hz: 440}, Speaker: audio.Speaker{Kind: audio.None}, Camera: camera, Screen: screen,
	})
	if err != nil {
		t.Fatal(err)
	}
	at := place{now: call.Place{Dialed: invite}}
	log := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(t.Context())
	endSteering := steer(ctx, c, at, log)
	endHooks := hook(c, at, joinFlags{settings: config.Config{On: on}}, log)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	go func() {
		for range c.Events() {
		}
	}()
	return c, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		endHooks()
		endSteering()
	}
}

// said runs a command line and returns what it prints.
func said(t *testing.T, args ...string) string {
	t.Helper()
	cmd := root()
	var out bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetIn(strings.NewReader("from a pipe\n"))
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Errorf("meet %s: %v", strings.Join(args, " "), err)
	}
	return out.String()
}

// The words of a person reach the call, and what they mean comes back.
func TestSteeredCall(t *testing.T) {
	chat := filepath.Join(t.TempDir(), "chat")
	c, end := steeredCall(t, map[string][]string{
		"chat": {"sh", "-c", `cat >>` + chat}, "left": {"sh", "-c", `echo $MEET_EVENT >>` + chat},
	})
	for _, step := range []struct{ args, want string }{
		{"status --format {{.Room}}/{{.Name}}/{{.People}}", "demo/Ann/1\n"},
		{"ctl mic off", ""},
		{"status --format {{.Mic}}", "false\n"},
		{"ctl mic", ""},
		{"status --format {{.Mic}}", "true\n"},
		{"ctl who --room demo", "Ann\tyou\tmic\n"},
		{"say hello there", ""},
		{"say", ""},
	} {
		if got := said(t, strings.Fields(step.args)...); got != step.want {
			t.Errorf("meet %s: %q, want %q", step.args, got, step.want)
		}
	}
	if got := said(t, "ctl", "sound"); !strings.Contains(got, `"event":"sound"`) {
		t.Errorf("meet ctl sound: %q", got)
	}
	for args, want := range map[string]string{
		"ctl mic --room other": `no call of yours is in "other": demo (Ann, process `,
		"ctl volume Bob 50":    `you are alone here`,
		"ctl explode":          `unknown command "explode"`,
	} {
		if got, err := run(t, strings.Fields(args)...); got != exitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("meet %s: %d, %v", args, got, err)
		}
	}
	// What is followed begins with the present and ends with the call.
	client, err := control.Dial(t.Context(), os.Getenv(control.Env))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Send(map[string]string{"command": "events"}); err != nil {
		t.Fatal(err)
	}
	first, err := client.Next()
	if err != nil || !strings.Contains(string(first), `"event":"roster"`) && !strings.Contains(string(first), `"event":"done"`) {
		t.Errorf("began with %s, %v", first, err)
	}
	c.Leave()
	end()
	last := string(first)
	for {
		line, err := client.Next()
		if err != nil {
			break
		}
		last = string(line)
	}
	if !strings.Contains(last, `"event":"left"`) {
		t.Errorf("ended with %s", last)
	}
	b, err := os.ReadFile(chat)
	if got := string(b); err != nil || !strings.Contains(got, `"text":"hello there"`) || !strings.Contains(got, `"text":"from a pipe"`) || !strings.Contains(got, "left\n") {
		t.Errorf("hooks wrote %q, %v", got, err)
	}
	if got, err := run(t, "status"); got != exitFailure || err.Error() != "" {
		t.Errorf("status after the end: %d, %v", got, err)
	}
}

// Who talks by holding a key is muted when the key is let go.
func TestTalkWhileHeld(t *testing.T) {
	c, end := steeredCall(t, nil)
	defer end()
	c.SetMic(false)
	client, err := control.Dial(t.Context(), os.Getenv(control.Env))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(map[string]string{"command": "talk"}); err != nil {
		t.Fatal(err)
	}
	if got := said(t, "status", "--format", "{{.Mic}}"); got != "true\n" {
		t.Errorf("while held: %s", got)
	}
	client.Close()
	for c.Media().Mic { // each change of it comes with a new view
		<-c.Changed()
	}
}

// A thousand commands as fast as they go leave the call as the last one says.
func TestFloodedCall(t *testing.T) {
	_, end := steeredCall(t, nil)
	defer end()
	client, err := control.Dial(t.Context(), os.Getenv(control.Env))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for n := range 1000 {
		if _, err := client.Do(map[string]any{"command": "mic", "on": n%2 == 0}); err != nil {
			t.Fatal(err)
		}
	}
	if got := said(t, "status", "--format", "{{.Mic}}"); got != "false\n" {
		t.Errorf("in the end: %s", got)
	}
}
