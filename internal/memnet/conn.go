package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// addr is the address of an end.
type addr string

func (addr) Network() string  { return "mem" }
func (a addr) String() string { return string(a) }

// Conn is one end of a connection. It implements net.Conn.
type Conn struct {
	read, write   *pipe
	local, remote addr
	peer          *Conn
	forget        func()
	abort         atomic.Bool // Close throws away what is under way
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) { return c.read.read(b) }

// Write implements net.Conn. It returns as soon as the send buffer took all.
func (c *Conn) Write(b []byte) (int, error) { return c.write.write(b) }

// Close implements net.Conn. The other end reads what was written before, then
// io.EOF.
func (c *Conn) Close() error {
	c.read.abandon()
	if c.abort.Load() {
		c.write.abort()
	} else {
		c.write.finish()
	}
	c.forget()
	return nil
}

// SetLinger is net.TCPConn.SetLinger: with 0, Close throws away what has not
// arrived yet. The other end is told so unless the link is cut; then it finds
// out when it writes.
func (c *Conn) SetLinger(seconds int) error {
	c.abort.Store(seconds == 0)
	return nil
}

func (c *Conn) reset() {
	for _, end := range []*Conn{c, c.peer} {
		end.read.end(ErrReset)
		end.write.end(ErrReset)
		end.forget()
	}
}

// strand makes the end fail; what the other end writes is lost.
func (c *Conn) strand() {
	c.read.mu.Lock()
	c.read.lost = true
	c.read.segments, c.read.size = nil, 0
	if c.read.readErr == nil {
		c.read.readErr = ErrReset
	}
	c.read.notifyLocked()
	c.read.mu.Unlock()
	c.write.mu.Lock()
	c.write.segments, c.write.size, c.write.lost = nil, 0, true
	if c.write.writeErr == nil {
		c.write.writeErr = ErrReset
	}
	c.write.notifyLocked()
	c.write.mu.Unlock()
	c.forget()
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	c.read.setDeadline(&c.read.readBy, t)
	c.write.setDeadline(&c.write.writeBy, t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.read.setDeadline(&c.read.readBy, t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.write.setDeadline(&c.write.writeBy, t)
	return nil
}

// pipe is one direction of a connection.
type pipe struct {
	link *Link

	mu       sync.Mutex // guards what follows
	segments []segment
	size     int  // bytes in segments
	finished bool // the writer closed its end
	lost     bool // nothing arrives any more, and nobody is told
	readErr  error
	writeErr error
	readBy   time.Time
	writeBy  time.Time
	changed  chan struct{} // closed and replaced at each change
}

// segment is what one write put under way.
type segment struct {
	data   []byte
	arrive time.Time
}

func newPipe(link *Link) *pipe { return &pipe{link: link, changed: make(chan struct{})} }

// notifyLocked wakes everyone who waits on the pipe.
func (p *pipe) notifyLocked() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *pipe) setDeadline(field *time.Time, t time.Time) {
	p.mu.Lock()
	*field = t
	p.notifyLocked()
	p.mu.Unlock()
}

// end makes reads and writes fail with err.
func (p *pipe) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.readErr == nil {
		p.readErr = err
	}
	if p.writeErr == nil {
		p.writeErr = err
	}
	p.segments, p.size = nil, 0
	p.notifyLocked()
}

// abandon ends the reader's side. As with TCP, the writer is told when it writes
// something that gets through.
func (p *pipe) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.readErr == nil {
		p.readErr = net.ErrClosed
	}
	p.notifyLocked()
}

// finish ends the writer's side after what it wrote.
func (p *pipe) finish() {
	p.mu.Lock()
	p.finished = !p.lost
	if p.writeErr == nil {
		p.writeErr = net.ErrClosed
	}
	p.notifyLocked()
	p.mu.Unlock()
}

// abort ends the writer's side and forgets what it wrote.
func (p *pipe) abort() {
	cut, _, _ := p.link.state()
	p.mu.Lock()
	p.segments, p.size = nil, 0
	if p.writeErr == nil {
		p.writeErr = net.ErrClosed
	}
	if p.readErr == nil && !cut && !p.lost {
		p.readErr = ErrReset
	}
	p.notifyLocked()
	p.mu.Unlock()
}

func (p *pipe) write(b []byte) (int, error) {
	written := 0
	for {
		cut, delay, linkChanged := p.link.state()
		p.mu.Lock()
		if p.readErr != nil && !cut && !p.lost && p.writeErr == nil {
			p.writeErr = ErrReset // nobody reads any more
		}
		if p.writeErr != nil {
			err := p.writeErr
			p.mu.Unlock()
			return written, err
		}
		if p.lost {
			p.mu.Unlock()
			return written + len(b), nil
		}
		if expired(p.writeBy) {
			p.mu.Unlock()
			return written, os.ErrDeadlineExceeded
		}
		if n := min(len(b), sendBuffer-p.size); n > 0 || len(b) == 0 {
			if n > 0 {
				data := append([]byte(nil), b[:n]...)
				p.segments = append(p.segments, segment{data, time.Now().Add(delay)})
				p.size += n
				b, written = b[n:], written+n
				p.notifyLocked()
			}
			if len(b) == 0 {
				p.mu.Unlock()
				return written, nil
			}
		}
		by, changed := p.writeBy, p.changed
		p.mu.Unlock()
		wait(by, changed, linkChanged)
	}
}

func (p *pipe) read(b []byte) (int, error) {
	for {
		cut, _, linkChanged := p.link.state()
		p.mu.Lock()
		until := p.readBy
		switch {
		case p.readErr != nil:
			err := p.readErr
			p.mu.Unlock()
			return 0, err
		case expired(p.readBy):
			p.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			p.mu.Unlock()
			return 0, nil
		case cut:
		case len(p.segments) > 0:
			if arrive := p.segments[0].arrive; arrive.After(time.Now()) {
				if until.IsZero() || arrive.Before(until) {
					until = arrive
				}
				break
			}
			n := p.takeLocked(b)
			p.mu.Unlock()
			return n, nil
		case p.finished:
			p.mu.Unlock()
			return 0, io.EOF
		}
		changed := p.changed
		p.mu.Unlock()
		wait(until, changed, linkChanged)
	}
}

// takeLocked moves what has arrived into b, one segment at most.
func (p *pipe) takeLocked(b []byte) int {
	s := &p.segments[0]
	n := copy(b, s.data)
	if s.data = s.data[n:]; len(s.data) == 0 {
		p.segments = p.segments[1:]
	}
	p.size -= n
	p.notifyLocked()
	return n
}

func expired(t time.Time) bool { return !t.IsZero() && !t.After(time.Now()) }

// wait waits for a change or until a time, if there is one.
func wait(until time.Time, a, b <-chan struct{}) {
	var timeout <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-a:
	case <-b:
	case <-timeout:
	}
}
