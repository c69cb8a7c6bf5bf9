package signal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// The golden files are the protocol's test vectors: every implementation must
// read them alike. Only a deliberate change of the protocol rewrites them, with
// go test ./signal -run Golden -update.
var update = flag.Bool("update", false, "rewrite the golden files")

// goldenKeys are vectors of the key derivation and of sealing.
type goldenKeys struct {
	Rooms []goldenRoom `json:"rooms"`
}

type goldenRoom struct {
	Link   string `json:"link"`
	Name   string `json:"name"`
	Secret string `json:"secret"` // base64url; "" for an open room
	ID     string `json:"id"`
	// Key and Other are the seeds (RFC 8032) of those whom State and Signal are from,
	// and whom Signal is to.
	Key   string `json:"key"`
	Other string `json:"other"`
	// Hello is a signed one of the first, Proof its answer to a challenge.
	Hello json.RawMessage `json:"hello"`
	Prove json.RawMessage `json:"prove"`
	Proof json.RawMessage `json:"proof"`
	// Sealed with the room's key: proves the key without showing it.
	State  goldenState  `json:"state"`
	Signal goldenSignal `json:"signal"`
}

type goldenState struct {
	From   PeerID `json:"from"`
	Inc    Inc    `json:"inc"`
	Nonce  string `json:"nonce"`  // base64url
	AAD    string `json:"aad"`    // text
	Plain  string `json:"plain"`  // JSON text
	Sealed string `json:"sealed"` // base64url of nonce, ciphertext and tag
}

type goldenSignal struct {
	goldenState
	To    PeerID `json:"to"`
	ToInc Inc    `json:"toinc"`
	Frame string `json:"frame"` // header line and body
}

// goldenFrames are frames of both directions.
type goldenFrames struct {
	Client []goldenFrame `json:"client"`
	Server []goldenFrame `json:"server"`
	Bad    []goldenBad   `json:"bad"` // what a server must refuse
}

type goldenFrame struct {
	Wire   string          `json:"wire"`
	Header json.RawMessage `json:"header"`
	Body   string          `json:"body,omitempty"`
}

type goldenBad struct {
	Why  string `json:"why"`
	Wire string `json:"wire"`
}

// goldenBodies are the sealed messages of participants, in plain.
type goldenBodies struct {
	Bodies []json.RawMessage `json:"bodies"`
}

func golden[T any](t *testing.T, name string, want T) T {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(want); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got T
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return got
}

