package signal

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// MailServer is a server that has mailboxes.
type MailServer struct {
	Base string      // as Invite.Server
	TLS  *tls.Config // nil: what the system trusts
	Dial DialFunc    // nil: as the system does
	// Token is what the server wants to see of who opens a mailbox; "" for none.
	Token string
}

// MailLine is the way from one end of a mailbox to the other. It is for one goroutine.
type MailLine struct {
	Session []byte // the same at both ends, new for each visit
	ws      *websocket.Conn
}

// Mailbox is where one who has a code waits. It is for one goroutine.
type Mailbox struct {
	Number int
	ws     *websocket.Conn
}

func (s MailServer) dial(ctx context.Context, query, token string) (*websocket.Conn, error) {
	d := websocket.Dialer{TLSClientConfig: s.TLS, NetDialContext: s.Dial, HandshakeTimeout: maxDialTimeout}
	if s.Dial == nil {
		d.Proxy = http.ProxyFromEnvironment
	}
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	ws, resp, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(s.Base, "http")+strings.TrimPrefix(mailPath, "/")+query, header)
	if err != nil {
		if resp != nil {
			err = notUpgraded(resp)
		}
		return nil, fmt.Errorf("ask for a mailbox: %w", err)
	}
	ws.SetReadLimit(maxMail)
	return ws, nil
}

// OpenMailbox opens a mailbox for CodeLifetime.
func (s MailServer) OpenMailbox(ctx context.Context) (*Mailbox, error) {
	ws, err := s.dial(ctx, "", s.Token)
	if err != nil {
		return nil, err
	}
	m := &Mailbox{ws: ws}
	alive := func(data string) error {
		_ = ws.SetReadDeadline(time.Now().Add(mailSilence)) // can be set on every connection
		return ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTimeout))
	}
	ws.SetPingHandler(alive)
	_ = ws.SetReadDeadline(time.Now().Add(mailSilence))
	note, _, err := readMail(ctx, ws)
	if err != nil || note.T != "code" || note.N < 1 {
		ws.Close()
		return nil, fmt.Errorf("open a mailbox: %w", errors.Join(err, ctx.Err()))
	}
	m.Number = note.N
	return m, nil
}

// Next waits for somebody who was told the number. What was before with another
// guest is over.
func (m *Mailbox) Next(ctx context.Context) (*MailLine, error) {
	for {
		note, _, err := readMail(ctx, m.ws)
		if err != nil {
			return nil, err
		}
		if note.T != "guest" {
			continue
		}
		session, err := base64.RawURLEncoding.DecodeString(note.Session)
		if err != nil {
			return nil, fmt.Errorf("read a note of the mailbox: %w", err)
		}
		return &MailLine{Session: session, ws: m.ws}, nil
	}
}

// Close ends the mailbox: its number leads nowhere from now on.
func (m *Mailbox) Close() error {
	_ = m.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(leaveTimeout)) // it ends anyway
	return m.ws.Close()
}

// VisitMailbox goes to the mailbox of that number. The error wraps ErrNoCode where
// nobody waits, and ErrCodeTaken where somebody else is.
func (s MailServer) VisitMailbox(ctx context.Context, number int) (*MailLine, error) {
	ws, err := s.dial(ctx, "?n="+strconv.Itoa(number), "")
	if err != nil {
		return nil, err
	}
	_ = ws.SetReadDeadline(time.Now().Add(mailWithin))
	note, _, err := readMail(ctx, ws)
	session, err64 := base64.RawURLEncoding.DecodeString(note.Session)
	if err = errors.Join(err, err64); err != nil || note.T != "guest" {
		ws.Close()
		return nil, fmt.Errorf("go to a mailbox: %w", errors.Join(err, ctx.Err()))
	}
	return &MailLine{Session: session, ws: ws}, nil
}

// Close ends the visit.
func (l *MailLine) Close() error { return l.ws.Close() }

// Send sends a message to the other end.
func (l *MailLine) Send(_ context.Context, message []byte) error {
	l.ws.SetWriteDeadline(time.Now().Add(writeTimeout))
	return l.ws.WriteMessage(websocket.BinaryMessage, message)
}

// errGuestGone ends a line at the end of who has the mailbox.
var errGuestGone = errors.New("the other side hung up")

// Receive waits for a message of the other end.
func (l *MailLine) Receive(ctx context.Context) ([]byte, error) {
	note, message, err := readMail(ctx, l.ws)
	switch {
	case err != nil:
		return nil, err
	case message == nil || note.T != "":
		return nil, errGuestGone
	}
	return message, nil
}

// readMail reads one message: a note of the server, or what the other end says.
func readMail(ctx context.Context, ws *websocket.Conn) (note mailNote, message []byte, err error) {
	stop := context.AfterFunc(ctx, func() { ws.Close() })
	defer stop()
	kind, b, err := ws.ReadMessage()
	switch {
	case websocket.IsCloseError(err, closeNoCode):
		return note, nil, ErrNoCode
	case websocket.IsCloseError(err, closeTaken):
		return note, nil, ErrCodeTaken
	case err != nil && ctx.Err() != nil:
		return note, nil, ctx.Err()
	case err != nil:
		return note, nil, fmt.Errorf("read from a mailbox: %w", err)
	case kind == websocket.BinaryMessage:
		return note, b, nil
	}
	if err := json.Unmarshal(b, &note); err != nil {
		return note, nil, fmt.Errorf("read a note of the mailbox: %w", err)
	}
	return note, nil, nil
}

func jsonOf(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("signal: encode a note: " + err.Error()) // strings and numbers cannot fail
	}
	return b
}
