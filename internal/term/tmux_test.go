package term

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	xterm "github.com/charmbracelet/x/term"
	"github.com/charmbracelet/x/vt"
)

// feedVar has this binary write to its terminal what comes from a socket.
const feedVar = "MEET_TERM_FEED"

func TestMain(m *testing.M) {
	if path := os.Getenv(feedVar); path != "" {
		if err := feed(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// feed runs inside tmux: it writes each message to the terminal, has the terminal
// tell where its cursor is, which it does when it has read all, and answers.
func feed(path string) error {
	if _, err := xterm.MakeRaw(os.Stdin.Fd()); err != nil {
		return err
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	in := bufio.NewReader(os.Stdin)
	for {
		var n uint32
		if binary.Read(c, binary.BigEndian, &n) != nil {
			return nil
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(c, b); err != nil {
			return err
		}
		if _, err := os.Stdout.Write(append(b, "\x1b[6n"...)); err != nil {
			return err
		}
		// Answers to what the recording asks come first; that to the last is ours.
		asked := 1 + strings.Count(string(b), "\x1b[6n")
		for ; asked > 0; asked-- {
			if _, err := in.ReadString('R'); err != nil {
				return err
			}
		}
		if _, err := c.Write([]byte{1}); err != nil {
			return err
		}
	}
}

// reference is a tmux pane that is fed.
type reference struct {
	t      *testing.T
	socket string
	conn   net.Conn
}

func newReference(t *testing.T, cols, rows int) *reference {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is missing (Debian package tmux): nothing to compare with")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "feed"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := &reference{t: t, socket: filepath.Join(dir, "tmux")}
	r.tmux("new-session", "-d", "-x", strconv.Itoa(cols), "-y", strconv.Itoa(rows),
		"-e", feedVar+"="+filepath.Join(dir, "feed"), self)
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", r.socket, "kill-server").Run() })
	r.tmux("set", "-g", "window-size", "manual")
	r.tmux("set", "-g", "status", "off")
	r.tmux("resize-window", "-x", strconv.Itoa(cols), "-y", strconv.Itoa(rows))
	if err := l.(*net.UnixListener).SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if r.conn, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.conn.Close() })
	return r
}

func (r *reference) tmux(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("tmux", append([]string{"-u", "-f", os.DevNull, "-S", r.socket}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

func (r *reference) write(b []byte) {
	r.t.Helper()
	_ = r.conn.SetDeadline(time.Now().Add(20 * time.Second))
	m := binary.BigEndian.AppendUint32(nil, uint32(len(b)))
	if _, err := r.conn.Write(append(m, b...)); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.ReadFull(r.conn, make([]byte, 1)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reference) resize(cols, rows int) {
	r.tmux("resize-window", "-x", strconv.Itoa(cols), "-y", strconv.Itoa(rows))
}

// capture reads the pane with somebody else's emulator, made wider than the pane,
// because it loses wide characters at its right edge.
func (r *reference) capture(cols, rows int) (cells [][]Cell, x, y int) {
	r.t.Helper()
	lines := strings.Split(strings.TrimSuffix(r.tmux("capture-pane", "-p", "-e", "-N"), "\n"), "\n")
	e := vt.NewEmulator(cols+8, rows)
	for i, line := range lines[:min(len(lines), rows)] {
		fmt.Fprintf(e, "\x1b[%d;1H%s", i+1, lineDrawing(line))
	}
	for y := range rows {
		cells = append(cells, vtRow(e, y, cols))
	}
	at := strings.Fields(r.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}"))
	x, _ = strconv.Atoi(at[0])
	y, _ = strconv.Atoi(at[1])
	return cells, x, y
}

// lineDrawing replaces the characters between SO and SI.
func lineDrawing(s string) string {
	var b strings.Builder
	shifted, escape := false, false
	for _, r := range s {
		switch {
		case r == 0x0e || r == 0x0f:
			shifted = r == 0x0e
			continue
		case r == 0x1b:
			escape = true
		case escape:
			escape = r == '[' || r < 0x40
		case shifted:
			r = graphics(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

func vtRow(e *vt.Emulator, y, cols int) []Cell {
	row := make([]Cell, cols)
	for x := range cols {
		c := e.CellAt(x, y)
		if c == nil || c.Content == "" {
			continue
		}
		s := Style{}
		for _, a := range []struct {
			has  bool
			attr Attr
		}{
			{c.Style.Attrs&1 != 0, Bold}, {c.Style.Attrs&2 != 0, Faint}, {c.Style.Attrs&4 != 0, Italic},
			{c.Style.Attrs&8 != 0, Blink}, {c.Style.Attrs&32 != 0, Reverse}, {c.Style.Attrs&64 != 0, Conceal},
			{c.Style.Attrs&128 != 0, Strike}, {c.Style.Underline != 0, Underline},
		} {
			if a.has {
				s.Attr |= a.attr
			}
		}
		row[x] = Cell{Text: c.Content, Width: uint8(c.Width), Style: s}
		row[x].Style.Fg, row[x].Style.Bg = vtColor(c.Style.Fg), vtColor(c.Style.Bg)
	}
	return row
}

func vtColor(c any) Color {
	switch c := c.(type) {
	case nil:
		return 0
	case fmt.Stringer:
		return 0
	case interface{ RGBA() (r, g, b, a uint32) }:
		name := fmt.Sprintf("%T %v", c, c)
		if n, ok := strings.CutPrefix(name, "ansi.BasicColor "); ok {
			v, _ := strconv.Atoi(n)
			return Indexed(uint8(v))
		}
		if n, ok := strings.CutPrefix(name, "ansi.IndexedColor "); ok {
			v, _ := strconv.Atoi(n)
			return Indexed(uint8(v))
		}
		r, g, b, _ := c.RGBA()
		return RGB(uint8(r>>8), uint8(g>>8), uint8(b>>8))
	}
	return 0
}

var resizeMark = regexp.MustCompile("\x1b_resize;(\\d+);(\\d+)\x1b\\\\")

// part is a piece of a recording: output, or another size.
type part struct {
	out        []byte
	cols, rows int
}

// recording cuts a recording at its resizes and into about n pieces, none of which
// ends within a sequence or a character.
func recording(t testing.TB, name string, n int) (parts []part) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".tty"))
	if err != nil {
		t.Fatal(err)
	}
	cut := func(b []byte) {
		each := max(1, len(b)/n)
		for len(b) > 0 {
			k := min(each, len(b))
			for k < len(b) && b[k] != 0x1b && b[k-1] != '\n' {
				k++
			}
			// ESC begins the end of a control string, too.
			for k+1 < len(b) && b[k] == 0x1b && b[k+1] == '\\' {
				k += 2
			}
			parts = append(parts, part{out: b[:k]})
			b = b[k:]
		}
	}
	for {
		m := resizeMark.FindSubmatchIndex(b)
		if m == nil {
			cut(b)
			return parts
		}
		cut(b[:m[0]])
		cols, _ := strconv.Atoi(string(b[m[2]:m[3]]))
		rows, _ := strconv.Atoi(string(b[m[4]:m[5]]))
		parts = append(parts, part{cols: cols, rows: rows})
		b = b[m[1]:]
	}
}

var recordings = []string{"vim", "vim-resize", "less", "htop", "mc", "shell", "wide"}

// tmuxJoinsLess are the lines that tmux 3.3a reads otherwise: it joins neither
// emoji nor Thai as Unicode does.
var tmuxJoinsLess = regexp.MustCompile("emoji|marks")

// The cells are those that tmux shows of the same bytes.
func TestAsTmux(t *testing.T) {
	for _, name := range recordings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const cols, rows = 80, 24
			ref := newReference(t, cols, rows)
			mine := New(cols, rows)
			cells, blind := 0, false
			for i, p := range recording(t, name, 6) {
				if p.cols > 0 {
					mine.Resize(p.cols, p.rows)
					ref.resize(p.cols, p.rows)
					blind = true // until the program has drawn all again
					continue
				}
				_, _ = mine.Write(p.out)
				ref.write(p.out)
				if blind {
					blind = false
					continue
				}
				cells += compare(t, fmt.Sprintf("piece %d", i), mine.Snapshot(), ref)
			}
			t.Logf("%d cells compared", cells)
			if cells < 80*24*2 {
				t.Errorf("only %d cells compared", cells)
			}
		})
	}
}

func compare(t *testing.T, at string, s *Snapshot, ref *reference) (cells int) {
	t.Helper()
	want, x, y := ref.capture(s.Cols, s.Rows)
	if min(x, s.Cols-1) != s.CursorX || y != s.CursorY {
		t.Errorf("%s: the cursor is at %d, %d; tmux has it at %d, %d", at, s.CursorX, s.CursorY, x, y)
	}
	wrong := 0
	for y := range s.Rows {
		if tmuxJoinsLess.MatchString(Text(s.Lines[y])) {
			continue
		}
		for x := range s.Cols {
			got, want := s.Lines[y][x], want[y][x]
			cells++
			if got.Blank() && want.Blank() {
				continue
			}
			if got.Text != want.Text || got.Style != want.Style {
				if wrong++; wrong <= 5 {
					t.Errorf("%s: row %d, column %d: %+v, tmux has %+v\n%q", at, y, x, got, want, Text(s.Lines[y]))
				}
			}
		}
	}
	if wrong > 5 {
		t.Errorf("%s: %d cells differ", at, wrong)
	}
	return cells
}
