package signal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// errFrame is wrapped by every error about a frame that breaks the protocol.
var errFrame = errors.New("malformed frame")

func badFrame(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errFrame, fmt.Sprintf(format, args...))
}

// idLength is the length of the base64url form of 128 bits: of peer ids, room
// ids, resume tokens and server ids.
const idLength = 22

// maxInt is the largest integer of the protocol: what JavaScript holds exactly.
const maxInt = 1<<53 - 1

// validID reports whether s is 22 characters of base64url.
func validID[T string | PeerID](s T) bool {
	if len(s) != idLength {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if ('a' > c || c > 'z') && ('A' > c || c > 'Z') && ('0' > c || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// The frames a client sends. hello opens every connection.
type (
	clientFrame interface{ clientFrame() }

	helloFrame struct {
		V      string `json:"v"`
		Room   string `json:"room"`
		Peer   PeerID `json:"peer"`
		Inc    Inc    `json:"inc"`
		N      uint64 `json:"n"`             // of the state
		Resume string `json:"resume"`        // token the client made up; proves the seat is its own
		Try    uint64 `json:"try"`           // number of the dial; a late older one must not evict a newer
		Key    string `json:"key,omitempty"` // public key that Peer is the hash of
		Sig    string `json:"sig,omitempty"` // by it: the seat is asked for by its owner
		Srv    string `json:"srv,omitempty"` // server last heard, and
		Seq    uint64 `json:"seq,omitempty"` // the last event received from it
		state  []byte
	}
	stateFrame struct {
		N     uint64 `json:"n"`
		state []byte
	}
	sigFrame struct {
		address
		raw []byte // the whole frame, relayed as it is
	}
	// proofFrame answers a proveFrame.
	proofFrame struct {
		Sig string `json:"sig"`
	}
	syncFrame struct{}
	pingFrame struct{}
	byeFrame  struct{}
)

func (helloFrame) clientFrame() {}
func (stateFrame) clientFrame() {}
func (sigFrame) clientFrame()   {}
func (proofFrame) clientFrame() {}
func (syncFrame) clientFrame()  {}
func (pingFrame) clientFrame()  {}
func (byeFrame) clientFrame()   {}

// The frames the server sends, and sigFrame as it came.
type (
	serverFrame interface{ serverFrame() }

	welcomeFrame struct {
		Srv     string      `json:"srv"`
		Seq     uint64      `json:"seq"`
		Resumed bool        `json:"resumed"`
		Peers   []member    `json:"peers"` // null: what the client knows still holds
		ICE     []ICEServer `json:"ice,omitempty"`
		Hb      int64       `json:"hb"` // milliseconds between pings
		Lim     frameLimits `json:"lim"`
	}
	// proveFrame asks who says hello to a seat that is taken to sign something that
	// was never signed before.
	proveFrame struct {
		Srv       string `json:"srv"`
		Challenge string `json:"ch"`
	}
	// roomFrame answers sync with the whole roster.
	roomFrame struct {
		Seq   uint64   `json:"seq"`
		Peers []member `json:"peers"`
	}
	peerFrame struct {
		Seq   uint64  `json:"seq"`
		Peer  PeerID  `json:"peer"`
		Inc   Inc     `json:"inc"`
		On    eventOn `json:"on"`
		state []byte  // of join and state; none in the echo to the peer itself
	}
	nackFrame struct {
		To  PeerID     `json:"to"`
		Inc Inc        `json:"inc"`
		Why NackReason `json:"why"`
	}
	pongFrame struct{}
	// iceFrame replaces the ICE servers of the welcome, whose credentials end.
	iceFrame struct {
		ICE []ICEServer `json:"ice"`
	}
	leaveFrame struct {
		Act   leaveAct `json:"act"`
		After int64    `json:"after"` // milliseconds before the client dials again
	}
	errFrameText struct {
		Code RefusalCode `json:"code"`
		Text string      `json:"text,omitempty"`
	}
)

// member is one entry of a roster.
type member struct {
	Peer  PeerID `json:"peer"`
	Inc   Inc    `json:"inc"`
	Away  bool   `json:"away,omitempty"`
	State string `json:"state"` // sealed
}

type frameLimits struct {
	Rate   int `json:"rate"`  // frames per second
	Burst  int `json:"burst"` // frames
	Header int `json:"header"`
	Body   int `json:"body"`
	State  int `json:"state"`
	Room   int `json:"room"` // members
}

// eventOn says what happened to a member.
type eventOn string

const (
	onJoin  eventOn = "join"  // new, or a new process of the same id
	onState eventOn = "state" // present, with this state
	onAway  eventOn = "away"
	onGone  eventOn = "gone"
)

// leaveAct says what a client does after the server closed its connection.
type leaveAct string

const (
	leaveResume leaveAct = "resume" // dial again and resume
	leaveRejoin leaveAct = "rejoin" // dial again without what was known
	leaveStop   leaveAct = "stop"   // stay away
)

func (welcomeFrame) serverFrame() {}
func (proveFrame) serverFrame()   {}
func (roomFrame) serverFrame()    {}
func (peerFrame) serverFrame()    {}
func (sigFrame) serverFrame()     {}
func (nackFrame) serverFrame()    {}
func (pongFrame) serverFrame()    {}
func (iceFrame) serverFrame()     {}
func (leaveFrame) serverFrame()   {}
func (errFrameText) serverFrame() {}

// appendSigHeader appends the header line of a message, line feed included. It
// has one form only, so that every implementation reads the same from it: these
// fields in this order, without spaces.
func appendSigHeader(dst []byte, a address) []byte {
	dst = append(dst, `{"t":"sig","to":"`...)
	dst = append(dst, a.to...)
	dst = append(dst, `","toinc":`...)
	dst = strconv.AppendUint(dst, uint64(a.toInc), 10)
	dst = append(dst, `,"from":"`...)
	dst = append(dst, a.from...)
	dst = append(dst, `","inc":`...)
	dst = strconv.AppendUint(dst, uint64(a.inc), 10)
	return append(dst, "}\n"...)
}

const sigPrefix = `{"t":"sig",`

// parseSig reads a message's header and returns its body, which shares memory
// with frame.
func parseSig(frame []byte) (address, []byte, error) {
	p := sigParser{rest: frame}
	p.expect(`{"t":"sig","to":"`)
	to := p.id()
	p.expect(`","toinc":`)
	toInc := p.number()
	p.expect(`,"from":"`)
	from := p.id()
	p.expect(`","inc":`)
	inc := p.number()
	p.expect("}\n")
	switch {
	case p.failed:
		return address{}, nil, badFrame("the header of a message")
	case len(p.rest) == 0 || len(p.rest) > MaxBody:
		return address{}, nil, badFrame("a message with a body of %d bytes", len(p.rest))
	}
	return address{from: PeerID(from), inc: Inc(inc), to: PeerID(to), toInc: Inc(toInc)}, p.rest, nil
}

// sigParser reads the one form of a message's header from the front of rest.
type sigParser struct {
	rest   []byte
	failed bool
}

func (p *sigParser) expect(s string) {
	if p.failed || len(p.rest) < len(s) || string(p.rest[:len(s)]) != s {
		p.failed = true
		return
	}
	p.rest = p.rest[len(s):]
}

func (p *sigParser) id() string {
	if p.failed || len(p.rest) < idLength {
		p.failed = true
		return ""
	}
	id := string(p.rest[:idLength])
	p.failed = !validID(id)
	p.rest = p.rest[idLength:]
	return id
}

func (p *sigParser) number() uint64 {
	var n uint64
	i := 0
	for ; i < len(p.rest) && i < 16 && '0' <= p.rest[i] && p.rest[i] <= '9'; i++ {
		n = n*10 + uint64(p.rest[i]-'0')
	}
	if i == 0 || n > maxInt || i > 1 && p.rest[0] == '0' {
		p.failed = true
	}
	p.rest = p.rest[i:]
	return n
}

// splitFrame checks what holds for every frame and returns its header line and
// its body, nil when there is none.
func splitFrame(frame []byte) (header, body []byte, err error) {
	if !utf8.Valid(frame) {
		return nil, nil, badFrame("not UTF-8")
	}
	header, body, found := bytes.Cut(frame, []byte("\n"))
	if found && len(body) == 0 {
		return nil, nil, badFrame("an empty body")
	}
	return header, body, nil
}

// decodeClientFrame reads a frame sent by a client. What it returns shares
// memory with frame.
func decodeClientFrame(frame []byte) (clientFrame, error) {
	header, body, err := splitFrame(frame)
	switch {
	case err != nil:
		return nil, err
	case len(header) > MaxHeader:
		return nil, badFrame("a header of %d bytes", len(header))
	case bytes.HasPrefix(header, []byte(sigPrefix)):
		a, _, err := parseSig(frame)
		return sigFrame{address: a, raw: frame}, err
	}
	var kind struct {
		T string `json:"t"`
	}
	if err := json.Unmarshal(header, &kind); err != nil {
		return nil, badFrame("a header that is no JSON object")
	}
	switch kind.T {
	case "hello":
		return decodeHello(header, body)
	case "st":
		f, err := decodeHeader[stateFrame](header)
		f.state = body
		if err == nil {
			err = checkState(f.N, body)
		}
		return f, err
	case "proof":
		if body != nil {
			return nil, badFrame("a body after %q", kind.T)
		}
		return decodeHeader[proofFrame](header)
	case "sync", "ping", "bye":
		if body != nil {
			return nil, badFrame("a body after %q", kind.T)
		}
		return map[string]clientFrame{"sync": syncFrame{}, "ping": pingFrame{}, "bye": byeFrame{}}[kind.T], nil
	}
	return nil, badFrame("type %.16q", kind.T)
}

func decodeHello(header, body []byte) (clientFrame, error) {
	f, err := decodeHeader[helloFrame](header)
	if err != nil {
		return nil, err
	}
	if f.V != Protocol {
		// Another version's hello may look different otherwise: do not judge it.
		return helloFrame{V: f.V}, nil
	}
	if err := checkHello(f); err != nil {
		return nil, badFrame("hello: %v", err)
	}
	f.state = body
	switch {
	case !validID(f.Room), !validID(f.Peer), !validID(f.Resume), f.Srv != "" && !validID(f.Srv):
		return nil, badFrame("hello with a bad id")
	case f.Inc == 0 || f.Inc > maxInt || f.Seq > maxInt || f.Try > maxInt:
		return nil, badFrame("hello with a number out of range")
	}
	return f, checkState(f.N, body)
}

func checkState(n uint64, body []byte) error {
	if n > maxInt || len(body) == 0 || len(body) > MaxState {
		return badFrame("a state of %d bytes", len(body))
	}
	return nil
}

func decodeHeader[F any](header []byte) (F, error) {
	var f F
	if err := json.Unmarshal(header, &f); err != nil {
		return f, badFrame("the fields of a header")
	}
	return f, nil
}

// decodeServerFrame reads a frame sent by a server. A type it does not know is
// nil without an error: a newer server may send it.
func decodeServerFrame(frame []byte) (serverFrame, error) {
	header, body, err := splitFrame(frame)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(header, []byte(sigPrefix)) {
		a, _, err := parseSig(frame)
		return sigFrame{address: a, raw: frame}, err
	}
	var kind struct {
		T string `json:"t"`
	}
	if err := json.Unmarshal(header, &kind); err != nil {
		return nil, badFrame("a header that is no JSON object")
	}
	switch kind.T {
	case "welcome":
		f, err := decodeHeader[welcomeFrame](header)
		if err == nil && !validID(f.Srv) {
			err = badFrame("welcome without a server id")
		}
		return f, errOr(err, checkMembers(f.Peers))
	case "prove":
		f, err := decodeHeader[proveFrame](header)
		if err == nil && (!validID(f.Srv) || !validID(f.Challenge)) {
			err = badFrame("a challenge that is none")
		}
		return f, err
	case "room":
		f, err := decodeHeader[roomFrame](header)
		return f, errOr(err, checkMembers(f.Peers))
	case "peer":
		f, err := decodeHeader[peerFrame](header)
		if err == nil && !validID(f.Peer) {
			err = badFrame("an event about a bad id")
		}
		f.state = body
		return f, err
	case "nack":
		return decodeHeader[nackFrame](header)
	case "pong":
		return pongFrame{}, nil
	case "ice":
		return decodeHeader[iceFrame](header)
	case "leave":
		return decodeHeader[leaveFrame](header)
	case "err":
		return decodeHeader[errFrameText](header)
	}
	return nil, nil
}

func errOr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func checkMembers(members []member) error {
	for _, m := range members {
		if !validID(m.Peer) {
			return badFrame("a roster with a bad id")
		}
	}
	return nil
}

// encodeFrame returns the wire form of a frame of either side.
func encodeFrame(f any) []byte {
	switch f := f.(type) {
	case helloFrame:
		return encode("hello", f, f.state)
	case stateFrame:
		return encode("st", f, f.state)
	case sigFrame:
		return f.raw
	case proofFrame:
		return encode("proof", f, nil)
	case syncFrame:
		return encode("sync", f, nil)
	case pingFrame:
		return encode("ping", f, nil)
	case byeFrame:
		return encode("bye", f, nil)
	case welcomeFrame:
		return encode("welcome", f, nil)
	case proveFrame:
		return encode("prove", f, nil)
	case roomFrame:
		return encode("room", f, nil)
	case peerFrame:
		return encode("peer", f, f.state)
	case nackFrame:
		return encode("nack", f, nil)
	case pongFrame:
		return encode("pong", f, nil)
	case iceFrame:
		return encode("ice", f, nil)
	case leaveFrame:
		return encode("leave", f, nil)
	case errFrameText:
		return encode("err", f, nil)
	}
	panic(fmt.Sprintf("signal: no wire form for %T", f)) // a mistake of this package, not of its input
}

func encode(kind string, header any, body []byte) []byte {
	fields, err := json.Marshal(header)
	if err != nil {
		panic("signal: encode " + kind + ": " + err.Error()) // the types above cannot fail
	}
	out := make([]byte, 0, len(fields)+len(kind)+8+len(body))
	out = append(out, `{"t":"`+kind+`"`...)
	if len(fields) > len("{}") {
		out = append(out, ',')
	}
	out = append(out, fields[1:]...)
	if len(body) > 0 {
		out = append(out, '\n')
		out = append(out, body...)
	}
	return out
}
