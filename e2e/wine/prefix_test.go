//go:build linux

package wine

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meet-term/meet/e2e/rig"
	"github.com/meet-term/meet/internal/pulsetest"
)

// patience bounds every wait; a machine that is busy starts Wine in seconds.
const patience = 60 * time.Second

// windows is a Windows of our own for the tests of this package, made once; "" if
// these tests are not asked for or Wine is not there.
var windows machine

// machine is one Windows.
type machine struct {
	home        string
	meet, probe string // programs, as Linux names them
	linux       string // meet, for those who meet it
	trouble     error  // why it could not be made
}

func TestMain(m *testing.M) {
	status := func() int {
		if _, err := exec.LookPath("wine"); os.Getenv("MEET_E2E") == "1" && err == nil && runtime.GOARCH == "amd64" {
			defer func() { windows.end() }()
			windows.trouble = windows.make()
		}
		return m.Run()
	}()
	os.Exit(status)
}

// need skips the test without Wine, and returns the sound server that Windows
// uses in it, without any device.
func need(t *testing.T) *pulsetest.Server {
	t.Helper()
	rig.Need(t, "wine")
	if runtime.GOARCH != "amd64" {
		t.Skipf("skipped: Wine runs programs of its own processor, and this one is %s", runtime.GOARCH)
	}
	pulse := pulsetest.Start(t)
	if windows.trouble != nil {
		t.Fatalf("set up Wine: %v", windows.trouble)
	}
	return pulse
}

func (w *machine) make() error {
	var err error
	if w.home, err = os.MkdirTemp("", "wine"); err != nil {
		return err
	}
	w.meet, w.probe = filepath.Join(w.home, "meet.exe"), filepath.Join(w.home, "probe.exe")
	w.linux = filepath.Join(w.home, "meet")
	for program, of := range map[string][2]string{
		w.meet: {"windows", "cmd/meet"}, w.probe: {"windows", "e2e/wine/probe"}, w.linux: {"linux", "cmd/meet"},
	} {
		build := exec.Command("go", "build", "-trimpath", "-o", program, "github.com/meet-term/meet/"+of[1])
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+of[0], "GOARCH=amd64")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", of[1], err, out)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// What Wine leaves running holds on to its output: no pipe, that would be waited for.
	if err := w.command(ctx, nil, "wine", "wineboot", "--init").Run(); err != nil {
		return fmt.Errorf("make a Windows: %w", err)
	}
	system := filepath.Join(w.home, "prefix/drive_c/windows/system32")
	return os.WriteFile(filepath.Join(system, "bcryptprimitives.dll"), forwarder("bcryptprimitives.dll", "ProcessPrng", "advapi32.SystemFunction036"), 0o644)
}

// end ends what runs in this Windows, and removes it.
func (w *machine) end() {
	w.restart()
	os.RemoveAll(w.home)
}

// restart ends what runs in this Windows; the next program starts it anew.
func (w *machine) restart() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = w.command(ctx, nil, "wineserver", "--kill").Run() // nothing may run any more
	_ = w.command(ctx, nil, "wineserver", "--wait").Run()
}

// command is a command with this Windows, and a sound server.
func (w *machine) command(ctx context.Context, pulse *pulsetest.Server, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "USER=meet", "LANG=C.UTF-8", "WINEPREFIX=" + filepath.Join(w.home, "prefix"),
		"WINEDEBUG=-all", "DISPLAY=" + os.Getenv("DISPLAY"), "WINEDLLOVERRIDES=mscoree,mshtml=;winemenubuilder.exe=", "PULSE_SERVER=unix:" + w.home + "/none",
	}
	if pulse != nil {
		cmd.Env = append(cmd.Env, pulse.Env()...)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second // Wine's own processes hold on to the output
	return cmd
}

