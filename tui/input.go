package tui

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// keyReleased is the key that stands for the release of the talk key in the
// stream that Bubble Tea reads. Bubble Tea v1 knows no releases; a function
// key that no keyboard has keeps them in order with the presses, which a
// second channel would not.
const keyReleased = "f20"

// errTerminalGone ends the program when its input ends: nobody is there.
var errTerminalGone = errors.New("the terminal is gone")

// Bounds of the input translator.
const (
	pasteMax    = 16 << 10 // bytes of one paste that are passed on
	sequenceMax = 64       // bytes of an unfinished sequence that are kept

	// pasteQuiet is how long the input must rest before keys count again after
	// the end of a paste. Many terminals paste an end mark within the text as
	// it is: what follows it would be keys that somebody else chose. A terminal
	// writes a paste without such a pause, and no finger is as quick.
	pasteQuiet = 30 * time.Millisecond
)

var (
	pasteStart = []byte("\x1b[200~")
	pasteEnd   = []byte("\x1b[201~")
	releaseSeq = []byte("\x1b[34~") // F20
)

// keyReader takes the events of the kitty keyboard protocol out of a terminal's
// input and puts those in their place that Bubble Tea v1 understands. It also
// cuts pastes that nobody wants to send. It belongs to the goroutine that
// reads.
//
// It never returns more bytes than it read, so that nothing stays behind while
// Bubble Tea waits for the file to become readable.
type keyReader struct {
	in     io.Reader
	talk   map[rune]bool // keys whose release is reported
	held   []byte        // an unfinished sequence
	paste  bool          // between the brackets of a paste
	passed int           // bytes of this paste passed on
	after  bool          // a paste has ended, and there was no rest since
	last   time.Time     // when a paste, or what came right after it, was read
	full   bool          // the last read got all it asked for
	now    func() time.Time
	buf    []byte
	out    []byte
}

// newKeyReader reads keys from in.
func newKeyReader(in io.Reader, talk []string) *keyReader {
	k := &keyReader{in: in, talk: map[rune]bool{}, now: time.Now}
	for _, name := range talk {
		if r, n := utf8.DecodeRuneInString(name); n == len(name) && n > 0 {
			k.talk[r] = true
		}
	}
	return k
}

// Read implements io.Reader. It may return no bytes and no error when all that
// was read was taken out.
func (k *keyReader) Read(p []byte) (int, error) {
	room := len(p) - len(k.held)
	if room <= 0 {
		n := copy(p, k.held)
		k.held = k.held[n:]
		return n, nil
	}
	if cap(k.buf) < room {
		k.buf = make([]byte, room)
	}
	n, err := k.in.Read(k.buf[:room])
	if n > 0 {
		if now := k.now(); k.paste || k.after {
			// A read that was full left something behind, however late this one is.
			k.after = k.after && (k.full || now.Sub(k.last) < pasteQuiet)
			k.last = now
		}
		k.full = n == room
		data := append(k.held, k.buf[:n]...)
		k.out = k.out[:0]
		rest := k.translate(data, n == room)
		k.held = append([]byte(nil), rest...)
		return copy(p, k.out), nil
	}
	if errors.Is(err, io.EOF) {
		err = errTerminalGone
	}
	return 0, err
}

// translate appends to k.out what Bubble Tea should see and returns the end of
// data that is not complete yet. more says that the read was full, so that
// even a lone escape at the end is likely the start of something.
func (k *keyReader) translate(data []byte, more bool) (rest []byte) {
	for len(data) > 0 {
		if k.paste {
			n := bytes.Index(data, pasteEnd)
			if n < 0 {
				keep := partial(data, pasteEnd)
				k.pass(data[:len(data)-keep])
				return data[len(data)-keep:]
			}
			k.pass(data[:n])
			k.out = append(k.out, pasteEnd...)
			k.paste, k.after, k.last = false, true, k.now()
			data = data[n+len(pasteEnd):]
			continue
		}
		if k.after {
			if data = k.settle(data); !bytes.HasPrefix(data, pasteStart) {
				return data
			}
		}
		esc := bytes.IndexByte(data, 0x1b)
		if esc < 0 {
			k.out = append(k.out, data...)
			return nil
		}
		k.out = append(k.out, data[:esc]...)
		data = data[esc:]
		n, complete := csiLen(data)
		switch {
		case more && len(data) < 3:
			return data
		case !complete && len(data) <= sequenceMax:
			return data
		case n == 0:
			k.out = append(k.out, data[0])
			data = data[1:]
			continue
		case bytes.Equal(data[:n], pasteStart):
			k.paste, k.passed = true, 0
			k.out = append(k.out, pasteStart...)
		default:
			k.out = append(k.out, k.key(data[:n])...)
		}
		data = data[n:]
	}
	return nil
}

// pass passes a part of a paste on, up to the bound.
func (k *keyReader) pass(b []byte) {
	b = b[:min(len(b), max(0, pasteMax-k.passed))]
	k.passed += len(b)
	k.out = append(k.out, b...)
}

