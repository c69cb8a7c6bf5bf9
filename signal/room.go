package signal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
)

// Protocol is the version of the protocol, and part of everything sealed.
const Protocol = "meet.1"

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

// address is what a sealed body is bound to besides the room. A state has no
// recipient: to is empty and toInc unused.
type address struct {
	from  PeerID
	inc   Inc
	to    PeerID
	toInc Inc
}

// additionalData returns the bytes a sealed body is authenticated with:
//
//	meet.1|ROOM|FROM|INC|TO|TOINC|sig
//	meet.1|ROOM|FROM|INC|||st
//
// No field can contain the separator.
func (r *Room) additionalData(a address) []byte {
	b := make([]byte, 0, 160)
	b = append(b, Protocol+"|"...)
	b = append(b, r.id...)
	b = append(b, '|')
	b = append(b, a.from...)
	b = append(b, '|')
	b = strconv.AppendUint(b, uint64(a.inc), 10)
	b = append(b, '|')
	if a.to == "" {
		return append(b, "||st"...)
	}
	b = append(b, a.to...)
	b = append(b, '|')
	b = strconv.AppendUint(b, uint64(a.toInc), 10)
	return append(b, "|sig"...)
}

// seal appends the sealed form of plain to dst: base64url of the nonce, the
// ciphertext and the tag.
func (r *Room) seal(dst, plain []byte, a address, random io.Reader) ([]byte, error) {
	size := r.aead.NonceSize()
	buf := make([]byte, size, size+len(plain)+r.aead.Overhead())
	if _, err := io.ReadFull(random, buf); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	buf = r.aead.Seal(buf, buf, plain, r.additionalData(a))
	return base64.RawURLEncoding.AppendEncode(dst, buf), nil
}

// unseal opens what seal made for the same address.
func (r *Room) unseal(body []byte, a address) ([]byte, error) {
	buf, err := base64.RawURLEncoding.Strict().AppendDecode(nil, body)
	if err != nil {
		return nil, fmt.Errorf("read a sealed body: %w", err)
	}
	size := r.aead.NonceSize()
	if len(buf) < size+r.aead.Overhead() {
		return nil, fmt.Errorf("read a sealed body: %w", io.ErrUnexpectedEOF)
	}
	plain, err := r.aead.Open(buf[size:size], buf[:size], buf[size:], r.additionalData(a))
	if err != nil {
		return nil, fmt.Errorf("open a sealed body: %w", err)
	}
	return plain, nil
}
