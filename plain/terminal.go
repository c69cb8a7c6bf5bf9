package plain

import (
	"slices"
	"strings"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/term"
	"github.com/meet-term/meet/internal/termsync"
	"github.com/meet-term/meet/signal"
)

// readEvery is how long the lines of shared terminals are left to settle before
// those that are new are said.
const readEvery = 700 * time.Millisecond

// terminalID names a shared terminal.
type terminalID struct {
	peer signal.PeerID
	id   int
}

// readTerminals says what is new in the terminals of others.
func (s *session) readTerminals() {
	here := map[terminalID]bool{}
	for _, v := range s.opt.Term.Terminals() {
		id := terminalID{v.Peer, v.ID}
		here[id] = true
		if v.Own || v.Snapshot == nil {
			continue
		}
		now := linesOf(v)
		for _, line := range fresh(s.read[id], now) {
			s.say("%s: %s", name(v.Title), line)
		}
		s.read[id] = now
	}
	for id := range s.read {
		if !here[id] {
			delete(s.read, id)
		}
	}
}

// linesOf are the lines of a terminal that say something, without the one that the
// cursor is in: it is still being written.
func linesOf(v call.TerminalView) []string {
	var lines []string
	for y, cells := range v.Snapshot.Lines {
		if line := text(term.Text(cells)); line != "" && (y != v.Snapshot.CursorY || v.Snapshot.Hidden) {
			lines = append(lines, line)
		}
	}
	return lines
}

// fresh are the lines that were not there before: those after what scrolled, or those
// that changed in their place.
func fresh(before, now []string) []string {
	for moved := range len(before) {
		rest := before[moved:]
		if len(rest) <= len(now) && slices.Equal(rest, now[:len(rest)]) {
			return now[len(rest):]
		}
	}
	known := map[string]bool{}
	for _, line := range before {
		known[line] = true
	}
	var all []string
	for _, line := range now {
		if !known[line] {
			all = append(all, line)
		}
	}
	return all
}

// terminal does what a command about shared terminals says.
func (s *session) terminal(word, rest string) {
	if s.opt.Term == nil {
		s.say("there are no terminals in this call")
		return
	}
	all := s.opt.Term.Terminals()
	var err error
	switch word {
	case "/terminals":
		if len(all) == 0 {
			s.say("nobody shares a terminal")
		}
		for _, v := range all {
			s.say("%s of %s, %d columns, %d rows", name(v.Title), name(v.Name), v.Cols, v.Rows)
			if v.Snapshot != nil {
				for _, cells := range v.Snapshot.Lines {
					if line := text(term.Text(cells)); line != "" {
						s.say("| %s", line)
					}
				}
			}
		}
	case "/ask":
		v, ok := find(all, rest, func(v call.TerminalView) bool { return !v.Own })
		if err = call.ErrNoTerminal; ok {
			if err = s.opt.Term.AskTerminal(v.Peer, v.ID, true); err == nil {
				s.say("asked %s", name(v.Name))
			}
		}
	case "/type":
		v, ok := find(all, "", func(v call.TerminalView) bool { return v.MayType })
		if err = call.ErrMayNotType; ok {
			keys := []termsync.Key{{Name: termsync.Enter}}
			if rest != "" {
				keys = append([]termsync.Key{{Text: rest}}, keys...)
			}
			err = s.opt.Term.TypeTerminal(v.Peer, v.ID, keys...)
		}
	case "/allow", "/deny":
		err = s.allow(all, rest, word == "/allow")
	}
	if err != nil {
		s.say("%s", err)
	}
}

// allow lets somebody of a name type in our terminals, or takes that back.
func (s *session) allow(all []call.TerminalView, who string, on bool) error {
	if who == "" && !on {
		return s.opt.Term.AllowTerminals("", false)
	}
	for _, v := range all {
		for _, w := range append(v.Asking, v.Typing...) {
			if v.Own && strings.EqualFold(name(w.Name), who) {
				return s.opt.Term.AllowTerminals(w.Peer, on)
			}
		}
	}
	s.say("nobody of that name asked to type")
	return nil
}

// find is the first terminal that fits, of a person or a title if that is given.
func find(all []call.TerminalView, who string, fits func(call.TerminalView) bool) (call.TerminalView, bool) {
	for _, v := range all {
		if fits(v) && (who == "" || strings.EqualFold(name(v.Name), who) || strings.EqualFold(name(v.Title), who)) {
			return v, true
		}
	}
	return call.TerminalView{}, false
}
