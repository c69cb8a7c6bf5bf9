package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/meet-term/meet/media/video"
)

// Bounds of what is read from a y4m file.
const (
	maxHeaderLine = 1024    // bytes
	maxFileSide   = 4096    // samples
	minFileRate   = 1. / 60 // frames per second
	maxFileRate   = 240.
)

// y4mHeader is the first line of a YUV4MPEG2 stream.
type y4mHeader struct {
	width, height int
	rate          float64 // frames per second
	full          bool    // full-range samples
}

// interval is the time from one frame to the next.
func (h y4mHeader) interval() time.Duration { return time.Duration(float64(time.Second) / h.rate) }

// y4mReader reads a y4m stream frame by frame. Errors match ErrFile or are
// those of the reader below.
type y4mReader struct {
	y4mHeader
	r *bufio.Reader
}

// newY4M reads the header. The reader needs room for a header line.
func newY4M(r *bufio.Reader) (*y4mReader, error) {
	line, err := readLine(r)
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	h, err := parseY4M(line)
	if err != nil {
		return nil, err
	}
	return &y4mReader{h, r}, nil
}

// readLine reads up to the end of a line of at most maxHeaderLine bytes.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for len(line) < maxHeaderLine {
		b, err := r.ReadByte()
		if err == io.EOF && len(line) > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return "", err
		}
		if b == '\n' {
			return string(line), nil
		}
		line = append(line, b)
	}
	return "", fmt.Errorf("%w: a line of more than %d bytes", ErrFile, maxHeaderLine)
}

func parseY4M(line string) (y4mHeader, error) {
	fields := strings.Fields(line)
	if len(fields) == 0 || fields[0] != "YUV4MPEG2" {
		return y4mHeader{}, fmt.Errorf("%w: it does not begin with YUV4MPEG2", ErrFile)
	}
	h := y4mHeader{rate: 25}
	for _, f := range fields[1:] {
		value := f[1:]
		var err error
		switch f[0] {
		case 'W':
			h.width, err = parseSide(value)
		case 'H':
			h.height, err = parseSide(value)
		case 'F':
			h.rate, err = parseRate(value)
		case 'I':
			if value != "p" && value != "?" {
				err = errors.New("interlaced pictures are not supported")
			}
		case 'C':
			switch value {
			case "420", "420jpeg", "420mpeg2", "420paldv":
			default:
				err = fmt.Errorf("colour format %q is not supported, only the 420 ones with 8 bits", value)
			}
		case 'X':
			h.full = h.full || value == "COLORRANGE=FULL"
		}
		if err != nil {
			return y4mHeader{}, fmt.Errorf("%w: %w", ErrFile, err)
		}
	}
	if h.width == 0 || h.height == 0 {
		return y4mHeader{}, fmt.Errorf("%w: width or height is missing", ErrFile)
	}
	return h, nil
}

func parseSide(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < minFileSide || n > maxFileSide {
		return 0, fmt.Errorf("a side of %q samples: from %d to %d are supported", s, minFileSide, maxFileSide)
	}
	return n, nil
}

// minFileSide keeps pictures large enough to be scaled.
const minFileSide = 16

func parseRate(s string) (float64, error) {
	num, den, ok := strings.Cut(s, ":")
	n, err1 := strconv.ParseFloat(num, 64)
	d, err2 := strconv.ParseFloat(den, 64)
	rate := n / d
	if ok && err1 == nil && err2 == nil && n == 0 {
		return 25, nil // unknown, or not constant
	}
	if !ok || err1 != nil || err2 != nil || !(rate >= minFileRate && rate <= maxFileRate) {
		return 0, fmt.Errorf("frame rate %q is not supported", s)
	}
	return rate, nil
}

// frameHeader reads the line before a frame. It returns io.EOF at the end.
func (y *y4mReader) frameHeader() error {
	line, err := readLine(y.r)
	if err != nil {
		return err
	}
	if word, _, _ := strings.Cut(line, " "); word != "FRAME" {
		return fmt.Errorf("%w: a frame does not begin with FRAME", ErrFile)
	}
	return nil
}

