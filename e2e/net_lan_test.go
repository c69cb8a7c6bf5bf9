//go:build linux

package e2e

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/netlab"
)

// place is where a participant said last that the room is.
func (p *participant) place() (at joined) {
	p.look(func(_ *view, events []event) {
		for _, e := range events {
			if j, ok := e.Body.(*joined); ok && (e.Name == "joined" || e.Name == "invite-changed") {
				at = *j
			}
		}
	})
	return at
}

// Laptops on one network, with nothing configured: the second finds the first,
// and when the first is gone the others stay together.
func TestNetLAN(t *testing.T) {
	r := island(t)
	a := r.add("A")
	began := time.Now()
	a.start()
	a.must(10*time.Second, "A is in a room", func(v *view) bool { return v.joined })
	t.Logf("the first is in its room after %v", time.Since(began).Round(time.Millisecond))
	if at := a.place(); at.Link != "http://"+a.host.Addr().String()+":7077/demo" || at.Works != "works on this network" {
		t.Errorf("A is told %+v", at)
	}
	b, c := r.add("B"), r.add("C")
	began = time.Now()
	b.start()
	found := b.next(began, 10*time.Second, "B finds the room", is("lan-room-found", ""))
	if f := found.Body.(*lanRoom); f.Room != "demo" || f.Host != "A" || f.Address != a.host.Addr().String()+":7077" {
		t.Errorf("found %+v", f)
	}
	t.Logf("the second finds it after %v", found.At.Sub(began).Round(time.Millisecond))
	c.start()
	r.everyoneHearsEveryone(10 * time.Second)

	lasts(time.Now(), 3*time.Second)
	r.note("A vanishes, and its server with it")
	at := time.Now()
	a.proc.Kill()
	hosted := func(e event) bool {
		j, ok := e.Body.(*joined)
		return ok && e.Name == "invite-changed" && !strings.Contains(j.Link, a.host.Addr().String())
	}
	b.next(at, 10*time.Second, "B is elsewhere", hosted)
	c.next(at, 10*time.Second, "C is elsewhere", hosted)
	for _, p := range []*participant{b, c} {
		p.next(at, 10*time.Second, "there is a server again", serverTurns("connected"))
	}
	r.lab.Host("d")
	r.people = r.people[1:]
	r.addOn(r.lab.Host("d"), "D").start()
	r.everyoneHearsEveryone(10 * time.Second)
	r.undisturbed(at, []direction{{b, c}, {c, b}})
}

// Two who begin at the same moment are in one room. So are two who could not
// hear each other at first: their rooms become one, and nobody is cut.
func TestNetLANTogether(t *testing.T) {
	t.Run("at once", func(t *testing.T) {
		r := island(t)
		for _, name := range []string{"A", "B"} {
			r.add(name)
		}
		for _, p := range r.people {
			p.start()
		}
		r.everyoneHearsEveryone(10 * time.Second)
	})
	t.Run("two rooms", func(t *testing.T) {
		r := island(t)
		a, b := r.add("A"), r.add("B")
		for _, p := range r.people {
			p.host.DropUDP(netlab.Both) // multicast
			p.start()
			p.must(10*time.Second, "a room of one's own", func(v *view) bool { return v.joined })
		}
		second := r.addOn(a.host, "A2")
		second.start()
		second.hears(a, time.Now(), 20)
		third := r.addOn(b.host, "B2")
		third.start()
		third.hears(b, time.Now(), 20)
		at := time.Now()
		for _, p := range r.people[:2] {
			p.host.Pass()
			// Something changes about the network, so nobody waits for half a minute.
			p.host.Run("ip", "address", "add", "10.99.0.1/32", "dev", "lo")
		}
		r.everyoneHearsEveryone(15 * time.Second)
		r.undisturbed(at, []direction{{a, second}, {second, a}, {b, third}, {third, b}})
	})
}

