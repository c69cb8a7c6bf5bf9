package signal

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/internal/crash"
)

// mailPath is where the mailboxes of spoken codes are (docs/PROTOCOL.md, "Codes").
const mailPath = "/code"

// CodeLifetime is how long a mailbox, and so a code, is open.
const CodeLifetime = 10 * time.Minute

const (
	maxMail  = 4 << 10 // bytes of one message
	maxMails = 8       // messages of a guest
	// maxOwnerMails is how many messages who has a mailbox may send in all: two for
	// each guest that came and went.
	maxOwnerMails = 512
	mailWithin    = 20 * time.Second
	mailPing      = 20 * time.Second
	mailSilence   = 3 * mailPing
	fewNumbers    = 99 // numbers are drawn from so many at least
	maxMailboxes  = 10_000
	// guessCost is what a visit to a mailbox counts for, in new rooms of an address:
	// nobody burns the codes of all others.
	guessCost = 10
)

// Close codes of mailboxes.
const (
	closeNoCode = 4404 // nobody waits there
	closeTaken  = 4409 // somebody is there now
)

// mailNote is what the server says to who has a mailbox, or visits one, as a text
// message; what they say to each other goes in binary ones.
type mailNote struct {
	T       string `json:"t"` // code, guest, gone
	N       int    `json:"n,omitempty"`
	Session string `json:"session,omitempty"`
}

// mailroom is all mailboxes of a server. Its zero value is ready.
type mailroom struct {
	mu     sync.Mutex // guards what follows
	boxes  map[int]*mailbox
	conns  map[*mailConn]struct{}
	closed bool
}

// mailbox is where one who has a code waits for who was told it. Its fields are
// guarded by the mailroom.
type mailbox struct {
	owner, guest *mailConn
}

// mailConn is one end of a mailbox. Reading is its own goroutine's, writing is for
// all.
type mailConn struct {
	ws    *websocket.Conn
	write sync.Mutex
}

func (c *mailConn) send(kind int, b []byte) error {
	c.write.Lock()
	defer c.write.Unlock()
	c.ws.SetWriteDeadline(time.Now().Add(drainWithin))
	return c.ws.WriteMessage(kind, b)
}

func (c *mailConn) note(n mailNote) { _ = c.send(websocket.TextMessage, jsonOf(n)) } // who is gone is noticed by reading

func (c *mailConn) end(code int, text string) {
	c.write.Lock()
	defer c.write.Unlock()
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(drainWithin)) // it ends anyway
	hangUp(c.ws.NetConn(), false)
}

// serveMail opens a mailbox, or lets somebody in who names one.
func (s *Server) serveMail(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") != "" { // codes are for programs: pages use links
		http.Error(w, "codes are for programs", http.StatusForbidden)
		return
	}
	number, cost := 0, 1.0
	if text := r.URL.Query().Get("n"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			http.Error(w, "no number of a code", http.StatusBadRequest)
			return
		}
		number, cost = n, guessCost
	}
	if number == 0 && !s.mayOpen(r) {
		http.Error(w, (&RefusedError{Code: RefusedClosed}).Error(), http.StatusForbidden)
		return
	}
	visitor, err := s.admit(s.clientAddress(r))
	if err == nil {
		defer s.release(visitor, nil)
		err = s.guard.newRoom(visitor, cost, time.Now())
	}
	if err != nil {
		s.turnAway(w, err)
		return
	}
	ws, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil { // the upgrader has answered
		s.stats.rejected.Add(1)
		return
	}
	c := &mailConn{ws: ws}
	ws.SetReadLimit(maxMail)
	defer hangUp(ws.NetConn(), false)
	if !s.mail.enter(c) {
		c.end(websocket.CloseGoingAway, "")
		return
	}
	defer s.mail.leave(c)
	if number == 0 {
		s.mail.own(c)
	} else {
		s.mail.visit(c, number)
	}
}

func (m *mailroom) enter(c *mailConn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conns == nil {
		m.conns, m.boxes = map[*mailConn]struct{}{}, map[int]*mailbox{}
	}
	m.conns[c] = struct{}{}
	return !m.closed
}

