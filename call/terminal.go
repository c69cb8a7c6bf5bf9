package call

import (
	"errors"
	"time"

	"github.com/meet-term/meet/internal/term"
	"github.com/meet-term/meet/internal/termsync"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Limits of shared terminals.
const (
	MaxTerminals     = 8        // that one person shares
	maxTerminalTitle = 60       // runes
	maxOutput        = 1 << 20  // bytes that a program wrote and the grid has not read; then it waits
	maxTerminalMail  = 256      // messages of one peer that wait to be read; more are dropped
	maxAskers        = 16       // who wait for an answer
	outputPiece      = 64 << 10 // bytes that are read at once
)

// Times of shared terminals.
const (
	settle      = 1500 * time.Microsecond // an update comes in several writes: so long is waited for the rest
	settleLong  = 100 * time.Millisecond  // or for one that the program said goes on
	tellAgain   = 500 * time.Millisecond  // between words on titles and sizes
	forgetTyper = 30 * time.Second        // of a cut, after which who typed must ask again
)

// TerminalView is one terminal that somebody shares, as it is now. It is never
// changed.
type TerminalView struct {
	rtc.Who // who shares it
	ID      int
	Own     bool
	Title   string
	Cols    int
	Rows    int
	// ViewOnly terminals let nobody type.
	ViewOnly bool
	// Typing is who may type besides the owner.
	Typing []rtc.Who
	// MayType says that we may, and Asked that we asked and have no answer.
	MayType, Asked bool
	// Asking is who wants to type: an own terminal's owner is to say.
	Asking   []rtc.Who
	Snapshot *term.Snapshot // nil until the first state came
	// Back is how many lines the view is scrolled back, and Past those lines that
	// left at the top and are in view then, as many as are known, nil for a line
	// that is not.
	Back int
	Past [][]term.Cell
	// Unconfirmed is how many of our keys are under way.
	Unconfirmed int
}

// The events of shared terminals.
type (
	// TerminalStarted says that somebody shares a terminal, oneself included.
	TerminalStarted struct {
		rtc.Who
		ID         int
		Title      string
		Cols, Rows int
	}
	// TerminalResized says that it has another size or another title.
	TerminalResized struct {
		rtc.Who
		ID         int
		Title      string
		Cols, Rows int
	}
	// TerminalStopped says that it is no longer shared.
	TerminalStopped struct {
		rtc.Who
		ID         int
		Title      string
		Cols, Rows int
	}
	// TerminalAsked says that somebody wants to type in a terminal of ours.
	TerminalAsked struct {
		rtc.Who
		ID int
	}
	// TerminalAllowed says that somebody may type in a terminal, or no longer: Who is
	// the one who types, Owner who shares it.
	TerminalAllowed struct {
		rtc.Who
		Owner rtc.Who
		ID    int
		On    bool
	}
)

func (TerminalStarted) EventName() string { return "terminal-started" }
func (TerminalResized) EventName() string { return "terminal-resized" }
func (TerminalStopped) EventName() string { return "terminal-stopped" }
func (TerminalAsked) EventName() string   { return "terminal-asked" }
func (TerminalAllowed) EventName() string { return "terminal-allowed" }

// Why something cannot be done with a terminal.
var (
	ErrNoTerminal   = errors.New("nobody shares such a terminal")
	ErrViewOnly     = errors.New("that terminal is shared to be looked at only")
	ErrMayNotType   = errors.New("you may not type in that terminal: ask first")
	ErrTooManyKeys  = errors.New("too much typed waits to get there: the connection is cut or slow")
	ErrManyShared   = errors.New("you share eight terminals already: stop one first")
	errNobodyAsked  = errors.New("nobody like that asked to type")
	errCallEnded    = errors.New("the call has ended")
	errNoMoreOutput = errors.New("that terminal is no longer shared")
)

// ShareConfig describes a terminal to be shared.
type ShareConfig struct {
	Title      string // until the program gives one; "" is "terminal"
	Cols, Rows int
	ViewOnly   bool
	// Input takes what viewers type, ready for the program. It is called on the
	// goroutine of all terminals and must not wait. Nil is ViewOnly.
	Input func([]byte)
}

// Share is a terminal that we share. Its methods may be called from any goroutine.
type Share struct {
	t  *terminals
	id byte
}

// ID is the number of the terminal among ours.
func (s *Share) ID() int { return int(s.id) }

// Write takes what the program wrote. It waits when more was written than was read.
func (s *Share) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 {
		piece := append([]byte(nil), p[:min(len(p), outputPiece)]...)
		if !s.t.room(len(piece)) {
			return n, errNoMoreOutput
		}
		if !s.t.post(func(now time.Time) { s.t.output(now, s.id, piece) }) {
			return n, errCallEnded
		}
		p, n = p[len(piece):], n+len(piece)
	}
	return n, nil
}

// Resize says that the program's terminal has another size. It is in order with
// what is written.
func (s *Share) Resize(cols, rows int) {
	s.t.post(func(now time.Time) { s.t.resized(now, s.id, cols, rows) })
}

// Close ends it: the others no longer see it.
func (s *Share) Close() { s.t.post(func(time.Time) { s.t.stop(s.id) }) }

// ShareTerminal shares a terminal with everybody in the room, until it is closed.
func (c *Call) ShareTerminal(cfg ShareConfig) (*Share, error) {
	type answer struct {
		s   *Share
		err error
	}
	done := make(chan answer, 1)
	if !c.terminals.post(func(now time.Time) {
		s, err := c.terminals.share(now, cfg)
		done <- answer{s, err}
	}) {
		return nil, errCallEnded
	}
	select {
	case a := <-done:
		return a.s, a.err
	case <-c.terminals.ended:
		return nil, errCallEnded
	}
}

// Terminals is what is shared now, one's own first, in an order that stays. The
// slice is never changed.
func (c *Call) Terminals() []TerminalView { return *c.terminals.views.Load() }

// TerminalsChanged carries one token whenever Terminals has something new. It is
// for one reader.
func (c *Call) TerminalsChanged() <-chan struct{} { return c.terminals.changed }

// TypeTerminal types keys into somebody's terminal, who allowed it, or one's own.
func (c *Call) TypeTerminal(peer signal.PeerID, id int, keys ...termsync.Key) error {
	return c.terminals.ask(func(now time.Time) error { return c.terminals.typeIn(now, peer, id, keys) })
}

// AskTerminal asks who shares a terminal to be let type in it; on false takes the
// wish back, or lets go of what was allowed.
func (c *Call) AskTerminal(peer signal.PeerID, id int, on bool) error {
	return c.terminals.ask(func(time.Time) error { return c.terminals.wish(peer, id, on) })
}

// AllowTerminals lets somebody type in our terminals, those they asked for, or takes
// it back, from everybody with "".
func (c *Call) AllowTerminals(peer signal.PeerID, on bool) error {
	return c.terminals.ask(func(time.Time) error { return c.terminals.allow(peer, on) })
}

// StopTerminal ends sharing one of our terminals; its program goes on.
func (c *Call) StopTerminal(id int) error {
	return c.terminals.ask(func(time.Time) error {
		if c.terminals.shares[byte(id)] == nil {
			return ErrNoTerminal
		}
		c.terminals.stop(byte(id))
		return nil
	})
}

// ScrollTerminal shows a terminal as it was so many lines ago, 0 for the present.
func (c *Call) ScrollTerminal(peer signal.PeerID, id, back int) {
	c.terminals.post(func(time.Time) { c.terminals.scroll(peer, id, back) })
}
