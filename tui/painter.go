package tui

import (
	"strconv"
	"strings"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
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
// a second at most. docs/adr/0011-painting.md says why not Bubble Tea.
type painter struct {
	paint func(text string) (shown bool) // puts text on the screen, if that is there

	mu     sync.Mutex
	w, h   int         // guarded by mu, like everything below; 0: not known
	next   []string    // lines to show
	shown  []string    // lines on the screen; nil: it holds something else
	paid   time.Time   // until when the paintings so far take the screen up
	timer  *time.Timer // of a painting that is due later
	queued bool        // one is
}

// show is told what the screen is to look like.
func (p *painter) show(view string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = strings.Split(view, "\n")
	if p.queued {
		return
	}
	now := time.Now()
	wait := p.paid.Add(-frameBurst).Sub(now)
	if wait <= 0 {
		p.put(now)
		return
	}
	p.queued = true
	if p.timer == nil {
		p.timer = time.AfterFunc(wait, p.due)
	} else {
		p.timer.Reset(wait)
	}
}

// due paints what had to wait.
func (p *painter) due() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queued {
		p.queued = false
		p.put(time.Now())
	}
}

// stop paints nothing more.
func (p *painter) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queued = true // for ever
	if p.timer != nil {
		p.timer.Stop()
	}
}

// forget is for when something else has written on the screen, or its size has
// changed: the next painting is of all of it. A zero size leaves it as it was.
func (p *painter) forget(w, h int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = nil
	if w > 0 && h > 0 {
		p.w, p.h = w, h
	}
}

// put writes the lines that changed. Called with mu held.
func (p *painter) put(now time.Time) {
	lines := p.next
	if p.h > 0 && len(lines) > p.h {
		lines = lines[:p.h]
	}
	var b strings.Builder
	for y, line := range lines {
		if p.shown != nil && y < len(p.shown) && p.shown[y] == line {
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
	if b.Len() == 0 {
		return
	}
	if p.paint(b.String()) {
		p.shown = lines
	}
	if p.paid.Before(now) {
		p.paid = now
	}
	p.paid = p.paid.Add(frameTime)
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
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		p.painter.forget(msg.Width, msg.Height)
	case tea.SuspendMsg, tea.ResumeMsg:
		p.painter.forget(0, 0)
	}
	_, cmd := p.Model.Update(msg)
	return p, cmd
}

// View implements tea.Model.
func (p painted) View() string {
	p.painter.show(p.Model.View())
	return ""
}