// next reads one frame. It returns io.EOF at the end and io.ErrUnexpectedEOF
// within a frame.
func (y *y4mReader) next() (*video.Frame, error) {
	if err := y.frameHeader(); err != nil {
		return nil, err
	}
	return readI420(y.r, y.width, y.height, y.full)
}

// skip leaves one frame out.
func (y *y4mReader) skip() error {
	if err := y.frameHeader(); err != nil {
		return err
	}
	chroma := (y.width + 1) / 2 * ((y.height + 1) / 2)
	if _, err := y.r.Discard(y.width*y.height + 2*chroma); err != nil {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// readI420 reads the planes of one picture.
func readI420(r io.Reader, width, height int, full bool) (*video.Frame, error) {
	cw, ch := (width+1)/2, (height+1)/2
	luma, chroma := width*height, cw*ch
	buf := make([]byte, luma+2*chroma)
	if _, err := io.ReadFull(r, buf); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	f := &video.Frame{
		Width: width, Height: height, YStride: width, UVStride: cw,
		Y: buf[:luma:luma], U: buf[luma : luma+chroma : luma+chroma], V: buf[luma+chroma:],
	}
	if full {
		toLimited(f)
	}
	return f, nil
}

// toLimited maps full-range samples to those of BT.601: luma 0..255 to 16..235,
// chroma to 16..240.
func toLimited(f *video.Frame) {
	for i, v := range f.Y {
		f.Y[i] = byte(16 + (int(v)*219+127)/255)
	}
	for _, p := range [][]byte{f.U, f.V} {
		for i, v := range p {
			p[i] = byte(16 + (int(v)*224+127)/255)
		}
	}
}

// checkFile says whether a y4m file can be played: its header and first frame.
func checkFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err // names the path and the reason
	}
	defer f.Close()
	y, err := newY4M(bufio.NewReader(f))
	if err == nil {
		err = y.skip()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: it ends within the first frame", ErrFile)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// file is a y4m file, played over and over at its own rate.
type file struct{ path string }

// Check implements [Source].
func (s file) Check(context.Context) error { return checkFile(s.path) }

// Run implements [Source].
func (s file) Run(ctx context.Context, d *Demand, emit func(*video.Frame)) error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	// A small buffer: whole frames go past it.
	p := &player{file: f, buf: bufio.NewReader(f)}
	if err := p.rewind(); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	if err := p.run(ctx, d, emit); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	return nil
}

// player plays one open file. Its run loop owns it.
type player struct {
	file io.ReadSeeker
	buf  *bufio.Reader
	y4m  *y4mReader
	any  bool // something was read since the last rewind
}

func (p *player) rewind() error {
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	p.buf.Reset(p.file)
	y, err := newY4M(p.buf)
	p.y4m, p.any = y, false
	return err
}

// run emits the frames at their times; those that come faster than wanted, or
// are late, are left out.
func (p *player) run(ctx context.Context, d *Demand, emit func(*video.Frame)) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := time.Now() // when the frame that comes next in the file is shown
	var wanted time.Time
	for seq := uint64(1); ; seq++ {
		w, _ := d.Want()
		for {
			every := p.y4m.interval()
			if !due.Add(every/2).Before(wanted) && time.Since(due) <= every {
				break
			}
			if behind := time.Since(due); behind > time.Second {
				due = due.Add(behind) // the machine was asleep: go on from here
				break
			}
			if err := p.step((*y4mReader).skip); err != nil {
				return err
			}
			due = due.Add(every)
		}
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		var f *video.Frame
		err := p.step(func(y *y4mReader) (err error) { f, err = y.next(); return err })
		if err != nil {
			return err
		}
		f.Time, f.Seq = time.Now(), seq
		emit(f)
		if wanted = wanted.Add(w.interval()); wanted.Before(due) {
			wanted = due.Add(w.interval())
		}
		due = due.Add(p.y4m.interval())
	}
}

// step does something with the next frame, starting over at the end. A last
// frame that is cut off counts as the end.
func (p *player) step(do func(*y4mReader) error) error {
	err := do(p.y4m)
	if p.any && (err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)) {
		if err = p.rewind(); err == nil {
			err = do(p.y4m)
		}
	}
	p.any = p.any || err == nil
	if err == io.EOF {
		return fmt.Errorf("%w: it has no frames", ErrFile)
	}
	return err
}
