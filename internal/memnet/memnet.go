// Package memnet is a network in memory: stream connections between clients and
// listeners that can be cut, healed, delayed and reset. It uses no goroutines of
// its own and only waits on channels and timers, so that whole programs run on
// it inside a testing/synctest bubble.
//
// A cut behaves as a lost path does under TCP: what was written is kept and
// arrives when the path heals, writers wait when the send buffer is full, and
// nobody is told anything.
package memnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// sendBuffer is how many bytes a connection takes in one direction before a
// writer waits.
const sendBuffer = 64 << 10

// ErrReset is what both ends of a connection get after a reset.
var ErrReset = errors.New("connection reset")

// ErrRefused is what a dialer gets where nobody listens.
var ErrRefused = errors.New("connection refused")

// Net is a network. Listeners have addresses; clients have names and one link
// each, over which all their connections run.
type Net struct {
	mu        sync.Mutex // guards what follows
	listeners map[string]*Listener
	links     map[string]*Link
}

// New returns an empty network.
func New() *Net {
	return &Net{listeners: make(map[string]*Listener), links: make(map[string]*Link)}
}

// Link returns the link of a client, made up at its first mention.
func (n *Net) Link(client string) *Link {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.links[client]
	if l == nil {
		l = &Link{client: client, changed: make(chan struct{}), conns: make(map[*Conn]struct{})}
		n.links[client] = l
	}
	return l
}

// Listen takes connections to address ("server:80"). An address that was closed
// can be listened on again.
func (n *Net) Listen(address string) (*Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[address] != nil {
		return nil, fmt.Errorf("listen on %s: address in use", address)
	}
	l := &Listener{
		net: n, address: addr(address),
		queue: make(chan *Conn, 128), closed: make(chan struct{}), conns: make(map[*Conn]struct{}),
	}
	n.listeners[address] = l
	return l, nil
}

// Dialer returns a dial function over the link of a client, in the shape of
// net.Dialer.DialContext. Dialing over a cut link waits for it to heal or for
// ctx to end.
func (n *Net) Dialer(client string) func(ctx context.Context, network, address string) (net.Conn, error) {
	link := n.Link(client)
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		if err := link.roundTrip(ctx); err != nil {
			return nil, fmt.Errorf("dial %s: %w", address, err)
		}
		n.mu.Lock()
		l := n.listeners[address]
		n.mu.Unlock()
		if l == nil {
			return nil, fmt.Errorf("dial %s: %w", address, ErrRefused)
		}
		return l.connect(ctx, link)
	}
}

// Link is the path of one client to everyone else.
type Link struct {
	client string

	mu      sync.Mutex // guards what follows
	cut     bool
	forgets bool
	delay   time.Duration
	changed chan struct{} // closed and replaced at each change
	conns   map[*Conn]struct{}
}

// Cut stops everything on the link, in both directions.
func (l *Link) Cut() { l.change(func() { l.cut = true }) }

// Heal lets everything that waited through.
func (l *Link) Heal() { l.change(func() { l.cut = false }) }

// Delay sets how long bytes written from now on are under way, one way.
func (l *Link) Delay(d time.Duration) { l.change(func() { l.delay = d }) }

// Reset ends all connections of the link with ErrReset at both ends, as a
// middlebox that lost its table does. Both ends notice, even over a cut link.
func (l *Link) Reset() { l.each((*Conn).reset) }

// Strand ends all connections of the link at the client's end only, as a change of
// its address does: the server hears nothing any more and is not told.
func (l *Link) Strand() { l.each((*Conn).strand) }

// each does something to every connection of the link, without its lock.
func (l *Link) each(do func(*Conn)) {
	l.mu.Lock()
	conns := make([]*Conn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		do(c)
	}
}

func (l *Link) change(f func()) {
	l.mu.Lock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
	l.mu.Unlock()
}

func (l *Link) state() (cut bool, delay time.Duration, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut, l.delay, l.changed
}

// Forget makes dialing over a cut link what it is with TCP: a first packet that
// finds the link cut is lost, and repeated after 1, 2, 4 and 8 s, whenever the
// link heals.
func (l *Link) Forget() { l.change(func() { l.forgets = true }) }

// firstPacket waits until the first packet of a connection finds a link that is
// not cut.
func (l *Link) firstPacket(ctx context.Context) error {
	for wait := time.Second; ; wait *= 2 {
		l.mu.Lock()
		lost := l.cut && l.forgets
		l.mu.Unlock()
		if !lost {
			return ctx.Err()
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// roundTrip waits as long as opening a connection takes.
func (l *Link) roundTrip(ctx context.Context) error {
	if err := l.firstPacket(ctx); err != nil {
		return err
	}
	started := time.Now()
	for {
		cut, delay, changed := l.state()
		if !cut {
			wait := time.Until(started.Add(2 * delay))
			if wait <= 0 {
				return ctx.Err()
			}
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-changed:
			case <-ctx.Done():
			}
			timer.Stop()
		} else {
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Listener accepts the connections dialed to its address.
type Listener struct {
	net     *Net
	address addr
	queue   chan *Conn
	closed  chan struct{}

	mu    sync.Mutex // guards what follows
	ended bool
	conns map[*Conn]struct{} // the server's ends of open connections
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, fmt.Errorf("accept on %s: %w", l.address, net.ErrClosed)
	}
}

// Close implements net.Listener: connections that are open stay so.
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return nil
	}
	l.ended = true
	close(l.closed)
	l.mu.Unlock()
	l.net.mu.Lock()
	delete(l.net.listeners, string(l.address))
	l.net.mu.Unlock()
	for {
		select {
		case c := <-l.queue:
			c.reset()
		default:
			return nil
		}
	}
}

// Kill closes the listener and resets every connection made through it, as the
// death of its process does.
func (l *Listener) Kill() {
	l.Close()
	l.mu.Lock()
	conns := make([]*Conn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.reset()
	}
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.address }

func (l *Listener) connect(ctx context.Context, link *Link) (net.Conn, error) {
	up, down := newPipe(link), newPipe(link)
	client := &Conn{read: down, write: up, local: addr(link.client + ":1"), remote: l.address}
	server := &Conn{read: up, write: down, local: l.address, remote: client.local}
	client.peer, server.peer = server, client
	client.forget = func() {
		link.mu.Lock()
		delete(link.conns, client)
		link.mu.Unlock()
	}
	server.forget = func() {
		l.mu.Lock()
		delete(l.conns, server)
		l.mu.Unlock()
	}
	l.mu.Lock()
	ended := l.ended
	l.conns[server] = struct{}{}
	l.mu.Unlock()
	link.mu.Lock()
	link.conns[client] = struct{}{}
	link.mu.Unlock()
	err := fmt.Errorf("dial %s: %w", l.address, ErrRefused)
	if !ended {
		select {
		case l.queue <- server:
			return client, nil
		case <-l.closed:
		case <-ctx.Done():
			err = fmt.Errorf("dial %s: %w", l.address, ctx.Err())
		}
	}
	client.reset()
	return nil, err
}

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
