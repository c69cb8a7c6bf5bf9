//go:build linux

package e2e

import (
	"syscall"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/netlab"
)

// cut is a way to lose a network and to get it back.
type cut struct {
	name      string
	cut, heal func(*netlab.Host) time.Time
}

var (
	linkDown = cut{"link down", (*netlab.Host).LinkDown, (*netlab.Host).LinkUp}
	cableOut = cut{"cable out", (*netlab.Host).Unplug, (*netlab.Host).Plug}
	dropped  = cut{"packets dropped",
		func(h *netlab.Host) time.Time { return h.Drop(netlab.Both) }, (*netlab.Host).Pass}
)

// noticeable is the shortest outage that must show as disconnected.
const noticeable = 3 * time.Second

// outage cuts one person off for a while and checks everything that follows:
// that it shows in time, heals in time in every direction, and does not touch
// the others.
func (r *room) outage(c cut, length time.Duration, victim *participant) {
	r.t.Helper()
	r.everyoneHearsEveryone(10 * time.Second)
	touched := r.directions(about(victim))
	calm := time.Now()
	at := c.cut(victim.host)
	r.note("%s: %s for %v", victim.name, c.name, length)
	if length >= noticeable {
		r.noticed(c.name, at, touched)
	}
	lasts(at, length)
	healed := c.heal(victim.host)
	r.note("%s: %s is over", victim.name, c.name)
	r.audioReturns(described("audio", length, c), audioBack, healed, touched)
	for _, d := range touched {
		d.to.sees(d.from, "connected", 5*time.Second)
		if length >= noticeable {
			d.to.next(healed, 5*time.Second, "reconnected to "+d.from.name, is("reconnected", d.from.name))
		}
	}
	victim.serverReturns("server link after a cut, "+c.name, healed)
	r.undisturbed(calm, r.directions(not(about(victim))))
}

// outages are the lengths of cuts that are measured.
var outages = []time.Duration{2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second}

func TestNetLinkDown(t *testing.T)       { cutAndHeal(t, linkDown) }
func TestNetPacketsDropped(t *testing.T) { cutAndHeal(t, dropped) }

func cutAndHeal(t *testing.T, c cut) {
	r := meeting(t, "A", "B", "C")
	for _, length := range outages {
		for range repeats() {
			r.outage(c, length, r.people[1])
		}
		figures.checkMedians(t, described("audio", length, c))
	}
	figures.checkMedians(t, "cut to disconnected, "+c.name)
	figures.checkMedians(t, "server link after a cut, "+c.name)
}

// longOutages are the lengths at which others take somebody off the list: the
// first is over before the kernel gives a dead connection to the server up.
var longOutages = []time.Duration{44 * time.Second, 2 * time.Minute, 7 * time.Minute}

// Whoever was away for minutes is back as after seconds, in the same row and
// without having joined.
func TestNetLongCuts(t *testing.T) {
	if !benchmarking() {
		t.Skip("e2e: skipped: set MEET_BENCH=1 to wait for cuts of minutes; TestNetForgotten waits for one of 40 s")
	}
	for _, length := range longOutages {
		t.Run(length.String(), func(t *testing.T) {
			for _, c := range []cut{linkDown, dropped} {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					r := meeting(t, "A", "B", "C")
					for range longRepeats(length) {
						began := time.Now()
						r.outage(c, length, r.people[1])
						r.nobodyJoined(began)
					}
					figures.checkMedians(t, described("audio", length, c))
				})
			}
			t.Run("the server gone meanwhile", func(t *testing.T) {
				if t.Parallel(); length > time.Minute {
					t.Skip("e2e: skipped: measured after 44 s only")
				}
				r := meeting(t, "A", "B", "C")
				for range longRepeats(length) {
					began := time.Now()
					at := linkDown.cut(r.people[1].host)
					lasts(at, 5*time.Second)
					r.server.crash()
					lasts(at, length)
					healed := linkDown.heal(r.people[1].host)
					r.audioReturns(described("audio", length, linkDown)+", the server gone meanwhile", longBack, healed, r.directions(about(r.people[1])))
					r.server.start()
					for _, p := range r.people {
						p.next(healed, 10*time.Second, "the server again", serverTurns("connected"))
					}
					r.everyoneHearsEveryone(10 * time.Second)
					r.nobodyJoined(began)
				}
			})
		})
	}
}

