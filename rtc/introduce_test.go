package rtc

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/meet-term/meet/signal"
)

// whoVector is an introduction with all that follows from it, for every
// implementation to agree on (docs/PROTOCOL.md, "Persons").
type whoVector struct {
	Room     string            `json:"room"`
	Seed     string            `json:"seed"` // of the person
	Seat     string            `json:"seat"` // public key
	Person   string            `json:"person"`
	Bind     string            `json:"bind"`
	Nonces   [2]string         `json:"nonces"` // of the offering side, of the answering
	Commit   string            `json:"commit"`
	Prints   [2]string         `json:"prints"`
	IDs      [2]string         `json:"ids"`
	Incs     [2]signal.Inc     `json:"incs"`
	PairText string            `json:"pairtext"` // of the offering side, which is the person's
	Words    string            `json:"words"`    // both ends are the person
	Sdp      map[string]string `json:"sdp"`      // descriptions and their fingerprints
}

func TestIntroductionVectors(t *testing.T) {
	room, err := signal.Invite{Name: "demo", Secret: signal.Secret{1}}.Room()
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	seed := bytes.Repeat([]byte{5}, 32)
	person := ed25519.NewKeyFromSeed(seed)
	public := person.Public().(ed25519.PublicKey)
	seat := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{6}, 32)).Public().(ed25519.PublicKey)
	v := whoVector{
		Room: room.ID(), Seed: b64(seed), Seat: b64(seat), Person: b64(public), Bind: b64(ed25519.Sign(person, room.Binding(seat))),
		Nonces: [2]string{"AAECAwQFBgcICQoLDA0ODw", "_-7dzLuqmYh3ZlVEMyIRAA"},
		Prints: [2]string{"sha-256 0a:1b", "sha-256 ff:00"}, IDs: [2]string{string(room.PeerID(seat)), "aaaaaaaaaaaaaaaaaaaaaa"}, Incs: [2]signal.Inc{7, 9},
		Sdp: map[string]string{
			"v=0\r\na=fingerprint:SHA-256 0A:1B\r\nm=x\r\na=fingerprint:sha-256 0a:1b\r\n": "sha-256 0a:1b",
			"v=0\r\na=fingerprint:sha-256 0A\r\na=fingerprint:sha-256 0B\r\n":              "",
			"v=0\r\n": "",
		},
	}
	v.Commit = commitment(v.Nonces[0])
	v.PairText = pairText(signal.PeerID(v.IDs[1]), v.Incs[1], true, v.Prints[0], v.Prints[1], v.Person, v.Commit)
	v.Words = wordsOf(endText(signal.PeerID(v.IDs[0]), v.Incs[0], public, v.Prints[0], v.Nonces[0]), endText(signal.PeerID(v.IDs[1]), v.Incs[1], public, v.Prints[1], v.Nonces[1]))
	for sdp, want := range v.Sdp {
		if got := fingerprint(sdp); got != want {
			t.Errorf("fingerprint of %q: %q, want %q", sdp, got, want)
		}
	}
	const path = "testdata/who.json"
	if *update {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want whoVector
	if err := json.Unmarshal(b, &want); err != nil || !reflect.DeepEqual(v, want) {
		t.Errorf("%+v\nwant\n%+v (%v)", v, want, err)
	}
}
