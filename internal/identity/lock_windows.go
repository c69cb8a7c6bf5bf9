package identity

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// lock holds f until it is closed, by the process or by its death. The locked
// byte lies beyond the id, which others may go on reading.
func lock(f *os.File) error {
	beyond := &windows.Overlapped{Offset: 1 << 16}
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, beyond)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}
