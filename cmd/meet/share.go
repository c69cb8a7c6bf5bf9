package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/program"
	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/rtc"
)

// shareFlags are the flags of meet share.
type shareFlags struct {
	steerFlags
	viewOnly           bool
	title              string
	name, server       string
	join               *joinFlags // of a call of its own
	command            []string
	cols, rows         int
	nameOrServerWanted bool
}

func shareCommand() *cobra.Command {
	var f shareFlags
	cmd := &cobra.Command{
		Use:   "share [ROOM] [-- COMMAND...]",
		Short: "Share this terminal, as text, in the running call or in ROOM",
		Long: `Runs your shell, or COMMAND, in this terminal and shows it to everybody in the
call: as text, sharp at every size. One goes on working as with script(1); exit
ends it, with the status of the command. Without ROOM it is the call that runs in
another window of this machine; with it, it joins by itself and sends nothing else.

Others may type only if you let them: they ask, and you answer in the call
(y or n), or by "meet ctl terminal-allow NAME on".`,
		Example: `  meet share
  meet share --view-only -- tail -f build.log
  meet share standup -- vim notes.md`,
		Args: func(cmd *cobra.Command, args []string) error {
			rooms := args
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				rooms, f.command = args[:at], args[at:]
				if len(f.command) == 0 {
					return usagef(`there is no command after "--"`)
				}
			}
			if len(rooms) > 1 {
				return usagef(`share takes one room at most, and a command after "--": meet share -- %s`, strings.Join(rooms, " "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				args = args[:at]
			}
			f.nameOrServerWanted = cmd.Flags().Changed("name") || cmd.Flags().Changed("server")
			return share(cmd.Context(), &f, args)
		},
	}
	cmd.Flags().StringVar(&f.room, "call", "", "which call, if there are several: its room, or its process id")
	cmd.Flags().BoolVar(&f.viewOnly, "view-only", false, "let nobody type, whoever asks")
	cmd.Flags().StringVar(&f.title, "title", "", "what the others see above it, until the program says")
	cmd.Flags().StringVar(&f.name, "name", "", "with ROOM: what the others call you")
	cmd.Flags().StringVar(&f.server, "server", "", "with ROOM: signaling server")
	return cmd
}

// exitStatus ends this process with the status of a command, without a word.
type exitStatus int

func (e exitStatus) Error() string        { return "exit status " + strconv.Itoa(int(e)) }
func (e exitStatus) Is(target error) bool { return target == errQuiet }

// share runs a program and shares it.
func share(ctx context.Context, f *shareFlags, rooms []string) error {
	if !term.IsTerminal(os.Stdin.Fd()) || !term.IsTerminal(os.Stdout.Fd()) {
		return usagef("there is no terminal to share here: standard input and output must be one")
	}
	if d := program.Device(os.Stdin); d != 0 && os.Getenv(program.DeviceEnv) == strconv.FormatUint(d, 10) {
		return usagef("this terminal is shared already")
	}
	cols, rows, err := term.GetSize(os.Stdout.Fd())
	if err != nil {
		return fmt.Errorf("ask the terminal for its size: %w", err)
	}
	f.cols, f.rows = cols, rows
	if f.title == "" {
		f.title = filepath.Base(append(f.command, program.Shell()...)[0])
	}
	if len(rooms) == 0 {
		if f.nameOrServerWanted {
			return usagef("--name and --server are for a room of its own: meet share ROOM")
		}
		return f.shareInCall(ctx)
	}
	return f.shareAlone(ctx, rooms[0])
}

// shareRequest is the command that begins to share in a running call.
type shareRequest struct {
	Command  string `json:"command"` // "share"
	Title    string `json:"title"`
	Cols     int    `json:"cols"`
	Rows     int    `json:"rows"`
	ViewOnly bool   `json:"view_only,omitempty"`
	Device   uint64 `json:"device,omitempty"` // of the terminal that is shared
}

// sink is where what the program does is shown.
type sink interface {
	Write(p []byte) (int, error)
	Resize(cols, rows int)
	Close()
}

// shareInCall shares in the call that runs on this machine.
func (f *shareFlags) shareInCall(ctx context.Context) error {
	client, err := f.dial(ctx)
	if errors.Is(err, errNoCall) {
		return fmt.Errorf("%w: join one, or share in a room of its own: meet share ROOM", err)
	}
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.Send(shareRequest{
		Command: "share", Title: f.title, Cols: f.cols, Rows: f.rows, ViewOnly: f.viewOnly, Device: program.Device(os.Stdin),
	})
	if err != nil {
		return err
	}
	line, err := client.Next()
	if err != nil {
		return err
	}
	var answer struct{ Event, Text string }
	if err := json.Unmarshal(line, &answer); err != nil || answer.Event != "sharing" {
		if answer.Event == "error" {
			return usageError{errors.New(safetext.Line(answer.Text, maxShown))}
		}
		return errors.New("that call does not know how to share a terminal: it runs an older meet")
	}
	stream := client.Stream()
	p, err := f.start()
	if err != nil {
		return err
	}
	remote := &remoteSink{w: stream}
	crash.Go(func() {
		remote.read(stream, p.TypeOther)
		remote.lost()
	})
	fmt.Printf("This terminal is shared in %s. %q ends it.\r\n", safetext.Line(client.Hello.Room, maxShown), "exit")
	return f.run(ctx, p, remote)
}

// shareAlone joins a room with nothing but this terminal.
func (f *shareFlags) shareAlone(ctx context.Context, room string) error {
	join, jf := newJoinCommand()
	given := []string{"--mic=none", "--camera=none", "--speaker=none", "--screen=none", "--muted", "--camera-off", "--no-lobby", "--no-carry"}
	if f.name != "" {
		given = append(given, "--name="+f.name)
	}
	if f.server != "" {
		given = append(given, "--server="+f.server)
	}
	if err := join.ParseFlags(given); err != nil {
		return err
	}
	jf.serverGiven = f.server != ""
	loadSettings(join.Flags(), jf)
	f.join = jf
	jf.show = func(ctx context.Context, c *call.Call, at place, _ joinFlags) error {
		return f.showShared(ctx, c, at)
	}
	return joinRoom(ctx, room, *jf)
}

// joinWait is how long a room is waited for before the program starts all the same:
// a server that is not reached is tried again and again.
const joinWait = 5 * time.Second

// showShared is what stands in for the screen of a call that is nothing but a
// shared terminal.
func (f *shareFlags) showShared(ctx context.Context, c *call.Call, at place) error {
	wait := time.NewTimer(joinWait)
	defer wait.Stop()
	for joined := false; !joined; {
		select {
		case e, ok := <-c.Events():
			if !ok {
				return nil // refused: the call says why
			}
			_, joined = e.(rtc.Joined)
		case <-wait.C:
			joined = true
			fmt.Fprintln(os.Stderr, "the server is not reached yet: it is tried again and again")
		case <-ctx.Done():
			return nil
		}
	}
	p, err := f.start()
	if err != nil {
		return err
	}
	s, err := c.ShareTerminal(call.ShareConfig{Title: f.title, Cols: f.cols, Rows: f.rows, ViewOnly: f.viewOnly, Input: p.TypeOther})
	if err != nil {
		p.Close()
		return err
	}
	crash.Go(func() { f.announce(c) })
	fmt.Printf("This terminal is shared in %s.", safetext.Line(c.View().Room, maxShown))
	if at.now.Invite.Command != "" {
		fmt.Printf(" Others join with: %s", safetext.Line(at.now.Invite.Command, maxShown))
	}
	fmt.Print("\r\n")
	return f.run(ctx, p, s)
}

// announce rings when somebody wants to type: there is no screen to say it.
func (f *shareFlags) announce(c *call.Call) {
	for e := range c.Events() {
		if asked, ok := e.(call.TerminalAsked); ok {
			fmt.Printf("\x1b]9;%s wants to type: meet ctl terminal-allow\x07\x07", safetext.Line(asked.Name, maxShown))
		}
	}
}

func (f *shareFlags) start() (*program.Program, error) {
	p, err := program.Start(program.Config{Command: f.command, Cols: f.cols, Rows: f.rows})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// run is the terminal of a program until that ends, and returns its status.
func (f *shareFlags) run(ctx context.Context, p *program.Program, to sink) error {
	defer p.Close()
	defer to.Close()
	before, err := term.MakeRaw(os.Stdin.Fd())
	if err != nil {
		return fmt.Errorf("take over the terminal: %w", err)
	}
	var modes program.Modes
	restore := sync.OnceFunc(func() {
		_, _ = os.Stdout.WriteString(modes.Undo())
		_ = term.Restore(os.Stdin.Fd(), before)
	})
	defer restore()
	undo := crash.Handle(func(r crash.Report) {
		restore()
		fmt.Fprintln(os.Stderr, "meet ended by a mistake of its own: "+fmt.Sprint(r.Value))
		os.Exit(exitFailure)
	})
	defer undo()
	// What stands here already goes up, so that rows mean the same here and there.
	_, _ = os.Stdout.WriteString(strings.Repeat("\r\n", max(0, f.rows-1)) + "\x1b[H")
	stop := context.AfterFunc(ctx, p.Close) // SIGTERM, SIGHUP: it hears of it
	defer stop()
	sizes := make(chan os.Signal, 1)
	notifyResize(sizes)
	defer signal.Stop(sizes)
	crash.Go(func() { // ends with this process: a read of a terminal cannot be ended
		b := make([]byte, 4096)
		for {
			n, err := os.Stdin.Read(b)
			if n > 0 {
				p.Type(append([]byte(nil), b[:n]...))
			}
			if err != nil {
				return
			}
		}
	})
	ended := make(chan struct{})
	crash.Go(func() { f.follow(sizes, p, to, ended) })
	b := make([]byte, 64<<10)
	for {
		n, err := p.Read(b)
		if n > 0 {
			_, _ = modes.Write(b[:n])
			if _, err := os.Stdout.Write(b[:n]); err != nil {
				break // the window is gone
			}
			_, _ = to.Write(b[:n]) // what is not shared any more is still shown here
		}
		if err != nil {
			break
		}
	}
	close(ended)
	p.Close()
	if ctx.Err() != nil {
		select {
		case <-p.Ended():
		case <-time.After(hangUpTime):
			return exitStatus(exitFailure) // it ignores that its terminal is gone
		}
	}
	if status := p.Wait(); status != 0 {
		return exitStatus(status)
	}
	return nil
}

// hangUpTime is how long a program may take to end when its terminal goes.
const hangUpTime = time.Second

// follow gives the program the size of the window, the one who looks first.
func (f *shareFlags) follow(sizes <-chan os.Signal, p *program.Program, to sink, ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case <-sizes:
		}
		if cols, rows, err := term.GetSize(os.Stdout.Fd()); err == nil {
			to.Resize(cols, rows)
			p.Resize(cols, rows)
		}
	}
}

