//go:build unix

package screen

import (
	"bufio"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/e2e/rig"
)

// plain is somebody whose input and output are pipes.
type plain struct {
	*testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	said  []string
}

func newPlain(t *testing.T, s *rig.Server, room, name string, flags ...string) *plain {
	t.Helper()
	args := append([]string{"join", room, "--server", s.URL, "--name", name}, rig.Quiet(flags...)...)
	p := &plain{T: t, cmd: exec.Command(rig.Binary(), args...), lines: make(chan string, 1000)}
	p.cmd.Env = rig.Env(rig.Home(t), "TERM=xterm-256color")
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// says waits for a line with a text in it.
func (p *plain) says(text string) string {
	p.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.Fatalf("it ended before it said %q:\n%s", text, strings.Join(p.said, "\n"))
			}
			p.said = append(p.said, line)
			if strings.Contains(line, text) {
				return line
			}
		case <-timeout:
			p.Fatalf("it never said %q:\n%s", text, strings.Join(p.said, "\n"))
		}
	}
}

func (p *plain) types(line string) {
	p.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.Fatal(err)
	}
}

// TestPlain is a call through pipes: one line per event, slash commands.
func TestPlain(t *testing.T) {
	t.Parallel()
	rig.Need(t)
	s := rig.Serve(t)
	a := newPlain(t, s, "plain", "alice", "--mic", "tone")
	a.says("room plain (open")
	a.says("others join with: meet join")
	bob := bystander(t, s, "plain", "bob")
	a.says("bob is connected")
	bob.Meets("alice")

	a.types("/mute")
	bob.Await(time.Time{}, "alice muted", func(e rig.Event) bool { return rig.Is("media-state-changed", "alice")(e) && !e.On("mic") })
	a.types("/who")
	a.says("2 connected of 2")
	a.says("bob: connected")
	a.types("/say good morning")
	a.types("and hello")
	for _, want := range []string{"good morning", "and hello"} {
		bob.Await(time.Time{}, want, func(e rig.Event) bool { return rig.Is("chat", "alice")(e) && e.Text("text") == want })
	}
	bob.Tell("chat", "text", "two\nlines \x1b[31mred")
	if line := a.says("bob: two"); !strings.Contains(line, "lines") || strings.Contains(line, "\x1b") {
		t.Errorf("a message of two lines is %q", line)
	}
	thaw := freeze(t, bob)
	a.says("Reconnecting to bob")
	a.types("/retry")
	a.says("trying again now")
	thaw()
	a.says("Reconnected to bob")
	a.types("/nonsense")
	a.says("unknown command /nonsense")
	a.types("/help")
	a.says("/leave")
	bob.Leave()
	a.says("bob left")
	a.types("/leave")
	a.says("with bob")
	for range a.lines {
	}
	if err := a.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	shape := regexp.MustCompile(`^\S`)
	for _, line := range a.said {
		if strings.ContainsAny(line, "\x1b\r\x07") {
			t.Errorf("a control character in %q", line)
		}
		if report := strings.HasPrefix(line, "plain: ") || strings.HasPrefix(line, "  "); !report && !shape.MatchString(line) {
			t.Errorf("a line of another shape: %q", line)
		}
	}
}

// TestPlainEndOfInput goes on without input and ends when nobody reads.
func TestPlainEndOfInput(t *testing.T) {
	t.Parallel()
	rig.Need(t)
	s := rig.Serve(t)
	a := newPlain(t, s, "quiet", "alice")
	a.says("room quiet")
	if err := a.in.Close(); err != nil {
		t.Fatal(err)
	}
	bob := bystander(t, s, "quiet", "bob")
	a.says("bob is connected")
	bob.Leave()
	a.says("bob left")
}
