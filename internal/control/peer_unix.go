//go:build linux || darwin

package control

import (
	"fmt"
	"io/fs"
	"net"
	"syscall"
)

const supported = true

// peerUser is the user who opened the other end.
func peerUser(c *net.UnixConn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("look who connected: %w", err)
	}
	var user uint32
	var cerr error
	if err := raw.Control(func(fd uintptr) {
		user, cerr = userBehind(int(fd))
	}); err != nil {
		return 0, fmt.Errorf("look who connected: %w", err)
	}
	if cerr != nil {
		return 0, fmt.Errorf("look who connected: %w", cerr)
	}
	return int(user), nil
}

func owner(st fs.FileInfo) (int, bool) {
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Uid), true
}
