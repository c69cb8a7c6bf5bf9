package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/safetext"
)

// deviceLine is one device as printed.
type deviceLine struct {
	Kind    string `json:"kind"` // microphone, speaker, camera or display
	ID      string `json:"id"`
	Name    string `json:"name"`
	Default bool   `json:"default"`
}

func devicesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "devices",
		Short: "List microphones, speakers, cameras and displays",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, notes := findDevices(cmd.Context())
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"devices": found, "notes": notes})
			}
			return printDevices(cmd.OutOrStdout(), found, notes)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one JSON object")
	return cmd
}

// findTime bounds the search: a device that hangs must not hang the list.
const findTime = 3 * time.Second

// maxDeviceName bounds what a device may call itself, in runes.
const maxDeviceName = 80

// findDevices lists what there is; notes say in plain words what is missing.
func findDevices(ctx context.Context) (found []deviceLine, notes []string) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	devices, notes := call.Devices(ctx)
	found = []deviceLine{}
	for _, d := range devices {
		found = append(found, deviceLine{d.Kind.Device(), d.ID, safetext.Line(d.Name, maxDeviceName), d.Default})
	}
	return found, notes
}

func printDevices(w io.Writer, found []deviceLine, notes []string) error {
	kind := ""
	for _, d := range found {
		if d.Kind != kind {
			kind = d.Kind
			if _, err := fmt.Fprintf(w, "%ss\n", kind); err != nil {
				return err
			}
		}
		mark := " "
		if d.Default {
			mark = "*"
		}
		if _, err := fmt.Fprintf(w, "  %s %s\n      %s\n", mark, d.Name, d.ID); err != nil {
			return err
		}
	}
	for _, n := range notes {
		if _, err := fmt.Fprintln(w, n); err != nil {
			return err
		}
	}
	return nil
}
