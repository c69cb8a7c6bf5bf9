package termvideo

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Abandon is for a program that dies and cannot wait for its Drawer: it ends a
// synchronized update, resets the colours, takes the pictures off the screen
// and removes the files this process left for the terminal. It may be called
// from any goroutine; w should be the terminal itself, not a writer that could
// be locked. It is meant for the alternate screen, where every picture is ours.
func Abandon(w io.Writer, mode Mode) error {
	reset := "\x1b[?2026l\x1b[m"
	if mode == ModeKitty {
		reset += "\x1b_Ga=d,d=A,q=2\x1b\\"
		box := newFileBox(filePrefix())
		left, err := filepath.Glob(filepath.Join(box.dir, box.prefix+"-*"))
		if err != nil {
			return fmt.Errorf("find pictures left for the terminal: %w", err)
		}
		for _, path := range left {
			box.removeFile(path)
		}
	}
	if _, err := io.WriteString(w, reset); err != nil {
		return fmt.Errorf("reset the terminal: %w", err)
	}
	return nil
}

// filePrefix begins the names of this process's files.
func filePrefix() string { return fmt.Sprintf("meet-%d", os.Getpid()) }
