//go:build linux

package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Process is a program that runs on a host. It is killed at the end of the
// test at the latest. Its methods are safe for concurrent use.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // written before done is closed
}

// Start starts a command made by [Host.Command]. Its output streams, if any,
// must be set as writers and not as pipes that the test reads.
func (h *Host) Start(cmd *exec.Cmd) *Process {
	h.lab.tb.Helper()
	cmd.WaitDelay = 2 * time.Second // for a stream that a grandchild holds open
	if err := cmd.Start(); err != nil {
		h.lab.tb.Fatalf("netlab: on %s: start %s: %v", h.name, strings.Join(cmd.Args, " "), err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	h.lab.mu.Lock()
	h.lab.processes = append(h.lab.processes, p)
	h.lab.mu.Unlock()
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p
}

// String describes the process for messages.
func (p *Process) String() string {
	return fmt.Sprintf("process %d (%s)", p.cmd.Process.Pid, strings.Join(p.cmd.Args[4:], " "))
}

// Pid returns the process id of the program.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed once the program has ended and all its output was read.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends a signal. To a program that has ended nothing happens.
func (p *Process) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p, err)
	}
	return nil
}

// Kill ends the program as a crash does: it gets no chance to say goodbye.
func (p *Process) Kill() {
	_ = p.Signal(os.Kill) // whoever waits for its end sees if it failed
}

// ExitCode waits for the end of the program, at most so long, and returns its
// exit status, -1 if a signal ended it.
func (p *Process) ExitCode(within time.Duration) (int, error) {
	if !p.await(within) {
		return 0, fmt.Errorf("%s still runs after %v", p, within)
	}
	return p.cmd.ProcessState.ExitCode(), nil
}

func (p *Process) await(within time.Duration) bool {
	select {
	case <-p.done: // first, because a timer of 0 may win as well
		return true
	default:
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}
