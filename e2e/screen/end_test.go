//go:build unix

package screen

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/meet-term/meet/e2e/rig"
)

// freeze stops somebody's process, as a laptop that sleeps does, until the
// function it returns is called.
func freeze(t *testing.T, p *rig.Person) (thaw func()) {
	t.Helper()
	if err := p.Cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := p.Cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTerminalGivenBack ends the call in every way and looks at what the shell
// finds.
func TestTerminalGivenBack(t *testing.T) {
	t.Parallel()
	s := rig.Serve(t)
	bob := bystander(t, s, "end", "bob", "--camera", "testcard")
	p := newPane(t, 80, 24)
	stty := p.stty()
	signal := func(sig syscall.Signal) func() {
		return func() {
			if err := syscall.Kill(p.pid(), sig); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name string
		end  func()
	}{
		{"q", p.leave},
		{"ctrl+c twice", func() { p.press("C-c"); p.press("C-c") }},
		{"SIGTERM", signal(syscall.SIGTERM)},
		{"SIGHUP", signal(syscall.SIGHUP)},
		{"SIGINT", signal(syscall.SIGINT)},
	} {
		p.run("clear")
		p.join(s, "end", "alice", "--camera", "testcard", "--mouse")
		p.shows("2 connected")
		from := time.Now()
		c.end()
		p.ends()
		p.shows("end: ", "with bob")
		p.restored(stty)
		left := bob.Await(from, "alice to leave", func(e rig.Event) bool { return rig.Is("peer-left", "alice")(e) })
		if left.On("crashed") {
			t.Errorf("after %s alice counts as crashed", c.name)
		}
		if took := left.At.Sub(from); took > 3*time.Second {
			t.Errorf("after %s it took %v to leave", c.name, took)
		}
		if t.Failed() {
			t.Fatalf("after %s the terminal shows:\n%s", c.name, p.screen())
		}
	}
}

// TestSuspend goes to the shell and comes back by fg.
func TestSuspend(t *testing.T) {
	t.Parallel()
	s := rig.Serve(t)
	bob := bystander(t, s, "shell", "bob")
	p := newPane(t, 80, 24)
	stty := p.stty()
	p.join(s, "shell", "alice")
	bob.Meets("alice")
	p.press("C-z")
	p.ends()
	p.restored(stty)
	p.run("fg")
	p.shows("2 connected", "q leave")
	if p.format("#{alternate_on}") != "1" {
		t.Error("the screen came back without the alternate screen")
	}
	p.press("m")
	p.shows("mic OFF")
	p.leave()
	p.restored(stty)
}

// TestDetached detaches from tmux, kills its client, and attaches again: the
// call goes on. Then the window is closed: the others see alice leave.
func TestDetached(t *testing.T) {
	t.Parallel()
	s := rig.Serve(t)
	bob := bystander(t, s, "tmux", "bob")
	p := newPane(t, 80, 24)
	p.join(s, "tmux", "alice")
	bob.Meets("alice")
	client := p.command("attach", "-t", "main")
	terminal, err := pty.Start(client)
	if err != nil {
		t.Fatal(err)
	}
	go func() { // what tmux draws there
		buf := make([]byte, 4096)
		for {
			if _, err := terminal.Read(buf); err != nil {
				return
			}
		}
	}()
	p.until("the client", func(string) bool { return strings.TrimSpace(p.tmux("list-clients")) != "" })
	if err := client.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = client.Wait() // it was killed
	terminal.Close()
	p.until("no client", func(string) bool { return strings.TrimSpace(p.tmux("list-clients")) == "" })
	off := time.Now()
	p.press("m")
	bob.Await(off, "alice muted", func(e rig.Event) bool { return rig.Is("media-state-changed", "alice")(e) && !e.On("mic") })
	p.shows("2 connected")

	from := time.Now()
	p.tmux("kill-session", "-t", "main")
	if left := bob.Await(from, "alice to leave", rig.Is("peer-left", "alice")); left.On("crashed") {
		t.Error("closing the window looks like a crash")
	}
}
