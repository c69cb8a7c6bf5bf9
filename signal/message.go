package signal

import (
	"encoding/json"
	"time"
)

// PeerID names a participant of one room: a hash of the room and of the key that the
// participant signs with there (Room.PeerID), 128 bits in base64url. It compares as a
// string; the larger of two ids makes the offers.
type PeerID string

// Inc is the incarnation of a participant. It grows with each process that
// uses the same id, and stays below 2^53 so that JavaScript holds it exactly.
type Inc uint64

// Epoch numbers the PeerConnections one participant has made for one other.
// It grows within an incarnation; 0 stands for none.
type Epoch uint32

// NewInc returns the incarnation of a process started at now: its Unix time in
// milliseconds, so that a later process of the same id has a larger one.
func NewInc(now time.Time) Inc { return Inc(max(1, now.UnixMilli())) }

// Media says which sources a participant sends.
type Media struct {
	Mic    bool `json:"mic"`
	Camera bool `json:"camera"`
	Screen bool `json:"screen"`
	// Sound: the machine's sound is shared with the screen. It comes on the
	// microphone's track, whatever Mic says.
	Sound bool `json:"sound,omitempty"`
	// Recording: this participant records the call. Everybody is shown that.
	Recording bool `json:"recording,omitempty"`
}

// State is everything a participant tells the whole room about itself. It is
// sent whole and sealed; a newer one replaces an older one.
type State struct {
	// N grows with each change of the state within an incarnation. The owner of
	// the state numbers it; a state that is not newer is ignored by everyone.
	N uint64 `json:"n"`
	// Name is what a person reads. A state that was opened carries it cleaned
	// (internal/safetext) and at most MaxName runes long.
	Name string `json:"name"`
	// Media is what the participant sends.
	Media Media `json:"media"`
	// Agent names the program and its version, for diagnosis. Cleaned as Name is.
	Agent string `json:"agent,omitempty"`
	// Hand is the place of a raised hand: one more than the highest that its owner
	// knew of, so that all agree on the order; 0: it is down.
	Hand uint32 `json:"hand,omitempty"`
}

// Body is what one participant says to another: Offer, Answer, Candidates,
// Need, Probe, ProbeAck, App or Bye. The set is closed.
//
// In every one of them but App Epoch is the sender's connection for the pair and Remote
// the recipient's connection it talks to, 0 when not yet known.
type Body interface{ body() }

// Offer opens or restarts a connection. The same offer is sent again until it
// is answered.
type Offer struct {
	Epoch   Epoch  `json:"ep"`
	Remote  Epoch  `json:"rep"`
	N       uint32 `json:"n"`                 // number of the offer within Epoch
	Gen     uint32 `json:"g"`                 // ICE generation of the sender
	Restart bool   `json:"restart,omitempty"` // an ICE restart within the same connection
	SDP     string `json:"sdp"`               // session description, RFC 8829
}

// Answer answers the offer numbered N. It is kept and sent again for the same
// offer.
type Answer struct {
	Epoch  Epoch  `json:"ep"`
	Remote Epoch  `json:"rep"`
	N      uint32 `json:"n"`   // number of the offer it answers
	Gen    uint32 `json:"g"`   // ICE generation of the sender
	SDP    string `json:"sdp"` // session description, RFC 8829
}

// Candidates carries ICE candidates as they are found (RFC 8838).
type Candidates struct {
	Epoch      Epoch    `json:"ep"`
	Remote     Epoch    `json:"rep"`
	Gen        uint32   `json:"g"`               // ICE generation of the sender they belong to
	Candidates []string `json:"cands,omitempty"` // candidate attribute values, RFC 8839 section 5.1
	Done       bool     `json:"done,omitempty"`  // the last ones of this generation
}

// Need asks the offering side for an offer.
type Need struct {
	Epoch   Epoch `json:"ep"`
	Remote  Epoch `json:"rep"`
	Restart bool  `json:"restart,omitempty"` // an ICE restart of the connection is enough
	Gone    bool  `json:"gone,omitempty"`    // the path in use began at an address the sender no longer has
}

// Probe asks whether the other side is there through signaling. Its answer
// proves both links, before an ICE restart gives up the path in use.
type Probe struct {
	Epoch  Epoch  `json:"ep"`
	Remote Epoch  `json:"rep"`
	N      uint32 `json:"n"` // repeated by the answer
}

// ProbeAck answers the Probe numbered N.
type ProbeAck struct {
	Epoch  Epoch  `json:"ep"`
	Remote Epoch  `json:"rep"`
	N      uint32 `json:"n"`
	Silent bool   `json:"silent,omitempty"` // the sender, too, hears nothing on its connection, or knows its path to be gone
}

// Bye ends a connection on purpose.
type Bye struct {
	Epoch  Epoch  `json:"ep"`
	Remote Epoch  `json:"rep"`
	Reason string `json:"why,omitempty"` // for diagnosis; cleaned, at most MaxReason runes
}

func (Offer) body()      {}
func (Answer) body()     {}
func (Candidates) body() {}
func (Need) body()       {}
func (Probe) body()      {}
func (ProbeAck) body()   {}
func (Bye) body()        {}

// App carries what the mesh does not interpret, as the data channel does, to
// somebody whose connection is cut.
type App struct {
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data"`
}

func (App) body() {}

// Message is an authentic, fresh message of another participant. It is also an
// Event.
type Message struct {
	From PeerID
	Inc  Inc // the incarnation of From that sent it
	Body Body
}

// Presence is one other participant as the server and its own sealed state
// describe it.
type Presence struct {
	Peer PeerID
	Inc  Inc
	// Away: its link to the server is down, or the server forgot it and it has
	// not come back yet. Its connections may well live on.
	Away bool
	// State is its latest state. Its owner has made it, for this incarnation; when,
	// nobody knows: the server may keep states of those who are gone.
	State State
}

// ICEServer is a STUN or TURN server the signaling server offers, in the shape
// of the W3C RTCIceServer dictionary.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}
