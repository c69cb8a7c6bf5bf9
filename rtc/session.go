package rtc

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// Dialer makes sessions. It is implemented by rtc/conn over pion, and by
// small fakes in tests.
type Dialer interface {
	// Dial returns at once. Whatever goes wrong later, set-up included, is
	// posted as [SessionFailed].
	Dial(SessionConfig) Session
}

// SessionConfig says whom a session is for.
type SessionConfig struct {
	Peer  signal.PeerID
	Epoch signal.Epoch
	// Offerer is true on the side that makes every offer of the pair.
	Offerer bool
	ICE     []signal.ICEServer
	// Browser says that the peer is the page, which chooses paths by rules of
	// its own and cannot be the end of a carried pair.
	Browser bool
	// Post hands an event to the owner. It never blocks and may be called
	// from any goroutine; what comes after Close is dropped by its epoch.
	Post func(SessionEvent)
}

// Session is one PeerConnection. All methods return at once; work is done in
// order on the session's own goroutine and reported by events.
type Session interface {
	Do(Command)
	// Pulse tells how alive the path is. It is cheap: a few atomic loads.
	Pulse() Pulse
	// Stats is a snapshot of the transport, for people to read.
	Stats() TransportStats
	// Flow counts what this session carried.
	Flow() Flow
	// Tried tells which ways to the peer were tried and what came of each.
	Tried() Tried
	// Close ends the session and everything it started.
	// Wait, when called afterwards, blocks until nothing of it runs.
	Close()
	Wait()
}

// Pulse is the evidence of life of one session.
type Pulse struct {
	// Heard is when the last authenticated packet of the peer arrived: ICE
	// check, RTP, RTCP or data.
	Heard time.Time
	// Answered is when the peer last answered one of our ICE checks (RFC
	// 7675): proof that it hears us.
	Answered time.Time
}

// Path is the way that packets take between two people, worst first, so that
// a better one compares greater.
type Path uint8

// The paths between two people.
const (
	PathNone   Path = iota // there is none
	PathVia                // a third person of the room carries the packets
	PathRelay              // through a TURN server (RFC 8656)
	PathDirect             // from one to the other
)

var pathWords = [...]string{"none", "via", "relay", "direct"}

// String returns the name used in events, such as "direct".
func (p Path) String() string { return pathWords[p] }

// TransportStats describes the selected candidate pair.
type TransportStats struct {
	Path          Path
	Via           signal.PeerID // who carries, when Path is PathVia and somebody does
	LocalType     string        // host, srflx, prflx or relay; "" of a pair that is carried
	RemoteType    string        // same
	LocalAddress  string        // address and port of our end
	RemoteAddress string        // address and port of theirs
	RTT           time.Duration // of the last answered check
	MTU           int           // the largest IP packet known to pass, in bytes; 0: unknown
	// Source is the address of this machine that packets to the peer leave from
	// at present, whatever a NAT or a relay makes of it; invalid when unknown.
	// At a host candidate LocalAddress has it too.
	Source netip.Addr
}

// Tried counts what was done to reach a peer over one session.
type Tried struct {
	// Offered counts the addresses the peer named, by [Path].
	Offered [PathDirect + 1]int
	// Relays is how many relays we were given, and Relayed how many of them
	// gave us an address.
	Relays, Relayed int
	// Checks counts our checks that went out, and Heard those of the peer that
	// came in, by [Path].
	Checks, Heard [PathDirect + 1]int
}

// Flow counts the RTP packets of one session, by [media.Kind].
type Flow struct{ Sent, Received [media.Kinds]uint64 }

// Command is something a session is told to do: [MakeOffer], [AcceptOffer],
// [AcceptAnswer], [AddCandidates], [SendData], [UseICE], [CheckPath], [Doze],
// [CarriedBy] or [CarryFor].
type Command interface{ command() }

// MakeOffer asks for an offer, answered by [LocalOffer] or [SessionFailed].
// Restart makes it an ICE restart (RFC 8445 section 9), which gives up the
// pair in use at once.
type MakeOffer struct {
	N       uint32
	Gen     uint32 // ICE generation from this offer on
	Restart bool
}

// AcceptOffer applies the peer's offer, answered by [LocalAnswer].
type AcceptOffer struct {
	N, Gen uint32
	SDP    string
}

// AcceptAnswer applies the peer's answer to the offer numbered N.
type AcceptAnswer struct {
	N, Gen uint32
	SDP    string
}

