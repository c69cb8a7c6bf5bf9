package rig

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that takes milliseconds on a
// machine that is not overloaded.
const patience = 20 * time.Second

// binary is the program under test; Main sets it before any test runs.
var binary string

// exe ends the name of a program.
var exe = map[string]string{"windows": ".exe"}[runtime.GOOS]

// Main builds the program unless MEET_E2E_BINARY names one, runs the tests of
// a package and returns their exit status. Without MEET_E2E=1 nothing is
// built: every test skips itself by Need.
func Main(m *testing.M) int {
	if os.Getenv("MEET_E2E") != "1" {
		return m.Run()
	}
	if binary = os.Getenv("MEET_E2E_BINARY"); binary == "" {
		dir, err := os.MkdirTemp("", "meet-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, "e2e: make a folder for the binary:", err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "meet"+exe)
		build := exec.Command("go", "build", "-trimpath", "-o", binary, "github.com/meet-term/meet/cmd/meet")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "e2e: build meet: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// Need skips the test, and says so, unless end-to-end tests are asked for and
// the programs are there.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	if os.Getenv("MEET_E2E") != "1" {
		t.Skip("skipped: set MEET_E2E=1 to run the real binary")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("skipped: needs the program %s: %v", p, err)
		}
	}
}

// NeedBench is Need for what only benchmarks measure.
func NeedBench(t testing.TB, programs ...string) {
	t.Helper()
	Need(t, programs...)
	if os.Getenv("MEET_BENCH") != "1" {
		t.Skip("skipped: set MEET_BENCH=1 to measure")
	}
}

// Binary is the path of the program under test.
func Binary() string { return binary }

// Home makes an empty home directory with a short path that ends with the
// test: sockets in it may have paths of 107 characters only.
func Home(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "home")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Env is all that a process under test gets from us: a home of its own, no
// sound server, no display. Later variables win.
func Env(home string, more ...string) []string {
	if runtime.GOOS == "windows" { // where programs need more than we could name
		return append(append(os.Environ(), "USERPROFILE="+home, "APPDATA="+home, "LOCALAPPDATA="+home), more...)
	}
	return append([]string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home, "LANG=C.UTF-8", "TERM=dumb",
		"XDG_STATE_HOME=" + home + "/state", "XDG_CONFIG_HOME=" + home + "/config",
		"XDG_CACHE_HOME=" + home + "/cache", "XDG_RUNTIME_DIR=" + home,
		"PULSE_SERVER=unix:" + home + "/no-sound-server",
	}, more...)
}

// Run runs the program to its end and returns what it said and its status.
func Run(t testing.TB, stdin io.Reader, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs strings.Builder
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = Env(Home(t)), stdin, &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatalf("run meet %s: %v", strings.Join(args, " "), err)
	}
	if ctx.Err() != nil {
		t.Fatalf("meet %s did not end; it wrote\n%s%s", strings.Join(args, " "), out.String(), errs.String())
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// Use makes another program the one under test, until the test ends. It must not run
// beside other tests.
func Use(t testing.TB, program string) {
	before := binary
	binary = program
	t.Cleanup(func() { binary = before })
}

// Server is a signaling server of its own.
type Server struct {
	Addr string // host:port
	URL  string // as --server takes it
	cmd  *exec.Cmd
	log  log
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// Serve starts a server on a free port; it ends with the test. Without end-to-end
// tests being asked for it skips the test, as [Need] does.
func Serve(t testing.TB, flags ...string) *Server {
	t.Helper()
	Need(t)
	s := &Server{cmd: exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0"}, flags...)...)}
	s.cmd.Env = Env(Home(t))
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start the server: %v", err)
	}
	found := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.log.add(lines.Text())
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
			}
		}
	}()
	t.Cleanup(func() {
		asked := s.cmd.Process.Signal(syscall.SIGTERM) == nil
		if !asked { // Windows has no such signal
			_ = s.cmd.Process.Kill()
		}
		kill := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
		defer kill.Stop()
		<-read
		if err := s.cmd.Wait(); err != nil && asked {
			t.Errorf("the server ended with %v:\n%s", err, s.log.String())
		}
	})
	select {
	case s.Addr = <-found:
	case <-read:
		t.Fatalf("the server does not run:\n%s", s.log.String())
	case <-time.After(patience):
		t.Fatalf("the server does not listen:\n%s", s.log.String())
	}
	s.URL = "ws://" + s.Addr
	return s
}

// log keeps lines that another goroutine reads; safe for concurrent use.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

// Write implements io.Writer for output that comes in lines or parts of them.
func (l *log) Write(p []byte) (int, error) {
	l.add(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// String is the end of the log.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-40):], "\n")
}
