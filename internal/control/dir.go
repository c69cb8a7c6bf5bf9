package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The files of the directory: a socket that listens, and one that is about to.
const (
	suffix     = ".sock"
	tempSuffix = ".new"
)

// Env names, for programs that a call starts, the socket of that call.
const Env = "MEET_CONTROL"

// Dir is where the sockets of this user's calls are: "meet" in the XDG runtime
// directory, or a directory of the user's own where there is none.
func Dir() (string, error) {
	if !supported {
		return "", ErrUnsupported
	}
	// A shell without a session, such as cron's, has no variable and the same calls.
	for _, d := range []string{os.Getenv("XDG_RUNTIME_DIR"), fmt.Sprintf("/run/user/%d", os.Getuid())} {
		if filepath.IsAbs(d) && check(d) == nil {
			return filepath.Join(d, "meet"), nil
		}
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("meet-%d", os.Getuid())), nil
}

// prepare makes the directory, or checks the one that is there: in a place that
// everybody writes to, somebody else may have made it.
func prepare(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the directory of the control sockets: %w", err)
	}
	if err := check(dir); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("close the directory of the control sockets to others: %w", err)
	}
	return nil
}

// check says whether the directory is one, and ours.
func check(dir string) error {
	st, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at the directory of the control sockets: %w", err)
	}
	if !st.IsDir() {
		return fmt.Errorf("%s is no directory", dir)
	}
	if uid, ok := owner(st); !ok || uid != os.Getuid() {
		return fmt.Errorf("%s: %w", dir, ErrStranger)
	}
	return nil
}

// sockets lists the sockets in the directory, and removes those that a process
// left behind while it was making one.
func sockets(dir string, now time.Time) ([]string, error) {
	if err := check(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the control sockets: %w", err)
	}
	var found []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.HasSuffix(e.Name(), suffix):
			found = append(found, path)
		case strings.HasSuffix(e.Name(), tempSuffix):
			if st, err := e.Info(); err == nil && now.Sub(st.ModTime()) > time.Minute {
				_ = os.Remove(path) // if not, it is in nobody's way
			}
		}
	}
	return found, nil
}
