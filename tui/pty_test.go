//go:build unix

package tui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

func init() { childMain = child }

// child is that program: a call of three in which nothing happens by itself.
func child() int {
	v := many(3)
	v.Since = time.Now()
	f := &lockedFake{fake: newFake(v)}
	opt := f.options()
	opt.Room, opt.Controls, opt.Chat, opt.Links, opt.Meter, opt.Stage = f, f, f, nil, nil, nil
	opt.Out, opt.Now = nil, nil
	f.chat <- Message{Name: "guest-01", Text: "hello", Time: time.Now(), History: true}
	report, err := Run(context.Background(), opt)
	if err != nil {
		fmt.Println("error:", err)
		return 3
	}
	fmt.Print(report.Text())
	return 0
}

// ptyRig is the program on a real pseudo terminal with an emulator behind it.
type ptyRig struct {
	*testing.T
	cmd    *exec.Cmd
	master *os.File
	exited chan error

	mu      sync.Mutex
	changed *sync.Cond
	em      *vt.Emulator
	sent    bytes.Buffer
	ended   bool
}

func newPty(t *testing.T, w, h int) *ptyRig {
	t.Helper()
	return startPty(t, exec.Command(os.Args[0], "-test.run=^$"), w, h)
}

func startPty(t *testing.T, cmd *exec.Cmd, w, h int) *ptyRig {
	t.Helper()
	cmd.Env = append(os.Environ(), childVariable+"=1", "TERM=xterm-256color")
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)})
	if err != nil {
		t.Fatalf("start on a pseudo terminal: %v", err)
	}
	r := &ptyRig{T: t, cmd: cmd, master: master, em: vt.NewEmulator(w, h), exited: make(chan error, 1)}
	r.changed = sync.NewCond(&r.mu)
	go r.display()
	go io.Copy(io.Discard, r.em) // answers nobody asked for
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = master.Close()
		_ = r.em.Close()
	})
	return r
}

// display feeds the emulator until the program has closed its terminal.
func (r *ptyRig) display() {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.master.Read(buf)
		r.mu.Lock()
		if n > 0 {
			r.sent.Write(buf[:n])
			_, _ = r.em.Write(buf[:n])
		}
		r.ended = err != nil
		r.changed.Broadcast()
		r.mu.Unlock()
		if err != nil {
			r.exited <- r.cmd.Wait()
			return
		}
	}
}

// until waits for a screen; the test's own deadline bounds the wait.
func (r *ptyRig) until(what string, good func(screen string) bool) {
	r.Helper()
	timer := time.AfterFunc(20*time.Second, func() { // wakes the wait below
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended = true
		r.changed.Broadcast()
	})
	defer timer.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !good(r.em.String()) {
		if r.ended {
			r.Fatalf("waiting for %s; the terminal shows:\n%s", what, r.em.String())
		}
		r.changed.Wait()
	}
}

func (r *ptyRig) shows(text string) {
	r.Helper()
	r.until(fmt.Sprintf("%q", text), func(s string) bool { return strings.Contains(s, text) })
}

func (r *ptyRig) press(keys string) {
	r.Helper()
	if _, err := r.master.WriteString(keys); err != nil {
		r.Fatal(err)
	}
}

// ends waits for the exit and checks that the terminal was given back.
func (r *ptyRig) ends(code int) {
	r.Helper()
	err := <-r.exited
	var exit *exec.ExitError
	if got := r.cmd.ProcessState.ExitCode(); got != code || err != nil && !errors.As(err, &exit) {
		r.Errorf("ended with %d (%v), want %d", got, err, code)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.em.IsAltScreen() {
		r.Error("the alternate screen is still on")
	}
}

func TestPtyQuestionsNobody(t *testing.T) {
	r := newPty(t, 80, 24)
	r.shows("q leave")
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, question := range []string{"\x1b]11;?", "\x1b]10;?", "\x1b[6n"} {
		if strings.Contains(r.sent.String(), question) {
			t.Errorf("the terminal was asked %q while packages were loaded", question)
		}
	}
}

func TestPtyLeaving(t *testing.T) {
	r := newPty(t, 80, 24)
	r.shows("3 connected")
	r.press("m")
	r.shows("mic OFF")
	r.press("q")
	r.shows("Leave the meeting?")
	r.press("y")
	r.ends(0)
	if got := r.em.String(); !strings.Contains(got, "with guest-01, guest-02") {
		t.Errorf("no report after the call:\n%s", got)
	}
}

func TestPtySignals(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			r := newPty(t, 80, 24)
			r.shows("3 connected")
			if err := r.cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			r.ends(0)
		})
	}
}

// TestPtyLost closes the terminal as a window manager or a dead ssh does.
func TestPtyLost(t *testing.T) {
	r := newPty(t, 80, 24)
	r.shows("3 connected")
	if err := r.master.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-r.exited; r.cmd.ProcessState == nil {
		t.Errorf("the program goes on without a terminal: %v", err)
	}
}

func TestPtyResizeStorm(t *testing.T) {
	r := newPty(t, 80, 24)
	r.shows("3 connected")
	resize := func(w, h int) {
		r.mu.Lock()
		r.em.Resize(w, h)
		r.mu.Unlock()
		if err := pty.Setsize(r.master, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		resize(20+i*7%150, 3+i*5%50)
	}
	resize(120, 40)
	// The header at the right edge and the help in the last line: the final
	// size is what is drawn.
	r.until("the final size", func(s string) bool {
		lines := strings.Split(s, "\n")
		return len(lines) == 40 && strings.Contains(lines[0], "screen OFF") && strings.Contains(lines[39], "q leave")
	})
	resize(20, 3)
	r.until("one line", func(s string) bool { return strings.HasPrefix(s, "standup 3") && !strings.Contains(s, "q leave") })
}

// TestPtySuspend goes to the shell and comes back. Without a shell nobody
// would stop: POSIX lets orphaned process groups ignore the key.
func TestPtySuspend(t *testing.T) {
	script := `set -m; "$0" -test.run='^$'; echo stopped with $?; fg >/dev/null`
	r := startPty(t, exec.Command("sh", "-c", script, os.Args[0]), 80, 24)
	r.shows("3 connected")
	r.press("\x1a")
	entered := func() int { return bytes.Count(r.sent.Bytes(), enterAlt) }
	r.until("the call again", func(s string) bool { return entered() == 2 && strings.Contains(s, "3 connected") })
	r.mu.Lock()
	between := r.sent.String()
	r.mu.Unlock()
	left, stopped, back := strings.Index(between, string(leaveAlt)), strings.Index(between, "stopped with"), strings.LastIndex(between, string(enterAlt))
	if left < 0 || stopped < left || back < stopped {
		t.Errorf("left the screen at %d, stopped at %d, came back at %d", left, stopped, back)
	}
	r.press("qy")
	r.ends(0)
}
