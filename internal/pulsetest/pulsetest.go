//go:build linux

package pulsetest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// startTime is how long the server may take to come up.
	startTime = 10 * time.Second
	// rate and its companions are the sample format of everything here.
	rate = "48000"
	// latency is deep enough for a machine busy with other tests.
	latency = "200"
)

// Require skips the test, with the reason, unless tests with real sound
// servers are asked for by MEET_E2E=1 and the programs are there.
func Require(t testing.TB) {
	t.Helper()
	if os.Getenv("MEET_E2E") != "1" {
		t.Skip("needs a real PulseAudio: set MEET_E2E=1 to run it")
	}
	for _, program := range []string{"pulseaudio", "pactl", "paplay", "parec"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s (Debian: pulseaudio, pulseaudio-utils): %v", program, err)
		}
	}
}

// Server is one private PulseAudio. It belongs to the test that started it,
// and to its goroutine.
type Server struct {
	t       testing.TB
	dir     string
	process *exec.Cmd
	log     *bytes.Buffer
	modules [][]string // loaded, in order, to be loaded again by Restart
}

// Start starts a server without any device but those a test adds. It ends
// with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	Require(t)
	// Not t.TempDir: a socket's path may have 107 characters only.
	dir, err := os.MkdirTemp("", "pulse")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: dir}
	t.Cleanup(func() {
		s.Kill()
		os.RemoveAll(dir)
	})
	s.start()
	return s
}

func (s *Server) socket() string { return filepath.Join(s.dir, "native") }

// Env returns the variables that make a program use this server and nothing
// of the user's own.
func (s *Server) Env() []string {
	return []string{
		"PULSE_SERVER=unix:" + s.socket(),
		"XDG_RUNTIME_DIR=" + s.dir,
		"PULSE_RUNTIME_PATH=" + s.dir,
		"PULSE_COOKIE=" + filepath.Join(s.dir, "cookie"),
		"XDG_CONFIG_HOME=" + s.dir,
	}
}

// Setenv makes the test's own process use this server until the test ends.
func (s *Server) Setenv() {
	for _, v := range s.Env() {
		name, value, _ := strings.Cut(v, "=")
		s.t.Setenv(name, value)
	}
}

func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), s.Env()...)
	// A killed test must not leave sound servers behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (s *Server) start() {
	s.t.Helper()
	s.log = &bytes.Buffer{}
	s.process = s.command(context.Background(), "pulseaudio", "-n", "--daemonize=no",
		"--exit-idle-time=-1", "--disable-shm=yes", "--realtime=no", "--high-priority=no", "--use-pid-file=no",
		"-L", "module-native-protocol-unix auth-anonymous=1 socket="+s.socket())
	s.process.Stdout, s.process.Stderr = s.log, s.log
	if err := s.process.Start(); err != nil {
		s.t.Fatalf("start pulseaudio: %v", err)
	}
	for deadline := time.Now().Add(startTime); ; {
		conn, err := net.Dial("unix", s.socket())
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			s.Kill()
			s.t.Fatalf("pulseaudio did not come up: %v\n%s", err, s.log)
		}
		time.Sleep(5 * time.Millisecond) // another process: there is nothing to wait on
	}
}

// Kill ends the server as a crash would. It may be restarted.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	s.process = nil
	os.Remove(s.socket())
}

// Restart starts the server again, after Kill, with the same devices.
func (s *Server) Restart() {
	s.t.Helper()
	s.start()
	for _, m := range s.modules {
		s.pactl(m...)
	}
}

func (s *Server) pactl(args ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		out, err := s.command(ctx, "pactl", args...).CombinedOutput()
		if err == nil {
			return
		}
		// PipeWire takes no default before its session manager is there, which
		// tells nobody that it is.
		if ctx.Err() != nil || !bytes.Contains(out, []byte("Not supported")) {
			s.t.Fatalf("pactl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *Server) load(args ...string) {
	s.t.Helper()
	s.modules = append(s.modules, args)
	s.pactl(args...)
}

// AddSink adds a speaker of this name. What is played into it can be recorded
// from its monitor, name+".monitor".
func (s *Server) AddSink(name string) {
	s.t.Helper()
	// Without rewinds a null sink works in steps of 50 ms at most; with them it
	// may render two seconds ahead of the first listener.
	s.load("load-module", "module-null-sink", "sink_name="+name, "rate="+rate, "channels=1", "norewinds=1",
		"sink_properties=device.description="+name)
}

// AddMic adds a microphone of this name and returns the sink to play into to
// be heard by it. It is no monitor to programs that hide those.
func (s *Server) AddMic(name string) (sink string) {
	s.t.Helper()
	sink = name + "_mouth"
	s.AddSink(sink)
	s.load("load-module", "module-remap-source", "source_name="+name, "master="+sink+".monitor",
		"source_properties=device.description="+name)
	return sink
}

// Leak lets a microphone hear a speaker, as in a room: what is played on the sink
// arrives in the microphone's mouth (see AddMic) late by about delay and quieter
// by so many dB.
func (s *Server) Leak(sink, mouth string, delay time.Duration, quieter int) {
	s.t.Helper()
	s.load("set-sink-volume", sink, fmt.Sprintf("-%ddB", quieter))
	s.load("load-module", "module-loopback", "source="+sink+".monitor", "sink="+mouth,
		fmt.Sprintf("latency_msec=%d", delay.Milliseconds()), "source_dont_move=1", "sink_dont_move=1")
}

// SetDefault makes a speaker and a microphone the default ones; "" leaves
// that one as it is.
func (s *Server) SetDefault(sink, source string) {
	s.t.Helper()
	if sink != "" {
		s.load("set-default-sink", sink)
	}
	if source != "" {
		s.load("set-default-source", source)
	}
}

// PlayFile begins to play a wav file into a sink. The function it returns
// waits for the end.
func (s *Server) PlayFile(sink, wav string) (wait func() error) {
	s.t.Helper()
	cmd := s.command(s.t.Context(), "paplay", "--device="+sink, "--latency-msec="+latency, wav)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("play %s: %v", wav, err)
	}
	return func() error {
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("play %s: %w: %s", wav, err, out.String())
		}
		return nil
	}
}

// Record begins to record a source (a sink's monitor, say) into a wav file of
// mono 16-bit samples at 48 kHz. The function it returns ends the recording
// and completes the file.
func (s *Server) Record(source, wav string) (stop func() error) {
	s.t.Helper()
	cmd := s.command(s.t.Context(), "parec", "--device="+source, "--rate="+rate, "--channels=1",
		"--format=s16le", "--latency-msec="+latency, "--file-format=wav", wav)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("record %s: %v", source, err)
	}
	return func() error {
		// parec completes the file when it is interrupted.
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("record %s: %w: %s", source, err, out.String())
		}
		return nil
	}
}

// Speak writes a wav file of a synthetic voice saying text; it needs
// espeak-ng, and skips the test without.
func Speak(t testing.TB, wav, text string) {
	t.Helper()
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		t.Skipf("needs espeak-ng: %v", err)
	}
	if out, err := exec.CommandContext(t.Context(), "espeak-ng", "-w", wav, text).CombinedOutput(); err != nil {
		t.Fatalf("espeak-ng: %v\n%s", err, out)
	}
}
