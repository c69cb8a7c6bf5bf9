//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/netlab"
)

// moveBack is what moves of several are held to. The limit of a single time is below
// the 3 s that a wish takes which nobody answers, and above what a busy machine that
// runs three programs beside others takes.
var moveBack = bounds{300 * time.Millisecond, 2500 * time.Millisecond}

// offers reports whether somebody makes the offers of a pair: the larger id does.
func (p *participant) offers(q *participant) bool {
	var own, other string
	p.look(func(v *view, _ []event) { own, other = v.id, v.peer(q.name).id })
	return own > other
}

// moves measures the silence that one change of addresses makes between the
// people who moved and everybody else, by who moved, who offers, and whether it
// was the first time.
func (r *room) moves(what string, turn int, at time.Time, movers ...*participant) {
	r.t.Helper()
	r.note("%s: %v", what, movers)
	when := "first time"
	if turn > 0 {
		when = "again"
	}
	for _, d := range r.directions(about(movers...)) {
		who := "both move"
		if !about(movers...)(d.from, d.from) || !about(movers...)(d.to, d.to) {
			mover, other := d.from, d.to
			if !about(movers...)(mover, mover) {
				mover, other = other, mover
			}
			who = "who offers moves"
			if !mover.offers(other) {
				who = "who answers moves"
			}
		}
		figures.addBack(r.t, fmt.Sprintf("audio, %s, %s, %s", what, who, when), moveBack, d, r.silence(at, d))
	}
}

// reachesServer waits until the link to the server stands again after a moment.
func (p *participant) reachesServer(since time.Time) {
	p.room.t.Helper()
	p.until(10*time.Second, p.proc.Done(), func(v *view, _ []event) bool { return v.server == "connected" })
}

// Two people change address in the same moment, and all three do.
func TestNetAllMove(t *testing.T) {
	r := meeting(t, "A", "B", "C")
	for turn := range max(2, repeats()) {
		for what, movers := range map[string][]*participant{
			"two of three at once": r.people[:2], "three of three at once": r.people,
		} {
			r.everyoneHearsEveryone(10 * time.Second)
			var at time.Time
			for _, p := range movers {
				at = p.host.ReplaceAddress()
			}
			r.moves(what, turn, at, movers...)
			for _, p := range r.people {
				p.reachesServer(at)
			}
		}
	}
	figures.checkMedians(t, "audio, two of three")
	figures.checkMedians(t, "audio, three of three")
}

// A network of IPv4 is changed for one of IPv6, and back. The others and the
// server have both.
func TestNetIPv6(t *testing.T) {
	needLab(t)
	r := &room{t: t, lab: netlab.New(t), name: "demo", began: time.Now()}
	host := r.lab.Host("server")
	host.AddIPv6()
	r.server = &server{room: r, host: host, url: fmt.Sprintf("ws://meet.lab:%d", serverPort), any6: true}
	t.Cleanup(r.close) // before the lab's own
	r.server.start()
	for _, name := range []string{"A", "B", "C"} {
		p := r.add(name)
		p.host.Knows(map[string]*netlab.Host{"meet.lab": host})
		if name != "A" {
			p.host.AddIPv6()
		}
		p.start()
	}
	a := r.people[0]
	for turn := range repeats() {
		for _, way := range []struct {
			name   string
			change func() time.Time
		}{{"IPv4 to IPv6", a.host.ToIPv6}, {"IPv6 to IPv4", a.host.ToIPv4}} {
			r.everyoneHearsEveryone(20 * time.Second)
			calm := time.Now()
			at := way.change()
			r.moves(way.name, turn, at, a)
			r.undisturbed(calm, r.directions(not(about(a))))
			a.reachesServer(at)
		}
	}
	figures.checkMedians(t, "audio, IPv")
}

// Two people change address while the server is away: neither can tell the other
// before it is back, and then at once.
func TestNetBothMoveWhileTheServerIsAway(t *testing.T) {
	r := meeting(t, "A", "B")
	for range repeats() {
		r.everyoneHearsEveryone(10 * time.Second)
		gone := r.server.crash()
		for _, p := range r.people {
			p.next(gone, 5*time.Second, "the server is being reconnected", serverTurns("reconnecting"))
			p.host.ReplaceAddress()
		}
		lasts(gone, 5*time.Second)
		ready := r.server.start()
		var linked time.Time
		for _, p := range r.people {
			if e := p.next(ready.Add(-time.Second), 10*time.Second, "the server again", serverTurns("connected")); e.At.After(linked) {
				linked = e.At
			}
		}
		for _, d := range r.directions(everybody) {
			c := r.back(ready.Add(-time.Second), d, "audio")
			early := linked.Sub(ready.Add(-time.Second))
			c = comeback{max(0, c.packet-early), max(0, c.perceived-early)}
			figures.addBack(t, "audio, both moved, the server away for 5s", moveBack, d, c)
		}
	}
	figures.checkMedians(t, "audio, both moved, the server away")
}
