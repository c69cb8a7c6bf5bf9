package termvideo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// fileBox hands pictures to a terminal on the same machine: as shared memory
// objects where these are files (Linux), as temporary files elsewhere. The
// terminal removes what it has read; what is still there was not read yet.
type fileBox struct {
	dir    string
	prefix string
	medium byte // the protocol's t key: 's' shared memory, 't' temporary file
	count  uint64
	unread map[string]pending // by tile
}

type pending struct {
	path string
	at   time.Time
}

// readTimeout is how long a terminal may leave a picture unread before it is
// taken to have dropped it.
const readTimeout = time.Second

// newFileBox returns a box whose files begin with prefix. It creates nothing.
func newFileBox(prefix string) fileBox {
	b := fileBox{unread: make(map[string]pending)}
	if sharedMemoryDir != "" {
		if info, err := os.Stat(sharedMemoryDir); err == nil && info.IsDir() {
			b.dir, b.prefix, b.medium = sharedMemoryDir, prefix, 's'
			return b
		}
	}
	// Terminals remove a temporary file only if its name holds these words.
	b.dir, b.prefix, b.medium = os.TempDir(), "tty-graphics-protocol-"+prefix, 't'
	return b
}

// behind says whether the last picture of a tile is still unread.
func (b *fileBox) behind(tile string, now time.Time) bool {
	last, ok := b.unread[tile]
	if !ok {
		return false
	}
	if _, err := os.Lstat(last.path); errors.Is(err, fs.ErrNotExist) {
		delete(b.unread, tile)
		return false
	}
	return now.Sub(last.at) < readTimeout
}

// put writes a picture and returns the name the terminal knows it by.
func (b *fileBox) put(tile string, data []byte, now time.Time) (name string, medium byte, err error) {
	if last, ok := b.unread[tile]; ok {
		b.removeFile(last.path)
	}
	b.count++
	base := fmt.Sprintf("%s-%d", b.prefix, b.count)
	path := filepath.Join(b.dir, base)
	// A fresh file each time, readable by its owner only: a terminal that still
	// has the last one mapped keeps its pages.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", 0, fmt.Errorf("create picture for the terminal: %w", err)
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		b.removeFile(path)
		return "", 0, fmt.Errorf("write picture for the terminal: %w", err)
	}
	b.unread[tile] = pending{path: path, at: now}
	if b.medium == 's' {
		return "/" + base, b.medium, nil
	}
	return path, b.medium, nil
}

// removeAll removes what no terminal has read.
func (b *fileBox) removeAll() {
	for tile, p := range b.unread {
		b.removeFile(p.path)
		delete(b.unread, tile)
	}
}

// removeFile removes a picture; that the terminal was faster is no error, and
// there is nobody to tell of any other.
func (b *fileBox) removeFile(path string) { _ = os.Remove(path) }