// longRepeats is how often a cut of minutes is measured.
func longRepeats(length time.Duration) int {
	if length > 3*time.Minute {
		return 1
	}
	return min(repeats(), 3)
}

// nobodyJoined fails the test if anybody was said to have joined since a moment.
func (r *room) nobodyJoined(since time.Time) {
	r.t.Helper()
	for _, p := range r.people {
		for _, e := range p.between(since, time.Now(), is("peer-joined", "")) {
			r.t.Errorf("%s: nobody joined, but %s", p, e.raw)
		}
	}
}

// B is cut off for longer than the others remember: they have let go of B,
// while B still has all of them.
func TestNetForgotten(t *testing.T) {
	r := meeting(t, "A", "B", "C")
	a, b, c := r.people[0], r.people[1], r.people[2]
	at := dropped.cut(b.host)
	r.note("B: packets dropped")
	for d, q := range map[*participant]*participant{a: c, c: a} {
		d.must(50*time.Second, "B is off the list", func(v *view) bool { return v.peer("B").rows == 0 && v.peer(q.name).rows == 1 })
	}
	t.Logf("B was off the list %v after the cut", time.Since(at))
	healed := dropped.heal(b.host)
	r.note("B: packets pass")
	b.serverReturns("server link after being forgotten", healed)
	r.audioReturns("audio after being forgotten", audioBack, healed, r.directions(about(b)))
	r.nobodyJoined(at)
	a.rosterSettled(5*time.Second, b, c)
	b.rosterSettled(5*time.Second, a, c)
	r.everyoneHearsEveryone(5 * time.Second)
}

// T1: two people; cut B: A shows Reconnecting on B; restore: connected again.
func TestNetT1CutAndReturn(t *testing.T) {
	r := meeting(t, "A", "B")
	a, b := r.people[0], r.people[1]
	at := cableOut.cut(b.host)
	r.note("B: cable out")
	a.next(at, 2500*time.Millisecond, "B disconnected", turns("B", "disconnected"))
	a.next(at, time.Second, "event peer-disconnected", is("peer-disconnected", "B"))
	lasts(at, 4*time.Second)
	healed := cableOut.heal(b.host)
	r.note("B: cable in")
	r.audioReturns(described("audio", 4*time.Second, cableOut), audioBack, healed, r.directions(everybody))
	a.next(healed, 2*time.Second, "B connected", turns("B", "connected"))
	a.next(healed, 2*time.Second, "event peer-connected", is("peer-connected", "B"))
	back := a.next(healed, 2*time.Second, "event reconnected", is("reconnected", "B"))
	if outage := time.Duration(back.Body.(*reconnected).OutageMS) * time.Millisecond; outage < time.Second || outage > 6*time.Second {
		t.Errorf("A reports an outage of %v, it was 4 s", outage)
	}
	a.attempts(b, at)
	b.attempts(a, at)
}

// T2: network off for 10 s: it shows; on: reconnected within 5 s, audio works.
func TestNetT2OfflineTenSeconds(t *testing.T) {
	r := meeting(t, "A", "B")
	a, b := r.people[0], r.people[1]
	at := linkDown.cut(a.host)
	r.note("A: network off")
	r.noticed(linkDown.name, at, r.directions(everybody))
	a.next(at, 9*time.Second, "the server is being reconnected", serverTurns("reconnecting"))
	lasts(at, 10*time.Second)
	healed := linkDown.heal(a.host)
	r.note("A: network on")
	r.audioReturns(described("audio", 10*time.Second, linkDown), audioBack, healed, r.directions(everybody))
	a.next(healed, 5*time.Second, "reconnected to B", is("reconnected", "B"))
	b.next(healed, 5*time.Second, "reconnected to A", is("reconnected", "A"))
	a.serverReturns("server link after a cut, "+linkDown.name, healed)
	for _, d := range r.directions(everybody) {
		d.to.must(2*time.Second, d.from.name+" is loud enough to be heard", func(v *view) bool {
			return v.peer(d.from.name).stats.Audio.LevelDB > -40
		})
	}
	a.rosterSettled(2*time.Second, b)
	b.rosterSettled(2*time.Second, a)
}

