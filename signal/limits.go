package signal

import "time"

// The limits of the protocol, in bytes unless said otherwise
// (docs/PROTOCOL.md, "Limits").
const (
	MaxHeader     = 512      // the header line of a client's frame
	MaxBody       = 48 << 10 // a sealed body, in base64url characters
	MaxState      = 4 << 10  // a sealed state, in base64url characters
	MaxFrame      = MaxHeader + 1 + MaxBody
	maxFromServer = 256 << 10 // any frame of the server: a welcome holds a whole room

	MaxName       = 64       // runes of a participant's name
	MaxAgent      = 64       // runes of State.Agent
	MaxReason     = 128      // runes of Bye.Reason
	MaxSDP        = 32 << 10 // a session description
	MaxCandidates = 64       // candidates in one message
	MaxCandidate  = 512      // one candidate
)

// The times both sides agree on (docs/PROTOCOL.md, "Liveness").
const (
	Heartbeat  = 2 * time.Second  // a client pings this often
	PongWait   = 2 * time.Second  // and gives the link up when nothing came for this long after a ping
	NudgeWait  = 1 * time.Second  // the same for a ping because the network changed
	AwayAfter  = 5 * time.Second  // the server calls a silent member away
	CloseAfter = 15 * time.Second // and closes its socket
	GoneAfter  = 30 * time.Second // a member that stayed away for this long is gone
)
