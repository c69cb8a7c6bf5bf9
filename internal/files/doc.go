// Package files carries files between two people over a data channel of their own
// (docs/PROTOCOL.md, "Files"). A file is offered, and sent once it was accepted; after a
// cut it goes on where the receiver has got to; its SHA-256 is compared in the end.
//
// One goroutine, that of [Files.Run], owns all of it, the disk included. What comes
// from a peer is not trusted: names are cleaned, sizes and offsets checked, what waits is
// bounded. How fast it goes is found out by [pacer], which gives way before sound
// is delayed.
package files

import (
	"errors"

	"github.com/meet-term/meet/signal"
)

// State is how far a transfer is.
type State string

// The states of a transfer.
const (
	Offered State = "offered" // nobody has answered yet
	Moving  State = "moving"  // accepted; it may be waiting for a connection
	Done    State = "done"
	Failed  State = "failed" // or refused, or stopped; Error says which
)

// Transfer is one file for one person, or from one.
type Transfer struct {
	ID     int // of this process, from 1
	Peer   signal.PeerID
	Person string // what the peer was called when it was offered
	Mine   bool   // we send it
	Name   string // cleaned
	Size   int64  // bytes
	Bytes  int64  // that have arrived
	State  State
	Path   string // where it is: the source of ours, the place of what was received
	SHA256 string // in hexadecimal, when Done
	Error  string // why it Failed, in a sentence's words
}

// ended reports whether nothing more becomes of it.
func (t *Transfer) ended() bool { return t.State == Done || t.State == Failed }

// The errors of what a person asks for.
var (
	ErrNoTransfer = errors.New("there is no such file")
	ErrAnswered   = errors.New("that file was answered already")
	ErrNobody     = errors.New("there is nobody to send it to")
)

// The bounds of what is kept.
const (
	maxOffers   = 32      // of one peer that wait for an answer, or for their turn
	maxInbox    = 4 << 20 // bytes of one peer that wait to be written
	maxKept     = 100     // ended transfers that are remembered
	maxFileSize = 1 << 50 // bytes; scripts of the page count no further than 2^53
)
