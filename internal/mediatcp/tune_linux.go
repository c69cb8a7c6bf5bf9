package mediatcp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// tcpRTOMax is the option TCP_RTO_MAX_MS, of Linux 6.15 and later. Elsewhere it
// fails, and a connection takes a little longer to notice that a cut is over.
const tcpRTOMax = 44

func tune(raw syscall.RawConn) {
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, tcpRTOMax, int(retransmitWithin.Milliseconds()))
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadAfter.Milliseconds()))
	})
}

// unsent is how many bytes wait to be acknowledged.
func unsent(raw syscall.RawConn) int {
	n := 0
	_ = raw.Control(func(fd uintptr) {
		if v, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			n = v
		}
	})
	return n
}
