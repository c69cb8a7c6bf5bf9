package program

import "os"

// Program is a program that runs in a terminal of its own; there is none on Windows.
type Program struct{}

// Start says that it cannot be done.
func Start(Config) (*Program, error) { return nil, ErrUnsupported }

// Read implements [io.Reader].
func (*Program) Read([]byte) (int, error) { return 0, ErrUnsupported }

// Type does nothing.
func (*Program) Type([]byte) {}

// TypeOther does nothing.
func (*Program) TypeOther([]byte) {}

// Resize does nothing.
func (*Program) Resize(int, int) {}

// Ended is nil.
func (*Program) Ended() <-chan struct{} { return nil }

// Wait returns at once.
func (*Program) Wait() int { return 1 }

// Close does nothing.
func (*Program) Close() {}

// Device is 0: terminals have no numbers.
func Device(*os.File) uint64 { return 0 }
