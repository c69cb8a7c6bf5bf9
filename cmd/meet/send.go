package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/meet-term/meet/internal/control"
	"github.com/meet-term/meet/internal/files"
	"github.com/meet-term/meet/internal/safetext"
)

func sendCommand() *cobra.Command {
	var f steerFlags
	var to string
	cmd := &cobra.Command{
		Use:   "send FILE...",
		Short: "Send files to the people of the running call",
		Long: `Offers files to everybody in the running call, or to one person, and waits until
each has arrived or was refused. Whoever gets one is asked first. Interrupted, it
takes back what has not arrived.`,
		Example: `  meet send notes.pdf
  meet send --to Ann build/*.deb`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("send takes the names of files")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.dial(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			s := &sending{client: c, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), asJSON: f.asJSON, open: map[int]string{}, over: map[int]bool{}}
			return s.run(cmd.Context(), args, to)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&to, "to", "", "one person, by name or id")
	return cmd
}

// sending is one run of meet send.
type sending struct {
	client   *control.Client
	out, err io.Writer
	asJSON   bool

	paths  map[string]bool // of ours
	open   map[int]string  // transfers that are not over: what is being sent to whom
	over   map[int]bool    // and those that are
	failed int
	bar    bool // a line of progress is on the terminal
}

// fileLine is what is needed of the events of files.
type fileLine struct {
	Event string `json:"event"`
	ID    int    `json:"id"`
	Name  string `json:"name"`
	File  string `json:"file"`
	Path  string `json:"path"`
	Size  int64  `json:"size"`
	Bytes int64  `json:"bytes"`
	Mine  bool   `json:"mine"`
	Error string `json:"error"`

	Command string `json:"command"` // of a closing line
	Text    string `json:"text"`    // of an error
}

// run offers the files and follows them to their end.
func (s *sending) run(ctx context.Context, names []string, to string) error {
	command := map[string]any{"command": "file-send"}
	if to != "" {
		peer, err := (&caller{s.client}).Peer(to)
		if err != nil {
			return err
		}
		command["peer"] = peer
	}
	var paths []string
	for _, name := range names {
		path, err := filepath.Abs(name)
		if err != nil {
			return fmt.Errorf("find %s: %w", name, err)
		}
		if st, err := os.Stat(path); err != nil {
			return usageError{err}
		} else if st.IsDir() {
			return usagef("%s is a folder: pack it first, into a zip or tar file", name)
		}
		paths = append(paths, path)
	}
	if err := s.client.Send(map[string]any{"command": "events"}); err != nil {
		return err
	}
	s.paths = map[string]bool{}
	for _, path := range paths {
		command["path"] = path
		s.paths[path] = true
		if err := s.client.Send(command); err != nil {
			return err
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = s.client.CloseRead() }) // and take back what is not over
	defer stop()
	err := s.follow(len(paths))
	s.clearBar()
	if ctx.Err() != nil {
		for id := range s.open {
			_ = s.client.Send(map[string]any{"command": "file-stop", "id": id}) // the call may have ended
		}
		return errors.New("stopped; what has not arrived is taken back")
	}
	if err != nil {
		return err
	}
	if s.failed > 0 {
		return fmt.Errorf("%d not sent", s.failed)
	}
	return nil
}

// follow reads events until all commands were answered and all transfers are over.
func (s *sending) follow(commands int) error {
	for commands > 0 || len(s.open) > 0 {
		line, err := s.client.Next()
		if err != nil {
			return fmt.Errorf("the call ended: %w", err)
		}
		var l fileLine
		if err := json.Unmarshal(line, &l); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		switch {
		case l.Event == "done" && l.Command == "file-send":
			commands--
		case l.Event == "error":
			commands--
			s.failed++
			s.say(s.err, "meet: %s", safetext.Line(l.Text, maxShown))
		case strings.HasPrefix(l.Event, "file-") && l.Mine:
			if err := s.event(l, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// event follows one transfer. Whoever else sends the same file meanwhile is not told
// apart, which does no harm.
func (s *sending) event(l fileLine, line []byte) error {
	_, known := s.open[l.ID]
	if l.Event == "file-offered" { // as an event, and as the answer to our command
		if known || s.over[l.ID] || !s.paths[l.Path] {
			return nil
		}
		s.open[l.ID] = l.File
	} else if !known {
		return nil
	}
	if s.asJSON {
		if _, err := s.out.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write an event: %w", err)
		}
	}
	file, name := safetext.Line(l.File, maxShown), safetext.Line(l.Name, maxShown)
	switch l.Event {
	case "file-progress":
		s.showBar(file, name, l)
	case "file-done":
		delete(s.open, l.ID)
		s.over[l.ID] = true
		s.say(s.out, "%s has %s (%s)", name, file, files.Bytes(l.Size))
	case "file-failed":
		delete(s.open, l.ID)
		s.over[l.ID] = true
		s.failed++
		s.say(s.err, "meet: %s was not sent to %s: %s", file, name, safetext.Line(l.Error, maxShown))
	}
	return nil
}

func (s *sending) say(w io.Writer, format string, args ...any) {
	s.clearBar()
	if !s.asJSON || w == s.err {
		fmt.Fprintf(w, format+"\n", args...)
	}
}

// showBar shows the way of one file on a terminal.
func (s *sending) showBar(file, name string, l fileLine) {
	if f, ok := s.err.(*os.File); !ok || s.asJSON || !term.IsTerminal(f.Fd()) || l.Size == 0 {
		return
	}
	const cells = 30
	n := int(cells * l.Bytes / l.Size)
	fmt.Fprintf(s.err, "\r\x1b[K%s%s %3d%% of %s, %s to %s", strings.Repeat("#", n), strings.Repeat("-", cells-n),
		100*l.Bytes/l.Size, files.Bytes(l.Size), file, name)
	s.bar = true
}

func (s *sending) clearBar() {
	if s.bar {
		fmt.Fprint(s.err, "\r\x1b[K")
		s.bar = false
	}
}

// filesFolder is where files go that others send: as the flag says, else the usual folder
// for downloads, else where we are.
func filesFolder(flag string) (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	if rest, ok := strings.CutPrefix(flag, "~/"); ok && home != "" {
		flag = filepath.Join(home, rest)
	}
	if flag != "" {
		return filepath.Abs(flag) // whether it is there is looked at when it is needed: nobody is kept from joining
	}
	if dir := filepath.Join(home, "Downloads"); home != "" {
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			return dir, nil
		}
	}
	return filepath.Abs(".")
}
