//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/netlab"
)

// room is a meeting on a lab of its own: a server and people, each on their
// own host. It belongs to one test.
type room struct {
	t      *testing.T
	lab    *netlab.Lab
	name   string
	server *server
	people []*participant
	began  time.Time

	notes []note      // what the test did
	runs  []processed // every process of a participant, the ended ones too
}

type note struct {
	at   time.Time
	text string
}

// processed is what is left of one process of a participant.
type processed struct {
	name string
	*timeline
	stderr *logText
}

// newRoom makes a lab with a running server and nobody in the room yet.
func newRoom(t *testing.T, serve ...string) *room {
	t.Helper()
	needLab(t)
	r := &room{t: t, lab: netlab.New(t), name: "demo", began: time.Now()}
	host := r.lab.Host("server")
	r.server = &server{room: r, host: host, url: fmt.Sprintf("ws://%s:%d", host.Addr(), serverPort), more: serve}
	t.Cleanup(r.close) // before the lab's own
	r.server.start()
	return r
}

// island makes a lab without a server: whoever is in it has to find the others.
func island(t *testing.T) *room {
	t.Helper()
	needLab(t)
	r := &room{t: t, lab: netlab.New(t), name: "demo", began: time.Now()}
	t.Cleanup(r.close)
	return r
}

// meeting makes a room in which the named people hear each other.
func meeting(t *testing.T, names ...string) *room {
	t.Helper()
	r := newRoom(t)
	r.meet(names)
	return r
}

// directly is a meeting in which neither the server nor a third person carries
// anything: a pair whose path is cut has no other.
func directly(t *testing.T, names ...string) *room {
	t.Helper()
	r := newRoom(t, "--turn=false")
	r.meet(names, "--no-carry")
	return r
}

// meet has the named people join and hear each other.
func (r *room) meet(names []string, flags ...string) {
	r.t.Helper()
	for _, name := range names {
		r.add(name, flags...).start()
	}
	r.everyoneHearsEveryone(20 * time.Second)
}

// add puts a person on a new host, not yet in the room.
func (r *room) add(name string, flags ...string) *participant {
	r.t.Helper()
	return r.addOn(r.lab.Host(strings.ToLower(name)), name, flags...)
}

func (r *room) addOn(host *netlab.Host, name string, flags ...string) *participant {
	r.t.Helper()
	p := &participant{room: r, name: name, host: host, home: r.t.TempDir(), flags: flags}
	r.people = append(r.people, p)
	return p
}

// direction is one of the ways that media goes between two people.
type direction struct{ from, to *participant }

func (d direction) String() string { return d.from.name + " to " + d.to.name }

// directions are those that pick selects.
func (r *room) directions(pick func(from, to *participant) bool) []direction {
	var all []direction
	for _, from := range r.people {
		for _, to := range r.people {
			if from != to && pick(from, to) {
				all = append(all, direction{from, to})
			}
		}
	}
	return all
}

func everybody(_, _ *participant) bool { return true }

// about selects the directions that touch one of some people.
func about(some ...*participant) func(from, to *participant) bool {
	return func(from, to *participant) bool {
		return slices.Contains(some, from) || slices.Contains(some, to)
	}
}

func not(pick func(from, to *participant) bool) func(from, to *participant) bool {
	return func(from, to *participant) bool { return !pick(from, to) }
}

// everyoneHearsEveryone waits until all are connected and packets arrive from
// now on in every direction.
func (r *room) everyoneHearsEveryone(within time.Duration) {
	r.t.Helper()
	for _, d := range r.directions(everybody) {
		d.to.sees(d.from, "connected", within)
	}
	now := time.Now()
	for _, d := range r.directions(everybody) {
		d.to.hears(d.from, now, 10)
	}
	r.note("everyone hears everyone")
}

// rosterSettled waits until somebody lists exactly these others, present.
func (p *participant) rosterSettled(within time.Duration, others ...*participant) {
	p.room.t.Helper()
	p.must(within, fmt.Sprintf("a roster of %d others, all present", len(others)), func(v *view) bool {
		for _, q := range others {
			if o := v.peer(q.name); o.rows != 1 || o.presence != "present" {
				return false
			}
		}
		return v.listed() == len(others)
	})
}

// note writes down what the test does, for the timeline of a failure.
func (r *room) note(format string, args ...any) {
	r.notes = append(r.notes, note{time.Now(), fmt.Sprintf(format, args...)})
}

// record remembers a process of a participant for the same purpose.
func (r *room) record(p *participant) {
	r.runs = append(r.runs, processed{p.name, p.timeline, p.stderr})
}

// close lets everyone leave, checks that all kept to the contract, and tells
// what happened if the test failed.
func (r *room) close() {
	if !r.t.Failed() {
		for _, p := range r.people {
			if p.running() {
				p.leave()
			}
		}
	}
	for _, run := range r.runs {
		for _, bad := range run.bad {
			r.t.Errorf("%s wrote %s", run.name, bad)
		}
		if at := strings.Index(run.stderr.String(), "panic:"); at >= 0 {
			r.t.Errorf("%s panicked: %s", run.name, run.stderr.String()[at:])
		}
	}
	if dir := os.Getenv("MEET_E2E_LOGS"); dir != "" {
		if err := r.keep(dir); err != nil {
			r.t.Errorf("keep the logs: %v", err)
		}
	}
	if r.t.Failed() {
		r.t.Logf("timeline, in seconds:\n%s", r.story(false))
		for _, run := range r.runs {
			r.t.Logf("stderr of %s:\n%s", run.name, tail(run.stderr.String(), 6000))
		}
		if r.server != nil {
			r.t.Logf("stderr of the server:\n%s", tail(r.server.log.String(), 3000))
		}
	}
}

// story is what everybody did and saw, in order of time, the periodic figures
// only if asked for.
func (r *room) story(figures bool) string {
	type entry struct {
		at   time.Time
		who  string
		text string
	}
	var all []entry
	for _, n := range r.notes {
		all = append(all, entry{n.at, "*", n.text})
	}
	for _, run := range r.runs {
		run.look(func(_ *view, events []event) {
			for _, e := range events {
				if figures || e.Name != "stats" {
					all = append(all, entry{e.At, run.name, e.raw})
				}
			}
		})
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.at.Compare(b.at) })
	var s strings.Builder
	for _, e := range all {
		fmt.Fprintf(&s, "%9.4f %-3s %s\n", e.at.Sub(r.began).Seconds(), e.who, e.text)
	}
	return s.String()
}

// keep writes the whole story and the logs into a folder.
func (r *room) keep(dir string) error {
	dir = filepath.Join(dir, strings.ReplaceAll(r.t.Name(), "/", "-"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files := map[string]string{"story.txt": r.story(true)}
	if r.server != nil {
		files["server.log"] = r.server.log.String()
	}
	for i, run := range r.runs {
		files[fmt.Sprintf("%d-%s.log", i, run.name)] = run.stderr.String()
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tail is the end of a text.
func tail(text string, size int) string {
	if len(text) <= size {
		return text
	}
	return "..." + text[len(text)-size:]
}
