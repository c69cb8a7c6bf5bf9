package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/meet-term/meet/internal/crash"
)

// helloTime is how long a call may take to say hello: one that stands still must
// not keep anybody from finding another.
const helloTime = time.Second

// maxAnswer bounds a line of a call, in bytes: a roster of a full room fits well.
const maxAnswer = 4 << 20

// Client is a connection to a call.
type Client struct {
	Hello Hello
	Path  string
	conn  *net.UnixConn
	lines *bufio.Reader
}

// Find connects to all calls of this user that answer, in the order of their process
// ids, and removes the sockets of those that are no more. What speaks another version
// is an error only if there is nothing else. The clients are the caller's to close.
func Find(ctx context.Context, dir string) ([]*Client, error) {
	paths, err := sockets(dir, time.Now())
	if err != nil {
		return nil, err
	}
	found, faults := make([]*Client, len(paths)), make([]error, len(paths))
	var dialing sync.WaitGroup
	for i, path := range paths {
		crash.GoIn(&dialing, func() { found[i], faults[i] = Dial(ctx, path) })
	}
	dialing.Wait()
	var clients []*Client
	for i, c := range found {
		if c != nil {
			clients = append(clients, c)
			continue
		}
		err = errors.Join(err, worthTelling(faults[i]))
	}
	if len(clients) > 0 {
		return clients, nil
	}
	return nil, err
}

// worthTelling drops the error of a call that has ended.
func worthTelling(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return err
}

// Dial connects to the call at a socket. One that nobody listens at is removed.
func Dial(ctx context.Context, path string) (*Client, error) {
	if !supported {
		return nil, ErrUnsupported
	}
	ctx, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(path) // only tidiness
	}
	if err != nil {
		return nil, fmt.Errorf("reach the call: %w", err)
	}
	c := &Client{Path: path, conn: conn.(*net.UnixConn)}
	c.lines = bufio.NewReader(c.conn)
	if uid, err := peerUser(c.conn); err != nil || uid != os.Getuid() {
		conn.Close()
		return nil, fmt.Errorf("reach the call at %s: %w", path, errors.Join(err, ErrStranger))
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	line, err := c.Next()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = c.greet(line)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("reach the call at %s: %w", path, err)
	}
	return c, nil
}

// greet takes the first line.
func (c *Client) greet(line []byte) error {
	if err := refusal(line); err != nil {
		return err
	}
	if err := json.Unmarshal(line, &c.Hello); err != nil || c.Hello.Event != helloEvent {
		return errors.New("that is no call")
	}
	if c.Hello.Version != Version {
		return &VersionError{Theirs: c.Hello.Version, Meet: c.Hello.Meet}
	}
	return nil
}

// alive reports whether somebody listens.
func alive(path string) bool {
	conn, err := net.DialTimeout("unix", path, helloTime)
	if err == nil {
		conn.Close()
	}
	return !errors.Is(err, syscall.ECONNREFUSED)
}

// CloseRead ends the reading; commands can still be sent.
func (c *Client) CloseRead() error { return c.conn.CloseRead() }

// Close hangs up.
func (c *Client) Close() error { return c.conn.Close() }

// Send sends a command without waiting for its end.
func (c *Client) Send(command any) error {
	b, err := json.Marshal(command)
	if err != nil {
		return fmt.Errorf("encode a command: %w", err)
	}
	if len(b) >= MaxLine {
		return fmt.Errorf("a command may have %d bytes, and this has %d", MaxLine, len(b)+1)
	}
	if _, err := c.conn.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("send to the call: %w", err)
	}
	return nil
}

// Next is the next line of the call. It is the caller's until the next one is read.
func (c *Client) Next() ([]byte, error) {
	var line []byte
	for {
		part, err := c.lines.ReadSlice('\n')
		if line = append(line, part...); err == nil {
			return bytes.TrimSpace(line), nil
		}
		if err != bufio.ErrBufferFull {
			return nil, fmt.Errorf("hear of the call: %w", err)
		}
		if len(line) > maxAnswer {
			return nil, errors.New("hear of the call: a line without an end")
		}
	}
}

// Do sends a command and returns what came before its closing line, which is an
// error if that says so ([RefusedError]).
func (c *Client) Do(command any) (answers []json.RawMessage, err error) {
	if err := c.Send(command); err != nil {
		return nil, err
	}
	for {
		line, err := c.Next()
		if err != nil {
			return answers, err
		}
		if err := refusal(line); err != nil {
			return answers, err
		}
		if eventOf(line) == doneEvent {
			return answers, nil
		}
		answers = append(answers, json.RawMessage(line))
	}
}

// Stream makes the rest of the connection a stream of bytes, once the command was
// sent whose handler takes it over.
func (c *Client) Stream() *Stream { return &Stream{UnixConn: c.conn, buffered: c.lines} }

func eventOf(line []byte) string {
	var head struct {
		Event string `json:"event"`
	}
	_ = json.Unmarshal(line, &head) // what is no JSON has no event
	return head.Event
}

// refusal is the error that a line is, or nil.
func refusal(line []byte) error {
	if eventOf(line) != errorEvent {
		return nil
	}
	var f failure
	if err := json.Unmarshal(line, &f); err != nil {
		return fmt.Errorf("hear of the call: %w", err)
	}
	return &RefusedError{Code: f.Code, Text: f.Text}
}