// T5: three people, all networks off, back one by one: each recovers.
func TestNetT5AllOffBackOneByOne(t *testing.T) {
	r := meeting(t, "A", "B", "C")
	var at time.Time
	for _, p := range r.people {
		at = linkDown.cut(p.host)
		r.note("%s: network off", p.name)
	}
	for _, d := range r.directions(everybody) {
		d.to.next(at.Add(-time.Second), 4*time.Second, d.from.name+" disconnected", turns(d.from.name, "disconnected"))
	}
	lasts(at, 5*time.Second)
	for i, p := range r.people {
		healed := linkDown.heal(p.host)
		r.note("%s: network on", p.name)
		there := r.people[:i+1]
		r.audioReturns("audio, all off and back one by one", audioBack, healed, r.directions(func(from, to *participant) bool {
			return about(p)(from, to) && about(there...)(from, from) && about(there...)(to, to)
		}))
		lasts(healed, 3*time.Second)
	}
	r.everyoneHearsEveryone(5 * time.Second)
	for i, p := range r.people {
		others := append(append([]*participant(nil), r.people[:i]...), r.people[i+1:]...)
		p.rosterSettled(5*time.Second, others...)
	}
}

// Five people, two of them cut off at once.
func TestNetFivePeopleTwoCut(t *testing.T) {
	r := meeting(t, "A", "B", "C", "D", "E")
	b, d := r.people[1], r.people[3]
	calm := time.Now()
	dropped.cut(b.host)
	at := dropped.cut(d.host)
	r.note("B and D: packets dropped")
	lasts(at, 5*time.Second)
	healed := dropped.heal(b.host)
	dropped.heal(d.host)
	r.note("B and D: packets pass")
	r.audioReturns("audio after 5s, two of five cut", audioBack, healed, r.directions(about(b, d)))
	r.everyoneHearsEveryone(5 * time.Second)
	r.undisturbed(calm, r.directions(not(about(b, d))))
}

// One-way loss: A hears nobody, but B still gets all that A sends.
func TestNetOneWayLoss(t *testing.T) {
	r := directly(t, "A", "B")
	a, b := r.people[0], r.people[1]
	at := a.host.DropUDP(netlab.Incoming)
	r.note("A: incoming UDP dropped")
	r.noticed("one way", at, []direction{{b, a}})
	lasts(at, 5*time.Second)
	healed := a.host.Pass()
	r.note("A: packets pass")
	r.audioReturns("audio after 5s, one way lost", bounds{audioBack.median, time.Second}, healed, []direction{{b, a}})
	r.everyoneHearsEveryone(10 * time.Second)
}

// A laptop sleeps: nothing runs on it, then everything goes on.
func TestNetSuspend(t *testing.T) {
	r := meeting(t, "A", "B")
	a, b := r.people[0], r.people[1]
	for range repeats() {
		r.everyoneHearsEveryone(10 * time.Second)
		at := time.Now()
		signalTo(t, b, syscall.SIGSTOP)
		r.note("B sleeps")
		r.noticed("asleep", at, []direction{{b, a}})
		lasts(at, 6*time.Second)
		woken := time.Now()
		signalTo(t, b, syscall.SIGCONT)
		r.note("B wakes")
		r.audioReturns("audio after 6s, asleep", bounds{200 * time.Millisecond, time.Second}, woken, []direction{{b, a}})
	}
	r.everyoneHearsEveryone(10 * time.Second)
	figures.checkMedians(t, "audio after 6s, asleep")
}

func signalTo(t *testing.T, p *participant, sig syscall.Signal) {
	t.Helper()
	if err := p.proc.Signal(sig); err != nil {
		t.Fatal(err)
	}
}
