//go:build linux

package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// binary is the terminal program under test.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("MEET_E2E") != "1" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "meet-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a folder for the binary:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary = os.Getenv("MEET_E2E_BINARY"); binary == "" {
		binary = filepath.Join(dir, "meet")
		build := exec.Command("go", "build", "-trimpath", "-o", binary, "../../cmd/meet")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build meet: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// needChromium skips a test, and says why, where it cannot run.
func needChromium(t *testing.T) {
	t.Helper()
	if os.Getenv("MEET_E2E") != "1" {
		t.Skip("end-to-end tests run with MEET_E2E=1")
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("the browser is missing (Debian package chromium)")
	}
}

// server is a meet server in a process of its own.
type server struct {
	t       *testing.T
	address string
	run     func(args ...string) *exec.Cmd
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	flags   []string
	state   string // folder for what it keeps
	cmd     *exec.Cmd
}

func startServer(t *testing.T, address string, run func(args ...string) *exec.Cmd, flags ...string) *server {
	t.Helper()
	s := &server{t: t, address: address, run: run, dial: (&net.Dialer{}).DialContext, flags: flags, state: t.TempDir()}
	t.Cleanup(s.kill)
	s.start()
	return s
}

// here runs a program on this machine.
func here(args ...string) *exec.Cmd { return exec.Command(args[0], args[1:]...) }

// freeAddress finds a port nobody listens on at present.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = s.run(append([]string{binary, "serve", "--listen", s.address}, s.flags...)...)
	s.cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+s.state)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start the server: %v", err)
	}
}

// kill ends the server as a power cut does.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
	s.cmd = nil
}

func (s *server) link(room string) string { return "http://" + s.address + "/" + room }

// ready waits until the server answers.
func (s *server) ready() {
	s.t.Helper()
	for start := time.Now(); time.Since(start) < 10*time.Second; {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		c, err := s.dial(ctx, "tcp", s.address)
		cancel()
		if err == nil {
			c.Close()
			return
		}
		pause := time.NewTimer(20 * time.Millisecond)
		<-pause.C
	}
	s.t.Fatal("the server does not answer")
}

// terminal is a headless meet.
type terminal struct {
	t    *testing.T
	name string
	in   io.WriteCloser

	mu     sync.Mutex
	news   *sync.Cond
	events []line
	ended  bool
}

// line is the part of a JSON line that the tests look at.
type line struct {
	Event, Name, State, Text, Kind string
	Mark, Words, File, SHA256      string
	Mic, History                   bool
	Camera, Screen                 json.RawMessage // a flag, or figures of pictures
	Attempts, MTU                  int
	HeardMS                        int64 `json:"heard_ms"`
	Audio                          struct {
		Packets, Decoded int64
		LevelDB          float64 `json:"level_db"`
	}
	Participants []struct{ Name, Presence, State string }
	at           time.Time
}

// on reads a flag.
func on(raw json.RawMessage) bool { return string(raw) == "true" }

// frames reads how many pictures were decoded.
func frames(raw json.RawMessage) int64 { return pictured(raw).FramesDecoded }

// figures of pictures.
type figures struct {
	FramesDecoded int64 `json:"frames_decoded"`
	Width, Height int
}

func pictured(raw json.RawMessage) figures {
	var v figures
	if json.Unmarshal(raw, &v) != nil {
		return figures{} // a flag
	}
	return v
}

func startTerminal(t *testing.T, name, link string, run func(args ...string) *exec.Cmd, flags ...string) *terminal {
	t.Helper()
	args := append([]string{binary, "join", link, "--headless", "--name", name, "--speaker", "none", "--stats-interval", "500ms"}, flags...)
	cmd := run(args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &terminal{t: t, name: name, in: in}
	p.news = sync.NewCond(&p.mu)
	if err := cmd.Start(); err != nil {
		t.Fatalf("start a terminal: %v", err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(out)
	}()
	t.Cleanup(func() {
		p.say(map[string]any{"command": "leave"})
		over := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		defer over.Stop()
		<-read
		_ = cmd.Wait() // it was told to end
	})
	return p
}

func (p *terminal) read(out io.Reader) {
	in := bufio.NewScanner(out)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var l line
		if json.Unmarshal(in.Bytes(), &l) != nil {
			continue
		}
		l.at = time.Now()
		p.mu.Lock()
		p.events = append(p.events, l)
		p.news.Broadcast()
		p.mu.Unlock()
	}
	p.mu.Lock()
	p.ended = true
	p.news.Broadcast()
	p.mu.Unlock()
}

// say gives a command.
func (p *terminal) say(command map[string]any) {
	b, err := json.Marshal(command)
	if err == nil {
		_, err = p.in.Write(append(b, '\n'))
	}
	if err != nil && !p.t.Failed() {
		p.t.Logf("%s: command: %v", p.name, err)
	}
}

// mark is a place in what a terminal has said so far.
func (p *terminal) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.events)
}

// until waits for an event after a mark.
func (p *terminal) until(within time.Duration, what string, from int, is func(line) bool) line {
	p.t.Helper()
	timer := time.AfterFunc(within, func() { p.news.Broadcast() })
	defer timer.Stop()
	start := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for next := from; ; {
		for ; next < len(p.events); next++ {
			if is(p.events[next]) {
				return p.events[next]
			}
		}
		if p.ended || time.Since(start) >= within {
			tail := p.events[max(0, len(p.events)-8):]
			p.t.Fatalf("%s: not within %v: %s; last events %+v", p.name, within, what, tail)
		}
		p.news.Wait()
	}
}

// count is how many events after a mark are so.
func (p *terminal) count(from int, is func(line) bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, l := range p.events[from:] {
		if is(l) {
			n++
		}
	}
	return n
}

// connected waits until a peer is.
func (p *terminal) connected(name string, from int) line {
	p.t.Helper()
	return p.until(20*time.Second, name+" connected", from, func(l line) bool {
		return l.Event == "peer-connected" && l.Name == name
	})
}
