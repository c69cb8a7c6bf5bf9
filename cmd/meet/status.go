package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"github.com/meet-term/meet/internal/safetext"
)

// Status is what a format of meet status can name.
type Status struct {
	Room         string
	Name         string // one's own
	Server       string // connecting, connected, reconnecting or closed
	Mic          bool   // what oneself sends
	Camera       bool
	Screen       bool
	People       int           // in the room, oneself included
	Connected    int           // of the others
	Reconnecting int           // of the others
	Speaking     []string      // who speaks now, by name
	Since        time.Duration // how long the call has lasted, in whole seconds
}

// statusFormats are the formats with names.
var statusFormats = map[string]string{
	"text": `{{.Room}}: {{if .Mic}}mic on{{else}}muted{{end}}{{if .Camera}}, camera on{{end}}{{if .Screen}}, sharing{{end}}, ` +
		`{{.People}} here{{if .Reconnecting}}, {{.Reconnecting}} reconnecting{{end}}{{range $i, $n := .Speaking}}{{if $i}},{{else}}; speaks:{{end}} {{$n}}{{end}}`,
	"tmux": `{{if .Mic}}#[fg=green]mic{{else}}#[fg=red]muted{{end}}#[default]{{if .Screen}} #[fg=yellow]sharing#[default]{{end}} ` +
		`{{.Room}} {{.People}}{{if .Reconnecting}} #[fg=yellow]{{.Reconnecting}} mending#[default]{{end}}`,
	"starship": `{{if .Mic}}mic{{else}}muted{{end}} {{.Room}} {{.People}}`,
}

func statusCommand() *cobra.Command {
	var f steerFlags
	var format string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "The running call in one line, for status bars",
		Long: `Prints the running call in one line, and nothing with exit status 1 where there
is none. --format is text, tmux, starship, waybar or a template of Go with the
fields Room, Name, Server, Mic, Camera, Screen, People, Connected,
Reconnecting, Speaking and Since.`,
		Example: `  meet status
  meet status --format '{{if .Mic}}on air{{end}}'
  set -g status-right '#(meet status --format tmux)'      in tmux.conf`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			print, err := statusPrinter(format)
			if err != nil {
				return err
			}
			c, err := f.dial(cmd.Context())
			if errors.Is(err, errNoCall) {
				return errQuiet
			}
			if err != nil {
				return err
			}
			defer c.Close()
			answers, err := c.Do(map[string]any{"command": "status"})
			if err != nil {
				return refused(err)
			}
			for _, a := range answers {
				if f.asJSON {
					err = f.print(cmd.OutOrStdout(), a)
				} else {
					err = print(cmd.OutOrStdout(), a)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "text, tmux, starship, waybar or a template")
	return cmd
}

// errQuiet ends the program with status 1 and without a word: bars show what is
// printed.
var errQuiet = errors.New("")

// statusPrinter makes what prints a status line in a format.
func statusPrinter(format string) (func(io.Writer, []byte) error, error) {
	if format == "waybar" {
		return printWaybar, nil
	}
	text, named := statusFormats[format]
	if !named {
		text = format
	}
	if !named && !strings.Contains(format, "{{") {
		return nil, usagef("--format: no format %q: text, tmux, starship, waybar or a template such as '{{.Room}}'", format)
	}
	t, err := template.New("format").Parse(text)
	if err != nil {
		return nil, usagef("--format: %w", err)
	}
	if err := t.Execute(io.Discard, Status{}); err != nil { // a field that there is not
		return nil, usagef("--format: %w", err)
	}
	return func(w io.Writer, line []byte) error {
		s, err := readStatus(line)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, s); err != nil {
			return usagef("--format: %w", err)
		}
		_, err = fmt.Fprintln(w, strings.TrimRight(b.String(), "\n"))
		return err
	}, nil
}

// printWaybar prints a status as waybar's custom modules read it.
func printWaybar(w io.Writer, line []byte) error {
	s, err := readStatus(line)
	if err != nil {
		return err
	}
	class := "muted"
	if s.Mic {
		class = "on-air"
	}
	if s.Reconnecting > 0 || s.Server != "connected" {
		class = "mending"
	}
	tip := fmt.Sprintf("%s, %d here", s.Room, s.People)
	if len(s.Speaking) > 0 {
		tip += "\nspeaks: " + strings.Join(s.Speaking, ", ")
	}
	return json.NewEncoder(w).Encode(map[string]string{
		"text": fmt.Sprintf("%s %d", s.Room, s.People), "alt": class, "class": class, "tooltip": tip,
	})
}

func readStatus(line []byte) (s Status, err error) {
	var l struct {
		Room string `json:"room"`
		Self struct {
			Name string `json:"name"`
		} `json:"self"`
		Server string `json:"server"`
		Media  struct {
			Mic    bool `json:"mic"`
			Camera bool `json:"camera"`
			Screen bool `json:"screen"`
		} `json:"media"`
		People       int       `json:"people"`
		Connected    int       `json:"connected"`
		Reconnecting int       `json:"reconnecting"`
		Time         time.Time `json:"time"`
		Since        time.Time `json:"since"`
		Speaking     []struct {
			Name string `json:"name"`
		} `json:"speaking"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return s, fmt.Errorf("read the status: %w", err)
	}
	s = Status{
		Room: safetext.Line(l.Room, maxShown), Name: safetext.Line(l.Self.Name, maxShown), Server: l.Server,
		Mic: l.Media.Mic, Camera: l.Media.Camera, Screen: l.Media.Screen,
		People: l.People, Connected: l.Connected, Reconnecting: l.Reconnecting,
	}
	if !l.Since.IsZero() {
		s.Since = l.Time.Sub(l.Since).Truncate(time.Second)
	}
	for _, p := range l.Speaking {
		s.Speaking = append(s.Speaking, safetext.Line(p.Name, maxShown))
	}
	return s, nil
}

// print prints an answer: as it came, or in words.
func (f *steerFlags) print(w io.Writer, line []byte) error {
	if f.asJSON {
		_, err := w.Write(append(line, '\n'))
		return err
	}
	var head struct {
		Event string `json:"event"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	switch head.Event {
	case "status":
		print, err := statusPrinter("text")
		if err != nil {
			return err
		}
		return print(w, line)
	case "roster":
		return printRoster(w, line)
	}
	_, err := w.Write(append(line, '\n')) // made for scripts: as it is
	return err
}

// printRoster prints one line per person.
func printRoster(w io.Writer, line []byte) error {
	var r rosterLine
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("read who is there: %w", err)
	}
	for _, p := range r.Participants {
		state := p.State
		if p.Self {
			state = "you"
		} else if p.Presence == "away" {
			state = "away"
		}
		sends := []string{"muted"}
		if p.Media.Mic {
			sends[0] = "mic"
		}
		if p.Media.Camera {
			sends = append(sends, "camera")
		}
		if p.Media.Screen {
			sends = append(sends, "screen")
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", safetext.Line(p.Name, maxShown), state, strings.Join(sends, " ")); err != nil {
			return err
		}
	}
	return nil
}

var _ asker = (*caller)(nil)
