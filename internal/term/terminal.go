package term

import (
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/parser"
)

// Modes are those modes of a terminal that whoever types or looks needs to know.
type Modes struct {
	CursorKeys   bool // cursor keys send SS3 (DECCKM)
	Keypad       bool // the keypad sends sequences (DECKPAM)
	Paste        bool // pastes are bracketed (mode 2004)
	Hidden       bool // the cursor is (DECTCEM)
	Alternate    bool // the other screen is shown
	Synchronized bool // the program is in the middle of an update (mode 2026)
	Mouse        uint16
	MouseSGR     bool
	Focus        bool
}

// cursor is where and how the next character is printed.
type cursor struct {
	x, y   int
	wrap   bool // the last column is written: the next character wraps
	style  Style
	origin bool
	sets   [2]byte // character sets G0 and G1
	shift  int
}

// Terminal is the state of a terminal. It is owned by one goroutine.
type Terminal struct {
	main, other *grid
	g           *grid // the one shown
	cur         cursor
	saved       [2]cursor // of the main and of the other screen
	top, bottom int       // of the scrolling region, inclusive
	tabs        []bool
	modes       Modes
	noWrap      bool
	insert      bool
	newline     bool // LF means CR LF too
	shape       uint8
	title       string
	bells       int

	lastX, lastY int // of the character printed last, if joins
	joins        bool
	lastText     string // that REP repeats

	parser *ansi.Parser
	utf    [utf8.UTFMax]byte
	utfLen int
	str    controlString
}

// New returns a terminal of a size, which is brought into bounds.
func New(cols, rows int) *Terminal {
	cols, rows = size(cols, rows)
	t := &Terminal{parser: ansi.NewParser()}
	t.parser.SetDataSize(64)
	t.parser.SetHandler(ansi.Handler{
		Execute: t.execute, HandleCsi: t.csi, HandleEsc: t.escape,
		Print: func(r rune) { t.print(r) },
	})
	t.reset(cols, rows)
	return t
}

func size(cols, rows int) (int, int) {
	return min(max(cols, 1), MaxCols), min(max(rows, 1), MaxRows)
}

func (t *Terminal) reset(cols, rows int) {
	var scrolled uint64
	if t.main != nil {
		scrolled = t.main.scrolled
	}
	t.main, t.other = newGrid(cols, rows, Scrollback), newGrid(cols, rows, 0)
	t.main.scrolled = scrolled
	t.g = t.main
	t.cur, t.saved = cursor{}, [2]cursor{}
	t.top, t.bottom = 0, rows-1
	t.modes, t.noWrap, t.insert, t.newline = Modes{}, false, false, false
	t.joins, t.shape, t.lastText = false, 0, ""
	t.resetTabs(cols)
}

func (t *Terminal) resetTabs(cols int) {
	t.tabs = make([]bool, cols)
	for i := 8; i < cols; i += 8 {
		t.tabs[i] = true
	}
}

// Size is that of the screen in cells.
func (t *Terminal) Size() (cols, rows int) { return t.g.cols, t.g.rows }

// Modes are those set now.
func (t *Terminal) Modes() Modes { return t.modes }

// Title is the last title the program gave, as it gave it.
func (t *Terminal) Title() string { return t.title }

// Bells is how often the bell rang.
func (t *Terminal) Bells() int { return t.bells }

// Resize gives the terminal another size. The scrolling region becomes the whole
// screen.
func (t *Terminal) Resize(cols, rows int) {
	cols, rows = size(cols, rows)
	if cols == t.g.cols && rows == t.g.rows {
		return
	}
	for _, g := range []*grid{t.main, t.other} {
		switch {
		case g == t.g:
			t.cur.y = g.resize(cols, rows, t.cur.y)
		case g == t.main: // its cursor is where the program left it
			t.saved[0].y = g.resize(cols, rows, min(t.saved[0].y, g.rows-1))
		default:
			g.resize(cols, rows, 0)
		}
	}
	old := len(t.tabs)
	t.tabs = append(t.tabs[:min(old, cols):min(old, cols)], make([]bool, max(0, cols-old))...)
	for i := (old + 7) / 8 * 8; i < cols; i += 8 {
		t.tabs[i] = true
	}
	t.top, t.bottom = 0, rows-1
	t.cur.x, t.cur.y = min(t.cur.x, cols-1), min(t.cur.y, rows-1)
	t.cur.wrap, t.joins = false, false
}

