package signal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// marshalUnchecked is marshalBody without the limits.
func marshalUnchecked(b Body) ([]byte, error) {
	fields, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, `{"c":1,"k":%q,`, kindOf(b)), fields[1:]...), nil
}

// clientFrames are one of each a client sends, serverFrames of each a server does.
func clientFrames() []clientFrame {
	a := address{from: "aaaaaaaaaaaaaaaaaaaaaa", inc: 1, to: "bbbbbbbbbbbbbbbbbbbbbb", toInc: maxInt}
	return []clientFrame{
		signed(testKey(1), helloFrame{
			Room: "rrrrrrrrrrrrrrrrrrrrrr", Inc: 1, N: 2,
			Resume: "tttttttttttttttttttttt", Try: 3, Srv: "ssssssssssssssssssssss", Seq: 4, state: []byte("AAAA"),
		}),
		helloFrame{V: "meet.1"},
		proofFrame{Sig: strings.Repeat("A", 86)},
		stateFrame{N: 3, state: []byte("AAAA")},
		sigFrame{address: a, raw: append(appendSigHeader(nil, a), "AAAA"...)},
		syncFrame{}, pingFrame{}, byeFrame{},
	}
}

// signed is a hello of the owner of a key.
func signed(key ed25519.PrivateKey, h helloFrame) helloFrame {
	h.V, h.Peer = Protocol, peerID(h.Room, key.Public().(ed25519.PublicKey))
	signHello(key, &h)
	return h
}

func serverFrames() []serverFrame {
	a := address{from: "aaaaaaaaaaaaaaaaaaaaaa", inc: 1, to: "bbbbbbbbbbbbbbbbbbbbbb", toInc: 2}
	peers := []member{{Peer: a.from, Inc: 1, State: "AAAA"}, {Peer: a.to, Inc: 2, Away: true, State: "BBBB"}}
	return []serverFrame{
		welcomeFrame{
			Srv: "ssssssssssssssssssssss", Seq: 3, Resumed: true, Peers: peers, Hb: 2000,
			ICE: []ICEServer{{URLs: []string{"turn:x"}, Username: "u", Credential: "c"}},
			Lim: frameLimits{50, 200, MaxHeader, MaxBody, MaxState, 32},
		},
		welcomeFrame{Srv: "ssssssssssssssssssssss", Peers: []member{}},
		proveFrame{Srv: "ssssssssssssssssssssss", Challenge: "cccccccccccccccccccccc"},
		roomFrame{Seq: 9, Peers: peers},
		peerFrame{Seq: 4, Peer: a.from, Inc: 1, On: onJoin, state: []byte("AAAA")},
		peerFrame{Seq: 5, Peer: a.from, Inc: 1, On: onAway},
		sigFrame{address: a, raw: append(appendSigHeader(nil, a), "AAAA"...)},
		nackFrame{To: a.to, Inc: 2, Why: NackAway},
		pongFrame{}, leaveFrame{Act: leaveResume, After: 100}, errFrameText{Code: RefusedFull, Text: "x"},
	}
}

func TestFramesRoundTrip(t *testing.T) {
	for _, want := range clientFrames() {
		wire := encodeFrame(want)
		if got, err := decodeClientFrame(wire); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s reads as %+v, %v", wire, got, err)
		}
		if header, _, _ := bytes.Cut(wire, []byte("\n")); len(header) > MaxHeader {
			t.Errorf("a header of %d bytes: %s", len(header), header)
		}
	}
	for _, want := range serverFrames() {
		wire := encodeFrame(want)
		if got, err := decodeServerFrame(wire); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s reads as %+v, %v", wire, got, err)
		}
	}
}

func TestServerFramesOfNewerServers(t *testing.T) {
	if f, err := decodeServerFrame([]byte(`{"t":"news","x":1}`)); f != nil || err != nil {
		t.Errorf("an unknown type: %v, %v", f, err)
	}
	for _, bad := range []string{
		`{"t":"welcome"}`, `{"t":"welcome","srv":"ssssssssssssssssssssss","peers":[{"peer":"x"}]}`,
		`{"t":"room","peers":[{}]}`, `{"t":"peer","peer":"x"}`, `{"t":"peer","seq":-1}`, `{`, ``, "{\"t\":\"pong\xff\"}",
	} {
		if f, err := decodeServerFrame([]byte(bad)); err == nil {
			t.Errorf("%q reads as %+v", bad, f)
		}
	}
}

// What the decoder takes, it writes and takes again as the same; a message's
// header has one form only.
func FuzzDecodeFrame(f *testing.F) {
	for _, frame := range clientFrames() {
		f.Add(encodeFrame(frame))
	}
	for _, frame := range serverFrames() {
		f.Add(encodeFrame(frame))
	}
	for _, s := range []string{"", "\n", "{}", `{"t":"sig"}`, `{"t":"hello","v":"meet.2","peers":null}`, "{\"t\":\"st\",\"n\":1}\nAAAA"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		if frame, err := decodeClientFrame(wire); err == nil {
			again := encodeFrame(frame)
			if sig, ok := frame.(sigFrame); ok {
				if canonical := appendSigHeader(nil, sig.address); !bytes.HasPrefix(wire, canonical) {
					t.Fatalf("the header of %q is not %q", wire, canonical)
				}
			}
			second, err := decodeClientFrame(again)
			if err != nil || !reflect.DeepEqual(second, frame) {
				t.Fatalf("%q became %q: %+v, then %+v (%v)", wire, again, frame, second, err)
			}
		}
		if frame, err := decodeServerFrame(wire); err == nil && frame != nil {
			again := encodeFrame(frame)
			second, err := decodeServerFrame(again)
			if err != nil || !reflect.DeepEqual(normal(second), normal(frame)) {
				t.Fatalf("%q became %q: %+v, then %+v (%v)", wire, again, frame, second, err)
			}
		}
	})
}

// normal makes empty and missing optional lists the same.
func normal(f serverFrame) serverFrame {
	if w, ok := f.(welcomeFrame); ok && len(w.ICE) == 0 {
		w.ICE = nil
		return w
	}
	return f
}

// FuzzUnmarshalBody: no plaintext a member seals can do harm, and what is taken
// keeps to the limits.
func FuzzUnmarshalBody(f *testing.F) {
	for _, b := range everyBody() {
		plain, err := marshalBody(7, b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain)
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		counter, b, err := unmarshalBody(plain)
		if err != nil {
			return
		}
		again, err := marshalBody(counter, b)
		if err != nil {
			t.Fatalf("%q was taken as %+v, which cannot be sent: %v", plain, b, err)
		}
		c2, b2, err := unmarshalBody(again)
		if err != nil || c2 != counter || kindOf(b2) != kindOf(b) {
			t.Fatalf("%q became %q: %v", plain, again, err)
		}
	})
}