// The frames between meet share and the call: a byte that says what it is, the length
// in four bytes, and so much.
const (
	frameOutput = 'o'
	frameResize = 'r' // columns and rows, two bytes each
	frameInput  = 'i'
	maxFrame    = 128 << 10
)

// remoteSink is a call in another process.
type remoteSink struct {
	mu   sync.Mutex
	w    io.WriteCloser
	gone bool // guarded by mu
}

func (r *remoteSink) frame(kind byte, p []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return io.ErrClosedPipe
	}
	return writeFrame(r.w, kind, p)
}

// Write implements [io.Writer].
func (r *remoteSink) Write(p []byte) (int, error) { return len(p), r.frame(frameOutput, p) }

// Resize tells of another size, in order with what is written.
func (r *remoteSink) Resize(cols, rows int) {
	_ = r.frame(frameResize, []byte{byte(cols >> 8), byte(cols), byte(rows >> 8), byte(rows)}) // a call that is gone shows in reading
}

// Close ends sharing.
func (r *remoteSink) Close() { _ = r.w.Close() }

// read passes on what viewers type until the call is gone.
func (r *remoteSink) read(in io.Reader, input func([]byte)) {
	for {
		kind, p, err := readFrame(in)
		if err != nil {
			return
		}
		if kind == frameInput {
			input(p)
		}
	}
}

// lost says that the call is gone: the program goes on.
func (r *remoteSink) lost() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
}

func writeFrame(w io.Writer, kind byte, p []byte) error {
	b := append([]byte{kind, byte(len(p) >> 24), byte(len(p) >> 16), byte(len(p) >> 8), byte(len(p))}, p...)
	_, err := w.Write(b)
	return err
}

func readFrame(r io.Reader) (kind byte, p []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(head[1])<<24 | int(head[2])<<16 | int(head[3])<<8 | int(head[4])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes, more than %d", n, maxFrame)
	}
	p = make([]byte, n)
	_, err = io.ReadFull(r, p)
	return head[0], p, err
}
