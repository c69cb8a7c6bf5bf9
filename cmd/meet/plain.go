package main

import (
	"context"
	"fmt"
	"os"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/tui/plain"
)

// showPlain shows the call as lines of text, then prints the report.
func showPlain(ctx context.Context, c *call.Call, at place, _ joinFlags) error {
	a := newAdapter(c)
	report, err := plain.Run(ctx, plain.Options{
		Room: a, Controls: c, Chat: a, Links: a, Devices: a, Sound: soundChecks{c}, In: os.Stdin, Out: os.Stdout,
		Place: tuiPlace(at.now),
	})
	if err != nil {
		return err
	}
	fmt.Print(report.Text())
	return nil
}
