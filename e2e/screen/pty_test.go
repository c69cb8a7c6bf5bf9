//go:build linux

package screen

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"github.com/meet-term/meet/e2e/rig"
)

// terminal is meet on a pseudo terminal with an emulator behind it, which
// notes when something is shown to the millisecond.
type terminal struct {
	testing.TB
	cmd    *exec.Cmd
	master *os.File
	began  time.Time
	exited chan struct{}

	mu      sync.Mutex
	changed *sync.Cond
	em      *vt.Emulator // guarded by mu
	sent    []byte       // all that meet wrote; guarded by mu
	ended   bool         // guarded by mu
}

// newTerminal joins a room. A dumb one answers no question.
func newTerminal(t testing.TB, s *rig.Server, room string, dumb bool, w, h int, flags ...string) *terminal {
	t.Helper()
	args := append([]string{"join", room, "--server", s.URL, "--name", "alice", "--no-lobby", "--mic", "none",
		"--speaker", "none", "--camera", "none", "--screen", "none"}, flags...)
	r := &terminal{TB: t, cmd: exec.Command(rig.Binary(), args...), em: vt.NewEmulator(w, h), exited: make(chan struct{})}
	r.changed = sync.NewCond(&r.mu)
	r.cmd.Env = rig.Env(rig.Home(t), "TERM=xterm-256color", "COLORTERM=truecolor")
	var err error
	r.began = time.Now()
	if r.master, err = pty.StartWithSize(r.cmd, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)}); err != nil {
		t.Fatalf("start on a pseudo terminal: %v", err)
	}
	go r.display()
	go func() { // answers
		to := io.Writer(r.master)
		if dumb {
			to = io.Discard
		}
		_, _ = io.Copy(to, r.em) // until the emulator is closed
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.exited
		r.master.Close()
		if c, ok := r.em.InputPipe().(io.Closer); ok { // the emulator's own Close races with its Read
			c.Close()
		}
	})
	return r
}

func (r *terminal) display() {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.master.Read(buf)
		r.mu.Lock()
		if n > 0 {
			r.sent = append(r.sent, buf[:n]...)
			_, _ = r.em.Write(buf[:n])
		}
		r.ended = err != nil
		r.changed.Broadcast()
		r.mu.Unlock()
		if err != nil {
			_ = r.cmd.Wait() // ProcessState says how it ended
			close(r.exited)
			return
		}
	}
}

// shows waits for a text and returns when it was there.
func (r *terminal) shows(text string) time.Time {
	r.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		late = true
		r.changed.Broadcast()
	})
	defer timer.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !strings.Contains(r.em.String(), text) {
		if r.ended || late {
			r.Fatalf("waiting for %q; the terminal shows:\n%s", text, r.em.String())
		}
		r.changed.Wait()
	}
	return time.Now()
}

// speaks waits until meet has written anything.
func (r *terminal) speaks() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.sent) == 0 && !r.ended {
		r.changed.Wait()
	}
}

func (r *terminal) press(keys string) time.Time {
	r.Helper()
	now := time.Now()
	if _, err := r.master.WriteString(keys); err != nil {
		r.Fatal(err)
	}
	return now
}

