//go:build unix

package signal

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// rawWriter returns what tryWrite needs, or nil when c cannot write without
// waiting (TLS, or a connection in memory).
func rawWriter(c net.Conn) syscall.RawConn {
	tcp, ok := c.(syscall.Conn) // a bare TCP connection, or one that is counted
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// tryWrite writes what fits into the socket's buffer and never waits. Sockets of
// package net do not block; the callback's true keeps it from waiting for us.
func tryWrite(raw syscall.RawConn, b []byte) (int, error) {
	if raw == nil {
		return 0, nil
	}
	var n int
	var failure error
	err := raw.Write(func(fd uintptr) bool {
		for {
			n, failure = syscall.Write(int(fd), b)
			if !errors.Is(failure, syscall.EINTR) {
				return true
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case errors.Is(failure, syscall.EAGAIN):
		return 0, nil
	case failure != nil:
		return 0, failure
	case n < 0:
		return 0, io.ErrShortWrite
	}
	return n, nil
}
