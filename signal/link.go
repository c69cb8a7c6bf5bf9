package signal

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"github.com/meet-term/meet/internal/crash"
)

const (
	linkQueue   = 512 // frames to the server; beyond it the newest is dropped
	urgentQueue = 8   // pings, states and the like, which overtake the others
	// writeTimeout bounds a single write. The liveness check gives a dead link
	// up sooner.
	writeTimeout = 10 * time.Second
	// leaveTimeout bounds saying goodbye.
	leaveTimeout = 500 * time.Millisecond
)

// link is one connection to the server: a reader and a writer goroutine around
// a WebSocket. Its methods are for the goroutine of Client.Run.
type link struct {
	ws      *websocket.Conn
	in      chan []byte // frames received; closed by the reader when it ends
	err     error       // why in was closed; set before
	out     chan []byte
	urgent  chan []byte
	bye     chan struct{} // closed to make the writer say goodbye and end
	written chan struct{} // closed by the writer when it ends
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
}

// startLink takes ws over. It stays a tenth below the pace the server allows,
// so that nothing of ours waits there, where a ping could not overtake it.
func startLink(ctx context.Context, ws *websocket.Conn, lim frameLimits) *link {
	ctx, cancel := context.WithCancel(ctx)
	l := &link{
		ws:      ws,
		in:      make(chan []byte, 16),
		out:     make(chan []byte, linkQueue),
		urgent:  make(chan []byte, urgentQueue),
		bye:     make(chan struct{}),
		written: make(chan struct{}),
		cancel:  cancel,
	}
	pace := rate.NewLimiter(rate.Limit(max(1, lim.Rate))*9/10, max(1, lim.Burst*9/10))
	crash.GoIn(&l.tasks, func() { l.read(ctx) })
	crash.GoIn(&l.tasks, func() { l.write(ctx, pace) })
	return l
}

// close ends both goroutines and waits for them.
func (l *link) close() {
	l.cancel()
	hangUp(l.ws.NetConn(), false)
	l.tasks.Wait()
}

// abort is close for a link whose path is lost. What the system has not sent
// yet is thrown away: a last ping that arrives when the path heals would make
// us present for a moment, and the end of the connection away again.
func (l *link) abort() {
	l.cancel()
	hangUp(l.ws.NetConn(), true)
	l.tasks.Wait()
}

// hangUp closes a connection without waiting for its other end, which closing a
// TLS connection would do. With abort, what is still to be sent is thrown away.
func hangUp(c net.Conn, abort bool) {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	if l, ok := c.(interface{ SetLinger(int) error }); ok && abort {
		_ = l.SetLinger(0) // then the close is an ordinary one
	}
	c.Close()
}

// send queues a frame and reports whether there was room for it.
func (l *link) send(frame []byte) bool {
	select {
	case l.out <- frame:
		return true
	default:
		return false
	}
}

// sendUrgent is send for frames that overtake the others.
func (l *link) sendUrgent(frame []byte) bool {
	select {
	case l.urgent <- frame:
		return true
	default:
		return false
	}
}

// leave flushes what is queued, says goodbye and waits for that, within bounds.
func (l *link) leave() {
	close(l.bye)
	timer := time.NewTimer(leaveTimeout)
	defer timer.Stop()
	select {
	case <-l.written:
	case <-timer.C:
	}
}

func (l *link) read(ctx context.Context) {
	defer close(l.in)
	for {
		kind, frame, err := l.ws.ReadMessage()
		if err == nil && kind != websocket.TextMessage {
			err = errors.New("the server sent a binary frame")
		}
		if err != nil {
			l.err = err
			return
		}
		select {
		case l.in <- frame:
		case <-ctx.Done():
			l.err = ctx.Err()
			return
		}
	}
}

func (l *link) write(ctx context.Context, pace *rate.Limiter) {
	defer close(l.written)
	for {
		var frame []byte
		select {
		case frame = <-l.urgent:
		default:
			select {
			case frame = <-l.urgent:
			case frame = <-l.out:
				if pace.WaitN(ctx, min(int(weight(len(frame))), pace.Burst())) != nil {
					return
				}
			case <-l.bye:
				l.flush()
				return
			case <-ctx.Done():
				return
			}
		}
		if !l.writeFrame(frame) {
			return
		}
	}
}

// writeFrame writes one frame. A failure ends the link: the reader sees it.
func (l *link) writeFrame(frame []byte) bool {
	l.ws.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err := l.ws.WriteMessage(websocket.TextMessage, frame); err != nil {
		hangUp(l.ws.NetConn(), false)
		return false
	}
	return true
}

// flush writes what is queued, and goodbye.
func (l *link) flush() {
	for {
		var frame []byte
		select {
		case frame = <-l.urgent:
		case frame = <-l.out:
		default:
			if l.writeFrame(encodeFrame(byeFrame{})) {
				closing := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
				_ = l.ws.WriteControl(websocket.CloseMessage, closing, time.Now().Add(leaveTimeout)) // goodbye was said already
			}
			return
		}
		if !l.writeFrame(frame) {
			return
		}
	}
}