// within takes a measurement until it is good enough once, as other programs
// run on the machine too, or there were so many; when benchmarking, it takes
// them all. It prints the median as a row for docs/PERFORMANCE.md.
func within(t *testing.T, what string, limit time.Duration, times int, measure func() time.Duration) {
	t.Helper()
	bench := os.Getenv("MEET_BENCH") == "1"
	var all []time.Duration
	for range times {
		all = append(all, measure())
		if !bench && all[len(all)-1] <= limit {
			break
		}
	}
	slices.Sort(all)
	t.Logf("| %s | %.0f ms | %.0f ms | %d | %v |", what, ms(all[len(all)/2]), ms(all[len(all)-1]), len(all), limit)
	if all[0] > limit || bench && all[len(all)/2] > limit {
		t.Errorf("%s takes %v, want %v or less", what, all, limit)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// TestFirstPaint measures from the start of the process to the first picture.
// It runs alone.
func TestFirstPaint(t *testing.T) {
	rig.Need(t)
	s := rig.Serve(t)
	for _, c := range []struct {
		name  string
		dumb  bool
		limit time.Duration
	}{
		{"first paint, terminal that answers", false, 100 * time.Millisecond},
		{"first paint, terminal that answers nothing", true, 400 * time.Millisecond},
	} {
		n := 0
		within(t, c.name, c.limit, 20, func() time.Duration {
			n++
			r := newTerminal(t, s, fmt.Sprintf("paint%d", n), c.dumb, 80, 24)
			took := r.shows("q leave").Sub(r.began)
			r.press("q")
			r.shows("Leave the meeting?")
			r.press("y")
			<-r.exited
			return took
		})
	}
}

// TestKeyPress measures from a key to its effect while pictures play: three
// tiles, or nine when benchmarking (four people with camera and screen each,
// and one's own camera: nine people would need more than two cores to encode).
// It runs alone.
func TestKeyPress(t *testing.T) {
	rig.Need(t)
	s := rig.Serve(t)
	people, tiles, flags := 2, 3, []string{"--camera", "testcard"}
	if os.Getenv("MEET_BENCH") == "1" {
		people, tiles, flags = 4, 9, append(flags, "--screen", "testcard", "--share")
	}
	for i := range people {
		bystander(t, s, "press", fmt.Sprintf("guest-%d", i), flags...)
	}
	r := newTerminal(t, s, "press", false, 120, 40, "--mic", "tone", "--camera", "testcard", "--video", "quadrant")
	r.shows(fmt.Sprintf("%d connected", people+1))
	r.press("g")
	time.Sleep(2 * time.Second) // until all of them play
	states := []string{"mic OFF", "mic on"}
	n := 0
	within(t, fmt.Sprintf("key to screen, %d tiles play", tiles), 50*time.Millisecond, 40, func() time.Duration {
		pressed := r.press("m")
		took := r.shows(states[n%2]).Sub(pressed)
		n++
		time.Sleep(130 * time.Millisecond) // not in step with the frames
		return took
	})
}

// TestTypedAhead types while the terminal is questioned, which it never answers:
// the keys act as soon as there is a screen, without another one.
func TestTypedAhead(t *testing.T) {
	t.Parallel()
	rig.Need(t)
	s := rig.Serve(t)
	r := newTerminal(t, s, "ahead", true, 80, 24)
	r.speaks()
	r.press("chere I am")
	r.shows("> here I am")
	r.press("\r\x1b")
	r.shows("q leave") // escape alone is a key even here
	r.press("q")
	r.shows("Leave the meeting?")
	r.press("y")
	<-r.exited
}

// TestIdleScreen measures the processor time of a call of nine in which
// nobody says anything.
func TestIdleScreen(t *testing.T) {
	rig.NeedBench(t)
	s := rig.Serve(t)
	var guest *rig.Person
	for i := range 8 {
		guest = bystander(t, s, "idle", fmt.Sprintf("guest-%d", i), "--stats-interval", "1m")
	}
	r := newTerminal(t, s, "idle", false, 120, 40)
	r.shows("9 connected")
	time.Sleep(5 * time.Second) // until everything has settled
	const span = 20 * time.Second
	pids := [...]int{r.cmd.Process.Pid, guest.Cmd.Process.Pid}
	var share [2]float64 // of the screen, and of one without
	from := time.Now()
	for i, pid := range pids {
		share[i] = -cpu(t, pid).Seconds()
	}
	time.Sleep(span)
	for i, pid := range pids {
		share[i] = (share[i] + cpu(t, pid).Seconds()) / time.Since(from).Seconds() * 100
	}
	t.Logf("| idle screen of 9 people, 120x40 (headless beside it) | %.2f %% of a core (%.2f %%) | | 1 | 2 %% |", share[0], share[1])
	if share[0] > 2 {
		t.Errorf("an idle screen takes %.2f %% of a core, want 2 or less", share[0])
	}
}

// cpu is the processor time a process has used (proc(5), fields 14 and 15).
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	ticks := 0
	for _, s := range f[11:13] {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// TestModesUndone looks at every mode that meet sets and whether it is reset.
func TestModesUndone(t *testing.T) {
	t.Parallel()
	rig.Need(t)
	s := rig.Serve(t)
	for _, c := range []struct {
		name string
		end  func(r *terminal)
	}{
		{"q", func(r *terminal) { r.press("q"); r.shows("Leave the meeting?"); r.press("y") }},
		{"typing", func(r *terminal) { r.press("c"); r.press("\x03\x03") }},
		{"SIGTERM", func(r *terminal) { _ = r.cmd.Process.Signal(syscall.SIGTERM) }},
		{"SIGHUP", func(r *terminal) { _ = r.cmd.Process.Signal(syscall.SIGHUP) }},
	} {
		r := newTerminal(t, s, "modes", false, 80, 24, "--mouse", "--camera", "testcard")
		r.shows("1 connected")
		c.end(r)
		select {
		case <-r.exited:
		case <-time.After(patience):
			t.Fatalf("%s does not end it", c.name)
		}
		if code := r.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%s: it ends with %d", c.name, code)
		}
		r.mu.Lock()
		for what, left := range leftOver(string(r.sent)) {
			t.Errorf("%s: %s is left over: %d", c.name, what, left)
		}
		r.mu.Unlock()
	}
}

var (
	modes  = regexp.MustCompile(`\x1b\[\?([0-9;]+)([hl])`)
	stacks = regexp.MustCompile(`\x1b\[(>\d*u|<\d*u|22;\d*t|23;\d*t)`)
)

// leftOver is what a stream of output has changed and not changed back: modes
// by their number, and pushes of the keyboard protocol and of the title.
func leftOver(sent string) map[string]int {
	const cursor = "25" // on at first; all others are off
	left := map[string]int{}
	for _, m := range modes.FindAllStringSubmatch(sent, -1) {
		for mode := range strings.SplitSeq(m[1], ";") {
			left["mode "+mode] = 0
			if (m[2] == "h") != (mode == cursor) {
				left["mode "+mode] = 1
			}
		}
	}
	for _, m := range stacks.FindAllStringSubmatch(sent, -1) {
		switch {
		case m[1][0] == '>':
			left["keyboard"]++
		case m[1][0] == '<':
			left["keyboard"]--
		case strings.HasPrefix(m[1], "22"):
			left["title"]++
		default:
			left["title"]--
		}
	}
	for what, n := range left {
		if n == 0 {
			delete(left, what)
		}
	}
	return left
}

func TestLeftOver(t *testing.T) {
	if got := leftOver("\x1b[?1049;25h\x1b[?2026h\x1b[?25l\x1b[>3u\x1b[22;2t"); len(got) != 5 {
		t.Errorf("found %v", got)
	}
	if got := leftOver("\x1b[?1049h\x1b[?25l\x1b[>3u\x1b[?25h\x1b[<u\x1b[?1049l"); len(got) != 0 {
		t.Errorf("found %v in what is undone", got)
	}
}