// run runs a Windows program to its end.
func run(t *testing.T, pulse *pulsetest.Server, program string, args ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := windows.command(ctx, pulse, "wine", append([]string{program}, args...)...).Output()
	if ctx.Err() != nil {
		t.Fatalf("%s %v did not end; it wrote\n%s", filepath.Base(program), args, out)
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n"), err
}

// process is a probe at work. Its lines belong to the test.
type process struct {
	t     *testing.T
	stdin io.WriteCloser
	lines chan string
	seen  []string
}

// start starts a probe; it ends with the test.
func start(t *testing.T, pulse *pulsetest.Server, args ...string) *process {
	t.Helper()
	return startProgram(t, pulse, windows.probe, false, args...)
}

// startProgram starts a Windows program, and reads what it says on standard output
// or on standard error. It ends with the test.
func startProgram(t *testing.T, pulse *pulsetest.Server, program string, stderr bool, args ...string) *process {
	t.Helper()
	// Sound has precedence, as it has on real machines; where that is not ours to
	// give, nice says so and goes on.
	cmd := windows.command(t.Context(), pulse, "nice", append([]string{"-n", "-10", "wine", program}, args...)...)
	p := &process{t: t, lines: make(chan string, 1000)}
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	pipe := cmd.StdoutPipe
	if stderr {
		pipe = cmd.StderrPipe
	}
	out, err := pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for in := bufio.NewScanner(out); in.Scan(); {
			p.lines <- strings.TrimRight(in.Text(), "\r")
		}
	}()
	t.Cleanup(func() {
		p.stdin.Close()
		if program != windows.probe { // which ends with its input
			_ = cmd.Process.Kill()
		}
		_ = cmd.Wait()
	})
	return p
}

// await waits for a line that begins so, and returns it.
func (p *process) await(begin string) string {
	p.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				p.t.Fatalf("the probe ended without a line %q; it wrote %q", begin, p.seen)
			}
			p.seen = append(p.seen, line)
			if strings.HasPrefix(line, begin) {
				return line
			}
		case <-timer.C:
			p.t.Fatalf("no line %q from the probe; it wrote %q", begin, p.seen)
		}
	}
}

// end asks the probe to stop, and waits until it has.
func (p *process) end() {
	p.t.Helper()
	p.stdin.Close()
	p.await("done")
}

// forwarder is a library for 64-bit Windows that has one function, which is that
// of another library: where Wine lacks a library that every Go program asks for.
func forwarder(library, name, target string) []byte {
	const (
		headers, alignment, base = 0x200, 0x1000, 0x180000000
		optional                 = 240 // bytes of the optional header
	)
	// One section: the export directory, its three tables of one entry, strings.
	section := make([]byte, headers)
	put := binary.LittleEndian
	const functions, names, ordinals, strs = 40, 44, 48, 52
	at := strs
	text := func(s string) uint32 {
		where := uint32(alignment + at)
		at += copy(section[at:], s+"\x00")
		return where
	}
	put.PutUint32(section[12:], text(library))
	for i, v := range []uint32{1, 1, 1, alignment + functions, alignment + names, alignment + ordinals} { // base, counts, tables
		put.PutUint32(section[16+4*i:], v)
	}
	put.PutUint32(section[names:], text(name))
	put.PutUint32(section[functions:], text(target)) // within the directory: so it is no code but a name
	head := make([]byte, headers)
	copy(head, "MZ")
	put.PutUint32(head[0x3c:], 0x40)
	h := head[0x40:]
	copy(h, "PE\x00\x00")
	put.PutUint16(h[4:], 0x8664)
	put.PutUint16(h[6:], 1)
	put.PutUint16(h[20:], optional)
	put.PutUint16(h[22:], 0x2022) // a library, executable, of large addresses
	o := h[24:]
	put.PutUint16(o[0:], 0x20b)
	put.PutUint64(o[24:], base)
	put.PutUint32(o[32:], alignment)
	put.PutUint32(o[36:], headers)
	put.PutUint16(o[40:], 6)
	put.PutUint16(o[48:], 6)
	put.PutUint32(o[56:], 2*alignment) // size in memory
	put.PutUint32(o[60:], headers)
	put.PutUint16(o[68:], 3)
	put.PutUint16(o[70:], 0x100) // no fixed address is asked for
	put.PutUint32(o[108:], 16)
	put.PutUint32(o[112:], alignment)
	put.PutUint32(o[116:], uint32(at))
	s := o[optional:]
	copy(s, ".edata")
	put.PutUint32(s[8:], uint32(at))
	put.PutUint32(s[12:], alignment)
	put.PutUint32(s[16:], headers)
	put.PutUint32(s[20:], headers)
	put.PutUint32(s[36:], 0x40000040)
	return append(head, section...)
}
