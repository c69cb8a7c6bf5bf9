package signal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

// Nobody gets a seat, free or taken, without the key that its id is made of; and a
// hello that somebody overheard takes none that is taken.
func TestSeatsAreTheirOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		key, err := NewKey(b.random)
		if err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(*helloFrame){
			"no key":       func(h *helloFrame) { h.Key = "" },
			"no signature": func(h *helloFrame) { h.Sig = "" },
			"a key that is not ours": func(h *helloFrame) {
				h.Key = base64.RawURLEncoding.EncodeToString(ada.cfg.Key.Public().(ed25519.PublicKey))
			},
			"another incarnation": func(h *helloFrame) { h.Inc = maxInt },
			"another token":       func(h *helloFrame) { h.Resume = strings.Repeat("x", 22) },
			"another try":         func(h *helloFrame) { h.Try++ },
			"an id of nobody":     func(h *helloFrame) { h.Peer = PeerID(strings.Repeat("x", 22)) },
			"the id of ada":       func(h *helloFrame) { h.Peer, h.Inc = ada.id, maxInt },
			"another room":        func(h *helloFrame) { h.Room = strings.Repeat("x", 22) },
		} {
			h := signed(key, helloFrame{Room: b.room.ID(), Inc: 2, N: 1, Resume: strings.Repeat("t", 22), Try: 1, state: []byte("AAAA")})
			change(&h)
			r := b.dialRaw("mal")
			r.send(encodeFrame(h))
			if why, code := r.end(); code != closeBad || why != RefusedBad {
				t.Errorf("%s: ended with %d %q", name, code, why)
			}
		}
		ada.take()
		bob.take()
		ada.Send(bob.id, bob.inc, Probe{N: 1})
		bob.want(Message{From: ada.id, Inc: 1, Body: Probe{N: 1}})
	})
}

// A hello of a newer process that was kept by somebody on the way takes a seat only
// together with a signature over what the server has just made up.
func TestTakingASeatIsProvedFreshly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada := b.join("ada")
		overheard := signed(ada.cfg.Key, helloFrame{Room: b.room.ID(), Inc: 7, N: 1, Resume: strings.Repeat("t", 22), Try: 1, state: []byte("AAAA")})
		key, err := NewKey(b.random)
		if err != nil {
			t.Fatal(err)
		}
		var before proveFrame
		for name, answer := range map[string]func(proveFrame) []byte{
			"no answer but another frame": func(proveFrame) []byte { return encodeFrame(syncFrame{}) },
			"the hello again":             func(proveFrame) []byte { return encodeFrame(overheard) },
			"the signature of the hello":  func(proveFrame) []byte { return encodeFrame(proofFrame{overheard.Sig}) },
			"signed by another key":       func(f proveFrame) []byte { return encodeFrame(answerProof(key, overheard, f)) },
			"of another server": func(f proveFrame) []byte {
				f.Srv = strings.Repeat("s", 22)
				return encodeFrame(answerProof(ada.cfg.Key, overheard, f))
			},
			"of another challenge": func(f proveFrame) []byte {
				f.Challenge = strings.Repeat("c", 22)
				return encodeFrame(answerProof(ada.cfg.Key, overheard, f))
			},
		} {
			r := b.dialRaw("mal")
			r.send(encodeFrame(overheard))
			f, _ := r.next()
			prove, ok := f.(proveFrame)
			if !ok || prove == before {
				t.Fatalf("%s: asked %+v, after %+v", name, f, before)
			}
			before = prove
			r.send(answer(prove))
			if why, code := r.end(); code != closeBad || why != RefusedBad {
				t.Errorf("%s: ended with %d %q", name, code, why)
			}
		}
		if !ada.isConnected() {
			t.Error("ada lost her seat")
		}
		// Her own next process has it, by a client that knows nothing of seats.
		again := b.start("ada", func(c *Config) { c.Key, c.Inc = ada.cfg.Key, 8 })
		if !again.isConnected() {
			t.Error("the owner did not get her seat")
		}
	})
}

