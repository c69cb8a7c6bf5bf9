//go:build linux

package pulsetest

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// pipewirePrograms are what a private PipeWire consists of, in the order of their
// start, and what each makes when it is up.
var pipewirePrograms = []struct {
	name   string
	args   []string
	socket string
}{
	{"dbus-daemon", []string{"--session", "--nofork", "--nopidfile", "--address=unix:path="}, "bus"},
	{"pipewire", nil, "pipewire-0"},
	{"wireplumber", nil, ""},
	{"pipewire-pulse", nil, "native"},
}

// StartPipeWire starts a private PipeWire with its PulseAudio server, without any
// device but those a test adds. It ends with the test. It cannot be killed and
// restarted.
func StartPipeWire(t testing.TB) *Server {
	t.Helper()
	Require(t)
	for _, p := range pipewirePrograms {
		if _, err := exec.LookPath(p.name); err != nil {
			t.Skipf("needs %s (Debian: pipewire, pipewire-pulse, wireplumber, dbus): %v", p.name, err)
		}
	}
	dir, err := os.MkdirTemp("", "pw")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: dir, log: &bytes.Buffer{}}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, p := range pipewirePrograms {
		args := append([]string(nil), p.args...)
		if len(args) > 0 {
			args[len(args)-1] += filepath.Join(dir, p.socket)
		}
		cmd := s.command(context.Background(), p.name, args...)
		cmd.Env = append(cmd.Env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(dir, "bus"), "PIPEWIRE_RUNTIME_DIR="+dir,
			"XDG_STATE_HOME="+dir)
		var log bytes.Buffer
		cmd.Stdout, cmd.Stderr = &log, &log
		if err := cmd.Start(); err != nil {
			t.Fatalf("start %s: %v", p.name, err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if t.Failed() {
				t.Logf("%s: %s", p.name, log.String())
			}
		})
		if p.socket != "" {
			awaitSocket(t, p.name, filepath.Join(dir, p.socket))
		}
	}
	return s
}

// awaitSocket waits until a program takes connections.
func awaitSocket(t testing.TB, program, path string) {
	t.Helper()
	for deadline := time.Now().Add(startTime); ; {
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come up: %v", program, err)
		}
		time.Sleep(5 * time.Millisecond) // another process: there is nothing to wait on
	}
}

// List is what pactl lists of a kind, such as "sink-inputs".
func (s *Server) List(kind string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	out, err := s.command(ctx, "pactl", "list", kind).CombinedOutput()
	if err != nil {
		s.t.Fatalf("pactl list %s: %v\n%s", kind, err, out)
	}
	return string(out)
}

// Unload takes away the device of this name, as unplugging it does.
func (s *Server) Unload(name string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	out, err := s.command(ctx, "pactl", "list", "short", "modules").Output()
	if err != nil {
		s.t.Fatalf("pactl list modules: %v", err)
	}
	for line := range bytes.Lines(out) {
		if fields := bytes.Fields(line); bytes.Contains(line, []byte("_name="+name+" ")) && len(fields) > 0 {
			s.pactl("unload-module", string(fields[0]))
			return
		}
	}
	s.t.Fatalf("no module made %s", name)
}