func (m *mailroom) leave(c *mailConn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.conns, c)
}

func (m *mailroom) closeAll() {
	m.mu.Lock()
	m.closed = true
	conns := make([]*mailConn, 0, len(m.conns))
	for c := range m.conns {
		conns = append(conns, c)
	}
	m.mu.Unlock()
	for _, c := range conns {
		hangUp(c.ws.NetConn(), false)
	}
}

// open gives c a mailbox with a number that nobody has; 0: there are too many.
func (m *mailroom) open(c *mailConn) (int, *mailbox) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.boxes) >= maxMailboxes {
		return 0, nil
	}
	for {
		n := 1 + mathrand.IntN(max(fewNumbers, 4*len(m.boxes)))
		if m.boxes[n] == nil {
			b := &mailbox{owner: c}
			m.boxes[n] = b
			return n, b
		}
	}
}

// own serves who has a mailbox until it leaves or its time is over.
func (m *mailroom) own(c *mailConn) {
	n, box := m.open(c)
	if box == nil {
		c.end(closeBusy, errBusy.Error())
		return
	}
	defer m.shut(n, box)
	ctx, cancel := context.WithTimeout(context.Background(), CodeLifetime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { hangUp(c.ws.NetConn(), false) })()
	var pinging sync.WaitGroup
	defer pinging.Wait()
	defer cancel()
	crash.GoIn(&pinging, func() { c.ping(ctx) })
	alive := func(string) error { return c.ws.SetReadDeadline(time.Now().Add(mailSilence)) }
	_ = alive("") // a deadline can be set on every connection
	c.ws.SetPongHandler(alive)
	c.note(mailNote{T: "code", N: n})
	for range maxOwnerMails {
		kind, b, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		if guest := m.guestOf(box); guest != nil && kind == websocket.BinaryMessage {
			_ = guest.send(websocket.BinaryMessage, b) // a guest that is gone is noticed by reading
		}
	}
}

// ping keeps what is between from forgetting an idle connection.
func (c *mailConn) ping(ctx context.Context) {
	tick := time.NewTicker(mailPing)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(drainWithin)) // noticed by reading
		}
	}
}

func (m *mailroom) guestOf(b *mailbox) *mailConn {
	m.mu.Lock()
	defer m.mu.Unlock()
	return b.guest
}

// shut ends a mailbox and whoever is there.
func (m *mailroom) shut(n int, b *mailbox) {
	m.mu.Lock()
	delete(m.boxes, n)
	guest := b.guest
	m.mu.Unlock()
	if guest != nil {
		guest.end(closeNoCode, "")
	}
}

// visit serves somebody who was told a number, one at a time.
func (m *mailroom) visit(c *mailConn, n int) {
	m.mu.Lock()
	box := m.boxes[n]
	taken := box != nil && box.guest != nil
	if box != nil && !taken {
		box.guest = c
	}
	m.mu.Unlock()
	switch {
	case box == nil:
		c.end(closeNoCode, "nobody waits there")
		return
	case taken:
		c.end(closeTaken, "somebody is there now")
		return
	}
	defer func() {
		m.mu.Lock()
		box.guest = nil
		m.mu.Unlock()
		box.owner.note(mailNote{T: "gone"})
	}()
	var session [16]byte
	_, _ = rand.Read(session[:]) // crypto/rand never fails
	note := mailNote{T: "guest", Session: base64.RawURLEncoding.EncodeToString(session[:])}
	c.note(note)
	box.owner.note(note)
	c.ws.SetReadDeadline(time.Now().Add(mailWithin))
	for range maxMails {
		kind, b, err := c.ws.ReadMessage()
		if err != nil || kind != websocket.BinaryMessage {
			return
		}
		if box.owner.send(websocket.BinaryMessage, b) != nil {
			return
		}
	}
}

// Errors of mailboxes, for people.
var (
	ErrNoCode    = errors.New("nobody waits there with a code: it was used, it is older than ten minutes, or the number is wrong")
	ErrCodeTaken = errors.New("somebody else is using this code right now")
)
