package plain

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// verifier is a call that knows people.
func (c *fakeCall) Verify(p signal.PeerID) bool { c.note("verify", p); return true }

func TestVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
		c := newCall(
			rtc.PeerView{ID: "id-bob", Name: "Bob", State: rtc.StateConnected, Identity: rtc.Identity{Key: key, Words: "acid acorn", Mark: rtc.MarkNew}},
			rtc.PeerView{ID: "id-eve", Name: "Eve"},
		)
		c.events <- rtc.Identified{Who: rtc.Who{Peer: "id-bob", Name: "Bob"}, Identity: rtc.Identity{Key: key, Other: key, Known: "Bob", Mark: rtc.MarkChanged}}
		out, err := run(t, c, strings.NewReader("/verify bob\n/verify Bob same\n/verify Eve\n/verify\n/verify Zed\n/who\n/leave\n"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"Careful: this Bob is not the Bob you know.", "Bob has the key SHA256:", "read these words to each other: acid acorn", "/verify Bob same",
			"Eve has not shown a key yet", "whom? /verify NAME", "nobody here is called Zed", "screen share OFF, new",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("not said: %q in\n%s", want, out)
			}
		}
		if !slices.Contains(c.done, "verify id-bob") || len(c.done) != 2 {
			t.Errorf("did %q", c.done)
		}
	})
}
