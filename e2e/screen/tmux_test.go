//go:build unix

package screen

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/e2e/rig"
)

// patience bounds every wait; look is how often a terminal is looked at.
const (
	patience = 20 * time.Second
	look     = 30 * time.Millisecond
)

// pane is a shell in a tmux server of its own, in which meet is run as a
// person does. What it sees is what tmux shows.
type pane struct {
	*testing.T
	home  string
	meet  string // the program; "": the one under test
	doing string // the test, or which part of a long one
}

// newPane opens a window of w by h cells with a shell in it.
func newPane(t *testing.T, w, h int) *pane {
	t.Helper()
	rig.Need(t, "tmux", "sh")
	p := &pane{T: t, home: rig.Home(t), doing: t.Name()}
	p.tmux("new-session", "-d", "-s", "main", "-x", strconv.Itoa(w), "-y", strconv.Itoa(h), "env ENV= PS1='shell% ' sh -i")
	t.Cleanup(func() {
		_ = p.command("kill-server").Run() // it may be gone already
	})
	p.tmux("set", "-g", "status", "off")
	p.tmux("set", "-g", "escape-time", "0")
	p.ends()
	return p
}

func (p *pane) command(args ...string) *exec.Cmd {
	cmd := exec.Command("tmux", append([]string{"-S", filepath.Join(p.home, "tmux"), "-f", "/dev/null"}, args...)...)
	cmd.Env = rig.Env(p.home, "TERM=xterm-256color", "SHELL=/bin/sh")
	return cmd
}

func (p *pane) tmux(args ...string) string {
	p.Helper()
	out, err := p.command(args...).CombinedOutput()
	if err != nil {
		p.Fatalf("tmux %.200s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// run types a command line.
func (p *pane) run(line string) {
	p.Helper()
	p.tmux("send-keys", "-l", line)
	p.press("Enter")
}

// join joins a room with the screen, without devices unless flags name some.
func (p *pane) join(s *rig.Server, room, name string, flags ...string) {
	p.Helper()
	p.joins(s, room, name, flags...)
	p.shows("connected ·")
}

// joins is join without waiting for it.
func (p *pane) joins(s *rig.Server, room, name string, flags ...string) {
	p.Helper()
	args := append([]string{cmp.Or(p.meet, rig.Binary()), "join", room, "--server", s.URL, "--name", name, "--no-lobby",
		"--mic", "tone", "--speaker", "none", "--camera", "none", "--screen", "none", "--video", "quadrant"}, flags...)
	for i := range args {
		args[i] = "'" + args[i] + "'"
	}
	p.run(strings.Join(args, " "))
}

// rests waits until the clock of the call has gone on twice, so for a second at
// least: keys right behind a paste are none.
func (p *pane) rests() {
	p.Helper()
	for range 2 {
		before := callTime.FindString(p.screen())
		p.until("the clock to go on", func(s string) bool { return callTime.FindString(s) != before })
	}
}

var callTime = regexp.MustCompile(`\d\d:\d\d:\d\d`)

// press presses keys, named as tmux names them.
func (p *pane) press(keys ...string) {
	p.Helper()
	p.tmux(append([]string{"send-keys"}, keys...)...)
}

// screen is what is shown.
func (p *pane) screen() string {
	p.Helper()
	return p.tmux("capture-pane", "-p")
}

// until waits for a screen.
func (p *pane) until(what string, good func(screen string) bool) {
	p.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(look) { // tmux tells nobody that a pane changed
		s := p.screen()
		if good(s) {
			return
		}
		if time.Now().After(end) {
			p.Fatalf("%s: waiting for %s; the terminal shows:\n%s", p.doing, what, s)
		}
	}
}

// shows waits until all these texts are on the screen.
func (p *pane) shows(texts ...string) {
	p.Helper()
	p.until(strconv.Quote(strings.Join(texts, `", "`)), func(s string) bool {
		for _, t := range texts {
			if !strings.Contains(s, t) {
				return false
			}
		}
		return true
	})
}

// hides waits until none of these texts is on the screen.
func (p *pane) hides(texts ...string) {
	p.Helper()
	p.until("no "+strconv.Quote(strings.Join(texts, `", "`)), func(s string) bool {
		for _, t := range texts {
			if strings.Contains(s, t) {
				return false
			}
		}
		return true
	})
}

// ends waits until meet has ended, or was suspended, and the shell asks.
func (p *pane) ends() {
	p.Helper()
	p.until("the shell", func(s string) bool { return strings.HasSuffix(strings.TrimSpace(s), "shell%") })
}

// row is the line of the screen in which a text stands.
func (p *pane) row(text string) string {
	p.Helper()
	for line := range strings.Lines(p.screen()) {
		if strings.Contains(line, text) {
			return strings.TrimRight(line, "\n")
		}
	}
	return ""
}

// format asks tmux for a property of the pane.
func (p *pane) format(f string) string {
	p.Helper()
	return strings.TrimSpace(p.tmux("display-message", "-p", f))
}

// resize changes the size of the window.
func (p *pane) resize(w, h int) {
	p.Helper()
	p.tmux("resize-window", "-x", strconv.Itoa(w), "-y", strconv.Itoa(h))
}

// leave leaves by q and y and waits for the report.
func (p *pane) leave() {
	p.Helper()
	p.press("q")
	p.shows("Leave the meeting?")
	p.press("y")
	p.ends()
}

// pid is the process that meet is in this pane.
func (p *pane) pid() int {
	p.Helper()
	out, err := exec.Command("ps", "-o", "pid=,args=", "-t", strings.TrimPrefix(p.format("#{pane_tty}"), "/dev/")).Output()
	if err != nil {
		p.Fatalf("list what runs in the pane: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 1 && f[1] == rig.Binary() {
			pid, err := strconv.Atoi(f[0])
			if err != nil {
				p.Fatal(err)
			}
			return pid
		}
	}
	p.Fatalf("meet does not run in this pane; it shows\n%s", p.screen())
	return 0
}

// stty is how the terminal's driver is set.
func (p *pane) stty() string {
	p.Helper()
	file := filepath.Join(p.home, "stty")
	_ = os.Remove(file) // of the last time
	p.run("stty -g > " + file + ".new && mv " + file + ".new " + file)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(look) {
		if b, err := os.ReadFile(file); err == nil {
			return string(b)
		}
	}
	p.Fatalf("the shell does not answer:\n%s", p.screen())
	return ""
}

// restored checks that the terminal is as a shell wants it.
func (p *pane) restored(stty string) {
	p.Helper()
	if got := p.format("#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_flag} #{keypad_cursor_flag}"); got != "0 1 0 0 0" {
		p.Errorf("alternate screen, cursor, mouse, keypad: %s, want 0 1 0 0 0", got)
	}
	if got := p.stty(); got != stty {
		p.Errorf("stty is %s, was %s", got, stty)
	}
}
