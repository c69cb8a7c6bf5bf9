package files

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// The first byte of a message that is no JSON.
const (
	typeData = 1 // id, offset, stamp, bytes of the file
	typeAck  = 2 // id, offset that was reached, stamp of the newest data
)

// headSize is what goes before the bytes: type, id, offset and stamp, big endian.
const headSize = 1 + 8 + 8 + 8

// chunkMax bounds the bytes of a file in one message.
const chunkMax = 32 << 10

// packet is a message about the bytes themselves.
type packet struct {
	kind   byte
	id     uint64 // the sender's number of the transfer
	offset int64
	stamp  uint64 // of the sender's clock; an acknowledgement returns it
	data   []byte
}

func (p packet) append(b []byte) []byte {
	b = append(b, p.kind)
	b = binary.BigEndian.AppendUint64(b, p.id)
	b = binary.BigEndian.AppendUint64(b, uint64(p.offset))
	b = binary.BigEndian.AppendUint64(b, p.stamp)
	return append(b, p.data...)
}

// words are the messages that are JSON.
type words struct {
	File   string `json:"file"` // which of them
	ID     uint64 `json:"id"`
	Name   string `json:"name,omitempty"`   // offer
	Size   int64  `json:"size,omitempty"`   // offer
	Offset int64  `json:"offset,omitempty"` // accept
	SHA256 string `json:"sha256,omitempty"` // end
	Why    string `json:"why,omitempty"`    // stop, withdraw
}

// The values of File. The sender says offer, end and withdraw, the receiver accept,
// stop and done.
const (
	wordOffer    = "offer"
	wordEnd      = "end"
	wordWithdraw = "withdraw"
	wordAccept   = "accept"
	wordStop     = "stop" // or refuse
	wordDone     = "done"
)

// maxID bounds ids: scripts of the page count no further.
const maxID = 1<<53 - 1

var errMalformed = errors.New("malformed message")

// decode reads a message: a packet, or words.
func decode(b []byte) (p packet, w words, err error) {
	if len(b) == 0 {
		return p, w, errMalformed
	}
	switch b[0] {
	case '{':
		if err := json.Unmarshal(b, &w); err != nil {
			return p, w, fmt.Errorf("%w: %w", errMalformed, err)
		}
		if w.ID == 0 || w.ID > maxID || w.Size < 0 || w.Size > maxFileSize || w.Offset < 0 {
			return p, words{}, errMalformed
		}
		return p, w, nil
	case typeData, typeAck:
		if len(b) < headSize || len(b) > headSize+chunkMax {
			return p, w, errMalformed
		}
		p = packet{
			kind: b[0], id: binary.BigEndian.Uint64(b[1:]), offset: int64(binary.BigEndian.Uint64(b[9:])),
			stamp: binary.BigEndian.Uint64(b[17:]), data: b[headSize:],
		}
		if p.offset < 0 || p.offset > maxFileSize || (p.kind == typeAck) != (len(p.data) == 0) {
			return packet{}, w, errMalformed
		}
		return p, w, nil
	}
	return p, w, errMalformed
}
