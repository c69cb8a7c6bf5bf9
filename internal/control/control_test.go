//go:build linux || darwin

package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// serve runs a server of handle in dir until the test ends.
func serve(t *testing.T, cfg Config) *Server {
	t.Helper()
	if cfg.Hello == nil {
		cfg.Hello = func() Hello { return Hello{Meet: "v1", Room: "demo", Name: "Ann"} }
	}
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

// echo answers with the line it got.
func echo(_ context.Context, line []byte, c *Conn) error { return c.Write(json.RawMessage(line)) }

func dial(t *testing.T, path string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCommandsAreAnswered(t *testing.T) {
	s := serve(t, Config{Dir: filepath.Join(t.TempDir(), "meet"), Handle: func(ctx context.Context, line []byte, c *Conn) error {
		if strings.Contains(string(line), "bad") {
			return errors.New("no such thing")
		}
		return echo(ctx, line, c)
	}})
	c := dial(t, s.Path())
	if h := c.Hello; h.Room != "demo" || h.Name != "Ann" || h.PID != os.Getpid() || h.Version != Version || h.Time.IsZero() {
		t.Errorf("hello %+v", h)
	}
	answers, err := c.Do(map[string]any{"command": "x"})
	if err != nil || len(answers) != 1 || string(answers[0]) != `{"command":"x"}` {
		t.Errorf("%s, %v", answers, err)
	}
	var refused *RefusedError
	if _, err := c.Do(map[string]any{"command": "bad"}); !errors.As(err, &refused) || refused.Text != "no such thing" || refused.Code != CodeBadCommand {
		t.Errorf("refused with %v", err)
	}
	// The connection goes on.
	if _, err := c.Do(map[string]any{"command": "x"}); err != nil {
		t.Error(err)
	}
	if st, err := os.Stat(s.Path()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", st.Mode(), err)
	}
	if st, err := os.Stat(filepath.Dir(s.Path())); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("its directory is %v, %v", st.Mode(), err)
	}
}

// Lines as a script may write them: blank ones are nothing, one that is too long
// is refused and skipped, the last one needs no end.
func TestLinesOfAnyShape(t *testing.T) {
	s := serve(t, Config{Dir: filepath.Join(t.TempDir(), "meet"), Handle: echo})
	conn, err := net.Dial("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		fmt.Fprintf(conn, "\n  \r\n{\"a\":\"%s\"}\n{\"command\":\"x\"}", strings.Repeat("x", 3*MaxLine))
		conn.(*net.UnixConn).CloseWrite()
	}()
	var events []string
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		events = append(events, eventOf(lines.Bytes()))
	}
	if got := strings.Join(events, " "); got != "control error  done" {
		t.Errorf("got %q", got)
	}
}

func TestStreamIsTakenOver(t *testing.T) {
	s := serve(t, Config{Dir: filepath.Join(t.TempDir(), "meet"), Handle: func(_ context.Context, _ []byte, c *Conn) error {
		if err := c.Write(map[string]string{"event": "ready"}); err != nil {
			return err
		}
		stream := c.Take()
		_, err := io.Copy(stream, stream)
		return err
	}})
	c := dial(t, s.Path())
	if err := c.Send(map[string]string{"command": "share"}); err != nil {
		t.Fatal(err)
	}
	stream := c.Stream()
	if _, err := stream.Write([]byte("\x00no line at all")); err != nil {
		t.Fatal(err)
	}
	if line, err := c.Next(); err != nil || eventOf(line) != "ready" {
		t.Fatalf("%s, %v", line, err)
	}
	if err := stream.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(stream); err != nil || string(b) != "\x00no line at all" {
		t.Errorf("the stream gave back %q, %v", b, err)
	}
}

// What a handler goes on with ends with the connection, whoever ends it.
func TestBesideEndsWithTheConnection(t *testing.T) {
	ended := make(chan struct{})
	s := serve(t, Config{Dir: filepath.Join(t.TempDir(), "meet"), Handle: func(_ context.Context, _ []byte, c *Conn) error {
		c.Beside(func(ctx context.Context) { <-ctx.Done(); close(ended) })
		return nil
	}})
	c := dial(t, s.Path())
	if _, err := c.Do(map[string]string{"command": "talk"}); err != nil {
		t.Fatal(err)
	}
	c.Close()
	<-ended
}

func TestOthersAreRefused(t *testing.T) {
	s := serve(t, Config{
		Dir: filepath.Join(t.TempDir(), "meet"), Handle: echo,
		user: func(*net.UnixConn) (int, error) { return os.Getuid() + 1, nil },
	})
	conn, err := net.Dial("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if b, err := io.ReadAll(conn); len(b) != 0 || err != nil {
		t.Errorf("a stranger was told %q, %v", b, err)
	}
}

// The system says who connected: nobody else can be made up in a test.
func TestUserOfAConnection(t *testing.T) {
	s := serve(t, Config{Dir: filepath.Join(t.TempDir(), "meet"), Handle: echo})
	conn, err := net.Dial("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if uid, err := peerUser(conn.(*net.UnixConn)); uid != os.Getuid() || err != nil {
		t.Errorf("user %d, %v", uid, err)
	}
}

// A directory that somebody else could have made is not used.
func TestDirectoryMustBeOurs(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(Config{Dir: link, Handle: echo}); err == nil || !strings.Contains(err.Error(), "no directory") {
		t.Errorf("a link: %v", err)
	}
	if os.Getuid() == 0 {
		theirs := filepath.Join(dir, "theirs")
		if err := errors.Join(os.Mkdir(theirs, 0o777), os.Chown(theirs, 12345, 12345)); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(Config{Dir: theirs, Handle: echo}); !errors.Is(err, ErrStranger) {
			t.Errorf("a stranger's: %v", err)
		}
		if _, err := Find(t.Context(), theirs); !errors.Is(err, ErrStranger) {
			t.Errorf("looking into a stranger's: %v", err)
		}
	}
	open := filepath.Join(dir, "open")
	if err := errors.Join(os.Mkdir(open, 0o777), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	serve(t, Config{Dir: open, Handle: echo})
	if st, err := os.Stat(open); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("an open directory stayed %v, %v", st.Mode(), err)
	}
}

