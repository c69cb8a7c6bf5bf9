package control

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/crash"
)

// Conn is one client as a [Handler] sees it.
type Conn struct {
	conn  *net.UnixConn
	lines *bufio.Reader
	ctx   context.Context // ends with the connection

	taken  bool // by a handler; owned by the goroutine that serves
	beside sync.WaitGroup

	mu sync.Mutex // a line is written whole
}

// Write writes one line. A client that does not read is hung up on.
func (c *Conn) Write(line any) error {
	b, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode a line: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeTime)) // fails on a closed connection, as writing does
	if _, err := c.conn.Write(append(b, '\n')); err != nil {
		c.conn.Close() // also ends the reading
		return fmt.Errorf("write a line: %w", err)
	}
	return nil
}

// Beside runs f beside the commands that follow. Its context ends with the
// connection, which waits for f.
func (c *Conn) Beside(f func(ctx context.Context)) {
	ctx := c.ctx
	crash.GoIn(&c.beside, func() { f(ctx) })
}

// Take makes the rest of the connection a stream of bytes, which the handler owns
// until it returns; then the connection is closed. No further line is read or
// written: a closing line is the handler's to write first, with [Conn.Write].
func (c *Conn) Take() *Stream {
	c.taken = true
	_ = c.conn.SetWriteDeadline(time.Time{})
	return &Stream{UnixConn: c.conn, buffered: c.lines}
}

// read returns the next line that is not blank, or nil for one that is too long.
func (c *Conn) read() ([]byte, error) {
	for {
		line, err := c.lines.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			for err == bufio.ErrBufferFull {
				_, err = c.lines.ReadSlice('\n')
			}
			return nil, err
		}
		if err == io.EOF && !blank(line) {
			return line, nil // the last line need not be ended
		}
		if err != nil {
			return nil, err
		}
		if !blank(line) {
			return line, nil
		}
	}
}

func blank(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// Stream is a connection that is no longer lines. Reading begins with what came
// behind the last line.
type Stream struct {
	*net.UnixConn
	buffered *bufio.Reader
}

// Read implements [io.Reader].
func (s *Stream) Read(p []byte) (int, error) { return s.buffered.Read(p) }
