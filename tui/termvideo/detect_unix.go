//go:build !windows

package termvideo

import (
	"os"

	"github.com/charmbracelet/x/term"
)

// prepareTerminal makes answers readable at once and unseen. restore puts back
// what was.
func prepareTerminal(in, _ *os.File) (restore func(), err error) {
	state, err := term.MakeRaw(in.Fd())
	if err != nil {
		return nil, err
	}
	return func() { _ = term.Restore(in.Fd(), state) }, nil
}
