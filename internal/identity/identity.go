// Package identity is who a person is to others: a key that outlives processes and
// rooms, shown to nobody but the people one is connected with; and, made from a
// secret of this machine, another key for each server and room, which everybody
// there sees. So the same person is the same row after a crash, and nobody who has
// the lists of two rooms can tell who is in both.
package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/meet-term/meet/signal"
)

// Identity is what this process is to the rooms it joins. Close lets the next
// process be the same.
type Identity struct {
	// Key is the person's public key.
	Key ed25519.PublicKey
	// Inc is the incarnation of this process.
	Inc signal.Inc

	own  ed25519.PrivateKey // kept on this machine; every seat is derived from it
	sign signer             // by Key
	slot int                // running processes have different ones
	lock *os.File           // nil for one that is not kept
}

// signer signs with the person's key. It may ask the person, or another program.
type signer func(ctx context.Context, message []byte) ([]byte, error)

// maxSlots bounds how many processes of one person keep what they are; further ones
// are somebody else, whom nobody will see again.
const maxSlots = 64

// keyFile holds the key that was made on the first start, in the format of OpenSSH.
const keyFile = "identity"

// Open takes the key kept in dir, or makes one, and the first place that no running
// process holds. Where nothing can be kept, the key is fresh: the call works, only
// nobody will know the person again. An error means that there is a key and it cannot
// be used; it is never replaced.
func Open(dir string, now time.Time) (*Identity, error) {
	if dir == "" || os.MkdirAll(dir, 0o700) != nil {
		return fresh(now)
	}
	for slot := range maxSlots {
		file, err := os.OpenFile(filepath.Join(dir, "id-"+strconv.Itoa(slot)), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return fresh(now)
		}
		if err := lock(file); err != nil {
			file.Close()
			if errors.Is(err, errHeld) {
				continue
			}
			return fresh(now)
		}
		own, err := ownKey(filepath.Join(dir, keyFile))
		if err != nil {
			file.Close()
			if errors.Is(err, errKeep) {
				return fresh(now)
			}
			return nil, err
		}
		id := of(own, now)
		id.slot, id.lock = slot, file
		return id, nil
	}
	return fresh(now)
}

var (
	errHeld = errors.New("held by another process")
	errKeep = errors.New("cannot be kept")
)

func fresh(now time.Time) (*Identity, error) {
	own, err := signal.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return of(own, now), nil
}

func of(own ed25519.PrivateKey, now time.Time) *Identity {
	return &Identity{
		Key: own.Public().(ed25519.PublicKey), Inc: signal.NewInc(now), own: own,
		sign: func(_ context.Context, message []byte) ([]byte, error) { return ed25519.Sign(own, message), nil },
	}
}

// ownKey reads the key of a file, or makes the file. Two processes that start at
// once get the same key.
func ownKey(path string) (ed25519.PrivateKey, error) {
	for range 2 {
		text, err := os.ReadFile(path)
		if err == nil {
			return parseKey(path, text)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read your key: %w", err)
		}
		if err := makeKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: %w", path, errKeep)
}

func parseKey(path string, text []byte) (ed25519.PrivateKey, error) {
	raw, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("read your key in %s: %w", path, err)
	}
	key, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read your key in %s: it is of another kind than ssh-ed25519", path)
	}
	return *key, nil
}

// makeKey writes a new key and puts it in place as a whole.
func makeKey(path string) error {
	key, err := signal.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(key, "meet")
	if err != nil {
		return fmt.Errorf("write your key: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), keyFile+".*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("%w: %w", errKeep, err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(pem.EncodeToMemory(block))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("%w: %w", errKeep, err)
	}
	if err := os.Link(file.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// No file system of ours without links: the last of two wins.
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("%w: %w", errKeep, err)
	}
	return nil
}

// Seat returns the key that this process signs with in a room: made by HKDF with
// SHA-256 (RFC 5869) from the key kept on this machine, for this server and room
// alone. server is what names it to people; room is its id.
func (id *Identity) Seat(server, room string) (ed25519.PrivateKey, error) {
	info := "seat|" + room + "|" + strconv.Itoa(id.slot) + "|" + server
	seed, err := hkdf.Key(sha256.New, id.own.Seed(), []byte(signal.Protocol+" identity"), info, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("derive the key of a room: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// Close lets another process be what this one was.
func (id *Identity) Close() error {
	if id.lock == nil {
		return nil
	}
	if err := id.lock.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("release identity: %w", err)
	}
	return nil
}

// Dir is where keys, the log and what else a machine remembers are kept: the XDG
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
