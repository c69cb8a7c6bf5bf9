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
	"net"
	"sync"
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
