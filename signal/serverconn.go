package signal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/internal/crash"
)

const (
	// helloWithin is how long a connection may take to say hello.
	helloWithin = 10 * time.Second
	// drainWithin bounds one write to a client whose buffers are full.
	drainWithin = 10 * time.Second
	// maxQueue bounds the bytes waiting for a client. One that reads too slowly
	// is closed, and resumes with a fresh roster.
	maxQueue = 256 << 10
)

// Reasons to end a connection that are no refusal of the client for good.
var (
	errUnproved = errors.New("who says hello to this seat has to prove it")
	errStale    = errors.New("a later dial has this seat")
	errBusy     = errors.New("the server has too many rooms")
	errLeaving  = errors.New("the server is leaving")
	errDropped  = errors.New("the room is being forgotten")
	errBinary   = errors.New("a binary frame")
	errForged   = badFrame("a message of another sender")
	errNoHello  = badFrame("no hello")
	errHello    = badFrame("a second hello")
	errUnasked  = badFrame("a proof that nobody asked for")
)

// conn is one connection of the server. Its reader goroutine is the only one
// that stays; whoever has something to send writes it without waiting, and a
// goroutine that lives only as long as the client's buffers are full writes the
// rest.
type conn struct {
	server  *Server
	ws      *websocket.Conn
	nc      net.Conn
	raw     syscall.RawConn // nil: nc cannot write without waiting
	address string
	visitor *visitor // what its address uses
	host    string   // what the client calls us
	arrived time.Time
	mayOpen bool   // rooms that do not exist
	first   []byte // the frame that came with the request; owned by the reader

	// Owned by the reader goroutine once join has set them.
	seat  *seat
	room  *room
	asked *asked // whom it was asked to be, before; nil unless a proof is awaited
	used  bucket // of the pace of a connection; owned by the reader
	cost  int    // bytes read and written because of the frame at hand; owned by the reader

	// Guarded by the lock of the room.
	pinged    time.Time
	rosterAt  time.Time // when it got the roster last
	rosterDue bool      // it asked again before it may have another

	heard atomic.Int64 // last sign of life, nanoseconds since the server started
	away  atomic.Bool  // the room calls its member away; set under its lock

	mu      sync.Mutex // guards what follows
	queue   [][]byte   // frames as on the wire
	offset  int        // bytes of queue[0] that are written
	queued  int        // bytes in queue
	writing bool       // someone is writing the queue
	closing bool       // close when the queue is written; nothing more is queued
	slow    bool       // the queue ran over
	dead    bool
	written chan struct{} // closed when the writing ends; nil: nobody waits for it
}

// textFrame returns a text message as an unmasked WebSocket frame, RFC 6455
// section 5.2. Frames are made once and shared by all who get them.
func textFrame(payload []byte) []byte { return wireFrame(websocket.TextMessage, payload) }

var pingWire = wireFrame(websocket.PingMessage, nil)