// settle takes what came right after a paste out of data, up to the next paste
// or what may be the start of one. The keys that end a message and the writing
// remain, because programs that type for people press them at once.
func (k *keyReader) settle(data []byte) (rest []byte) {
	n := bytes.Index(data, pasteStart)
	if n < 0 {
		n = len(data)
		if keep := partial(data, pasteStart); keep > 2 { // less is a key
			n -= keep
		}
	}
	if len(bytes.Trim(data[:n], "\r\x1b")) == 0 {
		k.out = append(k.out, data[:n]...)
	}
	return data[n:]
}

// partial is how many bytes at the end of data may be the start of mark.
func partial(data, mark []byte) int {
	for n := min(len(data), len(mark)-1); n > 0; n-- {
		if bytes.HasSuffix(data, mark[:n]) {
			return n
		}
	}
	return 0
}

// csiLen is the length of the control sequence (ECMA-48 section 5.4) that data
// starts with; 0 when it is none. It is incomplete only when parameters have
// begun: an escape or a bracket alone is a key.
func csiLen(data []byte) (n int, complete bool) {
	if len(data) < 3 || data[0] != 0x1b || data[1] != '[' {
		return 0, true
	}
	if c := data[2]; (c < '0' || c > '9') && c != ';' {
		return 0, true // a private sequence, e.g. of the mouse, or a plain arrow
	}
	for i := 2; i < len(data); i++ {
		switch c := data[i]; {
		case c >= 0x40 && c <= 0x7e:
			return i + 1, true
		case c < 0x20 || c > 0x7e:
			return 0, true
		}
	}
	return 0, false
}

// The modifiers of the kitty keyboard protocol, as bits.
const (
	modShift = 1 << iota
	modAlt
	modCtrl
	modSuper
	modHyper
	modMeta
)

// The kinds of key events of the protocol.
const (
	eventPress   = 1
	eventRepeat  = 2
	eventRelease = 3
)

// key translates one control sequence. Those that are no key events of the
// protocol come back as they are.
func (k *keyReader) key(seq []byte) []byte {
	final := seq[len(seq)-1]
	fields := bytes.Split(seq[2:len(seq)-1], []byte(";"))
	code := number(fields[0], 0) // no key has the code 0
	mods, event := 0, eventPress
	if len(fields) > 1 {
		parts := bytes.Split(fields[1], []byte(":"))
		mods = max(0, number(parts[0], 1)-1)
		if len(parts) > 1 {
			event = number(parts[1], eventPress)
		}
	}
	mods &= modShift | modAlt | modCtrl | modSuper | modHyper | modMeta // locks do not matter
	if final != 'u' {
		return legacy(seq, fields, mods, event)
	}
	if event == eventRelease {
		if code <= unicode.MaxRune && k.talk[rune(code)] {
			return releaseSeq
		}
		return nil
	}
	return plainKey(code, mods)
}

// legacy handles the function keys, which keep their form and gain the event.
func legacy(seq []byte, fields [][]byte, mods, event int) []byte {
	if len(fields) < 2 || !bytes.ContainsRune(fields[1], ':') {
		return seq
	}
	final := seq[len(seq)-1]
	if event == eventRelease {
		return nil
	}
	out := []byte("\x1b[")
	switch {
	case mods == 0 && final != '~':
		return append(out, final)
	case mods == 0:
		return append(append(out, fields[0]...), final)
	}
	out = append(append(out, fields[0]...), ';')
	return append(strconv.AppendInt(out, int64(mods+1), 10), final)
}

// plainKey is what a terminal without the protocol sends for a key; nothing
// for keys that have no such form.
func plainKey(code, mods int) []byte {
	if code <= 0 || code > unicode.MaxRune || code >= 57344 && code <= 63743 || mods&(modSuper|modHyper|modMeta) != 0 {
		return nil // keys that only the protocol knows lie in the private use area
	}
	var out []byte
	if mods&modAlt != 0 {
		out = append(out, 0x1b)
	}
	r := rune(code)
	switch {
	case r == '\t' && mods&modShift != 0:
		return append(out, "\x1b[Z"...)
	case mods&modCtrl != 0:
		c, ok := control(r)
		if !ok {
			return nil
		}
		return append(out, c)
	case mods&modShift != 0:
		r = unicode.ToUpper(r)
	}
	return utf8.AppendRune(out, r)
}

// control is the control character of a key, such as 3 for ctrl+c.
func control(r rune) (byte, bool) {
	switch {
	case r >= 'a' && r <= 'z':
		return byte(r-'a') + 1, true
	case r >= '@' && r <= '_':
		return byte(r - '@'), true
	case r == ' ':
		return 0, true
	case r == '/':
		return 0x1f, true
	case r == '?', r == 127:
		return 0x7f, true
	case r == '\t', r == '\r', r == 0x1b:
		return byte(r), true
	}
	return 0, false
}

// number parses a parameter; absent or broken ones are otherwise. A parameter
// may have alternatives behind colons, of which the first counts.
func number(b []byte, otherwise int) int {
	first, _, _ := bytes.Cut(b, []byte(":"))
	n, err := strconv.Atoi(string(first))
	if err != nil || n < 0 {
		return otherwise
	}
	return n
}
