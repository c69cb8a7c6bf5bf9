package conn

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// permitter answers the TURN client of pion in the server's place when it asks for
// permission to a peer (RFC 8656 section 9), and has the request delivered
// meanwhile. The client would wait for the answer inside the agent's own
// goroutine: that costs each address a round trip, and a relay that is dead would
// hold up the session for eight seconds at a time, with everybody who writes to
// it. What is sent before the server knows of the permission is lost, as any
// packet may be; checks are repeated.
type permitter struct {
	logins *logins
	send   func(request []byte) // to the server
	awake  func(time.Time) error

	mu      sync.Mutex // guards what follows
	answers [][]byte   // ours, not read yet
	open    map[[stun.TransactionIDSize]byte]*time.Timer
	nonceAt time.Time // when the server last gave a nonce; zero: never
	ended   bool
}

const (
	// nonceFor is how long a nonce is taken to hold. Later the client is left to
	// wait, as it is told of a nonce that is over by the answer.
	nonceFor = 45 * time.Minute
	// requestAgain is after how long a request is repeated first, then after twice
	// as long each time (RFC 8489 section 6.2.1).
	requestAgain = 200 * time.Millisecond
	requestTries = 5
)

// logins are the passwords of a session's relays by user name: the client believes
// only what is authenticated with them.
type logins struct {
	mu       sync.Mutex
	password map[string]string // guarded by mu
}

func (l *logins) set(servers []webrtc.ICEServer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.password == nil || len(l.password) > maxLogins {
		l.password = map[string]string{}
	}
	for _, s := range servers {
		if password, ok := s.Credential.(string); ok && s.Username != "" {
			l.password[s.Username] = password
		}
	}
}

// maxLogins bounds the user names that are remembered: an allocation keeps the one
// it was made with.
const maxLogins = 64

// grant makes the answer that gives the permission asked for, or nil.
func (l *logins) grant(request []byte) []byte {
	m := &stun.Message{Raw: request}
	var user stun.Username
	var realm stun.Realm
	if m.Decode() != nil || user.GetFrom(m) != nil || realm.GetFrom(m) != nil {
		return nil
	}
	l.mu.Lock()
	password, known := l.password[user.String()]
	l.mu.Unlock()
	if !known {
		return nil
	}
	answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), permissionGiven,
		stun.NewLongTermIntegrity(user.String(), realm.String(), password))
	if err != nil {
		return nil
	}
	return answer.Raw
}

func newPermitter(l *logins, send func([]byte), awake func(time.Time) error) *permitter {
	return &permitter{logins: l, send: send, awake: awake, open: map[[stun.TransactionIDSize]byte]*time.Timer{}}
}

var (
	permissionRequest = stun.NewType(stun.MethodCreatePermission, stun.ClassRequest).Value()
	permissionGiven   = stun.NewType(stun.MethodCreatePermission, stun.ClassSuccessResponse)
)

// asks takes a message on its way to the server and reports whether it was a
// request for permission, which is taken care of. repeat is for transports that
// lose messages.
func (p *permitter) asks(message []byte, repeat bool) bool {
	if len(message) < stunHeader || binary.BigEndian.Uint16(message) != permissionRequest {
		return false
	}
	answer := p.logins.grant(message)
	p.mu.Lock()
	if answer == nil || p.ended || p.nonceAt.IsZero() || time.Since(p.nonceAt) > nonceFor {
		p.mu.Unlock()
		return false
	}
	id := [stun.TransactionIDSize]byte(message[8:stunHeader])
	p.answers = append(p.answers, answer)
	if repeat {
		request := append([]byte(nil), message...)
		p.open[id] = time.AfterFunc(requestAgain, func() { p.again(id, request, 1) })
	}
	p.mu.Unlock()
	p.send(message)
	_ = p.awake(time.Unix(1, 0)) // a socket that is closed has no reader to wake
	return true
}

// again repeats a request that is not answered.
func (p *permitter) again(id [stun.TransactionIDSize]byte, request []byte, n int) {
	p.mu.Lock()
	if p.open[id] == nil || p.ended {
		p.mu.Unlock()
		return
	}
	if n < requestTries {
		p.open[id] = time.AfterFunc(requestAgain<<n, func() { p.again(id, request, n+1) })
	} else {
		delete(p.open, id)
	}
	p.mu.Unlock()
	p.send(request)
}