// Write takes what the program writes. It never fails.
func (t *Terminal) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		switch {
		case t.str.kind != 0:
			p = t.inString(p)
		case t.parser.State() != parser.GroundState:
			p = t.inSequence(p)
		default:
			p = t.ground(p)
		}
	}
	return n, nil
}

// inSequence gives the parser a byte of an escape sequence. Control strings are
// taken here: the parser ends one at a byte 9C, which is a part of many characters.
func (t *Terminal) inSequence(p []byte) []byte {
	b := p[0]
	if b >= utf8.RuneSelf {
		t.parser.Reset()
		return p
	}
	if t.parser.State() == parser.EscapeState {
		switch b {
		case ']', 'P', '_', '^', 'X', 'k':
			t.parser.Reset()
			t.str.begin(b)
			return p[1:]
		}
	}
	t.parser.Advance(b)
	return p[1:]
}

// ground takes text up to the next control character.
func (t *Terminal) ground(p []byte) []byte {
	b := p[0]
	switch {
	case t.utfLen > 0 || b >= utf8.RuneSelf:
		return t.collect(p)
	case b == 0x7f:
		return p[1:]
	case b < 0x20:
		if b == 0x1b {
			t.parser.Advance(b)
		} else {
			t.execute(b)
		}
		return p[1:]
	}
	n := 1
	for n < len(p) && p[n] >= 0x20 && p[n] < 0x7f {
		n++
	}
	t.printASCII(p[:n])
	return p[n:]
}

// collect takes a character of several bytes, which may come in pieces.
func (t *Terminal) collect(p []byte) []byte {
	if t.utfLen == 0 {
		if r, n := utf8.DecodeRune(p); r != utf8.RuneError || n > 1 {
			t.print(r)
			return p[n:]
		}
	}
	for len(p) > 0 && t.utfLen < utf8.UTFMax && !utf8.FullRune(t.utf[:t.utfLen]) {
		if t.utfLen > 0 && p[0]&0xc0 != 0x80 {
			break
		}
		t.utf[t.utfLen] = p[0]
		t.utfLen++
		p = p[1:]
		if t.utfLen == 1 && t.utf[0]&0xc0 == 0x80 {
			break // begins with the middle of a character
		}
	}
	if len(p) == 0 && !utf8.FullRune(t.utf[:t.utfLen]) && t.utfLen < utf8.UTFMax {
		return p // the rest may come
	}
	r, _ := utf8.DecodeRune(t.utf[:t.utfLen])
	t.utfLen = 0
	t.print(r)
	return p
}

// controlString collects the text of an OSC; those of other kinds are skipped.
type controlString struct {
	kind byte
	esc  bool
	text []byte
}

func (s *controlString) begin(kind byte) { s.kind, s.esc, s.text = kind, false, s.text[:0] }

// inString takes bytes of a control string up to its end.
func (t *Terminal) inString(p []byte) []byte {
	s := &t.str
	for i, b := range p {
		switch {
		case s.esc:
			kind := s.kind
			s.kind = 0
			if b == '\\' {
				t.ended(kind)
				return p[i+1:]
			}
			t.parser.Reset() // ESC ends it as well, and begins what follows
			t.parser.Advance(0x1b)
			return p[i:]
		case b == 0x1b:
			s.esc = true
		case b == 0x07 && s.kind == ']':
			s.kind = 0
			t.ended(']')
			return p[i+1:]
		case b == 0x18 || b == 0x1a:
			s.kind = 0
			return p[i+1:]
		case len(s.text) < maxString:
			s.text = append(s.text, b)
		}
	}
	return nil
}

// ended takes a whole control string: only titles matter.
func (t *Terminal) ended(kind byte) {
	text := string(t.str.text)
	if kind == 'k' { // the title in the manner of screen
		t.setTitle(text)
	}
	if kind != ']' || len(text) < 2 || text[1] != ';' || text[0] != '0' && text[0] != '2' {
		return
	}
	t.setTitle(text[2:])
}

func (t *Terminal) setTitle(s string) {
	if len(s) > maxTitle {
		s = s[:maxTitle]
		for len(s) > 0 && !utf8.ValidString(s) && len(s) > maxTitle-utf8.UTFMax {
			s = s[:len(s)-1]
		}
	}
	t.title = s
}
