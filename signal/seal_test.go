package signal

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func testSealers(t *testing.T) (ada, bob *Sealer) {
	t.Helper()
	room, err := Invite{Name: "demo", Secret: Secret{1}}.Room()
	if err != nil {
		t.Fatal(err)
	}
	return NewSealer(room, testKey(1), 1, newRand(1)), NewSealer(room, testKey(2), 2, newRand(2))
}

// testKey is the key of a made-up participant.
func testKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func TestEveryBodyRoundTrips(t *testing.T) {
	ada, bob := testSealers(t)
	for _, want := range everyBody() {
		frame, err := ada.SealMessage(bob.self, bob.inc, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := bob.OpenMessage(frame)
		if err != nil || !reflect.DeepEqual(got, Message{From: ada.self, Inc: 1, Body: want}) {
			t.Errorf("%+v came as %+v, %v", want, got, err)
		}
	}
}

func TestOpenMessageRefuses(t *testing.T) {
	ada, bob := testSealers(t)
	frame, err := ada.SealMessage(bob.self, bob.inc, Need{Epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := bytes.Cut(frame, []byte("\n"))
	at := address{from: ada.self, inc: 1, to: bob.self, toInc: 2}
	other := PeerID("cccccccccccccccccccccc")
	for _, tc := range []struct {
		name   string
		change func(a *address)
		want   error // nil: any
	}{
		{"another recipient", func(a *address) { a.to = other }, ErrNotForUs},
		{"another process of the recipient", func(a *address) { a.toInc = 3 }, ErrNotForUs},
		{"from ourselves", func(a *address) { a.from = bob.self }, ErrNotForUs},
		{"another sender", func(a *address) { a.from = other }, nil},
		{"another process of the sender", func(a *address) { a.inc = 9 }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := at
			tc.change(&a)
			_, err := bob.OpenMessage(append(appendSigHeader(nil, a), body...))
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("err = %v, want %v", err, tc.want)
			}
		})
	}
	for i := range body {
		bad := bytes.Clone(body)
		bad[i] ^= 1
		if m, err := bob.OpenMessage(append(appendSigHeader(nil, at), bad...)); err == nil {
			t.Fatalf("byte %d altered, opened as %+v", i, m)
		}
	}
	for n := range body {
		if _, err := bob.OpenMessage(append(appendSigHeader(nil, at), body[:n]...)); err == nil {
			t.Fatalf("opened after %d bytes", n)
		}
	}
	if _, err := bob.OpenMessage(frame); err != nil {
		t.Errorf("the true frame: %v", err) // none of the forgeries used it up
	}
	if _, err := bob.OpenMessage(frame); !errors.Is(err, ErrReplayed) {
		t.Errorf("the true frame again: %v", err)
	}
}

// Frames may come by different ways and overtake each other.
func TestReorderedMessagesOpenOnce(t *testing.T) {
	ada, bob := testSealers(t)
	frames := make([][]byte, replayWords*64+200)
	for i := range frames {
		var err error
		if frames[i], err = ada.SealMessage(bob.self, bob.inc, Probe{N: uint32(i)}); err != nil {
			t.Fatal(err)
		}
	}
	last := len(frames) - 1
	for _, step := range []struct {
		frame int
		want  error
	}{{5, nil}, {3, nil}, {5, ErrReplayed}, {4, nil}, {last, nil}, {last - 900, nil}, {last - 900, ErrReplayed}, {0, ErrReplayed}, {last - 1, nil}} {
		if _, err := bob.OpenMessage(frames[step.frame]); !errors.Is(err, step.want) {
			t.Errorf("frame %d: %v, want %v", step.frame, err, step.want)
		}
	}
}

// A process that came after another silences it for good.
func TestOlderProcessIsNotHeard(t *testing.T) {
	ada, bob := testSealers(t)
	young := NewSealer(ada.room, ada.key, 2, newRand(3))
	old, err := ada.SealMessage(bob.self, bob.inc, Need{Epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	frame, err := young.SealMessage(bob.self, bob.inc, Need{Epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.OpenMessage(frame); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.OpenMessage(old); !errors.Is(err, ErrReplayed) {
		t.Errorf("a message of the older process: %v", err)
	}
}

func TestSealerForgetsTheLongestUnheard(t *testing.T) {
	_, bob := testSealers(t)
	id := func(i int) PeerID { return PeerID([]byte{byte(i), byte(i >> 8)}) }
	for i := range maxHeard + 10 {
		if !bob.accept(address{from: id(i), inc: 1}, 1) {
			t.Fatal("fresh, but refused")
		}
		if i > 0 && !bob.accept(address{from: id(0), inc: 1}, uint64(i)+1) {
			t.Fatal("the first one was forgotten")
		}
	}
	if len(bob.heard) != maxHeard {
		t.Errorf("%d senders are remembered", len(bob.heard))
	}
}

func TestLimitsOfBodies(t *testing.T) {
	ada, bob := testSealers(t)
	for _, tc := range []struct {
		name string
		body Body
	}{
		{"long offer", Offer{SDP: strings.Repeat("x", MaxSDP+1)}},
		{"long answer", Answer{SDP: strings.Repeat("x", MaxSDP+1)}},
		{"400 candidates", Candidates{Candidates: make([]string, 400)}},
		{"long candidate", Candidates{Candidates: []string{strings.Repeat("x", MaxCandidate+1)}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := ada.SealMessage(bob.self, bob.inc, tc.body); err == nil {
				t.Error("it was sealed")
			}
			// Someone else's program may send it all the same.
			fields, err := marshalUnchecked(tc.body)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := unmarshalBody(fields); err == nil {
				t.Error("it was taken")
			}
		})
	}
	// The largest that is allowed fits into a frame.
	if _, err := ada.SealMessage(bob.self, bob.inc, Offer{SDP: strings.Repeat("x", MaxSDP)}); err != nil {
		t.Error(err)
	}
}

func TestUnknownAndBrokenBodies(t *testing.T) {
	for _, tc := range []struct {
		plain string
		want  error
	}{
		{`{"c":1,"k":"dance"}`, ErrUnknownBody},
		{`{"c":1}`, ErrUnknownBody},
		{`{"c":-1,"k":"need"}`, nil},
		{`{"c":1,"k":"need","ep":4294967296}`, nil},
		{`{"c":1,"k":"need","ep":"1"}`, nil},
		{`[]`, nil},
		{``, nil},
	} {
		_, b, err := unmarshalBody([]byte(tc.plain))
		if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: %+v, %v", tc.plain, b, err)
		}
	}
	if _, b, err := unmarshalBody([]byte(`{"c":1,"k":"need","later":true}`)); err != nil || b != (Body)(Need{}) {
		t.Errorf("a field of a newer version: %+v, %v", b, err)
	}
	if _, b, err := unmarshalBody([]byte(`{"c":1,"k":"bye","why":"\u001b[2Jx"}`)); err != nil || b.(Bye).Reason != "x" {
		t.Errorf("a hostile reason: %+v, %v", b, err)
	}
}

func TestStateIsBoundToItsSender(t *testing.T) {
	ada, bob := testSealers(t)
	want := State{N: 3, Name: "Ada", Media: Media{Mic: true}, Agent: "meet/1"}
	body, err := ada.SealState(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := bob.OpenState(ada.self, 1, body); err != nil || got != want {
		t.Errorf("state = %+v, %v", got, err)
	}
	if _, err := bob.OpenState(ada.self, 2, body); err == nil {
		t.Error("it was taken for another process's")
	}
	if _, err := bob.OpenState("cccccccccccccccccccccc", 1, body); err == nil {
		t.Error("it was taken for someone else's")
	}
	if _, err := ada.SealState(State{Name: strings.Repeat("x", 5000)}); err == nil {
		t.Error("a name of 5,000 characters was sealed")
	}
}

func TestFiveThousandCharacterName(t *testing.T) {
	ada, bob := testSealers(t)
	plain := []byte(`{"n":1,"name":"` + strings.Repeat(`\u001b[31m\u202eA`, 5000) + `"}`)
	body, err := ada.room.sealSigned(nil, plain, address{from: ada.self, inc: 1}, forState, ada.key, newRand(9))
	if err != nil {
		t.Fatal(err)
	}
	st, err := bob.OpenState(ada.self, 1, body)
	if err != nil || st.Name != strings.Repeat("A", MaxName) {
		t.Errorf("name %q, %v", st.Name, err)
	}
}
