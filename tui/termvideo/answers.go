package termvideo

import (
	"bytes"
	"strconv"
	"strings"
)

// Caps is what a terminal said about itself.
type Caps struct {
	// Name is the terminal and its version as XTVERSION reports it, printable
	// ASCII only, empty if it does not say.
	Name string
	// KittyGraphics: it shows pictures of the kitty protocol. KittyLocal: also
	// pictures in files of this machine, so it runs here too.
	KittyGraphics, KittyLocal bool
	Sixel                     bool // by its device attributes
	SyncOutput                bool // DEC mode 2026
	KittyKeyboard             bool // key releases can be had
	// CellWidth and CellHeight are pixels, 0 if unknown.
	CellWidth, CellHeight int
	// Background is the colour behind the text, if HasBackground.
	Background    [3]uint8
	HasBackground bool
	// OctantCells is how far the cursor moved over an octant; -1 if the
	// terminal did not say. 1 is right; 0 means that it was dropped, more than
	// 2 that its bytes were taken for as many characters.
	OctantCells int
	// Answered: the last question was answered, so nothing more will come.
	Answered bool
}

// Answers takes a terminal's answers out of what is read from it. The rest was
// typed. It is not safe for concurrent use.
type Answers struct {
	caps    Caps
	pending []byte // the beginning of a sequence
	columns []int  // the cursor reports, 1-based
	area    [2]int // pixels of the text area
	cells   [2]int // cells of the text area
}

// NewAnswers returns an Answers that has heard nothing.
func NewAnswers() *Answers { return &Answers{caps: Caps{OctantCells: -1}} }

// maxAnswer bounds an unfinished sequence: more is no answer.
const maxAnswer = 4096

// Feed takes in what was read and returns what of it was typed. A sequence cut
// off at the end waits for its rest.
func (a *Answers) Feed(b []byte) (typed []byte) {
	in := b
	if len(a.pending) > 0 {
		in = append(a.pending, b...)
		a.pending = nil
	}
	for len(in) > 0 {
		start := bytes.IndexByte(in, 0x1b)
		if start < 0 {
			return append(typed, in...)
		}
		typed = append(typed, in[:start]...)
		in = in[start:]
		n, complete := sequenceLen(in)
		if !complete && len(in) < maxAnswer {
			a.pending = append([]byte(nil), in...)
			return typed
		}
		if !complete || !a.take(in[:n]) {
			typed = append(typed, in[:n]...)
		}
		in = in[n:]
	}
	return typed
}

// Rest returns the beginning of a sequence that never ended: a press of the
// escape key, most likely.
func (a *Answers) Rest() []byte {
	rest := a.pending
	a.pending = nil
	return rest
}

// Key returns an escape that what was read ended with: a press of the key, since
// a terminal sends its answers in one piece.
func (a *Answers) Key() []byte {
	if len(a.pending) != 1 {
		return nil
	}
	return a.Rest()
}

// Caps returns what is known so far.
func (a *Answers) Caps() Caps {
	c := a.caps
	if c.CellWidth == 0 && a.cells[0] > 0 && a.cells[1] > 0 {
		c.CellWidth, c.CellHeight = a.area[0]/a.cells[0], a.area[1]/a.cells[1]
	}
	if c.CellWidth <= 0 || c.CellHeight <= 0 {
		c.CellWidth, c.CellHeight = 0, 0
	}
	if len(a.columns) >= 2 {
		c.OctantCells = a.columns[1] - a.columns[0]
	}
	return c
}

// sequenceLen returns the length of the escape sequence at the start of b, or
// of what can be taken off if there is none.
func sequenceLen(b []byte) (n int, complete bool) {
	if len(b) < 2 {
		return len(b), false
	}
	switch b[1] {
	case '[':
		for i := 2; i < len(b); i++ {
			if b[i] >= 0x40 && b[i] <= 0x7e {
				return i + 1, true
			}
			if b[i] < 0x20 || b[i] == 0x7f {
				return i, true
			}
		}
		return len(b), false
	case ']', 'P', '_':
		for i := 2; i < len(b); i++ {
			switch {
			case b[i] == '\a':
				return i + 1, true
			case b[i] == 0x1b && i+1 == len(b):
				return len(b), false
			case b[i] == 0x1b && b[i+1] == '\\':
				return i + 2, true
			case b[i] == 0x1b || b[i] < 0x20:
				return i, true
			}
		}
		return len(b), false
	case 0x1b:
		return 1, true
	}
	return 2, true
}

