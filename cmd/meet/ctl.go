package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/meet-term/meet/internal/control"
	"github.com/meet-term/meet/internal/safetext"
)

// steerFlags are what all commands have that steer a running call.
type steerFlags struct {
	room   string
	asJSON bool
}

func (f *steerFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.room, "room", "", "which call, if there are several: its room, or its process id")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "answers as JSON lines, as headless mode writes them")
}

// dial connects to the call that is meant: the one asked for, the one this program
// was started by, or the only one.
func (f *steerFlags) dial(ctx context.Context) (*control.Client, error) {
	if path := os.Getenv(control.Env); path != "" && f.room == "" {
		if c, err := control.Dial(ctx, path); err == nil {
			return c, nil // else that call has ended
		}
	}
	dir, err := control.Dir()
	if err != nil {
		return nil, err
	}
	found, err := control.Find(ctx, dir)
	if err != nil {
		return nil, err
	}
	var meant, others []*control.Client
	for _, c := range found {
		if f.room == "" || c.Hello.Room == f.room || strconv.Itoa(c.Hello.PID) == f.room {
			meant = append(meant, c)
		} else {
			others = append(others, c)
		}
	}
	if len(meant) == 1 {
		closeAll(others)
		return meant[0], nil
	}
	defer closeAll(found)
	switch {
	case len(found) == 0:
		return nil, errNoCall
	case len(meant) == 0:
		return nil, usagef("no call of yours is in %q: %s", f.room, callNames(found))
	}
	return nil, usagef("you are in %d calls, say which by --room: %s", len(meant), callNames(meant))
}

var errNoCall = errors.New("you are in no call on this machine")

func closeAll(clients []*control.Client) {
	for _, c := range clients {
		_ = c.Close() // nothing is lost with it
	}
}

// callNames lists calls for somebody who has to choose.
func callNames(clients []*control.Client) string {
	var all []string
	for _, c := range clients {
		all = append(all, fmt.Sprintf("%s (%s, process %d)", safetext.Line(c.Hello.Room, maxShown), safetext.Line(c.Hello.Name, maxShown), c.Hello.PID))
	}
	return strings.Join(all, ", ")
}

// maxShown bounds a name or a word of a call in what is printed, in runes.
const maxShown = 200

