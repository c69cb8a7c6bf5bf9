package main

import (
	"strconv"
	"testing"

	"github.com/meet-term/meet/tui"
)

func TestFloodKeepsTheNewest(t *testing.T) {
	queue := make(chan tui.Message, 3)
	for i := range 10 {
		push(queue, tui.Message{Text: strconv.Itoa(i)})
	}
	for _, want := range []string{"7", "8", "9"} {
		if got := (<-queue).Text; got != want {
			t.Errorf("message %s is next, want %s", got, want)
		}
	}
}
