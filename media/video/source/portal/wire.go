package portal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Bounds of what is taken from the bus.
const (
	maxMessage = 1 << 20 // bytes
	maxDepth   = 16      // of nested values
)

// Message types and header fields (D-Bus specification, "Message Format").
const (
	typeCall   = 1
	typeReturn = 2
	typeError  = 3
	typeSignal = 4

	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSignature   = 8
	fieldFDs         = 9
)

var errWire = errors.New("malformed message on the bus")

// Types of the bus that are strings in Go.
type (
	objectPath string
	signature  string
)

// message is one message of the bus.
type message struct {
	kind      byte
	serial    uint32
	reply     uint32 // serial of the call it answers
	path      objectPath
	iface     string
	member    string
	errorName string
	dest      string
	fds       int // how many descriptors come with it
	body      []any
}

// encoder writes values in little endian.
type encoder struct{ buf []byte }

func (e *encoder) align(n int) {
	for len(e.buf)%n != 0 {
		e.buf = append(e.buf, 0)
	}
}

func (e *encoder) uint32(v uint32) {
	e.align(4)
	e.buf = binary.LittleEndian.AppendUint32(e.buf, v)
}

func (e *encoder) string(s string) {
	e.uint32(uint32(len(s)))
	e.buf = append(append(e.buf, s...), 0)
}

func (e *encoder) signature(s string) {
	e.buf = append(append(append(e.buf, byte(len(s))), s...), 0)
}

// array writes an array whose elements are aligned to 8, as structs are.
func (e *encoder) array(elements func()) {
	e.uint32(0)
	length := len(e.buf) - 4
	e.align(8)
	start := len(e.buf)
	elements()
	binary.LittleEndian.PutUint32(e.buf[length:], uint32(len(e.buf)-start))
}

// option is one entry of a dictionary of named options.
type option struct {
	name  string
	value any
}

// value writes one of the few types that our calls have.
func (e *encoder) value(v any) {
	switch v := v.(type) {
	case uint32:
		e.uint32(v)
	case bool:
		n := uint32(0)
		if v {
			n = 1
		}
		e.uint32(n)
	case string:
		e.string(v)
	case objectPath:
		e.string(string(v))
	case signature:
		e.signature(string(v))
	case []option:
		e.array(func() {
			for _, o := range v {
				e.align(8)
				e.string(o.name)
				e.variant(o.value)
			}
		})
	}
}

func (e *encoder) variant(v any) {
	e.signature(typeOf(v))
	e.value(v)
}

func typeOf(v any) string {
	switch v.(type) {
	case uint32:
		return "u"
	case bool:
		return "b"
	case objectPath:
		return "o"
	case signature:
		return "g"
	case []option:
		return "a{sv}"
	}
	return "s"
}

// marshal writes a method call.
func (m *message) marshal() []byte {
	var body encoder
	var types strings.Builder
	for _, v := range m.body {
		body.value(v)
		types.WriteString(typeOf(v))
	}
	var e encoder
	e.buf = append(e.buf, 'l', m.kind, 0, 1)
	e.uint32(uint32(len(body.buf)))
	e.uint32(m.serial)
	e.array(func() {
		field := func(code byte, v any) {
			e.align(8)
			e.buf = append(e.buf, code)
			e.variant(v)
		}
		field(fieldPath, m.path)
		field(fieldInterface, m.iface)
		field(fieldMember, m.member)
		field(fieldDestination, m.dest)
		if types.Len() > 0 {
			field(fieldSignature, signature(types.String()))
		}
	})
	e.align(8)
	return append(e.buf, body.buf...)
}

// headSize is how much of a message tells how long it is.
const headSize = 16

// messageSize returns the length of a message from its first 16 bytes.
func messageSize(head []byte) (int, error) {
	if len(head) < headSize || head[0] != 'l' {
		return 0, fmt.Errorf("%w: byte order %q", errWire, head[:1])
	}
	body, fields := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[12:])
	if body > maxMessage || fields > maxMessage {
		return 0, fmt.Errorf("%w: %d bytes", errWire, uint64(body)+uint64(fields))
	}
	return headSize + int(fields+7)&^7 + int(body), nil
}

// unmarshal reads one whole message.
func unmarshal(data []byte) (*message, error) {
	size, err := messageSize(data)
	if err != nil {
		return nil, err
	}
	if size != len(data) {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", errWire, len(data), size)
	}
	m := &message{kind: data[1], serial: binary.LittleEndian.Uint32(data[8:])}
	d := &decoder{data: data, at: 12}
	fields, err := d.value("a(yv)", 0)
	if err != nil {
		return nil, err
	}
	var types signature
	for _, f := range fields.([]any) {
		pair := f.([]any)
		switch v := pair[1].(type) {
		case objectPath:
			m.path = v
		case signature:
			types = v
		case uint32:
			switch pair[0].(byte) {
			case fieldReplySerial:
				m.reply = v
			case fieldFDs:
				m.fds = int(min(v, 16))
			}
		case string:
			switch pair[0].(byte) {
			case fieldInterface:
				m.iface = v
			case fieldMember:
				m.member = v
			case fieldErrorName:
				m.errorName = v
			}
		}
	}
	d.at = (d.at + 7) &^ 7
	for rest := string(types); rest != ""; {
		one, after, err := firstType(rest, 0)
		if err != nil {
			return nil, err
		}
		v, err := d.value(one, 0)
		if err != nil {
			return nil, err
		}
		m.body, rest = append(m.body, v), after
	}
	return m, nil
}

