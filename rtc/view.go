package rtc

import (
	"time"

	"github.com/meet-term/meet/signal"
)

// RoomView is everything a screen shows of a room, at one moment. It is
// immutable: the Manager publishes a new one after every change.
type RoomView struct {
	Room   string // display name of the room
	Open   bool   // no secret protects it: anyone who knows the name can listen
	Self   signal.PeerID
	Name   string     // one's own
	Inc    signal.Inc // of one's own process
	Media  signal.Media
	Hand   uint32 // as in [signal.State]; see [RoomView.Hands]
	Server ServerView
	// Since is when the room was entered; zero before.
	Since time.Time
	// Stuck counts how often somebody could be reached, was not connected, and
	// nothing was about to be done about it. It is 0, or this program has a fault.
	Stuck int
	// Carrying are the pairs whose packets pass through here.
	Carrying []CarriedView
	// Peers are the others, in the order they should be listed: by name,
	// then by id. People who left are not in it.
	Peers []PeerView
}

// ServerView is the link to the signaling server.
type ServerView struct {
	State   signal.LinkState
	Attempt int       // of the current outage, from 1
	RetryAt time.Time // when the next attempt starts; zero while one runs
	Lost    bool      // it was connected once and is not now
	Address string    // host and port of the server
	Trouble string    // why it is not reached, in plain words; "" while it is or nothing is known
}

// PeerView is one other person.
type PeerView struct {
	ID       signal.PeerID
	Inc      signal.Inc // of their process: everybody sees the same, so it puts people in one order
	Name     string
	Away     bool // the server lost sight of them without a goodbye
	Media    signal.Media
	Hand     uint32 // as in [signal.State]
	State    State
	Previous State
	ICE      ICEState
	// Identity is who they are, as far as that was shown and is known.
	Identity Identity
	// OneWay says that we hear them but they do not hear us.
	OneWay bool
	// Silent says that they send sound and we get none.
	Silent bool
	// Unheard says that they get none of the sound that we send.
	Unheard bool
	// Thin says which of their pictures do not come because the line is too thin.
	Thin Thin
	// Since is when State began.
	Since time.Time
	// Repair is what is being done about an outage; its zero value is nothing.
	Repair RepairView
	// Transport is the path in use, as of the last second; its zero value is
	// none, which is what somebody has who is not connected.
	Transport TransportStats
	// Trouble is why a peer that is not connected is not reached, in words: what
	// each way met. "" while nothing was tried in vain.
	Trouble string
	// Via names who carries the packets; "" unless somebody does.
	Via string
	// Missing lists the kinds of media the peer says it sends and that do not
	// arrive, such as "mic".
	Missing []string
}

// CarriedView is the two ends of a pair that is carried, by name.
type CarriedView [2]Who

// RepairView tells how far mending a peer's connection has come.
type RepairView struct {
	Attempt int       // 1 to Of; 0 when none was spent yet
	Of      int       // attempts in a row before the badge says Failed
	NextAt  time.Time // when the next attempt starts; zero while one runs
	Waiting bool      // for the server or for the peer to come back; no attempt is spent
}

// Connected reports how many peers are connected. The header's "N connected"
// is this plus one for oneself.
func (v *RoomView) Connected() int {
	n := 0
	for i := range v.Peers {
		if v.Peers[i].State == StateConnected {
			n++
		}
	}
	return n
}

// Reconnecting reports how many peers are being reconnected.
func (v *RoomView) Reconnecting() int {
	n := 0
	for i := range v.Peers {
		if v.Peers[i].State == StateDisconnected {
			n++
		}
	}
	return n
}

// Peer finds one peer, or returns false.
func (v *RoomView) Peer(id signal.PeerID) (PeerView, bool) {
	for i := range v.Peers {
		if v.Peers[i].ID == id {
			return v.Peers[i], true
		}
	}
	return PeerView{}, false
}
