//go:build !windows

package program

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

func run(t *testing.T, keys string, command ...string) (string, int) {
	t.Helper()
	p, err := Start(Config{Command: command, Cols: 70, Rows: 20})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if keys != "" {
		p.Type([]byte(keys))
	}
	out, err := io.ReadAll(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), p.Wait()
}

func TestProgramsRun(t *testing.T) {
	for _, c := range []struct {
		name, keys, script string
		want               string
		status             int
	}{
		{"output and status", "", "echo hello; exit 7", "hello\r\n", 7},
		{"death by signal", "", "kill -9 $$", "", 137},
		{"size", "", "stty size", "20 70\r\n", 0},
		{"keyboard", "secret\r", "stty -echo; read x; echo got $x", "got secret\r\n", 0},
		{"it knows that it is shared", "", "echo $MEET_SHARE; test -n \"$MEET_SHARE_DEVICE\"", "1\r\n", 0},
		{"one left behind does not keep us", "", "trap '' HUP; sleep 5 & echo end", "end\r\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			out, status := run(t, c.keys, "/bin/sh", "-c", c.script)
			if !strings.HasSuffix(out, c.want) || status != c.status {
				t.Errorf("%q, status %d; want %q, %d", out, status, c.want, c.status)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	if _, err := Start(Config{Command: []string{"/nonexistent"}, Cols: 10, Rows: 5}); err == nil {
		t.Error("a program that is not there runs")
	}
}

// Nothing of the end is lost, and a program that reads nothing holds nobody up but
// who sits there.
func TestAllIsRead(t *testing.T) {
	out, _ := run(t, "", "/bin/sh", "-c", "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done")
	if n := strings.Count(out, "\n"); n != 2000 {
		t.Errorf("%d lines of 2000", n)
	}
	p, err := Start(Config{Command: []string{"/bin/sh", "-c", "stty raw -echo; sleep 2"}, Cols: 10, Rows: 5})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range 1000 {
		p.TypeOther(bytes.Repeat([]byte("x"), 1000))
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("typing took %v", took)
	}
	p.Close()
	select {
	case <-p.Ended(): // hung up
	case <-time.After(5 * time.Second):
		t.Error("the program lives on")
	}
}

func TestModes(t *testing.T) {
	var m Modes
	for _, s := range []string{"\x1b[?1049h\x1b[?25", "l\x1b[?1;2004h text \x1b[?1000h", "\x1b[?1000l\x1b[31m"} {
		_, _ = m.Write([]byte(s))
	}
	if got, want := m.Undo(), "\x1b[?1049l\x1b[?2004l\x1b[?1l\x1b[?25h\x1b[m"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (&Modes{}).Undo(); got != "" {
		t.Errorf("%q", got)
	}
}
