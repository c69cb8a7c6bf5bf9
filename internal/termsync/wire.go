package termsync

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/meet-term/meet/internal/term"
)

var (
	errShort = errors.New("the message ends too early")
	errValue = errors.New("a number is out of bounds")
	errText  = errors.New("the text is not fit to be shown")
)

// reader takes a message apart. The first error stays.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err, r.b = err, nil
	}
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail(errShort)
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) uint16() uint16 { return uint16(r.byte())<<8 | uint16(r.byte()) }

// number reads a varint of at most most.
func (r *reader) number(most uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.b = r.b[n:]
	if v > most {
		r.fail(errValue)
		return 0
	}
	return v
}

func (r *reader) int(most int) int { return int(r.number(uint64(most))) }

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.fail(errShort)
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func number[T int | uint32 | uint64](b []byte, v T) []byte { return binary.AppendUvarint(b, uint64(v)) }

// deflater packs the bodies of messages. It is owned by one goroutine.
type deflater struct {
	w   *flate.Writer
	out bytes.Buffer
}

// pack deflates a body if that makes it smaller, and reports whether it did. The
// result is valid until the next call.
func (d *deflater) pack(body []byte) ([]byte, bool) {
	if len(body) <= plain {
		return body, false
	}
	d.out.Reset()
	if d.w == nil {
		d.w, _ = flate.NewWriter(&d.out, flate.DefaultCompression) // the level is valid
	} else {
		d.w.Reset(&d.out)
	}
	// Writing to a buffer does not fail.
	_, _ = d.w.Write(body)
	_ = d.w.Close()
	if d.out.Len() >= len(body) {
		return body, false
	}
	return d.out.Bytes(), true
}

// unpack is the other way, within bounds.
func unpack(body []byte, deflated bool) ([]byte, error) {
	if !deflated {
		return body, nil
	}
	out, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(body)), maxInflate+1))
	if err != nil {
		return nil, fmt.Errorf("inflate: %w", err)
	}
	if len(out) > maxInflate {
		return nil, fmt.Errorf("inflate: %w", errValue)
	}
	return out, nil
}

// The flags of a run.
const (
	runRow     byte = 1 << iota // the number of its row follows
	runStyle                    // its style follows
	runBlanks                   // a number of blanks, instead of a text
	runCluster                  // the text is one cell
	runWide                     // its cells are wide
	runFlags   = 1<<iota - 1
)

// appendStyle writes a style: colours of the palette take two bytes.
func appendStyle(b []byte, s term.Style) []byte {
	b = append(b, byte(s.Attr))
	for _, c := range []term.Color{s.Fg, s.Bg} {
		if n, ok := c.Index(); ok {
			b = append(b, 1, n)
		} else if red, green, blue, ok := c.RGB(); ok {
			b = append(b, 2, red, green, blue)
		} else {
			b = append(b, 0)
		}
	}
	return b
}

func (r *reader) style() (s term.Style) {
	s.Attr = term.Attr(r.byte())
	for _, c := range []*term.Color{&s.Fg, &s.Bg} {
		switch r.byte() {
		case 0:
		case 1:
			*c = term.Indexed(r.byte())
		case 2:
			*c = term.RGB(r.byte(), r.byte(), r.byte())
		default:
			r.fail(errValue)
		}
	}
	return s
}

// unknown stands for what cannot be shown.
const unknown = "\ufffd"

// cell makes the cell of a text that came from somebody: one that is wide as it
// claims and does nothing but being seen.
func cell(text string, style term.Style, wide bool) term.Cell {
	width := 1
	if wide {
		width = 2
	}
	if !showable(text, width) {
		if wide {
			return term.Cell{Text: "？", Style: style, Width: 2}
		}
		return term.Cell{Text: unknown, Style: style, Width: 1}
	}
	return term.Cell{Text: text, Style: style, Width: uint8(width)}
}

// showable reports whether a text is one cluster of a width, without anything that a
// terminal obeys or that hides or reorders its neighbours.
func showable(text string, width int) bool {
	if len(text) == 1 {
		return text[0] >= 0x20 && text[0] < 0x7f && width == 1
	}
	if len(text) > term.MaxCluster || !utf8.ValidString(text) {
		return false
	}
	for i, r := range text {
		joiner := i > 0 && (r == 0x200d || r == 0x200c || r >= 0xe0020 && r <= 0xe007f)
		switch {
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			return false
		case unicode.Is(unicode.Cf, r) && !joiner, unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return false
		case r == 0x10eeee || r == 0x1cd00: // stand for pictures
			return false
		}
	}
	cluster, w := ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
	return len(cluster) == len(text) && w == width
}
