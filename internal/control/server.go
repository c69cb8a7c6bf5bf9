package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/meet-term/meet/internal/crash"
)

const (
	// maxConns is how many may be connected at once.
	maxConns = 64
	// Commands beyond this rate wait, whoever sends them: a program that runs wild must
	// not take the processor from the sound.
	perSecond, burst = 500, 200
	// writeTime is how long somebody may take to read a line before they are hung up on.
	writeTime = 5 * time.Second
	// sayTime bounds the word to somebody who is turned away.
	sayTime = time.Second
)

// Handler carries out one command. What it returns is said in the closing line;
// with a nil error, that is [Done].
type Handler func(ctx context.Context, line []byte, c *Conn) error

// Config describes a server. Hello is what every connection begins with; Dir,
// Handle and Hello are required.
type Config struct {
	Dir    string
	Hello  func() Hello // Event, Version, PID and Time are filled in
	Handle Handler
	Logger *slog.Logger // nil: nothing is logged

	user func(*net.UnixConn) (int, error) // who connected; nil: the system says it
}

// Server is the socket of one call.
type Server struct {
	cfg      Config
	path     string
	listener *net.UnixListener
	limit    *rate.Limiter

	mu    sync.Mutex
	conns map[*Conn]struct{} // guarded by mu
}

// Listen opens the socket of this process's call. [Server.Run] serves it.
func Listen(cfg Config) (*Server, error) {
	if !supported {
		return nil, ErrUnsupported
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.user == nil {
		cfg.user = peerUser
	}
	if err := prepare(cfg.Dir); err != nil {
		return nil, err
	}
	// Whoever looks for calls meets no socket that is bound and does not listen
	// yet, or they would take it for one whose process died.
	for n := range maxConns {
		name := fmt.Sprintf("%d-%d", os.Getpid(), n)
		temp, path := filepath.Join(cfg.Dir, name+tempSuffix), filepath.Join(cfg.Dir, name+suffix)
		if _, err := os.Lstat(path); err == nil && alive(path) {
			continue // another call of this process
		}
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
		if err != nil {
			return nil, fmt.Errorf("open the control socket: %w", err)
		}
		l.SetUnlinkOnClose(false) // its name changes
		if err := errors.Join(os.Chmod(temp, 0o600), os.Rename(temp, path)); err != nil {
			l.Close()
			_ = os.Remove(temp)
			return nil, fmt.Errorf("open the control socket: %w", err)
		}
		return &Server{
			cfg: cfg, path: path, listener: l, limit: rate.NewLimiter(perSecond, burst),
			conns: map[*Conn]struct{}{},
		}, nil
	}
	return nil, errors.New("open the control socket: this process has too many")
}

// Path is where the socket is.
func (s *Server) Path() string { return s.path }

// Run serves until the context ends. When it returns, the socket is gone, and so is
// everything that was started for a connection.
func (s *Server) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		_ = os.Remove(s.path) // before it closes: nobody finds it dead
		s.listener.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.conns {
			// What is still to be said can be; the reading ends, and with it the rest.
			_ = c.conn.CloseRead()
			_ = c.conn.SetWriteDeadline(time.Now().Add(sayTime))
		}
	})
	defer stop()
	var serving sync.WaitGroup
	defer serving.Wait()
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			if ctx.Err() == nil {
				s.cfg.Logger.Warn("the control socket closed", "error", err)
			}
			return
		}
		crash.GoIn(&serving, func() { s.serve(ctx, conn) })
	}
}

// serve speaks with one client until it hangs up.
func (s *Server) serve(ctx context.Context, conn *net.UnixConn) {
	defer conn.Close()
	c := &Conn{conn: conn, lines: bufio.NewReaderSize(conn, MaxLine)}
	uid, err := s.cfg.user(conn)
	if err != nil || uid != os.Getuid() {
		s.cfg.Logger.Warn("refused somebody at the control socket", "user", uid, "error", err)
		return // strangers are not even told what this is
	}
	if !s.add(ctx, c) {
		_ = conn.SetWriteDeadline(time.Now().Add(sayTime))
		_ = c.Write(failure{time.Now(), errorEvent, "busy", "too many programs steer this call already"})
		return
	}
	defer s.remove(c)
	ctx, cancel := context.WithCancel(ctx)
	defer c.beside.Wait()
	defer cancel()
	c.ctx = ctx

	hello := s.cfg.Hello()
	hello.Time, hello.Event, hello.Version, hello.PID = time.Now(), helloEvent, Version, os.Getpid()
	if c.Write(hello) != nil {
		return
	}
	for {
		line, err := c.read()
		if err != nil {
			return
		}
		if s.limit.Wait(ctx) != nil {
			return
		}
		if done := s.obey(ctx, line, c); done != nil && c.Write(done) != nil || c.taken {
			return
		}
	}
}

// obey carries out one line and makes its closing line.
func (s *Server) obey(ctx context.Context, line []byte, c *Conn) any {
	if line == nil {
		return failure{time.Now(), errorEvent, CodeBadCommand, fmt.Sprintf("a line of more than %d bytes", MaxLine)}
	}
	err := s.cfg.Handle(ctx, line, c)
	switch {
	case c.taken:
		return nil
	case err != nil:
		return failure{time.Now(), errorEvent, CodeBadCommand, err.Error()}
	}
	var asked struct {
		Command string `json:"command"`
	}
	_ = json.Unmarshal(line, &asked) // the handler understood it
	return Done{time.Now(), doneEvent, asked.Command}
}

func (s *Server) add(ctx context.Context, c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= maxConns || ctx.Err() != nil {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}
