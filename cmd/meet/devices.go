package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/meet-term/meet/media/audio/device"
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

// findDevices lists what there is; notes say in plain words what is missing.
func findDevices(ctx context.Context) (found []deviceLine, notes []string) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	found, notes = []deviceLine{}, []string{}
	list, err := device.Devices(ctx)
	switch {
	case errors.Is(err, device.ErrNoServer):
		notes = append(notes, "No sound server (PulseAudio or PipeWire) answers: no microphone and no speaker.")
	case err != nil:
		notes = append(notes, fmt.Sprintf("Sound devices cannot be listed: %v.", err))
	}
	for _, d := range list.Microphones {
		found = append(found, deviceLine{"microphone", d.ID, d.Name, d.Default})
	}
	for _, d := range list.Speakers {
		found = append(found, deviceLine{"speaker", d.ID, d.Name, d.Default})
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