// firstType splits the first complete type off a signature.
func firstType(s string, depth int) (one, rest string, err error) {
	if s == "" || depth > maxDepth {
		return "", "", fmt.Errorf("%w: signature", errWire)
	}
	switch s[0] {
	case 'a':
		one, _, err := firstType(s[1:], depth+1)
		return s[:len(one)+1], s[len(one)+1:], err
	case '(', '{':
		end := map[byte]byte{'(': ')', '{': '}'}[s[0]]
		at := 1
		for at < len(s) && s[at] != end {
			one, _, err := firstType(s[at:], depth+1)
			if err != nil {
				return "", "", err
			}
			at += len(one)
		}
		if at >= len(s) || at == 1 {
			return "", "", fmt.Errorf("%w: signature", errWire)
		}
		return s[:at+1], s[at+1:], nil
	case 'y', 'b', 'n', 'q', 'i', 'u', 'x', 't', 'd', 's', 'o', 'g', 'h', 'v':
		return s[:1], s[1:], nil
	}
	return "", "", fmt.Errorf("%w: type %q", errWire, s[0])
}

// decoder reads values in little endian.
type decoder struct {
	data []byte
	at   int
}

// take returns the next n bytes, aligned.
func (d *decoder) take(n, align int) ([]byte, error) {
	at := (d.at + align - 1) / align * align
	if n < 0 || at > len(d.data) || n > len(d.data)-at {
		return nil, fmt.Errorf("%w: it ends early", errWire)
	}
	d.at = at + n
	return d.data[at : at+n], nil
}

func (d *decoder) uint32() (uint32, error) {
	b, err := d.take(4, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

// alignment of the types of the bus.
func alignment(t byte) int {
	switch t {
	case 'y', 'g', 'v':
		return 1
	case 'n', 'q':
		return 2
	case 'x', 't', 'd', '(', '{':
		return 8
	}
	return 4
}

// value reads a value of one complete type. Arrays and structs become []any,
// dictionaries of strings map[string]any, other dictionaries arrays of pairs;
// variants become what is in them, descriptors ('h') their index.
func (d *decoder) value(t string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: nested too deeply", errWire)
	}
	switch t[0] {
	case 's', 'o':
		return d.text(t[0])
	case 'g':
		return d.shortText()
	case 'v':
		s, err := d.shortText()
		if err != nil {
			return nil, err
		}
		one, rest, err := firstType(string(s), 0)
		if err != nil || rest != "" {
			return nil, fmt.Errorf("%w: variant of %q", errWire, s)
		}
		return d.value(one, depth+1)
	case '(', '{':
		if _, err := d.take(0, 8); err != nil {
			return nil, err
		}
		return d.members(t[1:len(t)-1], depth)
	case 'a':
		return d.array(t[1:], depth)
	}
	return d.number(t[0])
}

func (d *decoder) number(t byte) (any, error) {
	size := map[byte]int{'y': 1, 'n': 2, 'q': 2, 'x': 8, 't': 8, 'd': 8}[t]
	if size == 0 {
		size = 4
	}
	b, err := d.take(size, size)
	if err != nil {
		return nil, err
	}
	switch t {
	case 'y':
		return b[0], nil
	case 'b':
		return binary.LittleEndian.Uint32(b) != 0, nil
	case 'n':
		return int16(binary.LittleEndian.Uint16(b)), nil
	case 'q':
		return binary.LittleEndian.Uint16(b), nil
	case 'i':
		return int32(binary.LittleEndian.Uint32(b)), nil
	case 'x':
		return int64(binary.LittleEndian.Uint64(b)), nil
	case 't':
		return binary.LittleEndian.Uint64(b), nil
	case 'd':
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (d *decoder) text(t byte) (any, error) {
	n, err := d.uint32()
	if err != nil {
		return nil, err
	}
	if n > maxMessage {
		return nil, fmt.Errorf("%w: text of %d bytes", errWire, n)
	}
	b, err := d.take(int(n)+1, 1)
	if err != nil {
		return nil, err
	}
	s := string(b[:n])
	if t == 'o' {
		return objectPath(s), nil
	}
	return s, nil
}

func (d *decoder) shortText() (signature, error) {
	n, err := d.take(1, 1)
	if err != nil {
		return "", err
	}
	b, err := d.take(int(n[0])+1, 1)
	if err != nil {
		return "", err
	}
	return signature(b[:len(b)-1]), nil
}

func (d *decoder) members(types string, depth int) ([]any, error) {
	var all []any
	for types != "" {
		one, rest, err := firstType(types, 0)
		if err != nil {
			return nil, err
		}
		v, err := d.value(one, depth+1)
		if err != nil {
			return nil, err
		}
		all, types = append(all, v), rest
	}
	return all, nil
}

func (d *decoder) array(element string, depth int) (any, error) {
	n, err := d.uint32()
	if err != nil {
		return nil, err
	}
	if _, err := d.take(0, alignment(element[0])); err != nil {
		return nil, err
	}
	if int64(n) > int64(len(d.data)-d.at) {
		return nil, fmt.Errorf("%w: array of %d bytes", errWire, n)
	}
	end := d.at + int(n)
	all := []any{}
	named := map[string]any{}
	for d.at < end {
		v, err := d.value(element, depth+1)
		if err != nil {
			return nil, err
		}
		if pair, ok := v.([]any); ok && element[0] == '{' && len(pair) == 2 {
			if name, ok := pair[0].(string); ok {
				named[name] = pair[1]
				continue
			}
		}
		all = append(all, v)
	}
	if d.at != end {
		return nil, fmt.Errorf("%w: array of %d bytes", errWire, n)
	}
	if strings.HasPrefix(element, "{s") {
		return named, nil
	}
	return all, nil
}
