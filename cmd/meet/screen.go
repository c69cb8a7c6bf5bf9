package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/charmbracelet/x/term"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/tui"
	"github.com/meet-term/meet/tui/stage"
	"github.com/meet-term/meet/tui/termout"
	"github.com/meet-term/meet/tui/termvideo"
)

// screenPossible reports whether there is a terminal that can show a screen.
func screenPossible() bool {
	t := os.Getenv("TERM")
	return term.IsTerminal(os.Stdin.Fd()) && term.IsTerminal(os.Stdout.Fd()) && t != "" && t != "dumb"
}

// showScreen shows the call until it is left, then prints the report.
func showScreen(ctx context.Context, c *call.Call, at place, f joinFlags) error {
	found, err := termvideo.Detect(ctx, os.Stdin, os.Stdout)
	if err != nil {
		return fmt.Errorf("look at the terminal: %w", err)
	}
	mode, err := f.pictureMode()
	if err != nil {
		return err
	}
	choice := f.choosePictures(mode, found.Caps, os.Getenv)
	out := termout.New(os.Stdout, found.Caps.SyncOutput)
	opt := screenOptions(c, at, f)
	opt.Out, opt.In, opt.Typed = out, newTerminalInput(found), found.Typed
	opt.KeyReleases = found.Caps.KittyKeyboard
	opt.Theme.Light = light(found.Caps, f)

	if state, err := term.GetState(os.Stdin.Fd()); err == nil {
		f.crashed.screen(func() {
			out.Seize()
			_ = termvideo.Abandon(os.Stdout, choice.Mode) // a terminal that is gone needs nothing
			_, _ = os.Stdout.WriteString(tui.Abandoned)
			_ = term.Restore(os.Stdin.Fd(), state)
		})
		defer f.crashed.screen(nil)
	}

	var drawing sync.WaitGroup
	drawCtx, stop := context.WithCancel(context.WithoutCancel(ctx)) // until the screen has ended
	defer stop()
	if choice.Mode != termvideo.ModeOff {
		s := stage.New(c, termvideo.New(out, choice.Config(found.Caps)), choice, found.Caps, windowSize)
		opt.Stage = s
		crash.GoIn(&drawing, func() { _ = s.Run(drawCtx) }) // a terminal that is gone ends the screen too
	}
	if at.venue == nil && f.lobby() {
		crash.GoIn(&drawing, func() { at.lookAtNamed(ctx, c) })
	}
	own := newShells(c)
	defer own.stopAll()
	opt.Shells = own
	report, err := tui.Run(ctx, opt)
	stop()
	drawing.Wait()
	if err != nil {
		return err
	}
	fmt.Print(report.Text())
	return nil
}

// pictureMode is how pictures were asked to be drawn. Who wants ASCII wants it of
// pictures too.
func (f joinFlags) pictureMode() (termvideo.Mode, error) {
	mode, err := termvideo.ParseMode(f.video)
	if err != nil {
		return mode, usagef("--video: %w", err)
	}
	if f.ascii && mode == termvideo.ModeAuto {
		return termvideo.ModeASCII, nil
	}
	return mode, nil
}

// colorDepths are the values of --colors, as a screen and as pictures have them.
var colorDepths = map[string]struct {
	theme    int
	pictures termvideo.ColorDepth
}{"16": {16, termvideo.Colors16}, "256": {256, termvideo.Colors256}, "all": {0, termvideo.TrueColor}}

// choosePictures decides how pictures are drawn. What --colors says goes before what
// the terminal says: an ssh loses COLORTERM, and some names promise too much.
func (f joinFlags) choosePictures(mode termvideo.Mode, caps termvideo.Caps, getenv func(string) string) termvideo.Choice {
	depth, said := colorDepths[f.colors]
	if !said {
		return termvideo.Choose(mode, caps, getenv)
	}
	if depth.pictures == termvideo.Colors16 && mode == termvideo.ModeAuto {
		mode = termvideo.ModeASCII
	}
	choice := termvideo.Choose(mode, caps, func(name string) string {
		if name == "COLORTERM" { // whatever has more than 16 is drawn in the same way
			return "truecolor"
		}
		return getenv(name)
	})
	if choice.Colors != termvideo.NoColor {
		choice.Colors = depth.pictures
	}
	return choice
}

// windowSize is the size of the terminal in cells.
func windowSize() (cols, rows int) {
	cols, rows, err := term.GetSize(os.Stdout.Fd())
	if err != nil {
		return 80, 24
	}
	return cols, rows
}

// light reports whether the terminal's background is light: by the settings,
// else as the terminal says, else as the environment does.
func light(caps termvideo.Caps, f joinFlags) bool {
	if f.settings.Light != nil {
		return *f.settings.Light
	}
	if !caps.HasBackground {
		return tui.ThemeFromEnv(os.Getenv).Light
	}
	r, g, b := int(caps.Background[0]), int(caps.Background[1]), int(caps.Background[2])
	return 299*r+587*g+114*b > 127_500 // luma of ITU-R BT.601, in thousandths
}

// terminalInput is standard input after the terminal was questioned, without
// answers that came late.
type terminalInput struct {
	*os.File
	typed *bytes.Reader // what was read among them and did not fit
	late  *termvideo.Answers
}

func newTerminalInput(d termvideo.Detection) *terminalInput {
	return &terminalInput{File: os.Stdin, typed: bytes.NewReader(nil), late: d.Late}
}

// Read implements io.Reader.
func (t *terminalInput) Read(p []byte) (int, error) {
	if t.typed.Len() > 0 {
		return t.typed.Read(p)
	}
	n, err := t.File.Read(p)
	if n == 0 || err != nil || t.late == nil {
		return n, err
	}
	typed := append(t.late.Feed(p[:n]), t.late.Key()...)
	if t.late.Caps().Answered {
		t.late = nil
	}
	n = copy(p, typed) // 0 for nothing but answers: reading on could not be canceled
	t.typed = bytes.NewReader(typed[n:])
	return n, nil
}

var _ io.Reader = (*terminalInput)(nil)

func screenOptions(c *call.Call, at place, f joinFlags) tui.Options {
	opt := tui.Options{
		Room: c, Controls: c, Chat: c, Meter: c, Volume: c, Links: c, Terminals: c, Devices: c, Sound: c,
		Place: at.now, Reach: at.changeReach(), NewCode: c.NewCode,
		Term:  os.Getenv("TERM"),
		Keys:  f.keys,
		Mouse: f.mouse,
		Theme: tui.ThemeFromEnv(os.Getenv),
	}
	opt.Notify, _ = tui.ParseNotify(f.notify, os.Getenv) // join has looked at it
	opt.Taskbar, opt.Files, opt.Recorder = tui.Taskbar(os.Getenv), c, c
	if depth, said := colorDepths[f.colors]; said {
		opt.Theme.Depth = depth.theme
	}
	opt.Theme.ASCII, opt.Theme.Colors = f.ascii, f.settings.Colors
	if f.lobby() {
		opt.Join = c.Enter
	}
	return opt
}
