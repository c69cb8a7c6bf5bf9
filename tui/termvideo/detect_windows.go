package termvideo

import (
	"fmt"
	"os"

	"github.com/charmbracelet/x/term"
	"golang.org/x/sys/windows"
)

// prepareTerminal makes answers readable at once and unseen, and the console
// understand escape sequences. restore puts back what was.
func prepareTerminal(in, out *os.File) (restore func(), err error) {
	state, err := term.MakeRaw(in.Fd())
	if err != nil {
		return nil, err
	}
	undo := func() { _ = term.Restore(in.Fd(), state) }
	inUndo, err := addConsoleMode(in, windows.ENABLE_VIRTUAL_TERMINAL_INPUT)
	if err != nil {
		undo()
		return nil, err
	}
	outUndo, err := addConsoleMode(out, windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING)
	if err != nil {
		inUndo()
		undo()
		return nil, err
	}
	return func() {
		outUndo()
		inUndo()
		undo()
	}, nil
}

func addConsoleMode(f *os.File, bits uint32) (undo func(), err error) {
	h := windows.Handle(f.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(h, &mode); err != nil {
		return nil, fmt.Errorf("read the console mode: %w", err)
	}
	if err := windows.SetConsoleMode(h, mode|bits); err != nil {
		return nil, fmt.Errorf("set the console mode: %w", err)
	}
	return func() { _ = windows.SetConsoleMode(h, mode) }, nil
}
