package relay

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/crash"
)

// Mux lets HTTP, STUN and both of them inside TLS share one TCP port: the first
// byte of a connection tells them apart. That of a STUN message is 0 to 3 (RFC
// 8489 section 5), that of a TLS handshake 0x16 (RFC 8446 section 5.1), and HTTP
// begins with a letter.
type Mux struct {
	real net.Listener
	tls  *tls.Config
	http *queue
	stun *queue

	running sync.WaitGroup
	mu      sync.Mutex // guards what follows
	waiting map[net.Conn]struct{}
	closed  bool
}

// How connections are told apart.
const (
	// firstByteWithin is how long a connection may take to say what it is, TLS
	// handshake included.
	firstByteWithin = 5 * time.Second
	// maxWaiting is how many connections may be undecided at once. Beyond it new
	// ones are closed.
	maxWaiting = 4096
)

// Split starts telling the connections of l apart. With a TLS configuration
// nothing is served outside of TLS but STUN, whose messages authenticate
// themselves.
func Split(l net.Listener, config *tls.Config) *Mux {
	m := &Mux{real: l, tls: config, waiting: map[net.Conn]struct{}{}}
	if config != nil {
		m.tls = config.Clone()
		m.tls.NextProtos = []string{"http/1.1"} // WebSockets need it, and we see no more of ALPN
		if slices.Contains(config.NextProtos, acmeProto) {
			m.tls.NextProtos = append(m.tls.NextProtos, acmeProto)
		}
	}
	m.http, m.stun = newQueue(l.Addr()), newQueue(l.Addr())
	crash.GoIn(&m.running, m.accept)
	return m
}

// HTTP returns the listener of the connections that are not STUN.
func (m *Mux) HTTP() net.Listener { return m.http }

// STUN returns the listener of those that are.
func (m *Mux) STUN() net.Listener { return m.stun }

// Close closes the port, and the connections nobody has taken yet.
func (m *Mux) Close() error {
	m.mu.Lock()
	m.closed = true
	for c := range m.waiting {
		c.Close()
	}
	m.mu.Unlock()
	err := m.real.Close()
	m.http.end(net.ErrClosed)
	m.stun.end(net.ErrClosed)
	m.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (m *Mux) accept() {
	for delay := time.Duration(0); ; {
		c, err := m.real.Accept()
		if err != nil {
			var temporary interface{ Temporary() bool }
			if errors.As(err, &temporary) && temporary.Temporary() { // such as too many open files
				delay = min(max(2*delay, 5*time.Millisecond), time.Second)
				timer := time.NewTimer(delay)
				<-timer.C
				continue
			}
			m.http.end(err)
			m.stun.end(err)
			return
		}
		delay = 0
		m.mu.Lock()
		turnAway := m.closed || len(m.waiting) >= maxWaiting
		if !turnAway {
			m.waiting[c] = struct{}{}
		}
		m.mu.Unlock()
		if turnAway {
			c.Close()
			continue
		}
		crash.GoIn(&m.running, func() {
			m.sort(c)
			m.mu.Lock()
			delete(m.waiting, c)
			m.mu.Unlock()
		})
	}
}

// acmeProto is how a certificate authority asks whose name this is (RFC 8737): it
// wants the handshake alone, and hangs up.
const acmeProto = "acme-tls/1"

const recordHandshake = 0x16

func isSTUN(first byte) bool { return first < 4 }

// plainOnTLS answers who speaks HTTP to the port of HTTPS.
const plainOnTLS = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" +
	"This server speaks HTTPS: the address begins with https.\n"

// sort finds out what c speaks and hands it over.
func (m *Mux) sort(c net.Conn) {
	c.SetDeadline(time.Now().Add(firstByteWithin))
	c, first, err := peek(c)
	switch {
	case err != nil:
		c.Close()
	case isSTUN(first):
		c.SetDeadline(time.Time{})
		m.stun.put(c)
	case first != recordHandshake && m.tls == nil:
		c.SetDeadline(time.Time{})
		m.http.put(c)
	case first != recordHandshake:
		_, _ = io.WriteString(c, plainOnTLS)
		c.Close()
	case m.tls == nil:
		c.Close() // a browser that tries https first goes on to http
	default:
		m.sortInside(tls.Server(c, m.tls))
	}
}

// sortInside is sort for what comes inside TLS.
func (m *Mux) sortInside(c *tls.Conn) {
	var first [1]byte
	if err := c.Handshake(); err != nil {
		c.Close()
		return
	}
	if _, err := io.ReadFull(c, first[:]); err != nil {
		c.Close()
		return
	}
	c.SetDeadline(time.Time{})
	again := &tlsConn{Conn: c, first: first[:]}
	if isSTUN(first[0]) {
		m.stun.put(again)
		return
	}
	m.http.put(again)
}

// tlsConn is a TLS connection whose first byte was read.
type tlsConn struct {
	*tls.Conn
	first []byte
}

// Read reads the first byte again.
func (c *tlsConn) Read(b []byte) (int, error) {
	if len(c.first) > 0 && len(b) > 0 {
		n := copy(b, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

// readConn is a connection of which some bytes were read.
type readConn struct {
	net.Conn
	first []byte
}

// Read reads the first bytes again.
func (c *readConn) Read(b []byte) (int, error) {
	if len(c.first) > 0 && len(b) > 0 {
		n := copy(b, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

// readFirst is peek by reading, for connections that cannot be looked into.
func readFirst(c net.Conn) (net.Conn, byte, error) {
	var first [1]byte
	if _, err := io.ReadFull(c, first[:]); err != nil {
		return c, 0, err
	}
	return &readConn{Conn: c, first: first[:]}, first[0], nil
}

// queue is a listener of connections that were accepted elsewhere.
type queue struct {
	address net.Addr
	conns   chan net.Conn
	once    sync.Once
	ended   chan struct{}
	err     error // set before ended is closed
}

func newQueue(address net.Addr) *queue {
	return &queue{address: address, conns: make(chan net.Conn), ended: make(chan struct{})}
}

func (q *queue) put(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.ended:
		c.Close()
	}
}

func (q *queue) end(err error) {
	q.once.Do(func() {
		q.err = err
		close(q.ended)
	})
}

// Accept implements net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.ended:
		return nil, q.err
	}
}

// Close implements net.Listener: connections of this kind are closed from now on.
func (q *queue) Close() error {
	q.end(net.ErrClosed)
	return nil
}

// Addr implements net.Listener.
func (q *queue) Addr() net.Addr { return q.address }
