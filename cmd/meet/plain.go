package main

import (
	"context"
	"fmt"
	"os"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/plain"
)

// showPlain shows the call as lines of text, then prints the report.
func showPlain(ctx context.Context, c *call.Call, at place, f joinFlags) error {
	report, err := plain.Run(ctx, plain.Options{
		Room: c, Controls: c, Chat: c, Links: c, Devices: c, Sound: c, Term: c, Files: c, Recorder: c, In: os.Stdin, Out: os.Stdout,
		Volume: c, Levels: c, Times: f.times, Place: at.now, NewCode: c.NewCode,
	})
	if err != nil {
		return err
	}
	fmt.Print(report.Text())
	return nil
}
