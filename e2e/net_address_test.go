//go:build linux

package e2e

import (
	"testing"
	"time"

	"github.com/meet-term/meet/internal/netlab"
)

// addressChange measures the silence that a change of A's address makes, in
// every direction, and that the others notice nothing.
func addressChange(t *testing.T, name string, change func(*netlab.Host) time.Time) {
	r := meeting(t, "A", "B", "C")
	a := r.people[0]
	for range repeats() {
		r.everyoneHearsEveryone(10 * time.Second)
		calm := time.Now()
		at := change(a.host)
		r.note("A: %s, now %v", name, a.host.Addr())
		for _, d := range r.directions(about(a)) {
			figures.addBack(t, "audio, "+name, addressBack, d, r.silence(at, d))
		}
		r.undisturbed(calm, r.directions(not(about(a))))
		a.until(10*time.Second, a.proc.Done(), func(v *view, _ []event) bool { return v.server == "connected" })
	}
	a.rosterSettled(10*time.Second, r.people[1], r.people[2])
	figures.checkMedians(t, "audio, "+name)
}

func TestNetNewAddress(t *testing.T) {
	addressChange(t, "another address on the same interface", (*netlab.Host).ReplaceAddress)
}

func TestNetNewInterface(t *testing.T) {
	addressChange(t, "another interface and network", (*netlab.Host).MoveToInterface)
}

// Without a server nobody can be told of the new address: the others follow.
func TestNetRoamWithoutServer(t *testing.T) {
	r := meeting(t, "A", "B", "C")
	a := r.people[0]
	r.server.crash()
	for range repeats() {
		r.everyoneHearsEveryone(10 * time.Second)
		at := a.host.MoveToInterface()
		r.note("A: another interface, now %v", a.host.Addr())
		for _, d := range r.directions(about(a)) {
			figures.addBack(t, "audio, another interface, no server", roamBack, d, r.silence(at, d))
		}
	}
	figures.checkMedians(t, "audio, another interface, no server")
}

// Without a server, two people change their addresses at once: neither can
// reach the other where it was. Only the third, whom both still reach, can
// carry what they must tell each other.
func TestNetRepairThroughThirdPeer(t *testing.T) {
	r := meeting(t, "A", "B", "C")
	a, b := r.people[0], r.people[1]
	r.server.crash()
	for range repeats() {
		r.everyoneHearsEveryone(10 * time.Second)
		a.host.ReplaceAddress()
		at := b.host.ReplaceAddress()
		r.note("A and B: other addresses, now %v and %v", a.host.Addr(), b.host.Addr())
		for _, d := range []direction{{a, b}, {b, a}} {
			figures.addBack(t, "audio, both addresses changed, no server", mendedBack, d, r.silence(at, d))
		}
		r.everyoneHearsEveryone(10 * time.Second)
	}
	figures.checkMedians(t, "audio, both addresses changed, no server")
}

// A home router forgets its mappings: B sees A at another port all at once.
func TestNetRebinding(t *testing.T) {
	r := newRoom(t)
	home := r.lab.NAT("home")
	a, b := r.addOn(home.Host("a"), "A"), r.add("B")
	a.start()
	b.start()
	for range repeats() {
		r.everyoneHearsEveryone(20 * time.Second)
		at := home.Rebind()
		r.note("A's router has forgotten its mappings")
		for _, d := range r.directions(everybody) {
			figures.addBack(t, "audio, router rebinds", roamBack, d, r.silence(at, d))
		}
	}
	r.everyoneHearsEveryone(10 * time.Second)
	figures.checkMedians(t, "audio, router rebinds")
}

// UDP between A and B is blocked while everything else works: attempts are
// counted, the third failure shows, the command tries again at once, and it
// heals when the way is free.
func TestNetBlockedPair(t *testing.T) {
	r := directly(t, "A", "B", "C")
	a, b := r.people[0], r.people[1]
	calm := time.Now()
	at := r.lab.BlockUDP(a.host, b.host)
	r.note("UDP between A and B is blocked")
	pair := []direction{{a, b}, {b, a}}
	r.noticed("blocked", at, pair)
	for _, d := range pair {
		failed := d.to.next(at, 40*time.Second, d.from.name+" given up", is("reconnect-failed", d.from.name))
		if n := failed.Body.(*reconnectFailed).Attempts; n != 3 {
			t.Errorf("%s gave up on %s after %d attempts, want 3", d.to.name, d.from.name, n)
		}
		if n := d.to.attempts(d.from, at); n != 3 {
			t.Errorf("%s announced %d attempts for %s, want 3", d.to.name, n, d.from.name)
		}
		d.to.sees(d.from, "failed", time.Second)
		d.to.next(at, time.Second, "event peer-connection-failed", is("peer-connection-failed", d.from.name))
	}
	again := time.Now()
	a.command("retry", nil)
	try := a.next(again, 2*time.Second, "a new attempt for B", is("reconnecting", "B"))
	if n := try.Body.(*reconnecting).Attempt; n != 1 {
		t.Errorf("the retry counts as attempt %d, want 1", n)
	}
	free := r.lab.Unblock(a.host, b.host)
	r.note("UDP between A and B passes")
	r.audioReturns("audio after a block until failed, retry", mendedBack, free, pair)
	for _, d := range pair {
		d.to.next(free, 5*time.Second, "reconnected", is("reconnected", d.from.name))
	}
	r.undisturbed(calm, r.directions(not(func(from, to *participant) bool { return from != r.people[2] && to != r.people[2] })))
}

// The same without a server: the pair mends when the way is free, whatever
// attempts were made meanwhile through the third.
func TestNetBlockedPairWithoutServer(t *testing.T) {
	r := directly(t, "A", "B", "C")
	a, b := r.people[0], r.people[1]
	r.server.crash()
	at := r.lab.BlockUDP(a.host, b.host)
	r.note("UDP between A and B is blocked")
	pair := []direction{{a, b}, {b, a}}
	r.noticed("blocked", at, pair)
	lasts(at, 12*time.Second)
	t.Logf("attempts without a server: A %d, B %d", a.attempts(b, at), b.attempts(a, at))
	free := r.lab.Unblock(a.host, b.host)
	r.note("UDP between A and B passes")
	r.audioReturns("audio after a block of 12s, no server", mendedBack, free, pair)
	r.everyoneHearsEveryone(10 * time.Second)
}
