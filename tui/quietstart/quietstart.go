// Package quietstart keeps the terminal libraries from questioning the
// terminal.
//
// Bubble Tea v1 asks the terminal for its background colour in a package
// initialiser and waits up to five seconds for the answer, also when the
// program only prints its version. What is asked is the standard output as
// termenv found it when it was initialised itself. So this package, which comes
// before it, takes standard output away, and gives it back once all of them are
// initialised: their default output is nowhere, for good. The screen does not
// use it; it asks the terminal itself, once (package termvideo).
//
// It works because Go initialises packages in the order of their import paths
// as far as their imports allow (Go specification, "Program initialization"):
// this package imports nothing but the standard library and so comes before
// golang.org/x/sys, which everything that touches a terminal needs. Should that
// change, the terminal is asked as before, and a test says so.
package quietstart

import "os"

var stdout = take()

func take() *os.File {
	f := os.Stdout
	os.Stdout = nil // a nil file is a valid one that cannot be written
	return f
}

// Done gives standard output back. A package that imports what would have asked
// calls it from its own initialiser, which runs after theirs.
func Done() {
	if stdout != nil {
		os.Stdout, stdout = stdout, nil
	}
}
