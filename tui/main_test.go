package tui

import (
	"os"
	"os/signal"
	"testing"
)

// childVariable makes the test binary a program with a screen of its own, for
// the tests that set childMain.
const childVariable = "MEET_TUI_CHILD"

var childMain func() int

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" && childMain != nil {
		os.Exit(childMain())
	}
	// The runtime's signal goroutine starts with the first Notify and never
	// ends; it must not be born in a bubble of virtual time.
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	signal.Stop(c)
	os.Exit(m.Run())
}