// Who has the key of the room can still not speak as another: whoever brings it,
// and whether it is a message or a state.
func TestMembersCannotForgeEachOther(t *testing.T) {
	ada, bob := testSealers(t)
	mal := NewSealer(ada.room, testKey(3), 1, newRand(3))
	at := address{from: ada.self, inc: 5, to: bob.self, toInc: bob.inc}
	for _, body := range everyBody() {
		plain, err := marshalBody(9, body)
		if err != nil {
			t.Fatal(err)
		}
		for name, make := range map[string]func() ([]byte, error){
			"without a signature": func() ([]byte, error) {
				return ada.room.seal(appendSigHeader(nil, at), plain, at, forMessage, newRand(4))
			},
			"with our own key": func() ([]byte, error) {
				return ada.room.sealSigned(appendSigHeader(nil, at), plain, at, forMessage, mal.key, newRand(4))
			},
			"with her key and our signature": func() ([]byte, error) {
				text := append(bytes.Clone(ada.key.Public().(ed25519.PublicKey)), sign(mal.key, ada.room.id, at, forMessage, plain)...)
				return ada.room.seal(appendSigHeader(nil, at), append(text, plain...), at, forMessage, newRand(4))
			},
		} {
			frame, err := make()
			if err != nil {
				t.Fatal(err)
			}
			if m, err := bob.OpenMessage(frame); !errors.Is(err, ErrForged) {
				t.Errorf("%s: %+v, %v", name, m, err)
			}
		}
	}
	// Nor does anything of hers serve for something else: a message as a state, one to
	// us as one to another, one of this incarnation as one of the next.
	frame, err := ada.SealMessage(mal.self, mal.inc, Bye{Reason: "x"})
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := bytes.Cut(frame, []byte("\n"))
	was := address{from: ada.self, inc: ada.inc, to: mal.self, toInc: mal.inc}
	text, err := ada.room.unseal(body, was, forMessage)
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]address{
		"to another":        {ada.self, ada.inc, bob.self, bob.inc},
		"of the next inc":   {ada.self, maxInt, bob.self, bob.inc},
		"of another sender": {mal.self, mal.inc, bob.self, bob.inc},
	} {
		frame, err := ada.room.seal(appendSigHeader(nil, a), text, a, forMessage, newRand(5))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bob.OpenMessage(frame); !errors.Is(err, ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	state, err := ada.room.seal(nil, text, address{from: ada.self, inc: ada.inc}, forState, newRand(6))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.OpenState(ada.self, ada.inc, state); !errors.Is(err, ErrForged) {
		t.Errorf("as a state: %v", err)
	}
	by := ada.Sign("chat", "hi")
	for name, err := range map[string]error{
		"another text":    bob.Verify(ada.self, ada.inc, "chat", "ho", by),
		"another purpose": bob.Verify(ada.self, ada.inc, "pair", "hi", by),
		"another author":  bob.Verify(mal.self, ada.inc, "chat", "hi", by),
		"another process": bob.Verify(ada.self, 9, "chat", "hi", by),
		"no key":          bob.Verify(ada.self, ada.inc, "chat", "hi", Signature{Sig: by.Sig}),
	} {
		if !errors.Is(err, ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := bob.Verify(ada.self, ada.inc, "chat", "hi", by); err != nil {
		t.Errorf("her own: %v", err)
	}
}

// A server can make up an incarnation only where it has a state of it.
func TestServerCannotMakeUpProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		ada.take()
		var state string
		b.server.rooms[b.room.ID()].update(func(*flushList) {
			state = string(b.server.rooms[b.room.ID()].seats[bob.id].state)
		})
		c := ada.Client
		for name, m := range map[string]member{
			"a larger incarnation": {bob.id, maxInt, false, state},
			"garbage":              {bob.id, maxInt, false, "AAAA"},
			"nothing":              {bob.id, maxInt, false, ""},
			"of somebody else":     {PeerID(strings.Repeat("x", 22)), 1, false, state},
		} {
			synctest.Wait()
			if e := c.applyMember(m.Peer, m.Inc, m.Away, []byte(m.State)); e != nil {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if e := c.applyMember(bob.id, maxInt, true, nil); e != nil {
			t.Errorf("away with a larger incarnation: %+v", e)
		}
		if got := ada.roster(); len(got) != 1 || got[0].Inc != 1 {
			t.Errorf("ada's roster: %+v", got)
		}
	})
}