// take reads one sequence and says whether it was an answer.
func (a *Answers) take(seq []byte) bool {
	if len(seq) < 3 {
		return false
	}
	switch seq[1] {
	case '[':
		return a.takeControl(seq[2:len(seq)-1], seq[len(seq)-1])
	case 'P':
		body, ok := bytes.CutPrefix(text(seq), []byte(">|"))
		if ok {
			a.caps.Name = printable(body)
		}
		return ok
	case '_':
		return a.takeGraphics(text(seq))
	case ']':
		body, ok := bytes.CutPrefix(text(seq), []byte("11;"))
		if ok {
			a.caps.Background, a.caps.HasBackground = parseColor(string(body))
		}
		return ok
	}
	return false
}

// text is what a string sequence carries.
func text(seq []byte) []byte {
	body := seq[2:]
	if trimmed, ok := bytes.CutSuffix(body, []byte("\x1b\\")); ok {
		return trimmed
	}
	return bytes.TrimSuffix(body, []byte{'\a'})
}

// printable keeps what is safe to show of a name.
func printable(b []byte) string {
	var s strings.Builder
	for _, c := range b[:min(len(b), 80)] {
		if c >= 0x20 && c < 0x7f {
			s.WriteByte(c)
		}
	}
	return s.String()
}

// The ids of the two graphics questions.
const (
	graphicsProbe = "31"
	localProbe    = "32"
)

func (a *Answers) takeGraphics(body []byte) bool {
	keys, message, ok := strings.Cut(string(body), ";")
	if !ok || !strings.HasPrefix(keys, "G") {
		return false
	}
	works := message == "OK"
	for key := range strings.SplitSeq(keys[1:], ",") {
		switch key {
		case "i=" + graphicsProbe:
			a.caps.KittyGraphics = a.caps.KittyGraphics || works
		case "i=" + localProbe:
			a.caps.KittyLocal = a.caps.KittyLocal || works
		}
	}
	return true
}

func (a *Answers) takeControl(params []byte, final byte) bool {
	private := len(params) > 0 && params[0] == '?'
	if private {
		params = params[1:]
	}
	mode := bytes.HasSuffix(params, []byte{'$'})
	n, ok := numbers(string(bytes.TrimSuffix(params, []byte{'$'})))
	if !ok {
		return false
	}
	switch {
	case final == 'y' && private && mode && len(n) == 2:
		if n[0] == 2026 {
			a.caps.SyncOutput = n[1] >= 1 && n[1] <= 3
		}
		return true
	case mode:
		return false
	case final == 'u' && private:
		a.caps.KittyKeyboard = true
		return true
	case final == 'c' && private:
		for _, attribute := range n[min(1, len(n)):] {
			a.caps.Sixel = a.caps.Sixel || attribute == 4
		}
		a.caps.Answered = true
		return true
	case final == 'R' && !private && len(n) == 2:
		a.columns = append(a.columns, n[1])
		return true
	case final == 't' && !private && len(n) == 3:
		return a.takeSize(n)
	}
	return false
}

func (a *Answers) takeSize(n []int) bool {
	switch n[0] {
	case 4:
		a.area = [2]int{n[2], n[1]}
	case 6:
		a.caps.CellWidth, a.caps.CellHeight = n[2], n[1]
	case 8:
		a.cells = [2]int{n[2], n[1]}
	default:
		return false
	}
	return true
}

// numbers reads parameters separated by semicolons; a missing one is 0.
func numbers(s string) ([]int, bool) {
	if s == "" {
		return nil, true
	}
	var out []int
	for part := range strings.SplitSeq(s, ";") {
		if part == "" {
			out = append(out, 0)
			continue
		}
		v, err := strconv.Atoi(part)
		if err != nil || v < 0 || v > 1<<20 || len(out) > 64 {
			return nil, false
		}
		out = append(out, v)
	}
	return out, true
}

// parseColor reads rgb:RR/GG/BB with one to four digits each, as X11 and the
// terminals write colours.
func parseColor(s string) (c [3]uint8, ok bool) {
	s, ok = strings.CutPrefix(s, "rgb:")
	if !ok {
		return c, false
	}
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return c, false
	}
	for i, part := range parts {
		v, err := strconv.ParseUint(part, 16, 16)
		if err != nil || part == "" || len(part) > 4 {
			return c, false
		}
		largest := uint64(1)<<(4*len(part)) - 1
		c[i] = uint8((v*255 + largest/2) / largest)
	}
	return c, true
}
