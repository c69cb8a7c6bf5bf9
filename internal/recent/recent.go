// Package recent remembers the rooms somebody was in, so that a shell can complete
// them. A room with a secret is not remembered: its link is the key to it.
package recent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	name = "rooms" // of the file, in the state directory
	// most bounds how many rooms are kept, and longest one of them.
	most    = 50
	longest = 512
)

// Add makes room, a name or a link, the newest one in dir.
func Add(dir, room string) error {
	if room == "" || len(room) > longest || strings.ContainsFunc(room, unfit) {
		return nil // it could not be read again
	}
	rooms, err := List(dir)
	if err != nil {
		return err
	}
	rooms = append([]string{room}, slices.DeleteFunc(rooms, func(r string) bool { return r == room })...)
	text := strings.Join(rooms[:min(len(rooms), most)], "\n") + "\n"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("remember a room: %w", err)
	}
	f, err := os.CreateTemp(dir, name+".*") // mode 0600; whoever reads sees the old file or the new one
	if err != nil {
		return fmt.Errorf("remember a room: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("remember a room: %w", err)
	}
	return nil
}

// List returns the rooms in dir, the newest first. None is no error.
func List(dir string) ([]string, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for rooms: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most*(longest+1)))
	if err != nil {
		return nil, fmt.Errorf("look for rooms: %w", err)
	}
	var rooms []string
	for line := range bytes.Lines(text) {
		room := strings.TrimRight(string(line), "\r\n")
		if room != "" && !strings.ContainsFunc(room, unfit) && len(rooms) < most {
			rooms = append(rooms, room)
		}
	}
	return rooms, nil
}

// unfit is what no room and no link has: what a shell or a terminal would take for
// something else.
func unfit(r rune) bool { return r <= ' ' || r >= 0x7f }
