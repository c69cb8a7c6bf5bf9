//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// settled records how long after the server was back everybody had the whole
// room on their list again and stopped changing it.
func (r *room) settled(ready time.Time) {
	r.t.Helper()
	for _, p := range r.people {
		p.next(ready, 10*time.Second, "the server again", serverTurns("connected"))
	}
	for _, d := range r.directions(everybody) { // a second of quiet
		d.to.hears(d.from, time.Now(), 50)
	}
	for _, p := range r.people {
		p.rosterSettled(time.Second, slices.DeleteFunc(slices.Clone(r.people), func(q *participant) bool { return q == p })...)
		news := p.between(ready, time.Now(), func(e event) bool {
			return e.Name == "roster" || serverTurns("connected")(e)
		})
		figures.add(r.t, "server back to roster settled", serverBack, p, news[len(news)-1].At.Sub(ready))
	}
}

// The server dies and comes back with an empty memory: nobody hears a gap,
// the room is put together again, and newcomers find everyone.
func TestNetServerCrash(t *testing.T) {
	r := meeting(t, "A", "B", "C")
	calm := time.Now()
	for range repeats() {
		at := r.server.crash()
		for _, p := range r.people {
			p.next(at, 5*time.Second, "the server is being reconnected", serverTurns("reconnecting"))
		}
		lasts(at, 4*time.Second)
		r.settled(r.server.start())
	}
	r.undisturbed(calm, r.directions(everybody))
	figures.checkMedians(t, "server back")
	r.add("D").start()
	r.everyoneHearsEveryone(10 * time.Second)
}

// The server is stopped, as for an update, and started again.
func TestNetServerRestart(t *testing.T) {
	r := meeting(t, "A", "B", "C")
	r.answers("/healthz")
	calm := time.Now()
	r.server.stop()
	r.settled(r.server.start())
	r.undisturbed(calm, r.directions(everybody))
}

// answers checks a page of the server from where a participant is.
func (r *room) answers(path string) {
	r.t.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: r.people[0].host.Dial, DisableKeepAlives: true,
	}}
	url := fmt.Sprintf("http://%s:%d%s", r.server.host.Addr(), serverPort, path)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		r.t.Fatalf("the server's %s: %v", path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		r.t.Errorf("the server's %s says %s, want 200", path, resp.Status)
	}
}

// The server goes away while B is cut off: B's media heal without it, and the
// room is whole once it is back.
func TestNetServerGoneDuringCut(t *testing.T) {
	r := meeting(t, "A", "B", "C")
	b := r.people[1]
	at := dropped.cut(b.host)
	r.note("B: packets dropped")
	r.noticed(dropped.name, at, r.directions(about(b)))
	r.server.crash()
	lasts(at, 6*time.Second)
	healed := dropped.heal(b.host)
	r.note("B: packets pass")
	r.audioReturns("audio after 6s, the server gone meanwhile", audioBack, healed, r.directions(about(b)))
	r.everyoneHearsEveryone(5 * time.Second)
	r.settled(r.server.start())
}

// Somebody who leaves is off the list at once, and nobody calls after them.
func TestNetLeave(t *testing.T) {
	r := meeting(t, "A", "B", "C")
	a, b, c := r.people[0], r.people[1], r.people[2]
	at := time.Now()
	b.leave()
	for _, p := range []*participant{a, c} {
		gone := p.next(at, 2*time.Second, "a roster without B", func(e event) bool {
			l, ok := e.Body.(*roster)
			return ok && len(l.Participants) == 2
		})
		figures.add(t, "leave to off the list", bounds{100 * time.Millisecond, 500 * time.Millisecond}, p, gone.At.Sub(at))
	}
	a.rosterSettled(time.Second, c)
	a.hears(c, time.Now(), 150) // three seconds: longer than any detection
	for _, name := range []string{"reconnecting", "peer-connection-failed", "reconnect-failed"} {
		for _, e := range a.between(at, time.Now(), is(name, "B")) {
			t.Errorf("B has left, but %s", e.raw)
		}
	}
}

// Somebody whose program crashes is away for a while and then gone.
func TestNetCrash(t *testing.T) {
	r := meeting(t, "A", "B", "C")
	a, b, c := r.people[0], r.people[1], r.people[2]
	calm := time.Now()
	at := b.crash()
	away := a.next(at, 5*time.Second, "B away", func(e event) bool {
		l, ok := e.Body.(*roster)
		if !ok {
			return false
		}
		for _, row := range l.Participants {
			if row.Name == "B" {
				return row.Presence == "away"
			}
		}
		return false
	})
	t.Logf("B away %v after the crash", away.At.Sub(at))
	a.next(at, 2500*time.Millisecond, "B disconnected", turns("B", "disconnected"))
	gone := a.next(away.At, 45*time.Second, "a roster without B", func(e event) bool {
		l, ok := e.Body.(*roster)
		return ok && len(l.Participants) == 2
	})
	if after := gone.At.Sub(at); after < 10*time.Second || after > 35*time.Second {
		t.Errorf("B was off the list %v after the crash, want about 30 s", after)
	}
	c.rosterSettled(5*time.Second, a)
	if n := a.attempts(b, at); n > 0 {
		t.Errorf("A spent %d attempts on somebody who is away", n)
	}
	r.undisturbed(calm, []direction{{a, c}, {c, a}})
}

// Somebody whose program crashes comes back as the same row of the list.
func TestNetComeback(t *testing.T) {
	r := meeting(t, "A", "B", "C")
	a, b := r.people[0], r.people[1]
	for range repeats() {
		r.everyoneHearsEveryone(10 * time.Second)
		at := b.crash()
		lasts(at, time.Second)
		started := time.Now()
		b.start()
		for _, q := range []*participant{a, r.people[2]} {
			q.rosterSettled(5*time.Second, slices.DeleteFunc(slices.Clone(r.people), func(p *participant) bool { return p == q })...)
			heard := b.next(started, 10*time.Second, "audio of "+q.name, is("media-started", q.name))
			figures.add(t, "process start to audio of another, after a crash",
				bounds{300 * time.Millisecond, 3 * time.Second}, q, heard.At.Sub(started))
			q.hears(b, time.Now(), sureOf)
		}
	}
	figures.checkMedians(t, "process start to audio")
}
