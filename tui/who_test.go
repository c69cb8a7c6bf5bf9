package tui

import (
	"crypto/ed25519"
	"testing"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// identified is a view whose people are known in every way.
func identified() *rtc.RoomView {
	v := many(6)
	key := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
	for i, mark := range []rtc.Mark{rtc.MarkNew, rtc.MarkKnown, rtc.MarkVerified, rtc.MarkChanged} {
		v.Peers[i].Identity = rtc.Identity{Key: key, Other: key, Known: v.Peers[i].Name, Mark: mark, Words: "acid acorn actor adobe agent alarm"}
	}
	return v
}

// How well somebody is known stands beside the name, as a sign and, where there is
// room, a word; V tells more, and enter verifies.
func TestWhoIsThat(t *testing.T) {
	r := newRigWith(t, newFake(identified()), func(o *Options) { o.Controls = verifier{o.Room.(*fake)} })
	r.shows("guest-01 ?", "guest-02 •", "guest-03 ✓", "guest-04 !")
	r.keys("V")
	r.shows("who is that", "new: you have not met this key before", call.KeyPrint(identified().Peers[0].Identity.Key), "acid acorn actor adobe agent alarm", "press enter")
	r.keys("down", "down", "down")
	r.shows("verified: you have compared this key")
	r.hides("press enter")
	r.keys("down")
	r.shows("Careful: this guest-04 is not the guest-04 you know")
	r.keys("down")
	r.shows("has not shown a key yet")
	r.keys("up", "enter")
	r.did("verify id-guest-04")
	r.shows("guest-04 is verified")
	r.hides("who is that")
}

// verifier is a call that knows people.
type verifier struct{ *fake }

func (v verifier) Verify(p signal.PeerID) bool { v.note("verify", p); return true }
