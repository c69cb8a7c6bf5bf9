// Code generated from rules.json by go test ./internal/rules -update. DO NOT EDIT.

package rules

import "time"

// Mending (docs/PROTOCOL.md).
const (
	Silence               = 2000 * time.Millisecond   // nothing heard of a peer for so long: it is disconnected
	Unanswered            = 2500 * time.Millisecond   // no answer to our checks for so long: the path carries one way only
	Poll                  = 50 * time.Millisecond     // between looks at a peer that is being mended
	Grace                 = 300 * time.Millisecond    // a path gets so long to heal alone
	Ask                   = 2000 * time.Millisecond   // a probe may go unanswered through signaling
	Await                 = 3000 * time.Millisecond   // the answering side waits for an offer
	Mend                  = 5000 * time.Millisecond   // an offered connection may take to carry something
	Rest                  = 15000 * time.Millisecond  // between the slow retries of a failed peer
	Spacing               = 1000 * time.Millisecond   // between two repairs that the other side asked for
	Linger                = 30000 * time.Millisecond  // a crashed peer stays listed when no server is there to tell
	Keep                  = 900000 * time.Millisecond // the silent connection of somebody who is gone is kept, off the list
	Glance                = 1000 * time.Millisecond   // between looks at such a connection, and checks of its path
	MaxKept               = 32                        // such connections: as many as a room has members
	RestartsBeforeRebuild = 2                         // attempts that keep the connection and restart its ICE
	MaxGeneration         = 64                        // candidates of a peer in one ICE generation: each costs a pair with every local one
)

// Reports and what they show.
const (
	Report         = 1000 * time.Millisecond  // between reports while there is news
	ReportAfter    = 50 * time.Millisecond    // until all are told of a change in whom we reach
	StaleReports   = 3                        // reports in a row that may be left out because they say nothing new
	FreshReports   = 3                        // reports sent after a change on either side
	MaxOthers      = 64                       // peers a report may claim to reach: no room is larger
	DryPackets     = 5                        // an interval between reports with fewer packets proves nothing
	DryReports     = 3                        // dry reports in a row that are no accident
	DryInterval    = 800 * time.Millisecond   // between reports that count: after a cut they come at once
	StarvedSpacing = 20000 * time.Millisecond // between connections replaced because they were half dead
)

// Who hears whom.
const (
	HearEvery     = 100 * time.Millisecond  // between looks at whether sound that is sent arrives
	AskAfter      = 250 * time.Millisecond  // without sound: the peer is asked whether it sends any
	UnheardAfter  = 450 * time.Millisecond  // without sound that is sent: it is missing
	SendingWithin = 200 * time.Millisecond  // a peer that sent sound so lately sends it
	Mutely        = 1500 * time.Millisecond // a peer that does not answer is believed to send what its state says
	HeardAfter    = 5                       // packets that end a silence
	Lasting       = 2000 * time.Millisecond // a silence that lasts so long is worth a remark
)

// The link to the server.
const (
	Heartbeat        = 2000 * time.Millisecond  // a client pings so often
	PongWait         = 2000 * time.Millisecond  // and gives the link up when nothing came for so long after a ping
	NudgeWait        = 1000 * time.Millisecond  // the same for a ping because the network changed
	GoneAfter        = 30000 * time.Millisecond // a member that stayed away for so long is gone
	FirstDialTimeout = 2000 * time.Millisecond  // the first dial may take, up to the welcome; the next twice as long
	MaxDialTimeout   = 10000 * time.Millisecond // and no dial longer
	MinDialAge       = 500 * time.Millisecond   // of a dial that a nudge may start again
	DialBackoff      = 100 * time.Millisecond   // before the second dial at most; then twice as long
	DialBackoffShort = 1000 * time.Millisecond  // and no longer, while the server is expected back
	DialBackoffLong  = 2000 * time.Millisecond  // and after that, while there is a room to return to
	DialBackoffMax   = 10000 * time.Millisecond // and for whoever was never in it
	DialBeside       = 2000 * time.Millisecond  // of an attempt to connect that another is started beside
	DialPatience     = 60000 * time.Millisecond // a server is expected back for so long
	MaxLeaveWait     = 30000 * time.Millisecond // a server may send its clients away for so long
	MaxRoster        = 256                      // members a client remembers, whatever the server claims
	MaxOutbox        = 512                      // messages that wait to be sent; beyond it the newest is dropped
	MaxHeard         = 4096                     // senders whose counters are remembered, against replay
)

// Sizes of what goes over signaling.
const (
	MaxHeader     = 512   // bytes of the header line of a client's frame
	MaxBody       = 49152 // characters of a sealed body
	MaxState      = 4096  // characters of a sealed state
	MaxFrame      = 49665 // header, line feed, body
	MaxName       = 64    // characters of a name
	MaxAgent      = 64    // characters of what a program calls itself
	MaxReason     = 128   // characters of why somebody left
	MaxSDP        = 32768 // bytes of a session description
	MaxSections   = 8     // m-lines of one
	MaxCandidates = 64    // candidates in one message
	MaxCandidate  = 512   // bytes of one
)

// The data channel.
const (
	MaxMessage    = 65536                    // bytes of a message
	MaxView       = 4096                     // samples per side of a picture that a peer may claim to show
	MaxChatText   = 4000                     // characters of a chat message
	MaxChatID     = 128                      // bytes of the id of one
	HistoryWithin = 10000 * time.Millisecond // after its channel opened a peer may tell what was said before, once
	ChatHistory   = 200                      // chat messages remembered for those who come later
	MaxSaid       = 50                       // things said to everybody that wait for one whose connection is cut
	MaxKind       = 32                       // bytes of the kind of a message through signaling that the mesh does not interpret
	ChatShare     = 50                       // of them, how many are sent to one
	MaxChatShare  = 32768                    // bytes of all that are
)

// Backoff: before each attempt in a row; there are no more.
func Backoff() []time.Duration {
	return []time.Duration{1000 * time.Millisecond, 2000 * time.Millisecond, 4000 * time.Millisecond}
}
