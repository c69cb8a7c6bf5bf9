//go:build !unix

package relay

import "net"

// peek returns the first byte of a connection.
func peek(c net.Conn) (net.Conn, byte, error) { return readFirst(c) }
