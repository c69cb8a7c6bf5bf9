package rtc

import (
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

// FuzzData: whatever a connected peer sends on its data channel is read or dropped;
// it says nothing for others, makes up nobody, and what is read can be sent on.
func FuzzData(f *testing.F) {
	for _, m := range []dataMessage{
		report{Peers: []signal.PeerID{"a", "m"}}, relay{From: "a", To: "m", Frame: "x"}, relay{From: "b", To: "z", Frame: "x"},
		carry{}, carrying{}, appData{Kind: "chat", Data: []byte(`[]`)}, identity{Person: "x", Commit: "y"}, reveal{Nonce: "x"}, farewell{},
	} {
		f.Add(encodeData(m))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := decodeData(data); err == nil {
			if _, err := decodeData(encodeData(m)); err != nil {
				t.Fatalf("%q was read as %+v, which cannot be sent: %v", data, m, err)
			}
		}
		o := newOwnMesh()
		for _, in := range roomInputs(t, []string{"welcome", "a", "z"}) {
			o.give(0, in)
		}
		for _, peer := range []string{"a", "z"} {
			for _, in := range roomInputs(t, []string{peer, "comes"}) {
				o.give(0, in)
			}
		}
		o.give(time.Second, roomInput{In: "data", Peer: "a", Data: string(data)})
		o.look(2 * time.Second)
		for _, p := range o.m.View().Peers {
			if p.ID != "a" && p.ID != "z" {
				t.Fatalf("%q made up %+v", data, p)
			}
		}
		if _, here := o.m.View().Peer("z"); !here {
			t.Fatalf("%q of a removed z", data)
		}
	})
}
