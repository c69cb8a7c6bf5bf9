package meettest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

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
