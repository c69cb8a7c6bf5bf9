//go:build unix

package relay

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// peek returns the first byte of a connection, which stays unread where it can:
// the signaling server writes without waiting to a bare *net.TCPConn only.
func peek(c net.Conn) (net.Conn, byte, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return readFirst(c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return readFirst(c)
	}
	var first [1]byte
	var n int
	var failure error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, _, failure = syscall.Recvfrom(int(fd), first[:], syscall.MSG_PEEK)
			if !errors.Is(failure, syscall.EINTR) {
				return !errors.Is(failure, syscall.EAGAIN)
			}
		}
	})
	switch {
	case err != nil:
		return c, 0, err
	case failure != nil:
		return c, 0, failure
	case n == 0:
		return c, 0, io.EOF
	}
	return c, first[0], nil
}
