// Package identity gives each running meet of a user an id that outlives the
// process, so that a person who crashed and came back is the same row in
// everybody's table. Several processes at once take several ids.
package identity

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/meet-term/meet/signal"
)

// Identity is what this process is to the rooms it joins. Close gives the id
// back for the next process.
type Identity struct {
	ID   signal.PeerID
	Inc  signal.Inc
	lock *os.File // nil for one that is not kept
}

// maxSlots bounds how many ids are kept; further processes get one of their
// own that is forgotten.
const maxSlots = 64

// Open takes the first id kept in dir that no running process holds, or makes
// one. Where nothing can be kept, the id is fresh: the call works, only a
// crash will look like somebody else coming.
func Open(dir string, now time.Time) (*Identity, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fresh(now)
	}
	for slot := range maxSlots {
		id, err := openSlot(filepath.Join(dir, fmt.Sprintf("id-%d", slot)), now)
		switch {
		case err == nil:
			return id, nil
		case errors.Is(err, errHeld):
			continue
		default:
			return fresh(now)
		}
	}
	return fresh(now)
}

var errHeld = errors.New("held by another process")

func fresh(now time.Time) (*Identity, error) {
	id, err := signal.NewPeerID(rand.Reader)
	if err != nil {
		return nil, err
	}
	return &Identity{ID: id, Inc: signal.NewInc(now)}, nil
}

// openSlot locks one file and reads the id in it; a file that holds none, for
// whatever reason, gets a new one.
func openSlot(path string, now time.Time) (*Identity, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open identity: %w", err)
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, err
	}
	id, err := fresh(now)
	if err != nil {
		f.Close()
		return nil, err
	}
	id.lock = f
	b := make([]byte, 64)
	n, _ := f.ReadAt(b, 0)
	if kept := strings.TrimSpace(string(b[:n])); valid(kept) {
		id.ID = signal.PeerID(kept)
		return id, nil
	}
	if err := errors.Join(f.Truncate(0), write(f, string(id.ID)+"\n")); err != nil {
		f.Close()
		return nil, fmt.Errorf("keep identity: %w", err)
	}
	return id, nil
}

func write(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

func valid(s string) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(b) == 16
}

// Close lets another process have the id.
func (id *Identity) Close() error {
	if id.lock == nil {
		return nil
	}
	if err := id.lock.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("release identity: %w", err)
	}
	return nil
}

// Dir is where ids, the log and what else a machine remembers are kept: the XDG
// state directory, and on Windows the local application data, which do not follow a
// person to other machines.
func Dir() (string, error) {
	if d := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "meet"), nil
	}
	if runtime.GOOS == "windows" {
		d, err := os.UserCacheDir() // %LocalAppData%
		if err != nil {
			return "", fmt.Errorf("find the local application data: %w", err)
		}
		return filepath.Join(d, "meet"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the home directory: %w", err)
	}
	return filepath.Join(home, ".local", "state", "meet"), nil
}
