package meettest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
)

// expectWay fails unless two people are connected, by the relay or not.
func expectWay(t *testing.T, a, b *Person, relayed bool) {
	t.Helper()
	for _, pair := range [][2]*Person{{a, b}, {b, a}} {
		v, _ := pair[0].Call.View().Peer(pair[1].ID)
		if v.State != rtc.StateConnected || pair[0].Packets(pair[1]) == 0 {
			t.Errorf("%s sees %s as %v, %d packets heard", pair[0].Name, pair[1].Name, v.State, pair[0].Packets(pair[1]))
		}
	}
	v, _ := a.Call.View().Peer(b.ID)
	if relayed != (v.Transport.Path == rtc.PathRelay) {
		t.Errorf("%s to %s: %v, %s - %s, want relayed %v", a.Name, b.Name, v.Transport.Path, v.Transport.LocalType, v.Transport.RemoteType, relayed)
	}
}

// Every two kinds of routers, with addresses learned by STUN alone and with a
// relay: who is in the call, and by which way.
func TestNATs(t *testing.T) {
	kinds := []NAT{Open, FullCone, AddressRestricted, PortRestricted, Symmetric}
	for i, first := range kinds {
		for _, second := range kinds[i:] {
			for _, reach := range []Reach{STUNOnly, STUNAndTURN} {
				t.Run(fmt.Sprintf("%v and %v, relay %v", first, second, reach == STUNAndTURN), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						r := New(t)
						r.Offer(reach, nil)
						a, b := r.JoinBehind(first, "a"), r.JoinBehind(second, "b")
						r.Wait(3 * time.Second)
						// The only pairs that no hole can be punched for (RFC 5128 section 3.3).
						blocked := second == Symmetric && first >= PortRestricted
						if blocked && reach == STUNOnly {
							if a.Packets(b)+b.Packets(a) > 0 {
								t.Error("they hear each other, which cannot be")
							}
						} else {
							expectWay(t, a, b, blocked)
						}
						for _, p := range r.People() {
							p.Leave()
						}
						r.Wait(time.Second)
						if reach == STUNAndTURN && r.Relay().Allocations() != 0 {
							t.Errorf("%d allocations are left", r.Relay().Allocations())
						}
					})
				})
			}
		}
	}
}

// A participant who joins with everything relayed tells the others no address of
// its own: not in a candidate, not as what one is related to, and not by its
// packets.
func TestRelayOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		r.Offer(STUNAndTURN, nil)
		var heard addresses
		a := r.JoinBehind(PortRestricted, "a", func(c *call.Config) { c.RelayOnly = true })
		b := r.JoinBehind(Open, "b", func(c *call.Config) { c.Net = heard.tap(c.Net) })
		c := r.JoinBehind(Symmetric, "c", func(c *call.Config) { c.RelayOnly = true })
		r.Wait(4 * time.Second)
		r.expectWell()
		for _, pair := range [][2]*Person{{a, b}, {b, a}, {a, c}, {c, b}} {
			v, _ := pair[0].Call.View().Peer(pair[1].ID)
			if pair[0].Packets(pair[1]) == 0 || v.Transport.LocalType != "relay" && pair[0] != b {
				t.Errorf("%s to %s: %s - %s", pair[0].Name, pair[1].Name, v.Transport.LocalType, v.Transport.RemoteType)
			}
		}
		// An ICE restart gathers anew, and describes candidates that are there already.
		a.CutMedia()
		r.Wait(6 * time.Second)
		a.HealMedia()
		r.Wait(6 * time.Second)
		r.expectWell()
		for _, from := range heard.list() {
			if from != relayIP {
				t.Errorf("B got packets from %s", from)
			}
		}
		for _, p := range r.People() {
			p.Leave()
		}
	})
}

// Without a relay there is nobody to be met, and the person is told so.
func TestRelayOnlyWithoutARelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		a := r.Join("a", func(c *call.Config) { c.RelayOnly = true })
		b := r.Join("b")
		r.Wait(3 * time.Second)
		if a.Packets(b) != 0 || b.Packets(a) != 0 {
			t.Error("they hear each other")
		}
		if w := Events[call.Warning](a); len(w) != 1 || w[0].Code != "no-relay" {
			t.Errorf("warnings: %+v", w)
		}
		for _, p := range r.People() {
			p.Leave()
		}
	})
}
