package relay

import (
	"net"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/mediatcp"
)

const (
	// idleFor ends a connection that says nothing: clients refresh their
	// allocations and permissions every few minutes.
	idleFor = 11 * time.Minute
	// writeWithin bounds one message to a client that does not read.
	writeWithin = 10 * time.Second
	// maxStreams is how many connections one address may have. Many people may be
	// behind it, and each makes one for every other member.
	maxStreams = 1024
)

// streams accepts the connections of clients and knows those that are open: the
// library reads from each until its end, also after its own.
type streams struct {
	net.Listener

	mu     sync.Mutex // guards what follows
	open   map[*stream]struct{}
	from   map[string]int // connections per address
	closed bool
}

func newStreams(l net.Listener) *streams {
	return &streams{Listener: l, open: map[*stream]struct{}{}, from: map[string]int{}}
}

// Accept implements net.Listener.
func (l *streams) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if s := l.add(c); s != nil {
			return s, nil
		}
		c.Close()
	}
}

// add tunes a connection and notes it, or returns nil when there are too many.
func (l *streams) add(c net.Conn) *stream {
	from, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		from = c.RemoteAddr().String()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.from[from] >= maxStreams {
		return nil
	}
	s := &stream{Conn: mediatcp.Tune(c), list: l, from: from}
	l.open[s] = struct{}{}
	l.from[from]++
	return s
}

// Close ends the listener and all connections.
func (l *streams) Close() error {
	l.mu.Lock()
	l.closed = true
	open := make([]*stream, 0, len(l.open))
	for s := range l.open {
		open = append(open, s)
	}
	l.mu.Unlock()
	for _, s := range open {
		s.Close()
	}
	return l.Listener.Close()
}

// stream is a client's connection over TCP or TLS. Media is dropped while too
// much waits for the client.
type stream struct {
	*mediatcp.Conn
	list *streams
	from string
}

// Read reads within the time a client may be silent.
func (s *stream) Read(b []byte) (int, error) {
	s.SetReadDeadline(time.Now().Add(idleFor))
	return s.Conn.Read(b)
}

// Write sends one message. After one that was sent in part nothing can follow.
func (s *stream) Write(b []byte) (int, error) {
	s.SetWriteDeadline(time.Now().Add(writeWithin))
	n, err := s.Conn.Write(b)
	if err != nil {
		s.Close()
	}
	return n, err
}

// Close ends the connection. TLS would wait for the other end to take a goodbye.
func (s *stream) Close() error {
	s.list.mu.Lock()
	if _, open := s.list.open[s]; open {
		delete(s.list.open, s)
		if s.list.from[s.from]--; s.list.from[s.from] <= 0 {
			delete(s.list.from, s.from)
		}
	}
	s.list.mu.Unlock()
	return s.Conn.Abort()
}
