package rtc

// State is the connection state of one peer as people and scripts see it.
type State uint8

// The states of a peer. A peer nobody knows is [StateNew].
const (
	StateNew          State = iota // listed, nothing tried yet
	StateConnecting                // being connected for the first time
	StateConnected                 // heard within the last two seconds
	StateDisconnected              // silent; it is being mended or waited for
	StateFailed                    // three attempts in a row did not help; tried again slowly
	StateClosed                    // left
)

var stateNames = [...]string{"new", "connecting", "connected", "disconnected", "failed", "closed"}

// String returns the name used in events, such as "connected".
func (s State) String() string { return stateNames[s] }

// ICEState is the ICE transport state of RFC 8445 as WebRTC names it.
type ICEState uint8

// The ICE states, in the order of the W3C's RTCIceConnectionState.
const (
	ICENew ICEState = iota
	ICEChecking
	ICEConnected
	ICECompleted
	ICEDisconnected
	ICEFailed
	ICEClosed
)

var iceNames = [...]string{"new", "checking", "connected", "completed", "disconnected", "failed", "closed"}

// String returns the name used in events, such as "checking".
func (s ICEState) String() string { return iceNames[s] }
