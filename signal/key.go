package signal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// ErrForged is wrapped by errors about what was not signed by who it claims to be
// from. It was made by somebody who has the key of the room, or by the server.
var ErrForged = errors.New("not signed by its sender")

const (
	keySize       = ed25519.PublicKeySize // bytes of a public key
	signatureSize = ed25519.SignatureSize // bytes of a signature (RFC 8032)
)

// NewKey draws the key of a participant from random, which is crypto/rand.Reader
// outside tests.
func NewKey(random io.Reader) (ed25519.PrivateKey, error) {
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return nil, fmt.Errorf("draw a key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed[:]), nil
}

// randomID draws 128 bits in the form of an id.
func randomID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// PeerID returns the id that the owner of a key has in the room: a hash of both.
func (r *Room) PeerID(public ed25519.PublicKey) PeerID { return peerID(r.id, public) }

func peerID(room string, public ed25519.PublicKey) PeerID {
	h := sha256.New()
	h.Write([]byte(Protocol + " peer|" + room + "|"))
	h.Write(public)
	return PeerID(base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16]))
}

// address is what a sealed or signed text is bound to besides the room. What is for
// everybody has no recipient: to is empty and toInc unused.
type address struct {
	from  PeerID
	inc   Inc
	to    PeerID
	toInc Inc
}

// bound returns what a text of a participant is bound to: room, sender, recipient,
// both processes, and what it is for.
//
//	meet.2|ROOM|FROM|INC|TO|TOINC|PURPOSE
//	meet.2|ROOM|FROM|INC|||PURPOSE
//
// No field can contain the separator. It is the additional data of a sealed body,
// and the first line of whatever is signed.
func bound(room string, a address, purpose string) []byte {
	b := make([]byte, 0, 192)
	b = append(b, Protocol+"|"...)
	b = append(b, room...)
	b = append(b, '|')
	b = append(b, a.from...)
	b = append(b, '|')
	b = strconv.AppendUint(b, uint64(a.inc), 10)
	b = append(b, '|')
	b = append(b, a.to...)
	b = append(b, '|')
	if a.to != "" {
		b = strconv.AppendUint(b, uint64(a.toInc), 10)
	}
	b = append(b, '|')
	return append(b, purpose...)
}

// Purposes of what is signed. What was signed for one is void for every other.
const (
	forMessage = "sig"
	forState   = "st"
	forHello   = "hello"
	forProof   = "proof"
)

func sign(key ed25519.PrivateKey, room string, a address, purpose string, text []byte) []byte {
	return ed25519.Sign(key, append(append(bound(room, a, purpose), '\n'), text...))
}

// verify checks that a text was signed by a key, and that the id it is from is that
// of the key.
func verify(public ed25519.PublicKey, signature []byte, room string, a address, purpose string, text []byte) error {
	if len(public) != keySize || peerID(room, public) != a.from {
		return fmt.Errorf("%w: the key is another's", ErrForged)
	}
	if !ed25519.Verify(public, append(append(bound(room, a, purpose), '\n'), text...), signature) {
		return ErrForged
	}
	return nil
}

// Signature is a signature of a participant over a text that is not a message of
// this package, and the key that made it.
type Signature struct{ Key, Sig []byte }

// Sign signs a text of this participant for everybody in the room. purpose names
// what it is for, in letters; docs/PROTOCOL.md lists them.
func (s *Sealer) Sign(purpose, text string) Signature {
	a := address{from: s.self, inc: s.inc}
	return Signature{s.key.Public().(ed25519.PublicKey), sign(s.key, s.room.id, a, purpose, []byte(text))}
}

// Verify checks a signature that the incarnation inc of the participant from made
// with Sign. Its error wraps ErrForged.
func (s *Sealer) Verify(from PeerID, inc Inc, purpose, text string, by Signature) error {
	return verify(by.Key, by.Sig, s.room.id, address{from: from, inc: inc}, purpose, []byte(text))
}

// helloText is what the signature of a hello is over.
func helloText(h helloFrame) []byte {
	return []byte(h.Resume + "|" + strconv.FormatUint(h.Try, 10))
}

// signHello fills in the key and the signature.
func signHello(key ed25519.PrivateKey, h *helloFrame) {
	h.Key = base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	a := address{from: h.Peer, inc: h.Inc}
	h.Sig = base64.RawURLEncoding.EncodeToString(sign(key, h.Room, a, forHello, helloText(*h)))
}

// Hello returns the first frame of the incarnation inc of a participant, with its
// sealed state, for tools that measure servers. The id serves as resume token.
func Hello(room *Room, key ed25519.PrivateKey, inc Inc, state []byte) []byte {
	id := room.PeerID(key.Public().(ed25519.PublicKey))
	h := helloFrame{V: Protocol, Room: room.ID(), Peer: id, Inc: inc, N: 1, Resume: string(id), Try: 1, state: state}
	signHello(key, &h)
	return encodeFrame(h)
}

// checkHello checks that the owner of the id says hello.
func checkHello(h helloFrame) error {
	return checkSigned(h.Key, h.Sig, h, forHello, helloText(h))
}

func checkSigned(key, sig string, h helloFrame, purpose string, text []byte) error {
	public, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return fmt.Errorf("%w: no key", ErrForged)
	}
	signature, err := base64.RawURLEncoding.DecodeString(sig)
	if err != nil {
		return fmt.Errorf("%w: no signature", ErrForged)
	}
	return verify(public, signature, h.Room, address{from: h.Peer, inc: h.Inc}, purpose, text)
}

// proofText is what the answer to a challenge is signed over.
func proofText(f proveFrame) []byte { return []byte(f.Srv + "|" + f.Challenge) }

// answerProof proves that the hello is of this moment.
func answerProof(key ed25519.PrivateKey, h helloFrame, f proveFrame) proofFrame {
	a := address{from: h.Peer, inc: h.Inc}
	return proofFrame{Sig: base64.RawURLEncoding.EncodeToString(sign(key, h.Room, a, forProof, proofText(f)))}
}

// checkProof checks the answer to a challenge.
func checkProof(h helloFrame, f proveFrame, answer proofFrame) error {
	return checkSigned(h.Key, answer.Sig, h, forProof, proofText(f))
}

// Binding is what the key of a person signs to say that the key of a seat is theirs:
// the form that SSH agents sign for files and messages (SSHSIG, namespace "meet"), so
// that it can be taken for nothing else that the same key is used for.
func (r *Room) Binding(seat ed25519.PublicKey) []byte {
	text := Protocol + " identity|" + r.id + "|" + base64.RawURLEncoding.EncodeToString(seat)
	hash := sha512.Sum512([]byte(text))
	b := []byte("SSHSIG")
	for _, field := range []string{"meet", "", "sha512", string(hash[:])} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
		b = append(b, field...)
	}
	return b
}

// VerifyBinding checks that the owner of the key person signed that of a seat. Its
// error wraps ErrForged.
func (s *Sealer) VerifyBinding(person, seat ed25519.PublicKey, signature []byte) error {
	if len(person) != keySize || !ed25519.Verify(person, s.room.Binding(seat), signature) {
		return fmt.Errorf("%w: the person has not signed this seat", ErrForged)
	}
	return nil
}
