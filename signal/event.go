package signal

import (
	"fmt"
	"time"
)

// Event is what a Client reports, in order, through Config.Handle: ServerState,
// Welcome, ICEChanged, PeerChanged, PeerGone, Message or Nack. The set is closed.
type Event interface{ event() }

// LinkState is the state of the link to the server.
type LinkState string

// The states of the link. Connecting lasts until the first welcome; later
// losses are Reconnecting.
const (
	Connecting   LinkState = "connecting"
	Connected    LinkState = "connected"
	Reconnecting LinkState = "reconnecting"
	Closed       LinkState = "closed"
)

// ServerState reports a change of the link, and every further attempt to
// mend it (State and Previous are then the same).
type ServerState struct {
	State, Previous LinkState
	Attempt         int           // dials since the link was last up; 0 when Connected
	RetryIn         time.Duration // until the next dial; 0: now
	Err             error         // why the last attempt or the link failed, if it did
	Server          string        // host and port of the server
}

// Welcome reports that the server has taken the client in. Peers is the whole
// roster; each difference from the one before is also reported by the
// PeerChanged and PeerGone events that follow.
type Welcome struct {
	Resumed   bool   // the server still knew this participant
	Restarted bool   // it is another server process than the one before
	Server    string // random id of the server process
	Peers     []Presence
	ICE       []ICEServer
}

// ICEChanged reports that the STUN and TURN servers are to be used as told here
// from now on: the credentials of the former ones end.
type ICEChanged struct{ ICE []ICEServer }

// PeerChanged reports a participant that is new, or whose presence or state
// changed. It is whole: a larger Inc replaces the participant's former process.
type PeerChanged struct{ Presence }

// PeerGone reports that a participant left, or was away for too long.
type PeerGone struct {
	Peer PeerID
	Inc  Inc
	// Unsaid: the server has only stopped to list it, while we were cut off from
	// the server or since it was restarted; nobody knows whether it left.
	Unsaid bool
}

// Nack reports that the server could not deliver a message.
type Nack struct {
	To  PeerID
	Why NackReason
}

// NackReason says why a message was not delivered.
type NackReason string

// The reasons the server gives. A client takes one it does not know as
// NackUnknown.
const (
	NackUnknown NackReason = "unknown" // nobody with this id and incarnation
	NackAway    NackReason = "away"    // its link to the server is down
)

func (ServerState) event() {}
func (Welcome) event()     {}
func (ICEChanged) event()  {}
func (PeerChanged) event() {}
func (PeerGone) event()    {}
func (Message) event()     {}
func (Nack) event()        {}

// RefusalCode says why the server will not have the client.
type RefusalCode string

// The refusals that end Client.Run.
const (
	RefusedVersion  RefusalCode = "version"  // the server speaks another protocol
	RefusedFull     RefusalCode = "full"     // the room has its number of members
	RefusedToken    RefusalCode = "token"    // the id is taken and the resume token is not its owner's
	RefusedReplaced RefusalCode = "replaced" // another process took the seat with our token
	RefusedStopped  RefusalCode = "stopped"  // the server sent everyone away for good
	RefusedBad      RefusalCode = "bad"      // the server could not read what we sent
	RefusedClosed   RefusalCode = "closed"   // the room does not exist, and only who has a token opens one
)

// RefusedBusy is a refusal after which the client tries again: the server has too
// many rooms, or the address opened too many.
const RefusedBusy RefusalCode = "busy"

// RefusedError is returned by Client.Run when the server refuses the client and
// trying again would not help.
type RefusedError struct {
	Code RefusalCode
	Text string // the server's words, cleaned; may be empty
}

func (e *RefusedError) Error() string {
	text := map[RefusalCode]string{
		RefusedVersion:  "the server speaks another version of the protocol",
		RefusedFull:     "the room is full",
		RefusedToken:    "the server holds this seat for someone else",
		RefusedReplaced: "another process took this seat",
		RefusedStopped:  "the server sent everyone away",
		RefusedClosed:   "this server opens rooms only for those who have a token of it ($MEET_TOKEN); others join by the invite of a room that is open",
		RefusedBusy:     "the server opens no further room now",
	}[e.Code]
	if text == "" {
		text = "the server refused the connection"
	}
	if e.Text != "" {
		return fmt.Sprintf("%s (%s)", text, e.Text)
	}
	return text
}
