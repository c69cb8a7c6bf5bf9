package signal

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/internal/wake"
)

// DialFunc opens a byte stream to address, as net.Dialer.DialContext does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Config is what a Client needs. URL, Room, Key, Inc and Handle are required.
type Config struct {
	URL   string // WebSocket address: Invite.SocketURL
	Room  *Room
	Key   ed25519.PrivateKey // of this room alone; Room.PeerID is the id that follows from it
	Inc   Inc
	State State // what the others see first

	// Handle receives every event, in order, on the goroutine of Run. It must
	// not block, and may call every method of the Client but Run.
	Handle func(Event)

	Dial   DialFunc     // nil: the system's network and its proxy settings
	TLS    *tls.Config  // nil: the system's authorities
	Token  string       // what the server wants to see of who opens rooms; "" for none
	Logger *slog.Logger // nil: nothing is logged
	Rand   io.Reader    // nil: crypto/rand.Reader
}

// maxOutbox bounds the messages waiting for Run to take them. Beyond it the
// newest are dropped: the machines above send again what matters.
const maxOutbox = rules.MaxOutbox

// Client keeps a participant in its room: it dials, says who is there, resumes
// after every loss and hands on what it hears. Its methods may be called from
// any goroutine and never block.
//
// Messages to others are dropped while the link is down or when too many wait;
// the state of the participant is kept, only the newest, and sent whole after
// every connect.
type Client struct {
	cfg    Config
	log    *slog.Logger
	sealer *Sealer
	token  string // proves to the server that a seat is ours
	wake   chan struct{}

	mu  sync.Mutex // guards box
	box outbox

	run run // owned by Run
}

// outbox is what callers left for Run.
type outbox struct {
	messages []outgoing
	dropped  int
	state    *State
	sync     bool
	nudge    bool
	move     *server
	leave    bool
}

// server is where a client dials.
type server struct {
	url string // WebSocket address
	tls *tls.Config
}

type outgoing struct {
	to   PeerID
	inc  Inc
	body Body
}

// NewClient checks the configuration and returns a Client that does nothing
// until Run.
func NewClient(cfg Config) (*Client, error) {
	switch {
	case cfg.Room == nil || cfg.Handle == nil || cfg.URL == "":
		return nil, errors.New("signaling client without a room, an address or a handler")
	case len(cfg.Key) != ed25519.PrivateKeySize || cfg.Inc == 0 || cfg.Inc > maxInt:
		return nil, errors.New("signaling client without a valid key and incarnation")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	var seed [16 + 16]byte
	if _, err := io.ReadFull(cfg.Rand, seed[:]); err != nil {
		return nil, fmt.Errorf("draw a resume token: %w", err)
	}
	c := &Client{
		cfg:    cfg,
		log:    cfg.Logger,
		sealer: NewSealer(cfg.Room, cfg.Key, cfg.Inc, cfg.Rand),
		token:  base64.RawURLEncoding.EncodeToString(seed[:16]),
		wake:   make(chan struct{}, 1),
	}
	if _, err := c.sealer.SealState(cfg.State); err != nil {
		return nil, err
	}
	c.run = run{
		state:  Closed,
		at:     server{cfg.URL, cfg.TLS},
		own:    cfg.State,
		roster: make(roster),
		dialed: make(chan dialResult),
		jitter: mathrand.New(mathrand.NewPCG(binary.LittleEndian.Uint64(seed[16:]), binary.LittleEndian.Uint64(seed[24:]))),
	}
	return c, nil
}

// Sealer returns what seals and opens this participant's messages, for carrying
// them on other ways than the server.
func (c *Client) Sealer() *Sealer { return c.sealer }

// Send says b to the incarnation inc of the participant to, or drops it when
// the link is down. A message that breaks a limit is dropped with a log line.
func (c *Client) Send(to PeerID, inc Inc, b Body) {
	c.post(func(o *outbox) {
		if len(o.messages) >= maxOutbox {
			o.dropped++
			return
		}
		o.messages = append(o.messages, outgoing{to, inc, b})
	})
}

// SetState tells the whole room st. It replaces a former one that was not sent
// yet; one whose N is not larger than the last is ignored.
func (c *Client) SetState(st State) {
	c.post(func(o *outbox) {
		if o.state == nil || st.N > o.state.N {
			o.state = &st
		}
	})
}

// Sync asks the server for the whole roster. Differences arrive as PeerChanged
// and PeerGone.
func (c *Client) Sync() { c.post(func(o *outbox) { o.sync = true }) }

// Nudge says that the network may have changed: the link is verified at once,
// or dialed now instead of later.
func (c *Client) Nudge() { c.post(func(o *outbox) { o.nudge = true }) }

// Move says that the room is on another server from now on, whose WebSocket
// address is url; trust is as Config.TLS. It is dialed at once. To the others
// there the participant is the one they know: no connection between them ends.
func (c *Client) Move(url string, trust *tls.Config) {
	c.post(func(o *outbox) { o.move = &server{url, trust} })
}

// Leave ends Run after saying goodbye, so that the others see "left" at once.
func (c *Client) Leave() { c.post(func(o *outbox) { o.leave = true }) }

func (c *Client) post(change func(*outbox)) {
	c.mu.Lock()
	change(&c.box)
	c.mu.Unlock()
	wake.Poke(c.wake)
}

func (c *Client) takeOutbox() outbox {
	c.mu.Lock()
	defer c.mu.Unlock()
	box := c.box
	c.box = outbox{}
	return box
}

// run is the state of Run, owned by its goroutine.
type run struct {
	state   LinkState
	at      server // where the room is
	jitter  *mathrand.Rand
	own     State // what the others should see
	stateTo bool  // own is still to be sent
	roster  roster

	// The link, or the dialing of one; at most one of link and dialing is set.
	link     *link
	dialing  *dialing
	dialed   chan dialResult
	tries    uint64    // dials ever
	attempt  int       // dials since the link was last up
	downAt   time.Time // since when it is down
	retryAt  time.Time // when to dial next; zero: no dial is due
	pingAt   time.Time // when to ping next
	pongBy   time.Time // when to give the link up; zero: nothing is awaited
	pinged   time.Time // when the last ping was sent
	welcomed bool      // ever

	server string // id of the server process that sent the last welcome
	seq    uint64 // last event received from it
	gap    bool   // an event was missed and the roster is not settled yet
}

// Run keeps the client connected until ctx ends, Leave is called or the server
// refuses it for good. It returns the context's error, nil or a *RefusedError.
// It may be called once. Nothing it started runs when it returns.
func (c *Client) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var dials sync.WaitGroup
	err := c.loop(ctx, &dials)
	cancel()
	if c.run.link != nil {
		c.run.link.close()
	}
	dials.Wait()
	c.setLink(ServerState{State: Closed, Err: err})
	return err
}

