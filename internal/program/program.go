// Package program runs a program in a terminal of its own, as script(1) does: what it
// writes is read, and what is written is its keyboard.
package program

import (
	"errors"
	"os"
	"time"
)

// ErrUnsupported says that programs cannot be run like that on this system.
var ErrUnsupported = errors.New("sharing a terminal does not work on this system yet")

// The environment that a program in a shared terminal has.
const (
	// Env is set to 1, so that a prompt can show it.
	Env = "MEET_SHARE"
	// DeviceEnv is the number of the terminal's device: who has it and sits at another
	// terminal, as in one of tmux, is not in the shared one.
	DeviceEnv = "MEET_SHARE_DEVICE"
)

// Config says what to run.
type Config struct {
	Command    []string // empty: the login shell
	Cols, Rows int
	Env        []string // besides that of this process
}

// drainTime is how long what is left is read after the program has ended: another
// may still have the terminal.
const drainTime = 150 * time.Millisecond

// slowReader is how long keys of others wait for a program that reads none.
const slowReader = 300 * time.Millisecond

// Shell is the command of the person's shell.
func Shell() []string {
	if shell := os.Getenv("SHELL"); shell != "" {
		return []string{shell}
	}
	return []string{"/bin/sh"}
}

// resets are what ends modes that a program may have left on.
var resets = []struct {
	mode string
	off  string
}{
	{"1049", "\x1b[?1049l"}, {"1047", "\x1b[?1047l"}, {"47", "\x1b[?47l"},
	{"1000", "\x1b[?1000l"}, {"1002", "\x1b[?1002l"}, {"1003", "\x1b[?1003l"}, {"1004", "\x1b[?1004l"},
	{"1006", "\x1b[?1006l"}, {"2004", "\x1b[?2004l"}, {"1", "\x1b[?1l"},
}

// Modes follows which modes a program has set, as far as a person's terminal suffers
// from them when it does not take them back.
type Modes struct {
	on    map[string]bool
	state int // 0 text, 1 ESC, 2 CSI ?, collecting
	param []byte
}

// Write follows what the program writes.
func (m *Modes) Write(p []byte) (int, error) {
	for _, b := range p {
		switch {
		case b == 0x1b:
			m.state = 1
		case m.state == 1 && b == '[':
			m.state = 2
		case m.state == 2 && b == '?':
			m.state, m.param = 3, m.param[:0]
		case m.state == 3 && (b >= '0' && b <= '9' || b == ';') && len(m.param) < 64:
			m.param = append(m.param, b)
		case m.state == 3 && (b == 'h' || b == 'l'):
			m.set(b == 'h')
			m.state = 0
		default:
			m.state = 0
		}
	}
	return len(p), nil
}

func (m *Modes) set(on bool) {
	if m.on == nil {
		m.on = map[string]bool{}
	}
	from := 0
	for i := 0; i <= len(m.param); i++ {
		if i == len(m.param) || m.param[i] == ';' {
			m.on[string(m.param[from:i])] = on
			from = i + 1
		}
	}
}

// Undo is what takes back the modes that are still on.
func (m *Modes) Undo() string {
	s := ""
	for _, r := range resets {
		if m.on[r.mode] {
			s += r.off
		}
	}
	if on, known := m.on["25"]; known && !on {
		s += "\x1b[?25h"
	}
	if s != "" {
		s += "\x1b[m"
	}
	return s
}
