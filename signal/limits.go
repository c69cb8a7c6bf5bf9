package signal

import (
	"time"

	"github.com/meet-term/meet/internal/rules"
)

// The limits of the protocol, in bytes unless said otherwise
// (docs/PROTOCOL.md, "Limits").
const (
	MaxHeader     = rules.MaxHeader // the header line of a client's frame
	MaxBody       = rules.MaxBody   // a sealed body, in base64url characters
	MaxState      = rules.MaxState  // a sealed state, in base64url characters
	MaxFrame      = rules.MaxFrame
	maxFromServer = 256 << 10 // any frame of the server: a welcome holds a whole room

	MaxName       = rules.MaxName       // runes of a participant's name
	MaxAgent      = rules.MaxAgent      // runes of State.Agent
	MaxReason     = rules.MaxReason     // runes of Bye.Reason
	MaxKind       = rules.MaxKind       // bytes of App.Kind
	MaxSDP        = rules.MaxSDP        // a session description
	MaxCandidates = rules.MaxCandidates // candidates in one message
	MaxCandidate  = rules.MaxCandidate  // one candidate
)

// The times both sides agree on (docs/PROTOCOL.md, "Liveness").
const (
	Heartbeat  = rules.Heartbeat  // a client pings this often
	PongWait   = rules.PongWait   // and gives the link up when nothing came for this long after a ping
	NudgeWait  = rules.NudgeWait  // the same for a ping because the network changed
	AwayAfter  = 5 * time.Second  // the server calls a silent member away
	CloseAfter = 15 * time.Second // and closes its socket
	GoneAfter  = rules.GoneAfter  // a member that stayed away for this long is gone
)
