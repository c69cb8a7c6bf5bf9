package termvideo

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/muesli/cancelreader"
)

// DetectTimeout is how long a terminal has to answer. The slowest on the same
// machine take a few milliseconds; beyond this, joining would feel slow.
const DetectTimeout = 200 * time.Millisecond

// Detection is what Detect found out.
type Detection struct {
	Caps Caps
	// Typed is what the user typed meanwhile: to be read before the terminal.
	Typed []byte
	// Late takes the answers that come after all, when the time was too short
	// (Caps.Answered is false): what is read from the terminal goes through it
	// for the first seconds. Nil if all were answered.
	Late *Answers
}

// Detect asks a terminal what it can do, all in one write, and waits until it
// has answered, at most DetectTimeout. It has to run before anything else reads
// from in. Where in or out is no terminal, nothing is asked and the zero of
// everything returned.
func Detect(ctx context.Context, in, out *os.File) (Detection, error) {
	if !term.IsTerminal(in.Fd()) || !term.IsTerminal(out.Fd()) {
		return Detection{Caps: Caps{OctantCells: -1}}, nil
	}
	restore, err := prepareTerminal(in, out)
	if err != nil {
		return Detection{}, fmt.Errorf("prepare the terminal for questions: %w", err)
	}
	defer restore()
	r, err := cancelreader.NewReader(in)
	if err != nil {
		return Detection{}, fmt.Errorf("read from the terminal: %w", err)
	}
	defer r.Close()

	files := newFileBox(fmt.Sprintf("meet-probe-%d", os.Getpid()))
	defer files.removeAll()
	name, medium, err := files.put("probe", []byte{0, 0, 0}, time.Time{})
	if err != nil {
		name = "" // then pictures cannot go through files either
	}
	return ask(ctx, r, out, questions(name, medium))
}

// canceler is a reader whose Read can be made to return from another
// goroutine.
type canceler interface {
	io.Reader
	Cancel() bool
}

// ask writes the questions and reads until the last one is answered.
func ask(ctx context.Context, in canceler, out io.Writer, questions []byte) (Detection, error) {
	ctx, done := context.WithTimeout(ctx, DetectTimeout)
	defer done()
	if _, err := out.Write(questions); err != nil {
		return Detection{}, fmt.Errorf("ask the terminal: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { in.Cancel() })
	defer stop()

	a := NewAnswers()
	var d Detection
	buf := make([]byte, 1024)
	for !a.caps.Answered {
		n, err := in.Read(buf)
		d.Typed = append(d.Typed, a.Feed(buf[:n])...)
		if errors.Is(err, cancelreader.ErrCanceled) || errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return d, fmt.Errorf("read the terminal's answers: %w", err)
		}
	}
	if d.Caps = a.Caps(); d.Caps.Answered {
		d.Typed = append(d.Typed, a.Rest()...)
	} else {
		d.Typed = append(d.Typed, a.Key()...)
		d.Late = a
	}
	return d, nil
}

// questions returns everything that is asked. localName and medium name a
// picture of one pixel that only a terminal on this machine can read.
//
// A terminal answers in order, so that the one question every terminal answers,
// its device attributes, comes last. An octant is printed between two questions
// for the cursor, and taken away together with whatever a terminal may have
// printed of sequences it does not know.
func questions(localName string, medium byte) []byte {
	const (
		version  = "\x1b[>0q"
		graphics = "\x1b_Gi=" + graphicsProbe + ",s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
		sync     = "\x1b[?2026$p"
		keyboard = "\x1b[?u"
		sizes    = "\x1b[16t\x1b[14t\x1b[18t"
		behind   = "\x1b]11;?\x1b\\"
		octant   = "\r\x1b[K\x1b[6n\U0001CD00\x1b[6n\r\x1b[K"
		last     = "\x1b[c"
	)
	b := []byte(version + graphics)
	if localName != "" {
		b = append(b, "\x1b_Gi="+localProbe+",s=1,v=1,a=q,f=24,t="...)
		b = append(b, medium, ';')
		b = base64.StdEncoding.AppendEncode(b, []byte(localName))
		b = append(b, "\x1b\\"...)
	}
	return append(b, sync+keyboard+sizes+behind+octant+last...)
}
