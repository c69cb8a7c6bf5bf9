package control

import "golang.org/x/sys/unix"

// userBehind is the user at the other end of a socket (SO_PEERCRED, unix(7)).
func userBehind(fd int) (uint32, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return cred.Uid, nil
}
