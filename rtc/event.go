package rtc

import (
	"time"

	"github.com/meet-term/meet/signal"
)

// Event is something that happened in a room, named as the user named it.
// Events and [RoomView] come from the same place; a screen needs only the
// view (and the events for toasts), a script only the events.
type Event interface {
	// EventName is the name of the event in JSON lines.
	EventName() string
}

// Who names a peer in an event: by id for programs, by name for people.
type Who struct {
	Peer signal.PeerID
	Name string
}

// The events of a room; see docs/HEADLESS.md for their fields as JSON.
type (
	// ConnectionStateChanged reports a step of [State].
	ConnectionStateChanged struct {
		Who
		State, Previous State
	}
	// ICEConnectionStateChanged reports a step of [ICEState].
	ICEConnectionStateChanged struct {
		Who
		State, Previous ICEState
	}
	// PeerConnected says that media can flow, for the first time or again.
	PeerConnected struct{ Who }
	// PeerDisconnected says that a connected peer fell silent or left.
	PeerDisconnected struct{ Who }
	// PeerConnectionFailed says that three attempts in a row did not connect.
	PeerConnectionFailed struct{ Who }
	// Reconnecting announces attempt Attempt of Of, which starts in Delay.
	Reconnecting struct {
		Who
		Attempt, Of int
		Delay       time.Duration
	}
	// Reconnected ends a real outage; Attempts is 0 when it healed alone.
	Reconnected struct {
		Who
		Attempts int
		Outage   time.Duration
	}
	// ReconnectFailed says that Attempts attempts in a row did not mend it.
	ReconnectFailed struct {
		Who
		Attempts int
	}
	// Undelivered says that what was told to everybody cannot reach one person now,
	// by any way; it follows when there is one.
	Undelivered struct{ Who }
	// MediaStateChanged reports what a person sends; one's own too.
	MediaStateChanged struct {
		Who
		Media signal.Media
	}
	// PathChangedTo says how packets travel to a connected peer from now on, and
	// by whom when a third person carries them. Previous is [PathNone] at first.
	PathChangedTo struct {
		Who
		Path, Previous Path
		Via            string // a name
	}
	// CarryingChanged lists the pairs whose packets we carry from now on.
	CarryingChanged struct{ Pairs []CarriedView }
	// Joined says that the server let us in for the first time.
	Joined struct{}
	// RosterChanged says that people or their presence changed.
	RosterChanged struct{ Participants []PeerView }
	// ServerStateChanged reports the link to the signaling server.
	ServerStateChanged struct {
		State, Previous signal.LinkState
		Attempt         int
		RetryIn         time.Duration
		Err             error  // why the link or the last attempt failed; nil if it did not
		Server          string // host and port of the server
	}
	// PeerJoined and PeerLeft are for people: somebody came or went. Crashed
	// is true when they vanished without a goodbye.
	PeerJoined struct{ Who }
	PeerLeft   struct {
		Who
		Crashed bool
	}
)

func (ConnectionStateChanged) EventName() string    { return "connection-state-changed" }
func (ICEConnectionStateChanged) EventName() string { return "ice-connection-state-changed" }
func (PeerConnected) EventName() string             { return "peer-connected" }
func (PeerDisconnected) EventName() string          { return "peer-disconnected" }
func (PeerConnectionFailed) EventName() string      { return "peer-connection-failed" }
func (Reconnecting) EventName() string              { return "reconnecting" }
func (Reconnected) EventName() string               { return "reconnected" }
func (ReconnectFailed) EventName() string           { return "reconnect-failed" }
func (Undelivered) EventName() string               { return "undelivered" }
func (MediaStateChanged) EventName() string         { return "media-state-changed" }
func (PathChangedTo) EventName() string             { return "path-changed" }
func (CarryingChanged) EventName() string           { return "carrying-changed" }
func (Joined) EventName() string                    { return "joined" }
func (RosterChanged) EventName() string             { return "roster" }
func (ServerStateChanged) EventName() string        { return "server-state-changed" }
func (PeerJoined) EventName() string                { return "peer-joined" }
func (PeerLeft) EventName() string                  { return "peer-left" }