// AddCandidates adds the peer's candidates of the current ICE generation, as
// candidate-attribute lines (RFC 8839 section 5.1). Done says there are no
// more.
type AddCandidates struct {
	Candidates []string
	Done       bool
}

// SendData sends one message on the data channel; dropped while it is not open.
type SendData struct{ Data []byte }

// UseICE replaces the STUN and TURN servers of the session, from its next ICE
// restart on: credentials end.
type UseICE struct{ Servers []signal.ICEServer }

// CheckPath asks for ICE checks at once and at short intervals for a while,
// because the machine's network changed: the peer is to notice soon where
// packets come from now. It is carried out at once, out of order.
type CheckPath struct{}

// Doze, while On, has a session wait for somebody who is gone: it sends no media and
// checks its path once a second. It ends by itself when something of the peer
// arrives, which is reported by [SessionAwake].
type Doze struct{ On bool }

func (Doze) command() {}

// CarriedBy is the whole list of pairs that the peer of this session carries
// for us. It is carried out at once, out of order.
type CarriedBy struct{ Legs []Leg }

// Leg is one pair that somebody carries for us.
type Leg struct {
	Far    signal.PeerID // the other end
	Number uint32        // of the pair, as the carrier gave it
	Trip   time.Duration // round trip between the carrier and the other end
	Rate   int           // pictures that the carrier passes on, in bit/s; 0: unknown
}

// CarryFor is the whole list of pairs that we carry for the peer of this
// session. It is carried out at once, out of order.
type CarryFor struct{ Pairs []CarriedPair }

// CarriedPair is one end of a pair that we carry.
type CarriedPair struct {
	Number uint32
	To     signal.PeerID // the other end
	Meter  *Meter        // shared by both ends
}

// Meter counts what was carried for a pair.
type Meter struct {
	Packets  atomic.Uint64 // passed on, checks left out
	Bytes    atomic.Uint64 // passed on
	Pictures atomic.Uint64 // of the bytes, those of pictures
	Dropped  atomic.Uint64 // packets beyond what we carry
}

func (CarriedBy) command()     {}
func (CarryFor) command()      {}
func (MakeOffer) command()     {}
func (AcceptOffer) command()   {}
func (AcceptAnswer) command()  {}
func (AddCandidates) command() {}
func (SendData) command()      {}
func (UseICE) command()        {}
func (CheckPath) command()     {}

// SessionEvent is something a session reports: [LocalOffer], [LocalAnswer],
// [LocalCandidates], [ICEStateChanged], [SessionConnected], [DataOpened],
// [DataReceived], [PathChanged], [SessionAwake] or [SessionFailed].
type SessionEvent interface{ sessionEvent() }

// LocalOffer is the offer that [MakeOffer] asked for.
type LocalOffer struct {
	N, Gen  uint32
	Restart bool
	SDP     string
}

// LocalAnswer is the answer to [AcceptOffer].
type LocalAnswer struct {
	N, Gen uint32
	SDP    string
}

// LocalCandidates are candidates gathered for one generation.
type LocalCandidates struct {
	Gen        uint32
	Candidates []string
	Done       bool
}

// ICEStateChanged reports pion's one-sided view of the transport, for the
// event of the same name; decisions are made on [Pulse].
type ICEStateChanged struct{ State ICEState }

// SessionConnected says that ICE and DTLS are up: media can flow.
type SessionConnected struct{}

// DataOpened says that the data channel carries messages.
type DataOpened struct{}

// DataReceived is one message of the data channel.
type DataReceived struct{ Data []byte }

// PathChanged says that Stats tells of another path.
type PathChanged struct{}

// SessionFailed says that the session is of no further use and why.
type SessionFailed struct{ Err error }

// SessionAwake says that something of the peer arrived while the session dozed.
type SessionAwake struct{}

func (SessionAwake) sessionEvent()     {}
func (LocalOffer) sessionEvent()       {}
func (LocalAnswer) sessionEvent()      {}
func (LocalCandidates) sessionEvent()  {}
func (ICEStateChanged) sessionEvent()  {}
func (SessionConnected) sessionEvent() {}
func (DataOpened) sessionEvent()       {}
func (DataReceived) sessionEvent()     {}
func (PathChanged) sessionEvent()      {}
func (SessionFailed) sessionEvent()    {}