func wireFrame(opcode int, payload []byte) []byte {
	n := len(payload)
	out := make([]byte, 0, n+10)
	out = append(out, 0x80|byte(opcode))
	switch {
	case n < 126:
		out = append(out, byte(n))
	case n < 1<<16:
		out = append(out, 126, byte(n>>8), byte(n))
	default:
		out = append(out, 127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, payload...)
}

func newConn(s *Server, ws *websocket.Conn, address string, v *visitor) *conn {
	c := &conn{server: s, ws: ws, nc: ws.NetConn(), address: address, visitor: v}
	c.raw = rawWriter(c.nc)
	c.sign()
	ws.SetReadLimit(MaxFrame)
	ws.SetPingHandler(func(data string) error {
		c.heardFrom()
		c.send(wireFrame(websocket.PongMessage, []byte(data)))
		c.throttle()
		return nil
	})
	ws.SetPongHandler(func(string) error {
		c.heardFrom()
		c.throttle()
		return nil
	})
	ws.SetCloseHandler(func(int, string) error { return nil })
	return c
}

// whence is where the client is, for a log that may name it.
func (c *conn) whence() []any {
	if !c.server.cfg.LogAddresses {
		return nil
	}
	return []any{"address", c.address}
}

// local is the address of this machine that the client reached, if known.
func (c *conn) local() netip.Addr {
	a, err := netip.ParseAddrPort(c.nc.LocalAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap().WithZone("")
}

// sign notes a sign of life.
func (c *conn) sign() { c.heard.Store(int64(time.Since(c.server.started))) }

func (c *conn) heardFrom() {
	c.sign()
	if c.away.Load() && c.room != nil {
		c.room.back(c)
	}
}

func (c *conn) silence(now time.Time) time.Duration {
	return now.Sub(c.server.started) - time.Duration(c.heard.Load())
}

// serve reads until the connection ends, and leaves the room in good order. A
// panic ends this connection only.
func (c *conn) serve() {
	defer func() {
		if p := recover(); p != nil {
			c.server.stats.panics.Add(1)
			c.server.log.Error("panic in a connection", "panic", p, "stack", string(debug.Stack()))
			c.kill()
		}
		if c.room != nil {
			c.room.lost(c)
		}
		c.waitWritten()
		c.server.release(c.visitor, c)
	}()
	if err := c.read(); err != nil {
		c.fail(err)
	}
}

// read handles frames until one ends the connection. Its error is for fail.
func (c *conn) read() error {
	c.nc.SetReadDeadline(time.Now().Add(helloWithin))
	if c.first != nil {
		done, err := c.took(c.first)
		if c.first = nil; err != nil || done {
			return err
		}
		c.throttle()
	}
	for {
		kind, r, err := c.ws.NextReader()
		if err != nil {
			return err
		}
		if kind != websocket.TextMessage {
			return errBinary
		}
		done, err := c.readFrame(r)
		if err != nil || done {
			return err
		}
		c.throttle()
	}
}

// throttle counts a frame of the client by what it had the server read and write.
// Who asks for more than allowed is read slower, and fills its own buffers only.
func (c *conn) throttle() {
	n, now := weight(c.cost), time.Now()
	c.cost = 0
	wait := max(c.used.charge(c.server.pace, n, now), c.server.guard.charge(c.visitor, n, now))
	if wait > 0 {
		c.server.guard.hit(limitBytes)
		c.server.stats.pacing.observe(wait)
	}
	for wait > 0 && !c.ended() {
		nap := min(wait, napTime)
		wait -= nap
		timer := time.NewTimer(nap)
		<-timer.C
	}
}

// napTime is how late who waits notices that the connection has ended.
const napTime = 250 * time.Millisecond

func (c *conn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

var frameBuffers = sync.Pool{New: func() any { return new([]byte) }}

// readFrame reads one message into a buffer it borrows, and handles it.
func (c *conn) readFrame(r io.Reader) (done bool, err error) {
	buf := frameBuffers.Get().(*[]byte)
	defer frameBuffers.Put(buf)
	if *buf, err = appendAll((*buf)[:0], r); err != nil {
		return false, err
	}
	return c.took(*buf)
}

// took handles the text of a frame.
func (c *conn) took(text []byte) (done bool, err error) {
	c.server.stats.framesIn.Add(1)
	c.cost += len(text)
	frame, err := decodeClientFrame(text)
	if err != nil {
		return false, err
	}
	c.heardFrom()
	return c.handle(frame)
}

func appendAll(b []byte, r io.Reader) ([]byte, error) {
	if cap(b) == 0 {
		b = make([]byte, 0, 1<<10)
	}
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// handle does what a frame asks. done means that the client said goodbye.
func (c *conn) handle(frame clientFrame) (done bool, err error) {
	switch frame.(type) {
	case helloFrame:
		if c.room != nil || c.asked != nil {
			return false, errHello
		}
	case proofFrame:
		if c.asked == nil {
			return false, errUnasked
		}
	default:
		if c.room == nil {
			return false, errNoHello
		}
	}
	switch f := frame.(type) {
	case helloFrame:
		return false, c.server.join(c, f, false)
	case proofFrame:
		return false, c.proved(f)
	case stateFrame:
		c.room.setState(c, f.N, f.state)
	case sigFrame:
		return false, c.relay(f)
	case syncFrame:
		c.room.askRoster(c)
	case pingFrame:
		c.send(pongWire)
	case byeFrame:
		if c.room.leave(c) {
			c.server.dropIfEmpty(c.room)
		}
		c.finish(nil, websocket.CloseNormalClosure)
		return true, nil
	}
	return false, nil
}

// asked is a hello whose sender has to prove that it is of this moment.
type asked struct {
	hello helloFrame
	prove proveFrame
}

// ask has the client of c sign a challenge before it gets the seat it said hello to.
func (c *conn) ask(h helloFrame) error {
	challenge, err := randomID(c.server.cfg.Rand)
	if err != nil {
		return err
	}
	h.state = bytes.Clone(h.state) // it is part of a borrowed buffer
	c.asked = &asked{h, proveFrame{Srv: c.server.id, Challenge: challenge}}
	c.send(textFrame(encodeFrame(c.asked.prove)))
	return nil
}

// proved takes the answer to ask.
func (c *conn) proved(f proofFrame) error {
	a := c.asked
	c.asked = nil
	if err := checkProof(a.hello, a.prove, f); err != nil {
		return badFrame("proof: %v", err)
	}
	return c.server.join(c, a.hello, true)
}

var pongWire = textFrame(encodeFrame(pongFrame{}))

// relay hands a message on as it came.
func (c *conn) relay(f sigFrame) error {
	if f.from != c.seat.peer || f.inc != c.seat.inc {
		return errForged
	}
	to, why := c.room.target(f.to, f.toInc)
	if to == nil {
		c.server.stats.undelivered.Add(1)
		c.send(textFrame(encodeFrame(nackFrame{To: f.to, Inc: f.toInc, Why: why})))
		return nil
	}
	c.server.stats.relayed.Add(1)
	to.send(textFrame(f.raw))
	return nil
}

// fail tells the client why its connection ends, and ends it.
func (c *conn) fail(err error) {
	why, code, known := closeReason(err)
	if !known {
		c.kill() // the connection itself failed
		return
	}
	c.server.stats.refused.Add(1)
	c.server.log.Info("end a connection", append(c.whence(), "error", err)...)
	c.finish(encodeFrame(why), code)
}

// Close codes of the protocol (docs/PROTOCOL.md, "Ends").
const (
	closeBad      = 4400
	closeRefused  = 4403
	closeStale    = 4408
	closeReplaced = 4409
	closeBusy     = 4429
)

// closeReason maps an error to what the client is told, in one place. It
// reports false for errors of the connection itself, about which there is
// nobody left to tell.
func closeReason(err error) (why errFrameText, code int, known bool) {
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return errFrameText{refused.Code, refused.Text}, closeRefused, true
	case errors.Is(err, errStale):
		return errFrameText{"stale", err.Error()}, closeStale, true
	case errors.Is(err, errBusy), errors.Is(err, errManyRooms):
		return errFrameText{RefusedBusy, err.Error()}, closeBusy, true
	case errors.Is(err, errBinary):
		return errFrameText{RefusedBad, err.Error()}, websocket.CloseUnsupportedData, true
	case errors.Is(err, websocket.ErrReadLimit):
		return errFrameText{RefusedBad, fmt.Sprintf("a frame of more than %d bytes", MaxFrame)}, websocket.CloseMessageTooBig, true
	case errors.Is(err, errFrame):
		return errFrameText{RefusedBad, err.Error()}, closeBad, true
	}
	return errFrameText{}, 0, false
}

// replaced ends the connection because its client has a newer one.
func (c *conn) replaced(f *flushList) {
	c.enqueue(textFrame(encodeFrame(errFrameText{Code: RefusedReplaced})))
	if c.enqueueClose(closeReplaced) {
		f.conns = append(f.conns, c)
	}
}

// finish sends a last frame, if any, closes the WebSocket with code, and the
// connection when that is written.
func (c *conn) finish(frame []byte, code int) {
	if frame != nil {
		c.enqueue(textFrame(frame))
	}
	if c.enqueueClose(code) {
		c.flush()
	}
}

// enqueueClose queues the end of the connection and reports whether flush must
// be called.
func (c *conn) enqueueClose(code int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	flush := c.enqueueLocked(wireFrame(websocket.CloseMessage, websocket.FormatCloseMessage(code, "")))
	c.closing = true
	return flush
}

// send queues a frame and writes what can be written without waiting.
func (c *conn) send(wire []byte) {
	if c.enqueue(wire) {
		c.flush()
	}
}

// enqueue queues a frame and reports whether flush must be called.
func (c *conn) enqueue(wire []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.enqueueLocked(wire)
}

func (c *conn) enqueueLocked(wire []byte) bool {
	switch {
	case c.dead || c.closing || c.slow:
		return false
	case c.queued+len(wire) > maxQueue:
		c.slow = true
		return true
	}
	c.queue = append(c.queue, wire)
	c.queued += len(wire)
	return !c.writing
}

// flush writes the queue as far as the client's buffers take it and leaves the
// rest to a goroutine.
func (c *conn) flush() {
	c.mu.Lock()
	if c.slow && !c.dead {
		c.mu.Unlock()
		c.server.stats.slow.Add(1)
		c.server.log.Info("close a slow connection", c.whence()...)
		c.kill()
		return
	}
	if c.writing || c.dead {
		c.mu.Unlock()
		return
	}
	c.writing = true
	for len(c.queue) > 0 && !c.dead {
		wire := c.queue[0][c.offset:]
		c.mu.Unlock()
		n, err := tryWrite(c.raw, wire)
		c.mu.Lock()
		if err != nil {
			c.dead = true
			break
		}
		if c.wroteLocked(n); n < len(wire) {
			c.mu.Unlock()
			crash.Go(c.drain)
			return
		}
	}
	c.endWriteLocked()
}

// wroteLocked takes n written bytes off the queue, unless a kill emptied it.
func (c *conn) wroteLocked(n int) {
	if c.dead {
		return
	}
	c.queued -= n
	if c.offset += n; c.offset < len(c.queue[0]) {
		return
	}
	c.offset = 0
	c.queue[0] = nil
	if c.queue = c.queue[1:]; len(c.queue) == 0 {
		c.queue = nil
	}
}

// drain writes the rest of the queue and waits for the client where it must.
func (c *conn) drain() {
	c.mu.Lock()
	for len(c.queue) > 0 && !c.dead {
		wire := c.queue[0][c.offset:]
		c.mu.Unlock()
		c.nc.SetWriteDeadline(time.Now().Add(drainWithin))
		n, err := c.nc.Write(wire)
		c.mu.Lock()
		if err != nil {
			c.dead = true
			break
		}
		c.wroteLocked(n)
	}
	c.endWriteLocked()
}

// endWriteLocked ends a flush or a drain and releases the lock.
func (c *conn) endWriteLocked() {
	c.writing = false
	ended := c.closing || c.dead
	if c.written != nil {
		close(c.written)
		c.written = nil
	}
	c.mu.Unlock()
	if ended {
		c.kill()
	}
}

// waitWritten waits until nobody writes. The connection was told to end, so
// that will not take longer than drainWithin.
func (c *conn) waitWritten() {
	c.mu.Lock()
	if !c.writing {
		c.mu.Unlock()
		return
	}
	written := make(chan struct{})
	c.written = written
	c.mu.Unlock()
	<-written
}

// kill closes the connection at once. The reader sees it and cleans up.
func (c *conn) kill() {
	c.mu.Lock()
	c.dead = true
	c.queue, c.queued, c.offset = nil, 0, 0
	c.mu.Unlock()
	hangUp(c.nc, false)
}
