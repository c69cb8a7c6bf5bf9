package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/charmbracelet/x/term"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/headless"
	"github.com/meet-term/meet/internal/record"
)

// keepLines puts what happens into the recording, while there is one, until the call has
// ended and the returned function was called.
func keepLines(c *call.Call, at place) (end func()) {
	events, desk := c.Follow(), headless.Desk{Call: c}
	var following sync.WaitGroup
	crash.GoIn(&following, func() {
		for e := range events.Events() {
			if c.Recording() == "" {
				continue
			}
			lines := []any{desk.Line(time.Now(), e, at.newest())}
			if r, ok := e.(call.RecordingChanged); ok && r.On && r.Dir != "" {
				lines = append(lines, desk.Present(time.Now(), at.newest())...) // who is there to begin with
			}
			for _, l := range lines {
				if b, err := json.Marshal(l); err == nil && l != nil {
					c.RecordLine(b)
				}
			}
		}
	})
	return func() {
		following.Wait()
		events.Close()
	}
}

// reportEvery is how often the report looks at the figures of the connections.
const reportEvery = time.Second

// keepReport writes how the call went to a file when it has ended and the returned
// function was called: as JSON if the name ends so, else as Markdown.
func keepReport(c *call.Call, path string) (end func() error) {
	if path == "" {
		return func() error { return nil }
	}
	events := c.Follow()
	var following sync.WaitGroup
	var report front.Report
	crash.GoIn(&following, func() {
		ticker := time.NewTicker(reportEvery)
		defer ticker.Stop()
		for {
			select {
			case e, ok := <-events.Events():
				if !ok {
					return
				}
				report.Event(e, time.Now())
			case <-ticker.C:
			}
			report.View(c.View(), time.Now())
			report.Stats(c.Stats())
		}
	})
	return func() error {
		following.Wait()
		events.Close()
		b := []byte(report.Markdown())
		if filepath.Ext(path) == ".json" {
			var err error
			if b, err = report.JSON(); err != nil {
				return err
			}
		}
		if len(b) == 0 {
			return nil // nothing to tell of
		}
		if err := os.WriteFile(path, b, 0o666); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		return nil
	}
}

// recordInto is where recordings go: as the flag or the setting says, else "meet" in the
// home directory, else where we are.
func recordInto(flag string) (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Abs(flag)
	}
	if flag == "" {
		return filepath.Join(home, "meet"), nil
	}
	if rest, ok := strings.CutPrefix(flag, "~/"); ok {
		return filepath.Join(home, rest), nil
	}
	return filepath.Abs(flag)
}

func exportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export DIR FILE.ogg",
		Short: "Mix the sound of a recording into one file",
		Long: `Mixes what everybody said in a recording into one Ogg file, each at their time.
The pictures are in the folder as WebM, one file per person.`,
		Example: `  meet export ~/meet/meet-standup-2026-11-26-093000 standup.ogg`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("export takes the folder of a recording and a file to write")
			}
			if ext := filepath.Ext(args[1]); ext != ".ogg" && ext != ".opus" {
				return usagef("export writes Ogg: %q must end in .ogg", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var progress func(time.Duration)
			if f, ok := cmd.ErrOrStderr().(*os.File); ok && term.IsTerminal(f.Fd()) {
				progress = func(d time.Duration) { fmt.Fprintf(f, "\r\x1b[K%v", d.Truncate(time.Second)) }
				defer fmt.Fprint(f, "\r\x1b[K")
			}
			if err := record.Mix(args[0], args[1], progress); err != nil {
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "wrote "+args[1])
			return err
		},
	}
}
