//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/meet-term/meet/internal/netlab"
)

// server is the signaling server of a room, on a host of its own.
type server struct {
	room *room
	host *netlab.Host
	url  string
	port int      // 0: serverPort
	any6 bool     // listens on IPv6 too
	more []string // further flags
	proc *netlab.Process
	log  *logText
}

// serverPort is where servers listen.
const serverPort = 7077

// start runs the server and returns the moment when it took connections.
func (s *server) start() time.Time {
	s.room.t.Helper()
	port := serverPort
	if s.port != 0 {
		port = s.port
	}
	listen := fmt.Sprintf("0.0.0.0:%d", port)
	if s.any6 {
		listen = fmt.Sprintf("[::]:%d", port)
	}
	cmd := s.host.Command(append([]string{binary, "serve", "--listen", listen}, s.more...)...)
	cmd.Env = environment(s.room.t.TempDir())
	s.log = newLogText()
	cmd.Stderr = s.log
	s.proc = s.host.Start(cmd)
	if !s.log.contains("listening", 10*time.Second, s.proc.Done()) {
		s.room.t.Fatalf("the server does not listen:\n%s", s.log)
	}
	at := time.Now()
	s.room.note("the server listens")
	return at
}

// crash ends the server without a word to its clients.
func (s *server) crash() time.Time {
	at := time.Now()
	s.room.note("the server crashes")
	s.proc.Kill()
	<-s.proc.Done()
	return at
}

// stop ends the server as an administrator does.
func (s *server) stop() time.Time {
	s.room.t.Helper()
	at := time.Now()
	s.room.note("the server is stopped")
	if err := s.proc.Signal(syscall.SIGTERM); err != nil {
		s.room.t.Fatal(err)
	}
	if code, err := s.proc.ExitCode(10 * time.Second); err != nil || code != 0 {
		s.room.t.Errorf("the server stopped with exit status %d, %v, want 0:\n%s", code, err, s.log)
	}
	return at
}

// logText collects what a process writes to stderr. It is safe for
// concurrent use.
type logText struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at every write
}

func newLogText() *logText { return &logText{changed: make(chan struct{})} }

// Write implements [io.Writer].
func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logText) now() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.changed
}

// contains waits until the text does. It returns false after the timeout, or
// when ended closes first.
func (l *logText) contains(want string, timeout time.Duration, ended <-chan struct{}) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		text, changed := l.now()
		if strings.Contains(text, want) {
			return true
		}
		select {
		case <-changed:
		case <-ended:
			return strings.Contains(l.String(), want)
		case <-timer.C:
			return false
		}
	}
}
