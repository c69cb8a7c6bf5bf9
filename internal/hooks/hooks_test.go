//go:build unix

package hooks

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func shell(script string) []string { return []string{"sh", "-c", script} }

// The event comes on standard input and by name, one command at a time.
func TestCommandsGetTheirEvents(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	r := Start(Config{Commands: map[string][]string{
		"chat": shell(`echo "begin $MEET_EVENT" >>` + out + `; cat >>` + out + `; echo end >>` + out),
		"left": {},
	}})
	for n := range 5 {
		r.Event("chat", fmt.Appendf(nil, `{"n":%d}`, n))
		r.Event("left", nil)
		r.Event("other", nil)
	}
	r.Close()
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for n := range 5 {
		want += fmt.Sprintf("begin chat\n{\"n\":%d}\nend\n", n)
	}
	if string(b) != want {
		t.Errorf("got\n%s", b)
	}
}

// A command that hangs is killed with what it started, and told of once.
func TestHangingCommandIsKilled(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	var failed []string
	r := Start(Config{
		Commands: map[string][]string{"chat": shell(`(sleep 30; echo late >>` + out + `) & wait`)},
		Failed:   func(text string) { failed = append(failed, text) }, limit: 100 * time.Millisecond,
	})
	begin := time.Now()
	r.Event("chat", nil)
	r.Event("chat", nil)
	r.Close()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	want := []string{"The command for chat failed: sh took more than 100ms and was ended"}
	if !slices.Equal(failed, want) {
		t.Errorf("told %q", failed)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("what it started lived on")
	}
}

func TestFailuresAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		command []string
		want    string
	}{
		"status":  {shell("echo no bus; exit 3"), "The command for left failed: sh: exit status 3: no bus"},
		"missing": {[]string{"/no/such/program"}, "The command for left failed: /no/such/program: "},
	} {
		var failed string
		r := Start(Config{Commands: map[string][]string{"left": c.command}, Failed: func(text string) { failed = text }})
		r.Event("left", nil)
		r.Close()
		if !strings.HasPrefix(failed, c.want) {
			t.Errorf("%s: told %q", name, failed)
		}
	}
}

// Whoever posts never waits; the newest are kept.
func TestFloodKeepsTheNewest(t *testing.T) {
	dir := t.TempDir()
	gate, out := filepath.Join(dir, "gate"), filepath.Join(dir, "out")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := Start(Config{Commands: map[string][]string{"chat": shell(`while [ -e ` + gate + ` ]; do sleep 0.01; done; cat >>` + out)}})
	for n := range 1000 {
		r.Event("chat", fmt.Append(nil, n))
	}
	if err := os.Remove(gate); err != nil {
		t.Fatal(err)
	}
	r.Close()
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(b))
	if len(lines) < waiting || len(lines) > waiting+2 || lines[len(lines)-1] != "999" {
		t.Errorf("%d were run, the last for %s", len(lines), lines[len(lines)-1])
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string]string{
		`notify-send meet "somebody came"`: `"notify-send" "meet" "somebody came"`,
		`a 'b "c" \d' e\ f ""`:             `"a" "b \"c\" \\d" "e f" ""`,
		`a $HOME ; b | c`:                  `"a" "$HOME" ";" "b" "|" "c"`,
		`  `:                               "no command",
		`"" x`:                             "no command",
		`a "b`:                             "not closed",
		`a \`:                              "nothing behind",
	} {
		words, err := Split(text)
		got := fmt.Sprintf("%q", words)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
