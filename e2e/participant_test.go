//go:build linux

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/meet-term/meet/internal/netlab"
)

// participant is a person in a room: a meet process on a host of its own. Its
// home survives the process, so that it can come back as the same person.
type participant struct {
	room  *room
	name  string
	host  *netlab.Host
	home  string
	flags []string
	env   []string // besides the usual

	invite string // instead of the room's name

	*timeline // of the newest process
	proc      *netlab.Process
	stdin     io.WriteCloser
	stderr    *logText
}

// String returns the person's name.
func (p *participant) String() string { return p.name }

// start joins the room, with the person's own flags added to the usual ones.
func (p *participant) start() {
	r := p.room
	r.t.Helper()
	args := append([]string{binary, "join", cmp.Or(p.invite, r.name), "--headless",
		"--name", p.name, "--mic", "tone", "--camera", "none", "--screen", "none", "--speaker", "none",
		"--stats-interval", "100ms"}, p.flags...)
	if r.server != nil {
		args = append(args, "--server", r.server.url)
	}
	cmd := p.host.Command(args...)
	cmd.Env = append(environment(p.home), p.env...)
	p.timeline, p.stderr = newTimeline(p.name), newLogText()
	cmd.Stdout, cmd.Stderr = p.timeline, p.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		r.t.Fatalf("stdin of %s: %v", p.name, err)
	}
	p.stdin = stdin
	r.note("%s starts", p.name)
	p.proc = p.host.Start(cmd)
	r.record(p)
}

// command sends one line to the participant's stdin.
func (p *participant) command(name string, fields map[string]any) {
	p.room.t.Helper()
	line := map[string]any{"command": name}
	for k, v := range fields {
		line[k] = v
	}
	b, err := json.Marshal(line)
	if err != nil {
		p.room.t.Fatalf("encode a command: %v", err)
	}
	p.room.note("%s is told %s", p.name, b)
	if _, err := p.stdin.Write(append(b, '\n')); err != nil {
		p.room.t.Fatalf("tell %s: %v", p.name, err)
	}
}

// set switches the microphone, camera or screen.
func (p *participant) set(kind string, on bool) {
	p.room.t.Helper()
	p.command(kind, map[string]any{"on": on})
}

// must waits until done holds for what the participant knows, and fails the
// test if that takes too long.
func (p *participant) must(within time.Duration, what string, done func(*view) bool) {
	p.room.t.Helper()
	if !p.until(within, p.proc.Done(), func(v *view, _ []event) bool { return done(v) }) {
		p.room.t.Fatalf("%s: waited %v in vain: %s", p.name, within, what)
	}
}

// next waits for the first matching event at or after a moment.
func (p *participant) next(from time.Time, within time.Duration, what string, match func(event) bool) event {
	p.room.t.Helper()
	var found event
	seen := 0
	ok := p.until(within, p.proc.Done(), func(_ *view, events []event) bool {
		for ; seen < len(events); seen++ {
			if e := events[seen]; !e.At.Before(from) && match(e) {
				found = e
				return true
			}
		}
		return false
	})
	if !ok {
		p.room.t.Fatalf("%s: waited %v in vain: %s", p.name, within, what)
	}
	return found
}

// hears waits until so many audio packets of somebody came after a moment, as
// the figures of the participant count them.
func (p *participant) hears(q *participant, from time.Time, packets uint64) {
	p.room.t.Helper()
	var first *stats
	p.next(from, 10*time.Second, fmt.Sprintf("%d audio packets of %s", packets, q.name), func(e event) bool {
		s, ok := e.Body.(*stats)
		if !ok || e.PeerName != q.name {
			return false
		}
		if first == nil {
			first = s
		}
		return s.Audio.Packets >= first.Audio.Packets+packets
	})
}

// sees waits until somebody's connection is in a state.
func (p *participant) sees(q *participant, state string, within time.Duration) {
	p.room.t.Helper()
	p.must(within, q.name+" is "+state, func(v *view) bool { return v.peer(q.name).state == state })
}

// running reports whether the process has not ended.
func (p *participant) running() bool {
	if p.proc == nil {
		return false
	}
	select {
	case <-p.proc.Done():
		return false
	default:
		return true
	}
}

// leave leaves as a person does and checks how the process ends.
func (p *participant) leave() {
	p.room.t.Helper()
	p.command("leave", nil)
	code, err := p.proc.ExitCode(5 * time.Second)
	if err != nil || code != 0 {
		p.room.t.Errorf("%s left with exit status %d, %v, want 0", p.name, code, err)
		return
	}
	p.look(func(v *view, _ []event) {
		if v.left == nil {
			p.room.t.Errorf("%s ended without the event left", p.name)
		}
	})
}

// crash ends the process so that it cannot say goodbye.
func (p *participant) crash() time.Time {
	at := time.Now()
	p.room.note("%s crashes", p.name)
	p.proc.Kill()
	<-p.proc.Done()
	return at
}

// environment is all that a process under test gets from us: no sound
// server, and a home of its own.
func environment(home string) []string {
	return []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home, "LANG=C.UTF-8", "TERM=dumb",
		"XDG_STATE_HOME=" + home + "/state", "XDG_CONFIG_HOME=" + home + "/config",
		"XDG_CACHE_HOME=" + home + "/cache", "XDG_RUNTIME_DIR=" + home + "/run",
	}
}
