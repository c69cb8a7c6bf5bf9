package known

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// lockAge is how old a lock is whose process did not live to remove it, and lockWait
// how long another's is waited for.
const (
	lockAge  = 10 * time.Second
	lockWait = 2 * time.Second
)

// lock keeps other processes from changing a file until the function it returns is
// called. A lock that is left over is taken.
func lock(path string) (unlock func(), err error) {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(lockWait); ; <-look.C {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			file.Close()
			return func() { _ = os.Remove(path) }, nil // one that stays is taken when it is old
		}
		if !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("keep whom you know: %w", err)
		}
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > lockAge {
			_ = os.Remove(path)
			continue
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("keep whom you know: another program holds %s", path)
		}
	}
}
