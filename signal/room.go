package signal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
)

// Protocol is the version of the protocol, and part of everything sealed.
const Protocol = "meet.2"

// Room is what an invite means to the protocol: the id the server knows the
// room by, and the key that seals everything said in it. It is immutable and
// safe for use by several goroutines.
type Room struct {
	id   string
	open bool
	aead cipher.AEAD
	sub  []byte // what other keys are derived from
}

// Room derives the room's id and key: HKDF with SHA-256 (RFC 5869) over the
// secret, or over the name when the room is open; docs/PROTOCOL.md, "Keys".
func (i Invite) Room() (*Room, error) {
	if err := checkRoomName(i.Name); err != nil {
		return nil, err
	}
	ikm, salt := i.Secret[:], Protocol+" secret"
	if i.Open() {
		ikm, salt = []byte(i.Name), Protocol+" open"
	}
	id, err := hkdf.Key(sha256.New, ikm, []byte(salt), "room|"+i.Name, 16)
	if err != nil {
		return nil, fmt.Errorf("derive the id of a room: %w", err)
	}
	key, err := hkdf.Key(sha256.New, ikm, []byte(salt), "key|"+i.Name, 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of a room: %w", err)
	}
	sub, err := hkdf.Key(sha256.New, ikm, []byte(salt), "sub|"+i.Name, 32)
	if err != nil {
		return nil, fmt.Errorf("derive the keys of a room: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("set up the key of a room: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("set up the key of a room: %w", err)
	}
	return &Room{id: base64.RawURLEncoding.EncodeToString(id), open: i.Open(), aead: aead, sub: sub}, nil
}

// ID returns the id the server knows the room by. It tells nothing of the name
// of a private room.
func (r *Room) ID() string { return r.id }

// Open reports whether the name of the room is its only key.
func (r *Room) Open() bool { return r.open }

// Subkey derives 32 bytes for a purpose of the room besides signaling: HMAC with
// SHA-256 under a key of its own. Who knows them learns nothing of other keys.
func (r *Room) Subkey(purpose string) []byte {
	mac := hmac.New(sha256.New, r.sub)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// seal appends the sealed form of plain to dst: base64url of the nonce, the
// ciphertext and the tag.
func (r *Room) seal(dst, plain []byte, a address, purpose string, random io.Reader) ([]byte, error) {
	size := r.aead.NonceSize()
	buf := make([]byte, size, size+len(plain)+r.aead.Overhead())
	if _, err := io.ReadFull(random, buf); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	buf = r.aead.Seal(buf, buf, plain, bound(r.id, a, purpose))
	return base64.RawURLEncoding.AppendEncode(dst, buf), nil
}

// unseal opens what seal made for the same address and purpose.
func (r *Room) unseal(body []byte, a address, purpose string) ([]byte, error) {
	buf, err := base64.RawURLEncoding.Strict().AppendDecode(nil, body)
	if err != nil {
		return nil, fmt.Errorf("read a sealed body: %w", err)
	}
	size := r.aead.NonceSize()
	if len(buf) < size+r.aead.Overhead() {
		return nil, fmt.Errorf("read a sealed body: %w", io.ErrUnexpectedEOF)
	}
	plain, err := r.aead.Open(buf[size:size], buf[:size], buf[size:], bound(r.id, a, purpose))
	if err != nil {
		return nil, fmt.Errorf("open a sealed body: %w", err)
	}
	return plain, nil
}

// sealSigned seals a text of the owner of key: key, signature and text are what is
// encrypted, so that who has the key of the room cannot speak as another.
func (r *Room) sealSigned(dst, plain []byte, a address, purpose string, key ed25519.PrivateKey, random io.Reader) ([]byte, error) {
	signed := make([]byte, 0, keySize+signatureSize+len(plain))
	signed = append(signed, key.Public().(ed25519.PublicKey)...)
	signed = append(signed, sign(key, r.id, a, purpose, plain)...)
	return r.seal(dst, append(signed, plain...), a, purpose, random)
}

// unsealSigned opens what sealSigned made, and checks who made it.
func (r *Room) unsealSigned(body []byte, a address, purpose string) ([]byte, error) {
	signed, err := r.unseal(body, a, purpose)
	if err != nil {
		return nil, err
	}
	if len(signed) < keySize+signatureSize {
		return nil, fmt.Errorf("open a sealed body: %w", ErrForged)
	}
	plain := signed[keySize+signatureSize:]
	if err := verify(signed[:keySize], signed[keySize:keySize+signatureSize], r.id, a, purpose, plain); err != nil {
		return nil, fmt.Errorf("open a sealed body: %w", err)
	}
	return plain, nil
}
