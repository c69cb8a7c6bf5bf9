//go:build !linux && !darwin

package control

import (
	"io/fs"
	"net"
)

const supported = false

func peerUser(*net.UnixConn) (int, error) { return 0, ErrUnsupported }

func owner(fs.FileInfo) (int, bool) { return 0, false }