func ctlCommand() *cobra.Command {
	var f steerFlags
	var held bool
	cmd := &cobra.Command{
		Use:   "ctl COMMAND [ARGS]",
		Short: "Steer the call that runs on this machine",
		Long: `Steers the call that runs in another window of this machine, for key bindings
and scripts. Every command of headless mode can be given, by its name and its
fields as words or as field=value:

` + ctlHelp() + `
The exit status is 0 if it was done, 1 if there is no call or it could not be
done, 2 if it was not understood.`,
		Example: `  meet ctl mic toggle
  meet ctl say "back in five minutes"
  meet ctl volume Ann 50
  meet ctl talk --while-held      the microphone is on until this is killed
  meet ctl events | jq -r 'select(.event=="chat").text'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(`ctl takes a command, such as "meet ctl mic toggle"`)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if held && args[0] != "talk" {
				return usagef(`--while-held is for "meet ctl talk"`)
			}
			return ctl(cmd.Context(), &f, args, cmd.OutOrStdout())
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, w := range wordings {
				names = append(names, w.name+"\t"+w.help)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&held, "while-held", false, `with "talk": until this process ends, which is what it does anyway`)
	return cmd
}

// ctl gives one command to the call and prints what comes of it.
func ctl(ctx context.Context, f *steerFlags, args []string, out io.Writer) error {
	c, err := f.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	command, err := worded(args, &caller{c})
	if err != nil {
		return err
	}
	switch command["command"] {
	case "events":
		return follow(ctx, c, command, out)
	case "talk":
		if _, err := c.Do(command); err != nil {
			return refused(err)
		}
		_, err := c.Next() // until the call ends, or we do
		if ctx.Err() != nil || errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	answers, err := c.Do(command)
	for _, a := range answers {
		if err := f.print(out, a); err != nil {
			return err
		}
	}
	return refused(err)
}

// follow prints the events until the call ends.
func follow(ctx context.Context, c *control.Client, command map[string]any, out io.Writer) error {
	if err := c.Send(command); err != nil {
		return err
	}
	for {
		line, err := c.Next()
		if ctx.Err() != nil || errors.Is(err, io.EOF) {
			return nil // left, or we were stopped
		}
		if err != nil {
			return err
		}
		if isDone(line) {
			continue
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
	}
}

func isDone(line []byte) bool {
	var head struct {
		Event   string `json:"event"`
		Command string `json:"command"`
	}
	return json.Unmarshal(line, &head) == nil && head.Event == "done" && head.Command != ""
}

// refused gives what the call did not understand the exit status of wrong usage.
func refused(err error) error {
	if no := (*control.RefusedError)(nil); errors.As(err, &no) {
		return usageError{errors.New(safetext.Line(no.Text, maxShown))}
	}
	return err
}

func sayCommand() *cobra.Command {
	var f steerFlags
	cmd := &cobra.Command{
		Use:   "say [TEXT]",
		Short: "Say something in the chat of the running call",
		Example: `  meet say "the build is green"
  make 2>&1 | tail -3 | meet say`,
		RunE: func(cmd *cobra.Command, args []string) error {
			text := strings.Join(args, " ")
			if len(args) == 0 {
				if in, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(in.Fd()) {
					return usagef(`say takes a text, or one on its input: make | tail -1 | meet say`)
				}
				b, err := io.ReadAll(io.LimitReader(bufio.NewReader(cmd.InOrStdin()), maxSaid))
				if err != nil {
					return fmt.Errorf("read what to say: %w", err)
				}
				text = strings.ToValidUTF8(string(b), "")
			}
			if strings.TrimSpace(text) == "" {
				return usagef("there is nothing to say")
			}
			return ctl(cmd.Context(), &f, []string{"say", text}, cmd.OutOrStdout())
		},
	}
	f.add(cmd)
	return cmd
}

// maxSaid bounds what is read from a pipe, in bytes; chat cuts it further.
const maxSaid = 16 << 10

// caller looks things up in the call that is steered.
type caller struct{ *control.Client }

// rosterLine is what is needed of a roster.
type rosterLine struct {
	Participants []struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Presence string `json:"presence"`
		State    string `json:"state"`
		Self     bool   `json:"self"`
		Media    struct{ Mic, Camera, Screen bool }
	} `json:"participants"`
}

func (c *caller) roster() (r rosterLine, err error) {
	answers, err := c.Do(map[string]any{"command": "who"})
	if err != nil {
		return r, err
	}
	if len(answers) != 1 {
		return r, errors.New("the call does not say who is there")
	}
	if err := json.Unmarshal(answers[0], &r); err != nil {
		return r, fmt.Errorf("read who is there: %w", err)
	}
	return r, nil
}

// Peer implements [asker]: a person by name or by id.
func (c *caller) Peer(name string) (string, error) {
	r, err := c.roster()
	if err != nil {
		return "", err
	}
	var ids, names []string
	for _, p := range r.Participants {
		switch {
		case p.Self:
			continue
		case p.ID == name:
			return name, nil
		case strings.EqualFold(p.Name, name):
			ids = append(ids, p.ID)
		}
		names = append(names, safetext.Line(p.Name, maxShown))
	}
	switch len(ids) {
	case 1:
		return ids[0], nil
	case 0:
		if len(names) == 0 {
			return "", usagef("nobody is called %q: you are alone here", name)
		}
		slices.Sort(names)
		return "", usagef("nobody is called %q here, but %s", name, strings.Join(names, ", "))
	}
	return "", usagef("%d people are called %q: say which by id: %s", len(ids), name, strings.Join(ids, ", "))
}

// On implements [asker]: what is on at present.
func (c *caller) On(media string) (bool, error) {
	r, err := c.roster()
	if err != nil {
		return false, err
	}
	for _, p := range r.Participants {
		if p.Self {
			return map[string]bool{"mic": p.Media.Mic, "camera": p.Media.Camera, "screen": p.Media.Screen}[media], nil
		}
	}
	return false, errors.New("the call does not say what is on")
}
