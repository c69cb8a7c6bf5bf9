//go:build !unix

package tui

import (
	"os"
	"syscall"
)

// endSignals end the program in good order. Windows turns closing the console
// into SIGTERM.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}
