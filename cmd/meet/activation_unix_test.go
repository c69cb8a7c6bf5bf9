//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// handOver opens a socket as systemd does, and returns its number.
func handOver(t *testing.T, l interface{ File() (*os.File, error) }) int {
	t.Helper()
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return fd // activated closes it
}

func TestActivated(t *testing.T) {
	opened, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	env := func(pid, n string) func(string) string {
		return func(name string) string { return map[string]string{"LISTEN_PID": pid, "LISTEN_FDS": n}[name] }
	}
	for name, e := range map[string]func(string) string{"of another process": env("6", "1"), "none": env("7", "0"), "nothing": env("", "")} {
		if l, err := activated(e, 7, -1); l != nil || err != nil {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
	l, err := activated(env("7", "1"), 7, handOver(t, opened.(*net.TCPListener)))
	if err != nil || l.Addr().String() != opened.Addr().String() {
		t.Fatalf("got %v, %v, want a listener on %v", l, err, opened.Addr())
	}
	l.Close()
	if _, err := activated(env("7", "2"), 7, -1); err == nil || !strings.Contains(err.Error(), "one ListenStream") {
		t.Errorf("two sockets: %v", err)
	}
	local, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	if _, err := activated(env("7", "1"), 7, handOver(t, local.(*net.UnixListener))); err == nil || !strings.Contains(err.Error(), "none of TCP") {
		t.Errorf("a Unix socket: %v", err)
	}
}
