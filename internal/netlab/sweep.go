//go:build linux

package netlab

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// sweep removes the namespaces of labs whose process is gone, and ends what
// still runs inside them. Two sweeps at once do no harm.
func sweep(tb testing.TB) {
	tb.Helper()
	if entries, err := os.ReadDir(names); err == nil {
		for _, e := range entries {
			if pid, ok := ownerOf(e.Name()); ok && !alive(pid) {
				_ = os.RemoveAll(filepath.Join(names, e.Name())) // another sweep may be faster
			}
		}
	}
	entries, err := os.ReadDir("/run/netns")
	if err != nil {
		return // no namespace was ever made here
	}
	for _, e := range entries {
		if pid, ok := ownerOf(e.Name()); !ok || alive(pid) {
			continue
		}
		tb.Logf("netlab: removing %s, left by a run that died", e.Name())
		out, err := exec.Command("ip", "netns", "pids", e.Name()).Output()
		if err != nil {
			continue // another sweep was faster
		}
		for field := range strings.FieldsSeq(string(out)) {
			if pid, err := strconv.Atoi(field); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may end in this instant
			}
		}
		if err := command("", "ip", "netns", "del", e.Name()); err != nil {
			tb.Logf("netlab: %v", err)
		}
	}
}

// ownerOf returns the process that a namespace of this package belongs to.
func ownerOf(namespace string) (pid int, ok bool) {
	rest, ok := strings.CutPrefix(namespace, namePrefix)
	if !ok {
		return 0, false
	}
	owner, _, ok := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(owner)
	return pid, ok && err == nil && pid > 0
}

func alive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
