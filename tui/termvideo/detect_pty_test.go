//go:build !windows

package termvideo

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// TestDetectOnPseudoTerminal asks a terminal emulator at the other end of a
// real pseudo-terminal, while somebody types.
func TestDetectOnPseudoTerminal(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal here: %v", err)
	}
	term := vt.NewEmulator(80, 24)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		_, _ = io.Copy(term, master)
	}()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = io.Copy(master, term)
	}()
	if _, err := master.WriteString("m"); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	d, err := Detect(t.Context(), slave, slave)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v: %+v, typed %q", time.Since(began), d.Caps, d.Typed)
	if !d.Caps.Answered || d.Caps.OctantCells != 1 {
		t.Errorf("got %+v, want all answered and an octant of one cell", d.Caps)
	}
	if string(d.Typed) != "m" {
		t.Errorf("typed %q, want %q", d.Typed, "m")
	}

	_ = slave.Close()
	_ = master.Close()
	<-shown
	endAnswers(t, term)
	<-answered
}

func TestDetectAsksOnlyTerminals(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d, err := Detect(t.Context(), r, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	written, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(written) != 0 || d.Caps.Answered {
		t.Errorf("a pipe was asked %q and answered %+v", written, d.Caps)
	}
}