func (c *Client) loop(ctx context.Context, dials *sync.WaitGroup) error {
	r := &c.run
	r.downAt = time.Now()
	r.retryAt = r.downAt
	r.attempt = 1
	c.setLink(ServerState{State: Connecting, Attempt: 1})
	timer := time.NewTimer(0)
	defer timer.Stop()
	// What was changed before Run is what the server must see first.
	if c.serveOutbox(c.takeOutbox()) {
		return nil
	}
	for {
		if r.dialing == nil && r.link == nil && !r.retryAt.After(time.Now()) {
			c.startDial(ctx, dials)
		}
		timer.Reset(time.Until(c.nextDeadline()))
		var in <-chan []byte
		if r.link != nil {
			in = r.link.in
		}
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.wake:
			if c.serveOutbox(c.takeOutbox()) {
				return nil
			}
		case d := <-r.dialed:
			err = c.dialEnded(ctx, d)
		case frame, ok := <-in:
			if !ok {
				c.lose(r.link.err)
				continue
			}
			err = c.receive(frame)
		case <-timer.C:
			c.onTime(time.Now())
		}
		if err != nil {
			return err
		}
	}
}

// nextDeadline returns when onTime or a dial is due.
func (c *Client) nextDeadline() time.Time {
	r := &c.run
	next := time.Now().Add(time.Hour)
	for _, t := range []time.Time{r.retryAt, r.pingAt, r.pongBy, r.roster.nextLimbo()} {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	return next
}

func (c *Client) onTime(now time.Time) {
	r := &c.run
	for _, gone := range r.roster.endLimbo(now) {
		c.cfg.Handle(gone)
	}
	switch {
	case r.link == nil:
	case !r.pongBy.IsZero() && !now.Before(r.pongBy):
		c.lose(fmt.Errorf("the server is silent since %v", now.Sub(r.pinged).Round(time.Millisecond)))
	case !now.Before(r.pingAt):
		c.ping(now, PongWait)
	}
}

// ping asks the server for a sign of life within wait.
func (c *Client) ping(now time.Time, wait time.Duration) {
	r := &c.run
	r.link.sendUrgent(encodeFrame(pingFrame{}))
	r.pinged, r.pingAt = now, now.Add(Heartbeat)
	if by := now.Add(wait); r.pongBy.IsZero() || by.Before(r.pongBy) {
		r.pongBy = by
	}
	c.sendState()
}

// serveOutbox does what callers asked for and reports whether to leave.
func (c *Client) serveOutbox(box outbox) (leave bool) {
	r := &c.run
	if box.state != nil && box.state.N > r.own.N {
		r.own = *box.state
		r.stateTo = true
	}
	c.sendState()
	for _, m := range box.messages {
		if r.link == nil {
			continue
		}
		frame, err := c.sealer.SealMessage(m.to, m.inc, m.body)
		switch {
		case err != nil:
			c.log.Warn("drop a message", "to", m.to, "error", err)
		case !r.link.send(frame):
			box.dropped++
		}
	}
	if box.dropped > 0 {
		c.log.Warn("dropped messages: too many at once", "count", box.dropped)
	}
	if box.sync && r.link != nil {
		r.link.sendUrgent(encodeFrame(syncFrame{}))
	}
	if box.move != nil {
		c.moved(*box.move, time.Now())
	}
	if box.nudge {
		c.nudged(time.Now())
	}
	if box.leave && r.link != nil {
		r.link.leave()
	}
	return box.leave
}

// sendState sends our state if the server has an older one.
func (c *Client) sendState() {
	r := &c.run
	if !r.stateTo || r.link == nil {
		return
	}
	body, err := c.sealer.SealState(r.own)
	if err != nil {
		c.log.Error("drop our state", "error", err)
		r.stateTo = false
		return
	}
	// When even the urgent queue is full the state waits for the next ping.
	r.stateTo = !r.link.sendUrgent(encodeFrame(stateFrame{N: r.own.N, state: body}))
}

// nudged verifies the link, or dials without waiting any longer.
func (c *Client) nudged(now time.Time) {
	r := &c.run
	switch {
	case r.link != nil && stranded(r.link.ws.LocalAddr(), net.InterfaceAddrs):
		c.lose(errStranded)
		r.attempt, r.retryAt = 1, now
	case r.link != nil:
		c.ping(now, NudgeWait)
	case r.dialing == nil:
		r.attempt, r.retryAt = 1, now
	case now.Sub(r.dialing.started) >= minDialAge:
		// It may be stuck on the way that just went away.
		r.dialing.cancel()
		r.dialing = nil
		r.attempt, r.retryAt = 1, now
	}
}

var errMoved = errors.New("the room moved to another server")

// moved leaves the server for another one. The seat there is left to time out
// unless somebody else's server sends us back: saying goodbye would tell the
// others of the room that we are gone.
func (c *Client) moved(to server, now time.Time) {
	r := &c.run
	if to.url == r.at.url && to.tls == r.at.tls {
		return
	}
	r.at = to
	if r.dialing != nil {
		r.dialing.cancel()
		r.dialing = nil
	}
	if r.link != nil {
		r.link.abort()
		r.link = nil
		r.pingAt, r.pongBy = time.Time{}, time.Time{}
		r.downAt = now
	}
	c.log.Info("the room moved", "server", HostPort(to.url))
	r.attempt, r.retryAt = 1, now
	state := Reconnecting
	if !r.welcomed {
		state = Connecting
	}
	c.setLink(ServerState{State: state, Attempt: 1, Err: errMoved})
}

var errStranded = errors.New("the address we had is gone")

// stranded reports whether a connection began at an address that the machine no
// longer has: no packet of it will ever be answered.
func stranded(local net.Addr, interfaces func() ([]net.Addr, error)) bool {
	tcp, ok := local.(*net.TCPAddr)
	if !ok || tcp.IP.IsLoopback() {
		return false
	}
	have, err := interfaces()
	if err != nil || len(have) == 0 {
		return false // nothing is known
	}
	for _, a := range have {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.Equal(tcp.IP) {
			return false
		}
	}
	return true
}

// lose gives the link up and plans the first dial.
func (c *Client) lose(err error) {
	r := &c.run
	r.link.abort()
	r.link = nil
	r.pingAt, r.pongBy = time.Time{}, time.Time{}
	r.downAt, r.attempt = time.Now(), 0
	c.log.Info("lost the server", "error", err)
	c.retry(err, 0)
}

// retry plans the next dial, no sooner than after atLeast.
func (c *Client) retry(err error, atLeast time.Duration) {
	r := &c.run
	now := time.Now()
	r.attempt++
	wait := atLeast + backoff(r.jitter, r.attempt, now.Sub(r.downAt), r.welcomed)
	r.retryAt = now.Add(wait)
	state := Reconnecting
	if !r.welcomed {
		state = Connecting
	}
	c.setLink(ServerState{State: state, Attempt: r.attempt, RetryIn: wait, Err: err})
}

// setLink reports s, with the state before it filled in.
func (c *Client) setLink(s ServerState) {
	s.Previous, c.run.state = c.run.state, s.State
	s.Server = HostPort(c.run.at.url)
	c.cfg.Handle(s)
}
