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

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

func init() { childMain = child }

// child is that program: a call in which nothing happens by itself, of as many
// people as the variable says; with "nine" they all speak.
func child() int {
	people := 3
	speaking := os.Getenv(childVariable) == "nine"
	if speaking {
		people = 9
	}
	v := many(people)
	v.Since = time.Now()
	f := &lockedFake{fake: newFake(v)}
	opt := f.options()
	opt.Room, opt.Controls, opt.Chat, opt.Links, opt.Meter, opt.Stage = f, f, f, nil, nil, nil
	opt.Out, opt.Now = nil, nil
	if speaking {
		opt.Meter, opt.Links = babble{v}, babble{v}
	}
	f.events <- call.Chat{Who: rtc.Who{Name: "guest-01"}, Text: "hello", Time: time.Now(), History: true}
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
	testing.TB
	cmd    *exec.Cmd
	master *os.File
	exited chan error

	mu      sync.Mutex
	changed *sync.Cond
	em      *vt.Emulator
	sent    bytes.Buffer
	ended   bool
}

func newPty(t testing.TB, w, h int) *ptyRig {
	t.Helper()
	return startPty(t, exec.Command(os.Args[0], "-test.run=^$"), "three", w, h)
}

func startPty(t testing.TB, cmd *exec.Cmd, call string, w, h int) *ptyRig {
	t.Helper()
	cmd.Env = append(os.Environ(), childVariable+"="+call, "TERM=xterm-256color")
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)})
	if err != nil {
		t.Fatalf("start on a pseudo terminal: %v", err)
	}
	r := &ptyRig{TB: t, cmd: cmd, master: master, em: vt.NewEmulator(w, h), exited: make(chan error, 1)}
	r.changed = sync.NewCond(&r.mu)
	go r.display()
	go io.Copy(io.Discard, r.em) // answers nobody asked for
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = master.Close()
		// Not the emulator's own Close, which races with its Read.
		if c, ok := r.em.InputPipe().(io.Closer); ok {
			_ = c.Close()
		}
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

// babble is a room in which everybody speaks, ever louder and softer.
type babble struct{ view *rtc.RoomView }

func (b babble) Levels() map[signal.PeerID]media.Loudness {
	out := map[signal.PeerID]media.Loudness{}
	for i, p := range b.view.Peers {
		db := -15 - float64((time.Now().UnixMilli()/100+int64(i)*7)%40)
		out[p.ID] = media.Loudness{DB: db, Speaking: db > -40}
	}
	return out
}

func (b babble) Stats() []call.PeerStats { return figures(b.view) }

// BenchmarkAudioScreen reports the share of a core that the screen of a call
// of nine takes in which everybody speaks, and how much it writes.
func BenchmarkAudioScreen(b *testing.B) {
	const span = 5 * time.Second
	for b.Loop() {
		r := startPty(b, exec.Command(os.Args[0], "-test.run=^$"), "nine", 120, 40)
		r.shows("q leave")
		start := time.Now()
		time.Sleep(span)
		r.press("qy")
		r.ends(0)
		state := r.cmd.ProcessState
		b.ReportMetric((state.UserTime()+state.SystemTime()).Seconds()/time.Since(start).Seconds()*100, "%core")
		b.ReportMetric(float64(r.sent.Len())/time.Since(start).Seconds()/1000, "kB/s")
	}
}

// BenchmarkKeyPress reports how long it takes from a key to its effect on the
// terminal, and from the start of the process to the first picture.
func BenchmarkKeyPress(b *testing.B) {
	start := time.Now()
	r := startPty(b, exec.Command(os.Args[0], "-test.run=^$"), "nine", 120, 40)
	r.shows("q leave")
	first := time.Since(start)
	state := []string{"mic OFF", "mic on"}
	for i := 0; b.Loop(); i++ {
		r.press("m")
		r.shows(state[i%2])
	}
	b.ReportMetric(float64(first.Milliseconds()), "ms/first-paint")
	r.press("qy")
	r.ends(0)
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
	r := startPty(t, exec.Command("sh", "-c", script, os.Args[0]), "three", 80, 24)
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
