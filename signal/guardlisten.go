package signal

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/internal/crash"
)

// Listener takes connections of l within the limits of their address. What is
// beyond them is told so and closed, before anything of it was parsed, decrypted
// or kept.
func (g *Guard) Listener(l net.Listener) net.Listener {
	if g.proxied || g.off() {
		return l
	}
	return &guardedListener{Listener: l, guard: g}
}

type guardedListener struct {
	net.Listener
	guard    *Guard
	refusals sync.WaitGroup
}

// Accept implements net.Listener.
func (l *guardedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := hostOf(c.RemoteAddr())
		err = l.guard.arrive(address, time.Now())
		if err == nil {
			return l.guard.guarded(c, address), nil
		}
		if !l.guard.startRefusal(address) {
			c.Close()
			continue
		}
		crash.GoIn(&l.refusals, func() {
			defer l.guard.endRefusal(address)
			refuse(c, err)
		})
	}
}

// Close implements net.Listener. Refusals under way end by themselves.
func (l *guardedListener) Close() error {
	err := l.Listener.Close()
	l.refusals.Wait()
	return err
}

// maxRefusals is how many connections of an address are told at once why they are
// refused. Further ones are closed without a word.
const maxRefusals = 4

func (g *Guard) startRefusal(address string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.visitorLocked(address)
	if v.refusing >= maxRefusals {
		return false
	}
	v.refusing++
	return true
}

func (g *Guard) endRefusal(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v := g.addresses[networkOf(address)]; v != nil {
		v.refusing--
	}
}

// refuseWithin is how long it may take to tell somebody.
const refuseWithin = time.Second

// A refusal inside TLS has no words: a fatal alert access_denied (RFC 8446 section
// 6.2), which nothing else here sends, stands for them.
var accessDenied = []byte{0x15, 3, 3, 0, 2, 2, 49}

// tlsHandshake is the first byte of TLS (RFC 8446 section 5.1).
const tlsHandshake = 0x16

// refuse tells the other end of c why, in the language it speaks, and closes.
func refuse(c net.Conn, why error) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(refuseWithin))
	var first [1]byte
	if _, err := io.ReadFull(c, first[:]); err != nil {
		return
	}
	switch b := first[0]; {
	case b == tlsHandshake:
		_, _ = c.Write(accessDenied) // whoever is gone need not know
	case 'A' <= b && b <= 'Z':
		text := why.Error() + "\n"
		_, _ = io.WriteString(c, "HTTP/1.1 429 "+http.StatusText(http.StatusTooManyRequests)+
			"\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: "+retryAfter+
			"\r\nContent-Length: "+strconv.Itoa(len(text))+"\r\nConnection: close\r\n\r\n"+text)
	default:
		return
	}
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		// Closed with something unread, the connection would be reset, and the words
		// be lost.
		_, _ = io.CopyN(io.Discard, c, 16<<10)
	}
}

// retryAfter is how many seconds somebody who met a limit is asked to wait.
const retryAfter = "5"

// guarded counts a connection until it is closed.
func (g *Guard) guarded(c net.Conn, address string) net.Conn {
	if tcp, ok := c.(*net.TCPConn); ok {
		return &guardedTCP{TCPConn: tcp, counted: counted{guard: g, address: address}}
	}
	return &guardedConn{Conn: c, counted: counted{guard: g, address: address}}
}

// counted ends the counting of a connection once.
type counted struct {
	guard   *Guard
	address string
	ended   atomic.Bool
}

func (c *counted) end() {
	if c.ended.CompareAndSwap(false, true) {
		c.guard.depart(c.address)
	}
}

// guardedTCP keeps what a TCP connection can do besides.
type guardedTCP struct {
	*net.TCPConn
	counted
}

// Close implements net.Conn.
func (c *guardedTCP) Close() error { c.end(); return c.TCPConn.Close() }

type guardedConn struct {
	net.Conn
	counted
}

// Close implements net.Conn.
func (c *guardedConn) Close() error { c.end(); return c.Conn.Close() }
