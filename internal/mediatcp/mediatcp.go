// Package mediatcp tunes TCP connections that carry a call, as those to a relay
// do: what cannot be sent now is late, and a connection that was cut is to go on
// as soon as the cut is over.
package mediatcp

import (
	"net"
	"syscall"
	"time"
)

const (
	// retransmitWithin is the longest time between two attempts to get a segment
	// through. TCP doubles it from 0.2 s up to two minutes by itself: after a cut
	// of five seconds it would wait another three.
	retransmitWithin = time.Second
	// deadAfter is how long nothing is acknowledged before a connection is given up.
	deadAfter = 30 * time.Second
	// maxUnsent is how many bytes may wait to be acknowledged before media is
	// dropped: a third of a second of a picture of medium size.
	maxUnsent = 64 << 10
)

// Conn is a tuned connection. Each Write is one message, which is sent whole or
// not at all.
type Conn struct {
	net.Conn
	below net.Conn        // without TLS
	raw   syscall.RawConn // nil: what waits cannot be known
}

// Tune prepares c, over TCP or TLS, for a call. Media is dropped while too much
// waits to be sent.
func Tune(c net.Conn) *Conn {
	inner := c
	for {
		t, ok := inner.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		inner = t.NetConn()
	}
	m := &Conn{Conn: c, below: inner}
	if tcp, ok := inner.(interface { // a TCP connection, bare or counted
		syscall.Conn
		SetNoDelay(bool) error
	}); ok {
		_ = tcp.SetNoDelay(true) // it is the default
		if raw, err := tcp.SyscallConn(); err == nil {
			m.raw = raw
			tune(raw)
		}
	}
	return m
}

// Abort closes the connection without the goodbye of TLS, for which it would wait.
func (c *Conn) Abort() error { return c.below.Close() }

// isMedia reports whether a message of TURN is data on a channel (RFC 8656 section
// 12.4), and no request, answer or indication.
func isMedia(message []byte) bool { return len(message) > 0 && message[0]>>6 == 1 }

// Write sends one message.
func (c *Conn) Write(b []byte) (int, error) {
	if c.raw != nil && isMedia(b) && unsent(c.raw) > maxUnsent {
		return len(b), nil
	}
	return c.Conn.Write(b)
}
