package signal

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/internal/safetext"
)

// Errors of Sealer.OpenMessage about frames that are authentic, yet not for us
// or not for now.
var (
	ErrNotForUs = errors.New("the message is for someone else")
	ErrReplayed = errors.New("the message was seen before or is too old")
)

// maxHeard bounds the senders whose counters a Sealer remembers. A sender that
// was forgotten can have its old messages played back to us, so the bound lies
// far above the size of a room over the life of a process.
const maxHeard = rules.MaxHeard

// Sealer seals and opens what one participant says in one room. The signaling
// client uses it, and so may whoever carries frames between participants on
// another way: a frame looks the same on every way and opens only once.
//
// It is safe for use by several goroutines.
type Sealer struct {
	room *Room
	key  ed25519.PrivateKey
	self PeerID
	inc  Inc

	mu      sync.Mutex // guards what follows
	random  io.Reader
	counter uint64 // of the last message sealed
	heard   map[PeerID]*heard
	uses    uint64 // counts accepted messages, to find the sender longest unheard
}

// heard is what a Sealer remembers of a sender.
type heard struct {
	inc    Inc
	window replayWindow
	used   uint64
}

// NewSealer returns a Sealer for the incarnation inc of the participant that has
// key. random is crypto/rand.Reader outside tests.
func NewSealer(room *Room, key ed25519.PrivateKey, inc Inc, random io.Reader) *Sealer {
	self := room.PeerID(key.Public().(ed25519.PublicKey))
	return &Sealer{room: room, key: key, self: self, inc: inc, random: random, heard: make(map[PeerID]*heard)}
}

// Self returns the id of the participant.
func (s *Sealer) Self() PeerID { return s.self }

// SealMessage returns the frame that says b to the incarnation toInc of the
// participant to: header line and sealed body. An error means that b breaks a
// limit of the protocol or that no randomness could be had.
func (s *Sealer) SealMessage(to PeerID, toInc Inc, b Body) ([]byte, error) {
	a := address{from: s.self, inc: s.inc, to: to, toInc: toInc}
	s.mu.Lock()
	defer s.mu.Unlock()
	plain, err := marshalBody(s.counter+1, b)
	if err != nil {
		return nil, err
	}
	s.counter++
	frame, err := s.room.sealSigned(appendSigHeader(make([]byte, 0, 384+len(plain)*3/2), a), plain, a, forMessage, s.key, s.random)
	if err != nil {
		return nil, err
	}
	if n := len(frame); n > MaxFrame {
		return nil, fmt.Errorf("seal a message: a frame of %d bytes, at most %d are allowed", n, MaxFrame)
	}
	return frame, nil
}

// OpenMessage opens a frame made by another participant's SealMessage, whoever
// brought it. Each frame opens once: a replayed, re-addressed or altered one is an
// error, and so are one that its sender has not signed, and one of a process older
// than the latest heard of that participant.
func (s *Sealer) OpenMessage(frame []byte) (Message, error) {
	a, body, err := parseSig(frame)
	if err != nil {
		return Message{}, err
	}
	if a.to != s.self || a.toInc != s.inc || a.from == s.self {
		return Message{}, ErrNotForUs
	}
	plain, err := s.room.unsealSigned(body, a, forMessage)
	if err != nil {
		return Message{}, err
	}
	counter, b, err := unmarshalBody(plain)
	if err != nil {
		return Message{}, err
	}
	if !s.accept(a, counter) {
		return Message{}, ErrReplayed
	}
	return Message{From: a.from, Inc: a.inc, Body: b}, nil
}

// accept notes the counter of an authentic message and reports whether it is
// fresh.
func (s *Sealer) accept(a address, counter uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.heard[a.from]
	switch {
	case h == nil:
		if len(s.heard) >= maxHeard {
			s.forgetLocked()
		}
		h = &heard{inc: a.inc}
		s.heard[a.from] = h
	case a.inc < h.inc:
		return false
	case a.inc > h.inc:
		*h = heard{inc: a.inc}
	}
	s.uses++
	h.used = s.uses
	return h.window.accept(counter)
}

// forgetLocked drops the sender longest unheard.
func (s *Sealer) forgetLocked() {
	var oldest PeerID
	var used uint64
	for id, h := range s.heard {
		if oldest == "" || h.used < used {
			oldest, used = id, h.used
		}
	}
	delete(s.heard, oldest)
}

// SealState returns the sealed body of our state.
func (s *Sealer) SealState(st State) ([]byte, error) {
	plain, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("seal a state: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := s.room.sealSigned(nil, plain, address{from: s.self, inc: s.inc}, forState, s.key, s.random)
	if err != nil {
		return nil, err
	}
	if len(body) > MaxState {
		return nil, fmt.Errorf("seal a state: %d bytes, at most %d are allowed", len(body), MaxState)
	}
	return body, nil
}

// OpenState opens the sealed state of the incarnation inc of the participant
// from. Its texts are cleaned. Whether it is newer than the one known is for the
// caller to judge by State.N.
func (s *Sealer) OpenState(from PeerID, inc Inc, body []byte) (State, error) {
	plain, err := s.room.unsealSigned(body, address{from: from, inc: inc}, forState)
	if err != nil {
		return State{}, err
	}
	var st State
	if err := json.Unmarshal(plain, &st); err != nil {
		return State{}, fmt.Errorf("read a state: %w", err)
	}
	st.Name = safetext.Line(st.Name, MaxName)
	st.Agent = safetext.Line(st.Agent, MaxAgent)
	return st, nil
}
