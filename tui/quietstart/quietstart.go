// Package quietstart keeps the terminal libraries from questioning the
// terminal while the program is being loaded.
//
// Bubble Tea v1 asks the terminal for its background colour in a package
// initialiser and waits up to five seconds for the answer, also when the
// program only prints its version. termenv, which does the asking, leaves
// terminals alone when the environment says CI. This package says so for as
// long as packages are being initialised, and unsays it afterwards.
//
// It works because Go initialises packages in the order of their import paths
// as far as their imports allow (Go specification, "Program initialization"):
// this package imports nothing but the standard library and so comes before
// golang.org/x/sys, which everything that touches a terminal needs. Should that
// change, the terminal is asked as before, and a test says so.
package quietstart

import "os"

// variable is what termenv looks at.
const variable = "CI"

var silenced = silence()

func silence() bool {
	if os.Getenv(variable) != "" {
		return false
	}
	return os.Setenv(variable, "quiet start") == nil
}

// Done ends the silence. A package that imports what would have asked calls it
// from its own initialiser, which runs after theirs.
func Done() {
	if silenced {
		silenced = false
		// Unsetting a variable that was set a moment ago cannot fail.
		_ = os.Unsetenv(variable)
	}
}
