package signal

import (
	"testing"
)

// FuzzSealed: whatever a member of the room signs and seals, with all the keys it
// takes, opens as what keeps to the limits, or not at all; as a message and as a state.
func FuzzSealed(f *testing.F) {
	for _, b := range everyBody() {
		plain, err := marshalBody(7, b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain)
	}
	f.Add([]byte(`{"n":3,"name":"\u001b[2J","media":{"mic":true},"agent":"x"}`))
	f.Fuzz(func(t *testing.T, plain []byte) {
		room, err := Invite{Name: "demo", Secret: Secret{1}}.Room()
		if err != nil {
			t.Fatal(err)
		}
		mal, ann := NewSealer(room, testKey(1), 1, newRand(1)), NewSealer(room, testKey(2), 1, newRand(2))
		at := address{from: mal.self, inc: 1, to: ann.self, toInc: 1}
		frame, err := room.sealSigned(appendSigHeader(nil, at), plain, at, forMessage, mal.key, newRand(3))
		if err != nil {
			t.Fatal(err)
		}
		if m, err := ann.OpenMessage(frame); err == nil {
			if err := checkBody(m.Body); err != nil || m.From != mal.self {
				t.Fatalf("%q opened as %+v: %v", plain, m, err)
			}
			if _, err := ann.OpenMessage(frame); err == nil {
				t.Fatalf("%q opened twice", plain)
			}
		}
		body, err := room.sealSigned(nil, plain, address{from: mal.self, inc: 1}, forState, mal.key, newRand(4))
		if err != nil {
			t.Fatal(err)
		}
		st, err := ann.OpenState(mal.self, 1, body)
		if err != nil {
			return
		}
		if n := len([]rune(st.Name)); n > MaxName || len([]rune(st.Agent)) > MaxAgent {
			t.Fatalf("%q has a name of %d characters", plain, n)
		}
	})
}