// deadSocket is what a process leaves that was killed.
func deadSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestFindCleansUp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "meet")
	if clients, err := Find(t.Context(), dir); len(clients) != 0 || err != nil {
		t.Errorf("nothing there: %v, %v", clients, err)
	}
	s := serve(t, Config{Dir: dir, Handle: echo})
	second := serve(t, Config{Dir: dir, Handle: echo})
	dead, half, fresh := filepath.Join(dir, "1-0.sock"), filepath.Join(dir, "2-0.new"), filepath.Join(dir, "3-0.new")
	for _, path := range []string{dead, half, fresh} {
		deadSocket(t, path)
	}
	old := time.Now().Add(-2 * time.Minute)
	if err := os.Chtimes(half, old, old); err != nil {
		t.Fatal(err)
	}
	clients, err := Find(t.Context(), dir)
	if err != nil || len(clients) != 2 || clients[0].Path != s.Path() || clients[1].Path != second.Path() {
		t.Errorf("found %v, %v", clients, err)
	}
	for _, c := range clients {
		c.Close()
	}
	for path, stays := range map[string]bool{dead: false, half: false, fresh: true, s.Path(): true} {
		if _, err := os.Lstat(path); (err == nil) != stays {
			t.Errorf("%s is there: %v", filepath.Base(path), err == nil)
		}
	}
}

// A process that was killed leaves its socket, and the next of the same id takes
// the name.
func TestListenTakesTheNameOfTheDead(t *testing.T) {
	dir := t.TempDir()
	deadSocket(t, filepath.Join(dir, fmt.Sprintf("%d-0.sock", os.Getpid())))
	s := serve(t, Config{Dir: dir, Handle: echo})
	if filepath.Base(s.Path()) != fmt.Sprintf("%d-0.sock", os.Getpid()) {
		t.Errorf("took %s", s.Path())
	}
	dial(t, s.Path())
}

func TestSocketGoesWithItsCall(t *testing.T) {
	s, err := Listen(Config{Dir: t.TempDir(), Hello: func() Hello { return Hello{} }, Handle: echo})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	c := dial(t, s.Path())
	cancel()
	<-ended
	if _, err := os.Lstat(s.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if _, err := c.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("a client heard %v", err)
	}
}

func TestOtherVersionIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1-0.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(conn, `{"event":"control","version":%d,"meet":"v9.9"}`+"\n", Version+1)
			conn.Close()
		}
	}()
	var other *VersionError
	_, err = Dial(t.Context(), path)
	if !errors.As(err, &other) || other.Meet != "v9.9" || !strings.Contains(err.Error(), "leave and join again") {
		t.Errorf("told %v", err)
	}
	if _, err = Find(t.Context(), filepath.Dir(path)); !errors.As(err, &other) {
		t.Errorf("looking for calls told %v", err)
	}
}

// A call that stands still keeps nobody from finding another.
func TestFindPassesAStoppedCall(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "1-0.sock")) // which accepts nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := serve(t, Config{Dir: dir, Handle: echo})
	clients, err := Find(t.Context(), dir)
	if err != nil || len(clients) != 1 || clients[0].Path != s.Path() {
		t.Errorf("found %v, %v", clients, err)
	}
	for _, c := range clients {
		c.Close()
	}
}

// Somebody who sends commands as fast as they can gets them all carried out, at the
// rate that is good for the call; others are served meanwhile.
func TestFloodOfCommands(t *testing.T) {
	var done atomic.Int64
	s := serve(t, Config{Dir: t.TempDir(), Handle: func(context.Context, []byte, *Conn) error { done.Add(1); return nil }})
	const clients, each = 4, 250
	begin := time.Now()
	var sending sync.WaitGroup
	for range clients {
		c := dial(t, s.Path())
		sending.Go(func() {
			for range each {
				if _, err := c.Do(map[string]any{"command": "mic", "on": true}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	sending.Wait()
	if took := time.Since(begin); took < (clients*each-burst)*time.Second/perSecond {
		t.Errorf("%d commands took %v only", clients*each, took)
	}
	if done.Load() != clients*each {
		t.Errorf("%d commands were carried out", done.Load())
	}
}

func TestTooManyClients(t *testing.T) {
	s := serve(t, Config{Dir: t.TempDir(), Handle: echo})
	for range maxConns {
		dial(t, s.Path())
	}
	var refused *RefusedError
	if _, err := Dial(t.Context(), s.Path()); !errors.As(err, &refused) || refused.Code != "busy" {
		t.Errorf("one too many was told %v", err)
	}
}

// A client that does not read is hung up on, and does not keep the call from ending.
func TestClientThatDoesNotRead(t *testing.T) {
	wrote := make(chan error, 1)
	s, err := Listen(Config{Dir: t.TempDir(), Hello: func() Hello { return Hello{} }, Handle: func(_ context.Context, _ []byte, c *Conn) error {
		c.Beside(func(context.Context) {
			for {
				if err := c.Write(strings.Repeat("x", 1<<16)); err != nil {
					wrote <- err
					return
				}
			}
		})
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	c := dial(t, s.Path())
	if err := c.Send(map[string]string{"command": "events"}); err != nil {
		t.Fatal(err)
	}
	if err := <-wrote; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing ended with %v", err)
	}
	cancel()
	<-ended
}
