package tui

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/wake"
)

const (
	// frameTime is the time between two paintings on the whole. What changes
	// more often is seen by nobody, and costs terminals far away their line.
	frameTime = time.Second / 60
	// frameBurst is how far paintings may run ahead of that, so that a key
	// that is pressed just after a painting is not kept waiting.
	frameBurst = 2 * frameTime
)

// painter puts the view on the screen: at once when it changed, and sixty times
// a second at most. Its own goroutine writes, so that a terminal that takes no
// text holds up no key. docs/adr/0011-painting.md says why not Bubble Tea.
type painter struct {
	paint func(text string) (shown bool) // puts text on the screen, if that is there
	wake  chan struct{}                  // holds a token when there may be something to paint
	quit  chan struct{}
	done  chan struct{} // closed when nothing is painted any more

	failed  func() // called when a panic has ended the painting
	failure error  // that panic; to be read after done

	mu    sync.Mutex
	w, h  int      // guarded by mu, like everything below; 0: not known
	next  []string // lines to show; nil: that is not known yet
	shown []string // lines on the screen; nil: it holds something else
	gen   int      // counts the times the screen was forgotten
}

// newPainter starts a painter for a screen of w times h cells, 0 if not known.
func newPainter(w, h int, paint func(text string) (shown bool), failed func()) *painter {
	p := &painter{
		paint: paint, failed: failed, w: w, h: h,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	crash.Go(p.run)
	return p
}

// stop ends the painting. It returns the panic that had ended it before, if any.
func (p *painter) stop() error {
	close(p.quit)
	<-p.done
	return p.failure
}

// show is told what the screen is to look like.
func (p *painter) show(view string) {
	p.mu.Lock()
	p.next = strings.Split(view, "\n")
	p.mu.Unlock()
	wake.Poke(p.wake)
}

// forget is for when something else has written on the screen, or its size has
// changed: the next painting is of all of what is to be shown then. A zero size
// leaves it as it was.
func (p *painter) forget(w, h int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next, p.shown = nil, nil
	p.gen++
	if w > 0 && h > 0 {
		p.w, p.h = w, h
	}
}

// run paints until stop.
func (p *painter) run() {
	defer close(p.done)
	defer func() { // the terminal must be given back
		if v := recover(); v != nil {
			p.failure = fmt.Errorf("%w: %v\n%s", tea.ErrProgramPanic, v, debug.Stack())
			p.failed()
		}
	}()
	defer crash.Catch()
	var paid time.Time // until when the paintings so far take the screen up
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-p.wake:
		}
		pause.Reset(time.Until(paid.Add(-frameBurst)))
		select {
		case <-p.quit:
			return
		case <-pause.C:
		}
		if p.stroke() {
			if now := time.Now(); paid.Before(now) {
				paid = now
			}
			paid = paid.Add(frameTime)
		}
	}
}

// stroke paints what changed and reports whether that was anything.
func (p *painter) stroke() bool {
	p.mu.Lock()
	lines, gen := p.next, p.gen
	if p.h > 0 && len(lines) > p.h {
		lines = lines[:p.h]
	}
	text := p.changed(lines)
	p.mu.Unlock()
	if text == "" {
		return false
	}
	if p.paint(text) {
		p.mu.Lock()
		if gen == p.gen {
			p.shown = lines
		}
		p.mu.Unlock()
	}
	return true
}

// changed is what to write for lines, no more than there is room for, to stand on
// the screen; nothing for none. Called with mu held.
func (p *painter) changed(lines []string) string {
	if lines == nil {
		return ""
	}
	var b strings.Builder
	for y, line := range lines {
		if y < len(p.shown) && p.shown[y] == line {
			continue
		}
		moveTo(&b, y)
		if p.w > 0 {
			line = ansi.Truncate(line, p.w, "")
		}
		b.WriteString(line)
		if p.w == 0 || ansi.StringWidth(line) < p.w {
			b.WriteString(ansi.EraseLineRight)
		}
	}
	if p.shown == nil && len(lines) < p.h || len(lines) < len(p.shown) {
		moveTo(&b, len(lines))
		b.WriteString(ansi.EraseScreenBelow)
	}
	return b.String()
}

// moveTo puts the cursor at the start of line y, from 0.
func moveTo(b *strings.Builder, y int) {
	b.WriteString("\x1b[")
	b.WriteString(strconv.Itoa(y + 1))
	b.WriteString(";1H")
}

// painted is a model whose view goes to a painter. Bubble Tea keeps the terminal
// in the right modes, and gets an empty view.
type painted struct {
	*Model
	painter *painter
}

// Update implements tea.Model.
func (p painted) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	defer crash.Catch()
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		p.painter.forget(msg.Width, msg.Height)
	case tea.SuspendMsg, tea.ResumeMsg:
		p.painter.forget(0, 0)
	}
	_, cmd := p.Model.Update(msg)
	return p, caught(cmd)
}

// Init implements tea.Model.
func (p painted) Init() tea.Cmd { return caught(p.Model.Init()) }

// caught is a command that panics as every other goroutine of the program does.
func caught(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() tea.Msg {
		defer crash.Catch()
		msg := cmd()
		if batch, ok := msg.(tea.BatchMsg); ok {
			for i, c := range batch {
				batch[i] = caught(c)
			}
		}
		return msg
	}
}

// View implements tea.Model.
func (p painted) View() string {
	defer crash.Catch()
	crash.Point("screen")
	p.painter.show(p.Model.View())
	return ""
}
