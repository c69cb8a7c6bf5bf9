package signal

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/internal/calmlog"
)

// ServerConfig sets a Server up. The zero value works.
type ServerConfig struct {
	MaxRooms      int // rooms at once; 0: 10,000
	MaxRoomSize   int // members of a room; 0: 32
	MaxPerAddress int // connections of one address; 0: 256, negative: no limit of an address
	Rate, Burst   int // frames per second of one connection; 0: 50 and 200

	// Guard keeps the limits of each address; nil: one is made, of MaxPerAddress. Who
	// passes one has its Listener count connections that say nothing, too.
	Guard *Guard

	// Origins are the web origins ("https://meet.example") whose pages may
	// connect besides the server's own; "*" lets any.
	Origins []string
	// TrustProxy takes the client's address from the last entry of
	// X-Forwarded-For, which a proxy in front of the server must set.
	TrustProxy bool
	// Page serves every path that is not the server's own; nil: a short text.
	Page http.Handler
	// ICE returns the STUN and TURN servers offered to a member, and after how
	// long it is to be offered fresh ones, 0 for never; nil: none. It is called for
	// each connection that takes a seat and must not block.
	ICE func(ICERequest) ([]ICEServer, time.Duration)
	// Left says that a member's seat is free again; nil: nobody asks. It must not
	// block.
	Left func(room string, peer PeerID)
	// Metrics writes more figures for /metrics, in the text format of Prometheus;
	// nil: there are none.
	Metrics func(io.Writer)

	// MayOpen reports whether who shows this token ("" for none) may open rooms and
	// mailboxes; nil: everybody may. Whoever has an invite gets into a room that exists.
	MayOpen func(token string) bool
	// LogAddresses has the log name the addresses of clients.
	LogAddresses bool
	Logger       *slog.Logger // nil: nothing is logged
	Rand         io.Reader    // nil: crypto/rand.Reader
}

func (c ServerConfig) withDefaults() ServerConfig {
	for _, d := range []struct {
		field *int
		value int
	}{{&c.MaxRooms, 10_000}, {&c.MaxRoomSize, 32}, {&c.Rate, 50}, {&c.Burst, 200}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Guard == nil {
		c.Guard = NewGuard(AddressLimits{Connections: c.MaxPerAddress}, c.TrustProxy)
	}
	return c
}

// ICERequest is a member to whom STUN and TURN servers may be offered.
type ICERequest struct {
	Room string // as the server knows it: Room.ID
	Peer PeerID
	// Host is what the client calls this server: the Host header, as it came.
	Host string
	// Local is the address of this machine that the client reached; invalid where
	// the connection has none.
	Local netip.Addr
}

// sweepEvery is how exactly the server keeps its times: silence is noticed at
// most this much late.
const sweepEvery = 500 * time.Millisecond

// ServerGCPercent is the garbage collector's target (debug.SetGCPercent) for a
// process that only serves. The stacks of idle members count as live memory, so
// that at the usual 100 the collector leaves as much again unused: three
// kilobytes for each member.
const ServerGCPercent = 25

// Server lists the members of rooms to each other and relays what they say. It
// is an http.Handler for /ws, /healthz, /metrics and the page; Run must be
// running for members to be found silent.
//
// What it knows of a room lives in memory only: after a restart the clients
// bring it back.
type Server struct {
	cfg      ServerConfig
	id       string
	started  time.Time // what times of last signs of life count from
	mux      *http.ServeMux
	upgrader websocket.Upgrader
	stats    stats
	guard    *Guard
	pace     pace         // of a connection
	log      *slog.Logger // who floods cannot flood it

	mail mailroom

	readers sync.WaitGroup // one per connection

	mu      sync.Mutex // guards what follows; taken before a room's, never after
	rooms   map[string]*room
	conns   map[*conn]struct{}
	leaving bool          // no new connections
	empty   chan struct{} // set while Shutdown waits; closed when the last connection ends
}

// NewServer returns a Server without rooms. It panics if no randomness can be
// had for its id.
func NewServer(cfg ServerConfig) *Server {
	cfg = cfg.withDefaults()
	var id [16]byte
	if _, err := io.ReadFull(cfg.Rand, id[:]); err != nil {
		panic("signal: draw a server id: " + err.Error()) // crypto/rand never fails
	}
	s := &Server{
		cfg:     cfg,
		id:      base64.RawURLEncoding.EncodeToString(id[:]),
		started: time.Now(),
		mux:     http.NewServeMux(),
		rooms:   make(map[string]*room),
		conns:   make(map[*conn]struct{}),
		guard:   cfg.Guard,
		pace:    pace{float64(cfg.Rate), float64(cfg.Burst)},
		log:     slog.New(calmlog.New(cfg.Logger.Handler())),
	}
	s.upgrader = websocket.Upgrader{
		// An idle connection keeps this much. A message is mostly read past it,
		// straight into the borrowed buffer of readFrame.
		ReadBufferSize:  256,
		WriteBufferPool: &sync.Pool{},
		CheckOrigin:     s.originAllowed,
	}
	page := cfg.Page
	if page == nil {
		page = http.HandlerFunc(plainPage)
	}
	s.mux.HandleFunc("GET "+socketPath, s.serveSocket)
	s.mux.HandleFunc("GET "+mailPath, s.serveMail)
	s.mux.HandleFunc("GET /healthz", s.serveHealth)
	s.mux.HandleFunc("GET /readyz", s.serveReady)
	s.mux.HandleFunc("GET /metrics", s.serveMetrics)
	s.mux.Handle("/", page)
	return s
}

// ID returns the random id of this server process, which the clients are told.
func (s *Server) ID() string { return s.id }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != socketPath && r.URL.Path != mailPath && !s.admitRequest(w, r) {
		return
	}
	s.mux.ServeHTTP(w, r)
}

