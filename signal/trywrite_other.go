//go:build !unix

package signal

import (
	"net"
	"syscall"
)

// rawWriter returns nil: sockets of this system are always written by a
// goroutine that may wait.
func rawWriter(net.Conn) syscall.RawConn { return nil }

// tryWrite writes nothing.
func tryWrite(syscall.RawConn, []byte) (int, error) { return 0, nil }
