package tui

import (
	"os"
	"os/signal"
	"testing"
)

func TestMain(m *testing.M) {
	// The runtime's signal goroutine starts with the first Notify and never
	// ends; it must not be born in a bubble of virtual time.
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	signal.Stop(c)
	os.Exit(m.Run())
}