// Run keeps the server's times until ctx ends: it pings silent members, calls
// them away, closes their connections and forgets them. When it returns, every
// connection is closed and nothing of the server runs.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.closeAll()
			s.readers.Wait()
			return ctx.Err()
		case <-tick.C:
			s.sweep(time.Now())
		}
	}
}

// Shutdown sends all clients away to resume elsewhere or later, and waits until
// they are gone or ctx ends; then it closes what is left.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.leaving = true
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mail.closeAll()
	empty := make(chan struct{})
	if len(conns) == 0 {
		close(empty)
	} else {
		s.empty = empty
	}
	s.mu.Unlock()
	for i, c := range conns {
		c.finish(encodeFrame(leaveFrame{Act: leaveResume, After: returnAfter(i, len(conns)).Milliseconds()}), websocket.CloseGoingAway)
	}
	select {
	case <-empty:
		s.readers.Wait()
		return nil
	case <-ctx.Done():
		s.closeAll()
		s.readers.Wait()
		return fmt.Errorf("send the clients away: %w", ctx.Err())
	}
}

// How members that are sent away return: not all at once, in as many seconds as it
// takes to let them in, and all before anybody sees that anything was amiss.
const (
	returnFirst  = 100 * time.Millisecond
	returnWithin = 500 * time.Millisecond // of few
	returnAtMost = 1500 * time.Millisecond
	returnRate   = 4000 // a second
)

// returnAfter is when the member of number i of n is to return.
func returnAfter(i, n int) time.Duration {
	window := min(max(returnWithin, time.Duration(n)*time.Second/returnRate), returnAtMost)
	return returnFirst + window*time.Duration(i)/time.Duration(n)
}

// closeAll takes no more connections and closes those there are.
func (s *Server) closeAll() {
	s.mu.Lock()
	s.leaving = true
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	s.mail.closeAll()
	for _, c := range conns {
		c.kill()
	}
}

// admit counts a connection of address, unless the server is leaving or the
// address has too many.
func (s *Server) admit(address string) (*visitor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return nil, errLeaving
	}
	v, err := s.guard.admit(address, time.Now())
	if err == nil {
		s.readers.Add(1)
	}
	return v, err
}

// release undoes admit. c is nil when the connection was never upgraded.
func (s *Server) release(v *visitor, c *conn) {
	s.guard.release(v)
	s.mu.Lock()
	delete(s.conns, c)
	if s.empty != nil && len(s.conns) == 0 {
		close(s.empty)
		s.empty = nil
	}
	s.mu.Unlock()
	s.readers.Done()
}

// sweep looks at every connection and every room.
func (s *Server) sweep(now time.Time) {
	defer func() { s.stats.sweeping.observe(time.Since(now)) }()
	s.guard.sweep(now)
	s.mu.Lock()
	rooms := make([]*room, 0, len(s.rooms))
	for _, r := range s.rooms {
		rooms = append(rooms, r)
	}
	s.mu.Unlock()
	for _, r := range rooms {
		if r.sweep(now) {
			s.dropIfEmpty(r)
		}
	}
}

// join seats the client of c in the room its hello names; proved says that it has
// proved just now to be who the hello is from.
func (s *Server) join(c *conn, h helloFrame, proved bool) error {
	if h.V != Protocol {
		return &RefusedError{Code: RefusedVersion, Text: "this server speaks " + Protocol}
	}
	for {
		r, err := s.enter(h.Room, c)
		if err != nil {
			return err
		}
		resumed, err := r.join(c, h, proved)
		switch {
		case errors.Is(err, errUnproved):
			return c.ask(h)
		case errors.Is(err, errDropped):
			continue // its last member left a moment ago
		case err != nil:
			return err
		case resumed:
			s.stats.resumes.Add(1)
		default:
			s.stats.joins.Add(1)
		}
		s.stats.joining.observe(time.Since(c.arrived))
		return nil
	}
}

// enter returns the room of an id, made if need be and if the client of c may.
func (s *Server) enter(id string, c *conn) (*room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[id]
	if r == nil {
		if len(s.rooms) >= s.cfg.MaxRooms {
			return nil, errBusy
		}
		if !c.mayOpen {
			return nil, &RefusedError{Code: RefusedClosed}
		}
		if err := s.guard.newRoom(c.visitor, 1, time.Now()); err != nil {
			return nil, err
		}
		r = &room{server: s, id: id, opened: time.Now(), seats: make(map[PeerID]*seat)}
		s.rooms[id] = r
	}
	return r, nil
}

// dropIfEmpty forgets a room nobody is in any more.
func (s *Server) dropIfEmpty(r *room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.drop() {
		delete(s.rooms, r.id)
	}
}

func (s *Server) limits() frameLimits {
	return frameLimits{
		Rate: s.cfg.Rate, Burst: s.cfg.Burst,
		Header: MaxHeader, Body: MaxBody, State: MaxState, Room: s.cfg.MaxRoomSize,
	}
}
