//go:build !windows

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyResize has c told when the window gets another size.
func notifyResize(c chan<- os.Signal) { signal.Notify(c, syscall.SIGWINCH) }
