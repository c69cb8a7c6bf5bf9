package termsync

import "unicode/utf8"

// Key is something typed: a text, or a key by its name with what was held with it.
// What bytes come of it is the sharer's to say, from the modes of the terminal:
// nobody can send it sequences.
type Key struct {
	Name Name
	Mods Mods
	Text string // of [Text] and [Paste]
}

// Name is the name of a key.
type Name uint8

// The keys. Text is what was typed, and Paste what was pasted, cleaned both of
// control characters, but for line feeds in a paste.
const (
	Text Name = iota
	Paste
	Enter
	Tab
	Backspace
	Escape
	Up
	Down
	Right
	Left
	Home
	End
	PageUp
	PageDown
	Insert
	Delete
	F1 // to F12
	f2
	f3
	f4
	f5
	f6
	f7
	f8
	f9
	f10
	f11
	F12
	names = iota
)

// Mods are the keys held with another.
type Mods uint8

// The modifiers, as xterm numbers them.
const (
	Shift Mods = 1 << iota
	Alt
	Ctrl
	mods = Shift | Alt | Ctrl
)

func appendKeys(b []byte, first uint32, keys []Key) []byte {
	b = number(b, len(keys))
	if len(keys) == 0 {
		return b
	}
	b = number(b, first)
	for _, k := range keys {
		b = append(b, byte(k.Name), byte(k.Mods))
		if k.Name <= Paste {
			b = number(b, len(k.Text))
			b = append(b, k.Text...)
		}
	}
	return b
}

func readKeys(r *reader) (first uint32, keys []Key) {
	n := r.int(MaxKeys)
	if n == 0 {
		return 0, nil
	}
	first = uint32(r.number(1<<32 - 1))
	for range n {
		k := Key{Name: Name(r.byte()), Mods: Mods(r.byte())}
		if k.Name >= names || k.Mods&^mods != 0 {
			r.fail(errValue)
		}
		if k.Name <= Paste {
			k.Text = string(r.bytes(r.int(MaxPaste)))
			if !typable(k.Text, k.Name == Paste) {
				r.fail(errText)
			}
		}
		if r.err != nil {
			return 0, nil
		}
		keys = append(keys, k)
	}
	return first, keys
}

// typable reports whether a text is one that can be typed: no control characters.
func typable(s string, lines bool) bool {
	if s == "" || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if (r < 0x20 || r >= 0x7f && r < 0xa0) && (!lines || r != '\n' && r != '\t') {
			return false
		}
	}
	return true
}

// fresh returns those of the keys that were not taken before, and takes them.
func (s *Sender) fresh(first uint32, keys []Key) Keys {
	if len(keys) == 0 {
		return nil
	}
	s.echo = true // confirmed again, for a confirmation may be lost
	if first > s.keys+1 || first+uint32(len(keys)) <= s.keys+1 {
		return nil // some before these are missing; or all are known
	}
	keys = keys[s.keys+1-first:]
	s.keys += uint32(len(keys))
	return keys
}

// Bytes are what a program gets for a key: from the cursor keys' mode, and whether
// pastes are bracketed.
func (k Key) Bytes(cursorKeys, paste bool) []byte {
	switch k.Name {
	case Text:
		return k.text()
	case Paste:
		if paste {
			return []byte("\x1b[200~" + k.Text + "\x1b[201~")
		}
		return []byte(lineEnds(k.Text))
	}
	prefix := ""
	if k.Mods&Alt != 0 {
		prefix = "\x1b"
	}
	switch k.Name {
	case Enter:
		return []byte(prefix + "\r")
	case Tab:
		if k.Mods&Shift != 0 {
			return []byte("\x1b[Z")
		}
		return []byte(prefix + "\t")
	case Backspace:
		return []byte(prefix + "\x7f")
	case Escape:
		return []byte(prefix + "\x1b")
	case Up, Down, Right, Left:
		return k.letter("ABCD"[k.Name-Up], cursorKeys)
	case Home:
		return k.letter('H', cursorKeys)
	case End:
		return k.letter('F', cursorKeys)
	case PageUp:
		return k.tilde(5)
	case PageDown:
		return k.tilde(6)
	case Insert:
		return k.tilde(2)
	case Delete:
		return k.tilde(3)
	}
	if k.Name >= F1 && k.Name < F1+4 {
		return k.letter("PQRS"[k.Name-F1], true)
	}
	if k.Name >= F1+4 && k.Name <= F12 {
		return k.tilde([]int{15, 17, 18, 19, 20, 21, 23, 24}[k.Name-F1-4])
	}
	return nil
}

// text is what typed characters become: those held with Ctrl are the control
// characters of ASCII.
func (k Key) text() []byte {
	var b []byte
	if k.Mods&Alt != 0 {
		b = append(b, 0x1b)
	}
	if k.Mods&Ctrl == 0 {
		return append(b, k.Text...)
	}
	if len(k.Text) != 1 {
		return nil
	}
	switch c := k.Text[0]; {
	case c == ' ':
		return append(b, 0)
	case c == '?':
		return append(b, 0x7f)
	case c >= 0x40 && c < 0x7f:
		return append(b, c&0x1f)
	}
	return nil
}

func lineEnds(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '\n' {
			b[i] = '\r'
		}
	}
	return string(b)
}

func (k Key) letter(final byte, application bool) []byte {
	if m := k.Mods & mods; m != 0 {
		return []byte{0x1b, '[', '1', ';', '1' + byte(m), final}
	}
	if application {
		return []byte{0x1b, 'O', final}
	}
	return []byte{0x1b, '[', final}
}

func (k Key) tilde(n int) []byte {
	b := []byte{0x1b, '['}
	b = append(b, []byte(itoa(n))...)
	if m := k.Mods & mods; m != 0 {
		b = append(b, ';', '1'+byte(m))
	}
	return append(b, '~')
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return string(rune('0'+n/10)) + string(rune('0'+n%10))
}