func TestGoldenKeys(t *testing.T) {
	var want goldenKeys
	for _, link := range []string{
		"https://meet.example/demo",
		"https://meet.example/#demo.AQIDBAUGBwgJCgsMDQ4PEA",
		"http://127.0.0.1:7077/#team_room-2._-7dzLuqmYh3ZlVEMyIRAA",
	} {
		inv, err := ParseInvite(link, "")
		if err != nil {
			t.Fatal(err)
		}
		room, err := inv.Room()
		if err != nil {
			t.Fatal(err)
		}
		key, other := testKey(7), testKey(8)
		sealer := NewSealer(room, key, 1763842000123, newRand(7))
		from, to := sealer.Self(), room.PeerID(other.Public().(ed25519.PublicKey))
		state := State{N: 2, Name: "Zoë 🦊", Media: Media{Mic: true, Screen: true}, Agent: "meet/1"}
		plain, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := sealer.SealState(state)
		if err != nil {
			t.Fatal(err)
		}
		g := goldenRoom{Link: inv.Link(), Name: inv.Name, Secret: inv.Secret.String(), ID: room.ID()}
		g.Key, g.Other = base64.RawURLEncoding.EncodeToString(key.Seed()), base64.RawURLEncoding.EncodeToString(other.Seed())
		hello := helloFrame{V: Protocol, Room: room.ID(), Peer: from, Inc: sealer.inc, N: 2, Resume: "tttttttttttttttttttttt", Try: 3}
		signHello(key, &hello)
		prove := proveFrame{Srv: "ssssssssssssssssssssss", Challenge: "cccccccccccccccccccccc"}
		g.Hello, g.Prove = encodeFrame(hello), encodeFrame(prove)
		g.Proof = encodeFrame(answerProof(key, hello, prove))
		at := address{from: from, inc: sealer.inc}
		g.State = goldenState{
			From: from, Inc: sealer.inc, Nonce: string(sealed[:16]), // 12 bytes are 16 characters
			AAD: string(bound(room.ID(), at, forState)), Plain: string(plain), Sealed: string(sealed),
		}
		body := Offer{Epoch: 3, Remote: 1, N: 4, Gen: 2, SDP: "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"}
		if plain, err = marshalBody(1, body); err != nil {
			t.Fatal(err)
		}
		frame, err := sealer.SealMessage(to, 5, body)
		if err != nil {
			t.Fatal(err)
		}
		_, sealed, _ = bytes.Cut(frame, []byte("\n"))
		at.to, at.toInc = to, 5
		g.Signal = goldenSignal{To: to, ToInc: 5, Frame: string(frame), goldenState: goldenState{
			From: from, Inc: sealer.inc, Nonce: string(sealed[:16]),
			AAD: string(bound(room.ID(), at, forMessage)), Plain: string(plain), Sealed: string(sealed),
		}}
		want.Rooms = append(want.Rooms, g)
	}
	got := golden(t, "keys.json", want)
	for i := range got.Rooms { // which the file has in lines
		for _, raw := range []*json.RawMessage{&got.Rooms[i].Hello, &got.Rooms[i].Prove, &got.Rooms[i].Proof} {
			var b bytes.Buffer
			if err := json.Compact(&b, *raw); err != nil {
				t.Fatal(err)
			}
			*raw = b.Bytes()
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("keys or sealing changed:\n%+v\nwant\n%+v", want, got)
	}
	// And read, as another implementation would.
	for _, g := range got.Rooms {
		inv, err := ParseInvite(g.Link, "")
		if err != nil {
			t.Fatal(err)
		}
		room, err := inv.Room()
		if err != nil {
			t.Fatal(err)
		}
		m, err := NewSealer(room, testKey(8), 5, newRand(1)).OpenMessage([]byte(g.Signal.Frame))
		if err != nil || m.From != g.State.From || m.Body.(Offer).N != 4 {
			t.Errorf("%s: %+v, %v", g.Link, m, err)
		}
	}
}

func TestGoldenFrames(t *testing.T) {
	var want goldenFrames
	add := func(list *[]goldenFrame, f any) {
		wire := encodeFrame(f)
		header, body, _ := bytes.Cut(wire, []byte("\n"))
		*list = append(*list, goldenFrame{Wire: string(wire), Header: header, Body: string(body)})
	}
	for _, f := range clientFrames() {
		add(&want.Client, f)
	}
	for _, f := range serverFrames() {
		add(&want.Server, f)
	}
	const sig = `{"t":"sig","to":"bbbbbbbbbbbbbbbbbbbbbb","toinc":2,"from":"aaaaaaaaaaaaaaaaaaaaaa","inc":1}`
	want.Bad = []goldenBad{
		{"no JSON", "hello"},
		{"unknown type", `{"t":"dance"}`},
		{"message without a body", sig},
		{"message with an empty body", sig + "\n"},
		{"message header with a space", `{"t":"sig", "to":"bbbbbbbbbbbbbbbbbbbbbb","toinc":2,"from":"aaaaaaaaaaaaaaaaaaaaaa","inc":1}` + "\nAAAA"},
		{"message header in another order", `{"t":"sig","from":"aaaaaaaaaaaaaaaaaaaaaa","inc":1,"to":"bbbbbbbbbbbbbbbbbbbbbb","toinc":2}` + "\nAAAA"},
		{"message header with a field more", sig[:len(sig)-1] + `,"x":1}` + "\nAAAA"},
		{"message to a short id", `{"t":"sig","to":"bbbb","toinc":2,"from":"aaaaaaaaaaaaaaaaaaaaaa","inc":1}` + "\nAAAA"},
		{"number above 2^53-1", `{"t":"sig","to":"bbbbbbbbbbbbbbbbbbbbbb","toinc":9007199254740992,"from":"aaaaaaaaaaaaaaaaaaaaaa","inc":1}` + "\nAAAA"},
		{"body after ping", `{"t":"ping"}` + "\nAAAA"},
		{"state without a body", `{"t":"st","n":2}`},
	}
	got := golden(t, "frames.json", want)
	for i, g := range got.Client {
		f, err := decodeClientFrame([]byte(g.Wire))
		if err != nil || !reflect.DeepEqual(f, clientFrames()[i]) {
			t.Errorf("%s reads as %+v, %v", g.Wire, f, err)
		}
		if g.Wire != want.Client[i].Wire {
			t.Errorf("we write %s, want %s", want.Client[i].Wire, g.Wire)
		}
	}
	for i, g := range got.Server {
		f, err := decodeServerFrame([]byte(g.Wire))
		if err != nil || !reflect.DeepEqual(f, serverFrames()[i]) {
			t.Errorf("%s reads as %+v, %v", g.Wire, f, err)
		}
		if g.Wire != want.Server[i].Wire {
			t.Errorf("we write %s, want %s", want.Server[i].Wire, g.Wire)
		}
	}
	for _, g := range got.Bad {
		if f, err := decodeClientFrame([]byte(g.Wire)); err == nil {
			t.Errorf("%s: taken as %+v", g.Why, f)
		}
	}
	if len(got.Client) != len(want.Client) || len(got.Server) != len(want.Server) || len(got.Bad) != len(want.Bad) {
		t.Error("the golden file has another number of frames")
	}
}

func TestGoldenBodies(t *testing.T) {
	var want goldenBodies
	bodies := append(everyBody(),
		Offer{Epoch: 1, N: 1, SDP: "v=0\r\n"},
		Candidates{Epoch: 1, Remote: 1, Done: true},
		Need{Epoch: 1},
	)
	for i, b := range bodies {
		plain, err := marshalBody(uint64(i+1), b)
		if err != nil {
			t.Fatal(err)
		}
		want.Bodies = append(want.Bodies, plain)
	}
	got := golden(t, "bodies.json", want)
	if len(got.Bodies) != len(bodies) {
		t.Fatalf("%d bodies, want %d", len(got.Bodies), len(bodies))
	}
	for i, plain := range got.Bodies {
		counter, b, err := unmarshalBody(plain)
		if err != nil || counter != uint64(i+1) || !reflect.DeepEqual(b, bodies[i]) {
			t.Errorf("%s reads as %+v, %v", plain, b, err)
		}
	}
}
