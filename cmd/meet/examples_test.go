//go:build linux || darwin

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// standIn is a program called meet that says what a test tells it and keeps what it is
// told, until it is to leave or has been told enough.
const standIn = `#!/bin/sh
cat "$EVENTS"
n=0
while [ $n -lt "$ENOUGH" ] && read -r line; do
	printf '%s\n' "$line" >>"$TOLD"
	n=$((n + 1))
	case $line in *leave*) exit 0 ;; esac
done
`

// The examples of docs/examples say the commands that they promise.
func TestExamples(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("the examples need jq, which is not installed")
	}
	for _, c := range []struct {
		script string
		args   []string
		events string
		enough string
		want   string
	}{
		{"announcer.sh", nil, `{"event":"peer-joined","name":"Ann \"A\""}` + "\n" + `{"event":"chat","text":"hi"}` + "\n" + `{"event":"peer-left","name":"Bob"}`, "2",
			`{"command":"chat","text":"Ann \"A\" is here"}` + "\n" + `{"command":"chat","text":"Bob has left"}`},
		{"recorder.sh", []string{"."}, `{"event":"roster","participants":[{"presence":"present"}]}` + "\n" +
			`{"event":"roster","participants":[{"presence":"present"},{"presence":"present"}]}` + "\n" +
			`{"event":"roster","participants":[{"presence":"present"},{"presence":"away"}]}`, "5", `{"command":"leave"}`},
		{"clock.sh", []string{"5"}, `{"event":"chat","text":"hello"}` + "\n" + `{"event":"chat","text":"clock, stop"}`, "5", `{"command":"leave"}`},
	} {
		t.Run(c.script, func(t *testing.T) {
			dir := t.TempDir()
			events, told := filepath.Join(dir, "events"), filepath.Join(dir, "told")
			if err := os.WriteFile(filepath.Join(dir, "meet"), []byte(standIn), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(events, []byte(c.events+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			script, err := filepath.Abs(filepath.Join("..", "..", "docs", "examples", c.script))
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "sh", append([]string{script, "demo"}, c.args...)...)
			cmd.Dir = dir
			cmd.WaitDelay = time.Second // the clock's sleep may outlive it
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "EVENTS="+events, "TOLD="+told, "ENOUGH="+c.enough, "TMPDIR="+dir)
			if b, err := cmd.CombinedOutput(); err != nil && !strings.Contains(err.Error(), "WaitDelay") {
				t.Errorf("%v: %s", err, b)
			}
			b, err := os.ReadFile(told)
			if got := strings.TrimSpace(string(b)); err != nil || got != c.want {
				t.Errorf("meet was told\n%s\nwant\n%s\n%v", got, c.want, err)
			}
		})
	}
}
