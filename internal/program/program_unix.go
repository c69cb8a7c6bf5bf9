//go:build !windows

package program

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/meet-term/meet/internal/crash"
)

// Program is a program that runs in a terminal of its own.
type Program struct {
	cmd    *exec.Cmd
	file   *os.File
	device uint64
	own    chan []byte // keys of the person who sits here: they wait
	others chan []byte // those of others: dropped when the program does not read
	ended  chan struct{}
	done   chan struct{}
	status int
	once   sync.Once
}

// Start runs a program. It must be ended by [Program.Wait].
func Start(cfg Config) (*Program, error) {
	command := cfg.Command
	if len(command) == 0 {
		command = Shell()
	}
	cmd := exec.Command(command[0], command[1:]...)
	master, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	defer slave.Close()
	device, err := deviceOf(slave)
	file, err2 := pollable(master)
	if err := errors.Join(err, err2, pty.Setsize(slave, &pty.Winsize{Cols: uint16(cfg.Cols), Rows: uint16(cfg.Rows)})); err != nil {
		return nil, fmt.Errorf("set up a terminal: %w", err)
	}
	cmd.Env = append(os.Environ(), cfg.Env...)
	cmd.Env = append(cmd.Env, Env+"=1", DeviceEnv+"="+strconv.FormatUint(device, 10))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		file.Close()
		return nil, fmt.Errorf("run %s: %w", command[0], err)
	}
	p := &Program{
		cmd: cmd, file: file, device: device, own: make(chan []byte, 16), others: make(chan []byte, 64),
		ended: make(chan struct{}), done: make(chan struct{}),
	}
	crash.Go(p.wait)
	crash.Go(p.write)
	return p, nil
}

// pollable makes a file of a terminal whose reads end with a deadline or Close: that
// of the library blocks for ever, and the program would never hear that we are gone.
func pollable(f *os.File) (*os.File, error) {
	defer f.Close()
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, failure := -1, error(nil)
	if err := conn.Control(func(old uintptr) { fd, failure = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if failure != nil {
		return nil, failure
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func deviceOf(f *os.File) (uint64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, ErrUnsupported
	}
	return uint64(s.Rdev), nil
}

// Device is the number of the terminal that a file is; 0: none.
func Device(f *os.File) uint64 {
	n, err := deviceOf(f)
	if err != nil {
		return 0
	}
	return n
}

// wait notes how the program ended.
func (p *Program) wait() {
	err := p.cmd.Wait()
	p.status = p.cmd.ProcessState.ExitCode()
	if ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		p.status = 128 + int(ws.Signal()) // as shells have it
	}
	if err != nil && p.status < 0 {
		p.status = 1
	}
	close(p.ended)
	_ = p.file.SetReadDeadline(time.Now().Add(drainTime)) // it is of that kind: pollable
}

// Read implements [io.Reader]: what the program writes, until it has ended and
// nothing is left.
func (p *Program) Read(b []byte) (int, error) {
	n, err := p.file.Read(b)
	if err != nil {
		// EIO is the end on Linux; a deadline is ours.
		return n, io.EOF
	}
	return n, nil
}

// Type is the keyboard of the person who sits at the terminal. It waits for a program
// that does not read, and returns when that has ended.
func (p *Program) Type(b []byte) {
	select {
	case p.own <- b:
	case <-p.ended:
	}
}

// TypeOther is the keyboard of others. It never waits: what a program does not read
// is dropped.
func (p *Program) TypeOther(b []byte) {
	select {
	case p.others <- b:
	default:
	}
}

// write is the only one who writes.
func (p *Program) write() {
	for {
		select {
		case <-p.ended:
			return
		case b := <-p.own:
			_ = p.file.SetWriteDeadline(time.Time{})
			_, _ = p.file.Write(b) // a program that is gone shows in reading
		case b := <-p.others:
			_ = p.file.SetWriteDeadline(time.Now().Add(slowReader))
			if _, err := p.file.Write(b); errors.Is(err, os.ErrDeadlineExceeded) {
				for len(p.others) > 0 {
					<-p.others
				}
			}
		}
	}
}

// Resize gives the terminal another size. The program is told by a signal.
func (p *Program) Resize(cols, rows int) {
	_ = pty.Setsize(p.file, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)}) // a program that is gone needs none
}

// Ended is closed when the program has ended.
func (p *Program) Ended() <-chan struct{} { return p.ended }

// Wait waits for the end and returns the exit status as shells have it: 128 and the
// signal for a program that died of one.
func (p *Program) Wait() int {
	<-p.ended
	return p.status
}

// Close hangs up: a program that still runs gets SIGHUP.
func (p *Program) Close() { p.once.Do(func() { _ = p.file.Close() }) }
