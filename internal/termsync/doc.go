// Package termsync brings what a terminal shows to those who look at it: not the
// bytes that a program wrote, but the difference between the newest state and one
// that the viewer has. A viewer behind a slow or lossy path gets fewer states, and
// each is the present.
//
// A [Sender] serves one viewer, a [Receiver] looks at one terminal. Both are pure
// machines: they have no clock and no goroutine, take messages and the time, and
// leave messages behind. Messages may be lost, repeated and reordered; the channel
// brings each whole or not at all. The format is in docs/PROTOCOL.md, "Shared
// terminals".
//
// A receiver trusts nothing: sizes, numbers and texts are checked, and cells hold
// only what moves no cursor and is as wide as it claims.
package termsync

import "time"

// Limits of what is sent and taken.
const (
	// MaxPacket is the size that messages are kept within where they can, in bytes:
	// they fit a packet then, and are lost alone.
	MaxPacket  = 1100
	maxInflate = 256 << 10 // bytes that a message may inflate to
	maxParts   = 64        // messages that one state may come in
	plain      = 150       // bytes from which deflating pays
	keptStates = 32        // that either side remembers
	largeCells = 20_000    // a screen of more cells is remembered less often
	keptLarge  = 6
	// MaxKeys is how many keys may wait for a confirmation.
	MaxKeys     = 64
	maxKeyBytes = 4 << 10 // that they may have together
	// MaxPaste is how long a text may be that is typed at once, in bytes.
	MaxPaste = 2 << 10
	maxLines = 100 // of the past in one request
)

// Times of the exchange.
const (
	tick      = time.Second / 60       // between states, at best
	slowest   = 250 * time.Millisecond // between states, at worst
	ackEvery  = 100 * time.Millisecond // between confirmations while states come
	refresh   = 2 * time.Second        // a viewer says that it still looks
	lease     = 5 * time.Second        // and is believed so long
	firstTrip = 200 * time.Millisecond // the round trip until one was measured
	queueing  = 50 * time.Millisecond  // a round trip longer than the best by so much means a queue
	forgive   = time.Second            // since a loss, after which none is expected
	askAgain  = 500 * time.Millisecond // for lines of the past that did not come
)

// The kinds of messages.
const (
	kindState byte = 1 + iota // sharer to viewer
	kindAck                   // viewer to sharer: what it has, and keys
	kindWant                  // viewer to sharer: lines of the past
	kindLines                 // sharer to viewer: these
)
