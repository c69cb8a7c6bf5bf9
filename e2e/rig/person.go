package rig

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Event is one JSON line of a person.
type Event struct {
	Name   string    // such as "joined"
	At     time.Time // by the person's own clock, which is ours
	Fields map[string]any
}

// Text is a field that is a string, "" if it is absent.
func (e Event) Text(field string) string {
	s, _ := e.Fields[field].(string)
	return s
}

// On is a field that is a switch.
func (e Event) On(field string) bool {
	b, _ := e.Fields[field].(bool)
	return b
}

// Number is a field that is a number, found by its path.
func (e Event) Number(path ...string) float64 {
	m := e.Fields
	for _, p := range path[:len(path)-1] {
		m, _ = m[p].(map[string]any)
	}
	n, _ := m[path[len(path)-1]].(float64)
	return n
}

// Join says how somebody joins a room in headless mode.
type Join struct {
	Server *Server
	Room   string
	Name   string
	Flags  []string
	Env    []string // beside Env's own
	Home   string   // "" for a new one
}

// Quiet are the flags of somebody without any device.
func Quiet(more ...string) []string {
	return append([]string{"--mic", "none", "--camera", "none", "--screen", "none", "--speaker", "none"}, more...)
}

// Person is somebody in a room. Its methods are for the test's goroutine.
type Person struct {
	Name string
	Cmd  *exec.Cmd

	t      testing.TB
	stdin  io.WriteCloser
	stderr log
	exited chan struct{}

	mu      sync.Mutex
	events  []Event       // guarded by mu
	bad     []string      // lines that are no events; guarded by mu
	partial []byte        // of the output; used by Write alone
	changed chan struct{} // closed and replaced at every event; guarded by mu
}

// Start joins. The person leaves with the test at the latest.
func (j Join) Start(t testing.TB) *Person {
	t.Helper()
	if j.Home == "" {
		j.Home = Home(t)
	}
	p := &Person{Name: j.Name, t: t, exited: make(chan struct{}), changed: make(chan struct{})}
	args := append([]string{"join", j.Room, "--headless", "--server", j.Server.URL, "--stats-interval", "100ms", "--name", j.Name}, j.Flags...)
	p.Cmd = exec.Command(binary, args...)
	p.Cmd.Env = Env(j.Home, j.Env...)
	p.Cmd.Stdout, p.Cmd.Stderr = p, &p.stderr
	var err error
	if p.stdin, err = p.Cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Cmd.Start(); err != nil {
		t.Fatalf("start %.40s: %v", j.Name, err)
	}
	go func() {
		_ = p.Cmd.Wait() // ProcessState says how it ended
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.Cmd.Process.Kill()
		<-p.exited
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, line := range p.bad {
			t.Errorf("%.40s wrote a line that is no event: %.200q", p.Name, line)
		}
		if t.Failed() {
			t.Logf("log of %.40s:\n%s", p.Name, p.stderr.String())
		}
	})
	return p
}

// Write takes the process's output in pieces of any size.
func (p *Person) Write(b []byte) (int, error) {
	p.partial = append(p.partial, b...)
	for {
		line, rest, whole := bytes.Cut(p.partial, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		p.add(line)
		p.partial = rest
	}
}

func (p *Person) add(line []byte) {
	e := Event{Fields: map[string]any{}}
	err := json.Unmarshal(line, &e.Fields)
	e.Name = e.Text("event")
	e.At, _ = time.Parse(time.RFC3339Nano, e.Text("time"))
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || e.Name == "" || e.At.IsZero() {
		p.bad = append(p.bad, string(line))
		return
	}
	p.events = append(p.events, e)
	close(p.changed)
	p.changed = make(chan struct{})
}

// Events are those so far which match.
func (p *Person) Events(match func(Event) bool) []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []Event
	for _, e := range p.events {
		if match(e) {
			found = append(found, e)
		}
	}
	return found
}

// Await waits for the first event, of all or from a moment on, that matches,
// and fails the test if none comes.
func (p *Person) Await(from time.Time, what string, match func(Event) bool) Event {
	p.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for seen, last := 0, false; ; {
		p.mu.Lock()
		events, changed := p.events[seen:], p.changed
		seen = len(p.events)
		p.mu.Unlock()
		for _, e := range events {
			if !e.At.Before(from) && match(e) {
				return e
			}
		}
		if last {
			p.t.Fatalf("%.40s waited in vain for %s", p.Name, what)
		}
		select {
		case <-changed:
		case <-p.exited:
			last = true
		case <-timer.C:
			last = true
		}
	}
}

// Is matches events of a name about a person; about "" is about anybody.
func Is(name, about string) func(Event) bool {
	return func(e Event) bool { return e.Name == name && (about == "" || e.Text("name") == about) }
}

// Meets waits until the connection to somebody stands.
func (p *Person) Meets(name string) {
	p.t.Helper()
	p.Await(time.Time{}, "a connection to "+name, Is("peer-connected", name))
}

// Tell sends a command; fields are pairs of names and values.
func (p *Person) Tell(command string, fields ...any) {
	p.t.Helper()
	line := map[string]any{"command": command}
	for i := 0; i+1 < len(fields); i += 2 {
		line[fields[i].(string)] = fields[i+1]
	}
	b, err := json.Marshal(line)
	if err != nil {
		p.t.Fatal(err)
	}
	p.TellRaw(string(b) + "\n")
}

// TellRaw writes to the person's standard input as it is.
func (p *Person) TellRaw(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, s); err != nil {
		p.t.Fatalf("tell %.40s %.60q: %v", p.Name, s, err)
	}
}

// Leave leaves as a script does and checks how the process ends.
func (p *Person) Leave() {
	p.t.Helper()
	p.Tell("leave")
	if status := p.Ends(); status != 0 {
		p.t.Errorf("%.40s left with the status %d:\n%s", p.Name, status, p.stderr.String())
	}
}

// Ends waits for the end of the process and returns its status.
func (p *Person) Ends() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("%.40s does not end", p.Name)
	}
	return p.Cmd.ProcessState.ExitCode()
}

// Stderr is the end of what the person logged.
func (p *Person) Stderr() string { return strings.TrimSpace(p.stderr.String()) }
