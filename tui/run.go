package tui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/term"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/tui/quietstart"
)

func init() { quietstart.Done() }

// Options say what the screen shows and where. Room is required; every other
// interface may be nil, and what it is for is then absent.
type Options struct {
	Room      front.Room
	Controls  front.Controls
	Chat      front.Chat
	Meter     front.Meter
	Volume    front.Volume
	Devices   front.Devices
	Sound     front.SoundChecks
	Links     front.Links
	Files     front.Files
	Recorder  front.Recorder
	Terminals front.Terminals
	Shells    Shells
	Stage     Stage // nil: no pictures are drawn
	Place     call.Place
	// Reach opens the room to more people, or closes it again; nil where that
	// cannot be chosen. It only posts.
	Reach func()
	// NewCode asks for a spoken code and reports whether any can be made; nil: none
	// can. It only posts.
	NewCode func() bool

	// Join, when set, makes the screen start in the lobby: the person looks
	// at the devices first, and Join is called when they enter. It only posts.
	Join func()

	Keys  *Keymap // nil: DefaultKeymap
	Theme Theme
	Mouse bool
	// KeyReleases says that the terminal speaks the kitty keyboard protocol,
	// so that hold-to-talk ends with the key.
	KeyReleases bool
	// Taskbar says that the terminal shows progress in the taskbar.
	Taskbar bool
	// Notify is how a person who looks elsewhere is told of what happens.
	Notify Notify
	// Term is $TERM, which decides how the clipboard is reached.
	Term string

	// In and Out are the terminal; nil means standard input and output. An Out
	// with a file descriptor tells the size of the window.
	In  io.Reader
	Out io.Writer
	// Typed is what was typed before In is read, for instance while the
	// terminal was questioned. It acts at once.
	Typed []byte
	// Cols and Rows are the size until the terminal tells its own.
	Cols, Rows int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	if o.Keys == nil {
		o.Keys = DefaultKeymap()
	}
	if o.In == nil {
		o.In = os.Stdin
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Run shows the call until the person leaves, the room's events end or ctx is
// done, and gives the terminal back as it was, also after a panic or a signal
// that ends the program (SIGINT, SIGTERM, SIGHUP). The report tells how the
// call went. A terminal that vanished is an error; leaving is not.
func Run(ctx context.Context, opt Options) (*front.Report, error) {
	ctx, stop := signal.NotifyContext(ctx, endSignals...)
	defer stop()
	return run(ctx, opt)
}

// run is Run without the signals of the process.
func run(ctx context.Context, opt Options) (*front.Report, error) {
	opt = opt.withDefaults()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	t := newTerminal(opt)
	opt.Out = t
	m := newModel(opt, ctx.Done())
	m.keyModes = t
	programOptions := []tea.ProgramOption{
		tea.WithAltScreen(),
		tea.WithReportFocus(),
		tea.WithoutSignalHandler(),
		tea.WithInput(inputOf(opt)),
		tea.WithOutput(outputOf(t)),
		tea.WithFPS(framesPerSecond),
	}
	if opt.Mouse {
		programOptions = append(programOptions, tea.WithMouseCellMotion())
	}
	quitting := make(chan struct{}, 1)
	programOptions = append(programOptions, tea.WithFilter(func(_ tea.Model, msg tea.Msg) tea.Msg {
		if _, quit := msg.(tea.QuitMsg); quit {
			wake.Poke(quitting)
		}
		return msg
	}))
	var program *tea.Program
	p := newPainter(opt.Cols, opt.Rows, t.paint, func() { program.Kill() })
	program = tea.NewProgram(painted{m, p}, programOptions...)
	defer context.AfterFunc(ctx, func() { wake.Poke(quitting); end(program) })()
	ended := make(chan struct{})
	if opt.Controls != nil {
		crash.Go(func() { leaveUnless(ended, quitting, opt.Controls.Leave) })
	}
	_, err := program.Run()
	close(ended)
	if m.taskbar != 0 {
		_, _ = io.WriteString(opt.Out, taskbarOff) // a terminal that is gone shows nothing anyway
	}
	if failure := p.stop(); failure != nil {
		err = failure
	}
	t.restore()
	if opt.Stage != nil {
		opt.Stage.Show(nil)
	}
	if opt.Links != nil { // a short call has no figures yet, and no call those of its last moment
		m.report.Stats(opt.Links.Stats())
	}
	m.report.Finish(opt.Now())
	if ctx.Err() != nil && errors.Is(err, tea.ErrProgramKilled) && !errors.Is(err, tea.ErrProgramPanic) {
		err = nil
	}
	if err != nil {
		return &m.report, fmt.Errorf("show the screen: %w", err)
	}
	return &m.report, nil
}

// endWithin is how long a program may take to end by itself. A terminal that takes
// no text holds it up.
const endWithin = time.Second

// end has the program quit. Killing it at once, as the end of a context that Bubble
// Tea is given does, would close what it reads keys from while it reads.
func end(program *tea.Program) {
	time.AfterFunc(endWithin, program.Kill) // nothing happens to one that has ended
	program.Quit()
}

// leaveUnless leaves the call when the program wants to quit but has not ended after
// a while: the terminal takes no text. That is waited for, so that it can be given
// back, but nobody else should have to.
func leaveUnless(ended, quitting <-chan struct{}, leave func()) {
	select {
	case <-ended:
		return
	case <-quitting:
	}
	select {
	case <-ended:
	case <-time.After(endWithin):
		leave()
	}
}

// framesPerSecond is how often Bubble Tea looks whether its own view changed. It
// never does; see painter.
const framesPerSecond = 1

// file is what Bubble Tea recognises as a terminal.
type file interface {
	io.ReadWriteCloser
	Fd() uintptr
	Name() string
}

var _ term.File = file(nil)

// fileReader reads keys from a terminal and is still one for Bubble Tea.
type fileReader struct {
	file
	keys *keyReader
}

func (f fileReader) Read(p []byte) (int, error) { return f.keys.Read(p) }

// inputOf is the input with the kitty protocol taken out.
func inputOf(opt Options) io.Reader {
	keys := newKeyReader(opt.In, opt.Keys.keysOf(ActTalk))
	if _, rest := typedKeys(opt.Typed); len(rest) <= sequenceMax { // no finger types more at once
		keys.held = rest
	}
	if f, ok := opt.In.(file); ok {
		return fileReader{f, keys}
	}
	return keys
}

// terminal is the output. When Bubble Tea enters or leaves the alternate
// screen (start, end, panic, suspend and resume alike), it sets and restores
// the title and the keyboard protocol with it: both belong to that screen.
type terminal struct {
	out   io.Writer
	title string
	kitty bool

	mu     sync.Mutex
	inside bool // the alternate screen is shown
	typing bool // text is written: the keyboard speaks plainly
	gen    int  // of the last change of typing
}

func newTerminal(opt Options) *terminal {
	title := "meet"
	if v := opt.Room.View(); v != nil {
		title = "meet " + cleanName(v.Room)
	}
	return &terminal{out: opt.Out, title: title, kitty: opt.KeyReleases}
}

// The sequences that Bubble Tea writes around its work, and ours.
var (
	enterAlt = []byte("\x1b[?1049h")
	leaveAlt = []byte("\x1b[?1049l")
	home     = []byte("\x1b[H") // begins a frame
)

const (
	saveTitle    = "\x1b[22;2t"
	restoreTitle = "\x1b[23;2t"
	// The kitty keyboard protocol: 1 tells escape from sequences, 2 reports
	// repetitions and releases. Each screen has its own stack.
	pushKeys  = "\x1b[>3u"
	popKeys   = "\x1b[<u"
	plainKeys = "\x1b[=0u"
	fullKeys  = "\x1b[=3u"
)

// Write implements io.Writer.
func (t *terminal) Write(p []byte) (int, error) {
	if len(p) > len(home) && bytes.HasPrefix(p, home) {
		return len(p), nil // the empty view of a painted model
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case bytes.Contains(p, enterAlt):
		return len(p), t.write(string(p) + t.enter())
	case bytes.Contains(p, leaveAlt):
		return len(p), t.write(t.leave() + string(p))
	}
	n, err := t.out.Write(p)
	if err != nil {
		return n, fmt.Errorf("write to the terminal: %w", err)
	}
	return n, nil
}

func (t *terminal) write(s string) error {
	if _, err := io.WriteString(t.out, s); err != nil {
		return fmt.Errorf("write to the terminal: %w", err)
	}
	return nil
}

// paint writes a part of the screen, if that is shown.
func (t *terminal) paint(text string) (shown bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// A terminal that is gone shows when keys are read.
	return t.inside && t.write(text) == nil
}

// enter is what follows the alternate screen. The lock is held.
func (t *terminal) enter() string {
	t.inside = true
	s := saveTitle + "\x1b]2;" + t.title + "\x07"
	if t.kitty {
		s += pushKeys
		if t.typing {
			s += plainKeys
		}
	}
	return s
}

// leave undoes enter. The lock is held.
func (t *terminal) leave() string {
	if !t.inside {
		return ""
	}
	t.inside = false
	s := restoreTitle
	if t.kitty {
		s = popKeys + s
	}
	return s
}

// setTyping tells the keyboard to speak plainly while text is written: there
// compose keys and input methods matter more than releases. Changes that come
// late are dropped.
func (t *terminal) setTyping(typing bool, gen int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if gen <= t.gen {
		return
	}
	t.gen, t.typing = gen, typing
	switch {
	case !t.kitty || !t.inside:
	case typing:
		_ = t.write(plainKeys) // a terminal that is gone shows at the next frame
	default:
		_ = t.write(fullKeys)
	}
}

// Abandoned is what to write to a terminal whose screen dies without being able
// to end: it leaves the alternate screen and every mode the screen may have set.
// What was never set is left all the same, which does nothing.
const Abandoned = popKeys + "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l" +
	restoreTitle + "\x1b[?1049l\x1b[?25h"

// restore leaves the alternate screen if the program could not.
func (t *terminal) restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inside {
		_ = t.write(t.leave() + string(leaveAlt) + "\x1b[?25h")
	}
}

// fileTerminal is a terminal whose size can be asked for.
type fileTerminal struct {
	*terminal
	f file
}

func (t fileTerminal) Read(p []byte) (int, error)  { return t.f.Read(p) }
func (t fileTerminal) Close() error                { return nil } // it is not ours
func (t fileTerminal) Fd() uintptr                 { return t.f.Fd() }
func (t fileTerminal) Name() string                { return t.f.Name() }
func (t fileTerminal) Write(p []byte) (int, error) { return t.terminal.Write(p) }

// outputOf is the terminal as Bubble Tea should see it.
func outputOf(t *terminal) io.Writer {
	if f, ok := t.out.(file); ok {
		return fileTerminal{t, f}
	}
	return t
}

// keyboard tells the terminal whether text is written, in a command.
func (m *Model) keyboard() tea.Cmd {
	t := m.keyModes
	if t == nil {
		return nil
	}
	m.keyGen++
	gen, typing := m.keyGen, m.typing || m.filing || m.terms.typing.id != 0
	return func() tea.Msg {
		t.setTyping(typing, gen)
		return nil
	}
}

// writeOut writes a sequence to the terminal, in a command.
func (m *Model) writeOut(seq string) tea.Cmd {
	out := m.opt.Out
	return func() tea.Msg {
		if _, err := io.WriteString(out, seq); err != nil {
			return nil // the next frame will meet the same error
		}
		return nil
	}
}