// Whoever chose this machine is not found from another, and nobody gets in.
func TestNetLANLocal(t *testing.T) {
	r := island(t)
	a := r.add("A", "--local")
	a.start()
	a.must(10*time.Second, "a room", func(v *view) bool { return v.joined })
	if at := a.place(); at.Works != "works on this machine only" {
		t.Errorf("A is told %+v", at)
	}
	b := r.add("B")
	b.start()
	b.must(10*time.Second, "a room", func(v *view) bool { return v.joined })
	if conn, err := b.host.Dial(t.Context(), "tcp", a.host.Addr().String()+":7077"); err == nil {
		conn.Close()
		t.Error("the port is open to the network")
	}
	b.look(func(v *view, _ []event) {
		if v.listed() > 0 {
			t.Error("B sees somebody")
		}
	})
}

// The router is asked for a port, and somebody outside joins by the link alone.
func TestNetMapped(t *testing.T) {
	needLab(t)
	if reason := netlab.MapperMissing(); reason != "" {
		t.Skip("skipped: " + reason)
	}
	t.Run("public", func(t *testing.T) {
		r := island(t)
		router := r.lab.Router("home", netlab.PortRestricted)
		router.MapPorts(netip.MustParseAddr("5.5.5.1"))
		a := r.addOn(router.Host("a"), "A", "--internet")
		began := time.Now()
		a.start()
		open := a.next(began, 10*time.Second, "a port of the router", func(e event) bool {
			j, ok := e.Body.(*joined)
			return ok && j.Works == "works anywhere"
		})
		link := open.Body.(*joined).Link
		if !strings.HasPrefix(link, "https://5.5.5.1:7077/#demo..") {
			t.Fatalf("the link is %s", link)
		}
		t.Logf("the port is open after %v", open.At.Sub(began).Round(time.Millisecond))
		outside := r.lab.Host("b")
		outside.Run("ip", "address", "add", "5.5.5.2/24", "dev", "eth0")
		b := r.addOn(outside, "B")
		b.invite = link
		b.start()
		r.everyoneHearsEveryone(15 * time.Second)
		if open := router.Mappings(); strings.Count(open, "7077") < 2 {
			t.Errorf("open while A is there: %s", open)
		}
		a.leave()
		if open := router.Mappings(); strings.Contains(open, "7077") {
			t.Errorf("still open: %s", open)
		}
	})
	t.Run("both at home", func(t *testing.T) {
		r := island(t)
		home, other := r.lab.Router("home", netlab.PortRestricted), r.lab.Router("other", netlab.PortRestricted)
		home.MapPorts(netip.MustParseAddr("5.5.5.1"))
		other.MapPorts(netip.MustParseAddr("5.5.5.3")) // for its address
		a := r.addOn(home.Host("a"), "A", "--internet")
		a.start()
		open := a.next(time.Time{}, 10*time.Second, "a port of the router", func(e event) bool {
			j, ok := e.Body.(*joined)
			return ok && j.Works == "works anywhere"
		})
		b := r.addOn(other.Host("b"), "B")
		b.invite = open.Body.(*joined).Link
		b.start()
		r.everyoneHearsEveryone(15 * time.Second)
		t.Logf("A to B is %s", a.path(b))
	})
	t.Run("carrier-grade NAT", func(t *testing.T) {
		r := island(t)
		router := r.lab.Router("home", netlab.PortRestricted)
		router.MapPorts(netip.MustParseAddr("100.64.1.2"))
		a := r.addOn(router.Host("a"), "A", "--internet")
		began := time.Now()
		a.start()
		said := a.next(began, 10*time.Second, "why there is none", func(e event) bool {
			j, ok := e.Body.(*joined)
			return ok && strings.Contains(j.Note, "carrier-grade NAT")
		})
		t.Logf("said after %v: %s", said.At.Sub(began).Round(time.Millisecond), said.Body.(*joined).Note)
		if at := a.place(); at.Works != "works on this network" {
			t.Errorf("the invite is said to be %+v", at)
		}
	})
}
