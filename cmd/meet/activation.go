package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
)

// firstActivated is the number of the first socket that systemd hands over.
const firstActivated = 3

// listenOrTake listens on an address, unless the system has opened the socket
// already and handed it over (systemd's socket activation, sd_listen_fds(3)).
func listenOrTake(ctx context.Context, address string) (net.Listener, error) {
	l, err := activated(os.Getenv, os.Getpid(), firstActivated)
	// What we start ourselves must not take it for theirs.
	os.Unsetenv("LISTEN_PID")
	os.Unsetenv("LISTEN_FDS")
	if l != nil || err != nil {
		return l, err
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
}

// activated returns the socket that was handed over; nil for none.
func activated(env func(string) string, pid, first int) (net.Listener, error) {
	if env("LISTEN_PID") != strconv.Itoa(pid) {
		return nil, nil
	}
	n, err := strconv.Atoi(env("LISTEN_FDS"))
	switch {
	case err != nil || n < 1:
		return nil, nil
	case n > 1:
		return nil, fmt.Errorf("take over the socket of the system: %d were handed over, and one is used: one ListenStream", n)
	}
	f := os.NewFile(uintptr(first), "activated")
	defer f.Close() // the listener has a copy
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("take over the socket of the system: %w", err)
	}
	if _, ok := l.(*net.TCPListener); !ok {
		return nil, errors.Join(errors.New("take over the socket of the system: it is none of TCP"), l.Close())
	}
	return l, nil
}