// heard looks at a message of the server.
func (p *permitter) heard(message []byte) {
	if len(message) < stunHeader || message[0] > 3 {
		return // media
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if message[0]&1 == 1 && message[1]&0x10 != 0 { // an error response (RFC 8489 section 5)
		p.nonceAt = time.Now()
	}
	id := [stun.TransactionIDSize]byte(message[8:stunHeader])
	if t := p.open[id]; t != nil {
		t.Stop()
		delete(p.open, id)
	}
}

// answer is called by the reader when a read ended with err. It returns an answer
// of ours if the reader was woken for one, and whether to read again.
func (p *permitter) answer(err error) (answer []byte, again bool) {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			return nil, false
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.answers) == 0 {
		_ = p.awake(time.Time{})
	}
	return p.take(), true
}

// next returns an answer that waits to be read, or nil.
func (p *permitter) next() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.take()
}

// take takes an answer off. With the last one the reader may wait for the server
// again. Called with mu held.
func (p *permitter) take() []byte {
	if len(p.answers) == 0 {
		return nil
	}
	first := p.answers[0]
	if p.answers = p.answers[1:]; len(p.answers) == 0 {
		_ = p.awake(time.Time{})
	}
	return first
}

// end stops all repetitions.
func (p *permitter) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for id, t := range p.open {
		t.Stop()
		delete(p.open, id)
	}
}

// relayStream is a connection to a relay over TCP or TLS, with a permitter. Our
// answers are put between two messages of the server.
type relayStream struct {
	net.Conn
	permits *permitter

	writing sync.Mutex // one message at a time, whole

	// Owned by the reader.
	rest int    // bytes of the server's message that are still to come
	head []byte // of the next message, as far as it was read
}

func newRelayStream(c net.Conn, l *logins) *relayStream {
	s := &relayStream{Conn: c}
	s.permits = newPermitter(l, func(b []byte) { _, _ = s.write(b) }, c.SetReadDeadline)
	return s
}

// Read reads what came, one part of a message at a time.
func (s *relayStream) Read(b []byte) (int, error) {
	for s.rest == 0 && len(s.head) == 0 {
		if answer := s.permits.next(); answer != nil {
			return copy(b, answer), nil // small: the reader has room for a packet
		}
		n, err := s.Conn.Read(b[:min(len(b), stunHeader)])
		if n > 0 {
			return s.began(b[:n]), nil
		}
		if answer, again := s.permits.answer(err); answer != nil {
			return copy(b, answer), nil
		} else if !again {
			return n, err
		}
	}
	want := s.rest
	if len(s.head) > 0 {
		want = s.missing()
	}
	for {
		n, err := s.Conn.Read(b[:min(len(b), want)])
		if n > 0 {
			if len(s.head) > 0 {
				return s.began(b[:n]), nil
			}
			s.rest -= n
			return n, nil
		}
		var timeout net.Error
		if err == nil || !errors.As(err, &timeout) || !timeout.Timeout() {
			return n, err
		}
		// Woken in the middle of a message: the answer comes after it.
		_ = s.Conn.SetReadDeadline(time.Time{})
	}
}

// missing is how many bytes of the head of a message are still to come.
func (s *relayStream) missing() int {
	if len(s.head) < channelHeader {
		return channelHeader - len(s.head)
	}
	return stunHeader - len(s.head)
}

// began takes the first bytes of a message, and more of them, and finds out how
// long it is. Data on a channel is padded to four bytes (RFC 8656 section 12.5).
func (s *relayStream) began(b []byte) int {
	s.head = append(s.head, b...)
	if len(s.head) < channelHeader {
		return len(b)
	}
	length := int(binary.BigEndian.Uint16(s.head[2:]))
	if s.head[0] > 3 {
		total := channelHeader + (length+3)&^3
		if over := len(s.head) - total; over > 0 { // the head holds part of the next message
			s.head = append([]byte(nil), s.head[total:]...)
			s.rest = 0
			head := s.head
			s.head = nil
			s.began(head)
			return len(b)
		}
		s.rest, s.head = total-len(s.head), nil
		return len(b)
	}
	if len(s.head) < stunHeader {
		return len(b)
	}
	s.permits.heard(s.head)
	s.rest, s.head = stunHeader+length-len(s.head), nil
	return len(b)
}

// Write sends one message.
func (s *relayStream) Write(b []byte) (int, error) {
	if s.permits.asks(b, false) {
		return len(b), nil
	}
	return s.write(b)
}

func (s *relayStream) write(b []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.Conn.Write(b)
}

// Close ends the connection.
func (s *relayStream) Close() error {
	s.permits.end()
	return s.Conn.Close()
}
