//go:build linux

package e2e

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	// carriedJoin is for the first sound between two who are carried, as a join
	// that needs no third person takes about 0.1 s.
	carriedJoin = bounds{600 * time.Millisecond, 2 * time.Second}
	// carrierGone is how long nothing is heard when who carries dies, or a direct
	// path does, and there is another to carry.
	carrierGone = bounds{300 * time.Millisecond, time.Second}
)

// apart is a room in which the first and the last can exchange no packet, and
// between whom everybody else is. The last has just started.
func apart(t *testing.T, names ...string) (*room, time.Time) {
	t.Helper()
	r := newRoom(t)
	r.server.crash()
	r.server.more = []string{"--turn=false"} // else the server's relay is the way
	r.server.start()
	for _, name := range names {
		r.add(name)
	}
	a, c := r.people[0], r.people[len(r.people)-1]
	r.lab.BlockUDP(a.host, c.host)
	for _, p := range r.people[:len(r.people)-1] {
		p.start()
	}
	for _, p := range r.people[:len(r.people)-1] {
		for _, q := range r.people[:len(r.people)-1] {
			if p != q {
				p.sees(q, "connected", 10*time.Second)
			}
		}
	}
	lasts(time.Now(), 2*time.Second) // their reports are told
	at := time.Now()
	c.start()
	return r, at
}

// via waits until somebody is reached through a third person, and returns whom.
func (p *participant) via(q *participant) string {
	p.room.t.Helper()
	var by string
	p.next(time.Now(), 5*time.Second, q.name+" reached by a third person", func(e event) bool {
		if s, ok := e.Body.(*stats); ok && e.PeerName == q.name && s.Path == "via" {
			by = s.Via
		}
		return by != ""
	})
	return by
}

// cpu is the CPU time that a process has used.
func (p *participant) cpu() time.Duration {
	p.room.t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.proc.Pid()) + "/stat")
	if err != nil {
		p.room.t.Fatalf("CPU of %s: %v", p.name, err)
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	var ticks int
	for _, s := range f[11:13] { // utime and stime (proc_pid_stat(5)), in ticks of 10 ms
		n, err := strconv.Atoi(s)
		if err != nil {
			p.room.t.Fatalf("CPU of %s: %v", p.name, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// Two people whose packets never reach each other are carried by a third, which
// costs it little, until they do.
func TestNetCarried(t *testing.T) {
	r, at := apart(t, "A", "B", "C")
	a, b, c := r.people[0], r.people[1], r.people[2]
	for _, d := range []direction{{a, c}, {c, a}} {
		first := d.to.next(at, 10*time.Second, "sound of "+d.from.name, resumes(d.from.name, "audio"))
		figures.add(t, "join to first audio, carried by a third", carriedJoin, d, first.At.Sub(at))
	}
	if by := a.via(c) + c.via(a); by != "BB" {
		t.Errorf("carried by %q", by)
	}
	b.next(at, 5*time.Second, "that it carries", is("carrying-changed", ""))
	trip := func(from, to *participant) (ms float64) {
		from.next(time.Now(), 5*time.Second, "a round trip", func(e event) bool {
			s, ok := e.Body.(*stats)
			if ok && e.PeerName == to.name {
				ms = s.RTTMS
			}
			return ms > 0
		})
		return ms
	}
	lasts(time.Now(), 3*time.Second)
	t.Logf("round trips: A-C %.2f ms, A-B %.2f ms, B-C %.2f ms", trip(a, c), trip(a, b), trip(b, c))

	used := func() (all [3]float64) {
		if !benchmarking() {
			return all
		}
		const span = 8 * time.Second
		var before [3]time.Duration
		for i, p := range r.people {
			before[i] = p.cpu()
		}
		lasts(time.Now(), span)
		for i, p := range r.people {
			all[i] = 100 * float64(p.cpu()-before[i]) / float64(span)
		}
		return all
	}
	carried := used()
	calm := r.lab.Unblock(a.host, c.host)
	for _, d := range []direction{{a, c}, {c, a}} {
		d.to.next(calm, 5*time.Second, "a direct path", func(e event) bool {
			s, ok := e.Body.(*stats)
			return ok && e.PeerName == d.from.name && s.Path == "direct"
		})
	}
	direct := used()
	r.undisturbed(calm, r.directions(everybody))
	t.Logf("CPU in %% of a core, A B C: carried %.1f, direct %.1f", carried, direct)

	for i := range repeats() {
		if i > 0 {
			lasts(time.Now(), 11*time.Second) // longer than a relapse
		}
		gone := r.lab.BlockUDP(a.host, c.host)
		for _, d := range []direction{{a, c}, {c, a}} {
			figures.addBack(t, "audio, a direct path dies, carried by a third", carrierGone, d, r.silence(gone, d))
		}
		lasts(gone, 5*time.Second)
		r.lab.Unblock(a.host, c.host)
		for _, p := range [][2]*participant{{a, c}, {c, a}} {
			p[0].next(time.Now(), 10*time.Second, "a direct path", func(e event) bool {
				s, ok := e.Body.(*stats)
				return ok && e.PeerName == p[1].name && s.Path == "direct"
			})
		}
	}
	figures.checkMedians(t, "audio, a direct path dies")
}

// Who carries dies without a word, and somebody else is there.
func TestNetCarrierCrash(t *testing.T) {
	r, at := apart(t, "A", "B", "D", "C")
	a, c := r.people[0], r.people[3]
	c.next(at, 10*time.Second, "sound of A", resumes("A", "audio"))
	lasts(time.Now(), 3*time.Second)
	for range repeats() {
		by := r.people[1]
		if a.via(c) == "D" {
			by = r.people[2]
		}
		gone := by.crash()
		for _, d := range []direction{{a, c}, {c, a}} {
			figures.addBack(t, "audio, who carries crashes", carrierGone, d, r.silence(gone, d))
		}
		by.start()
		by.sees(a, "connected", 10*time.Second)
		by.sees(c, "connected", 10*time.Second)
		lasts(time.Now(), 3*time.Second)
	}
	figures.checkMedians(t, "audio, who carries crashes")
}
