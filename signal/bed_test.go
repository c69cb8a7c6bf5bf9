package signal

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/internal/memnet"
)

const serverAddress = "server:80"

// bed is a server and its clients on a network in memory. It belongs into a
// synctest bubble.
type bed struct {
	t       *testing.T
	net     *memnet.Net
	room    *Room
	started time.Time
	random  *lockedRand

	server *Server
	stop   func() // kills the server
}

func newBed(t *testing.T, cfg ServerConfig) *bed {
	t.Helper()
	room, err := Invite{Name: "demo", Secret: Secret{1}}.Room()
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, net: memnet.New(), room: room, started: time.Now(), random: newRand(1)}
	b.startServer(cfg)
	return b
}

// startServer starts a server process. Its end is the test's, or b.stop.
func (b *bed) startServer(cfg ServerConfig) {
	b.t.Helper()
	cfg.Rand = b.random
	listener, err := b.net.Listen(serverAddress)
	if err != nil {
		b.t.Fatal(err)
	}
	server := NewServer(cfg)
	b.server = server
	web := &http.Server{Handler: early(server), ReadHeaderTimeout: 5 * time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Go(func() { web.Serve(listener) })
	tasks.Go(func() { server.Run(ctx) })
	b.stop = sync.OnceFunc(func() {
		listener.Kill()
		cancel()
		web.Close()
		tasks.Wait()
	})
	b.t.Cleanup(b.stop)
}

// lockedRand is a repeatable source of randomness for several goroutines.
type lockedRand struct {
	mu  sync.Mutex
	src *mathrand.ChaCha8
}

func newRand(seed byte) *lockedRand {
	return &lockedRand{src: mathrand.NewChaCha8([32]byte{seed})}
}

func (r *lockedRand) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.src.Read(p)
}

// guest is a client whose events are kept.
type guest struct {
	*Client
	bed    *bed
	name   string
	id     PeerID
	inc    Inc
	cancel context.CancelFunc
	done   chan struct{}
	err    error // of Run, once done

	mu     sync.Mutex // guards what follows
	events []stamped
	// What someone believes who only follows the changes.
	peers map[PeerID]Presence
	link  LinkState
	dials string // the server it dials
}

// stamped is an event and when it came.
type stamped struct {
	at    time.Duration // since the bed was made
	event Event
}

// join starts a client that is connected when join returns.
func (b *bed) join(name string) *guest {
	b.t.Helper()
	g := b.start(name, nil)
	synctest.Wait()
	if !slices.ContainsFunc(g.all(), func(s stamped) bool { _, ok := s.event.(Welcome); return ok }) {
		b.t.Fatalf("%s was not welcomed: %v", name, g.all())
	}
	return g
}

// start starts a client, with its configuration changed by tweak if not nil.
func (b *bed) start(name string, tweak func(*Config)) *guest {
	b.t.Helper()
	key, err := NewKey(b.random)
	if err != nil {
		b.t.Fatal(err)
	}
	g := &guest{bed: b, name: name, done: make(chan struct{}), peers: make(map[PeerID]Presence)}
	cfg := Config{
		URL: "ws://" + serverAddress + "/ws", Room: b.room, Key: key, Inc: 1,
		State:  State{N: 1, Name: name, Media: Media{Mic: true}},
		Dial:   b.net.Dialer(name),
		Rand:   b.random,
		Logger: slog.New(slog.DiscardHandler),
		Handle: func(e Event) {
			g.mu.Lock()
			defer g.mu.Unlock()
			if s, ok := e.(ServerState); ok { // where it dials is looked at by TestMove
				g.dials, s.Server = s.Server, ""
				e = s
			}
			g.events = append(g.events, stamped{time.Since(b.started), e})
			switch e := e.(type) {
			case PeerChanged:
				g.peers[e.Peer] = e.Presence
			case PeerGone:
				delete(g.peers, e.Peer)
			case ServerState:
				g.link = e.State
			}
		},
	}
	if tweak != nil {
		tweak(&cfg)
	}
	if g.Client, err = NewClient(cfg); err != nil {
		b.t.Fatal(err)
	}
	g.id, g.inc = g.Sealer().Self(), cfg.Inc
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel = cancel
	go func() {
		defer close(g.done)
		g.err = g.Run(ctx)
	}()
	b.t.Cleanup(func() {
		cancel()
		<-g.done
	})
	return g
}

func (g *guest) all() []stamped {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.events)
}

// take returns the events since the last take, after everything has settled.
func (g *guest) take() []stamped {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	events := g.events
	g.events = nil
	return events
}

// presence is the event that g is there (or away) with its first state.
func (g *guest) presence(away bool) PeerChanged {
	return PeerChanged{Presence{
		Peer: g.id, Inc: g.inc, Away: away,
		State: State{N: 1, Name: g.name, Media: Media{Mic: true}},
	}}
}

func (g *guest) gone() PeerGone     { return PeerGone{Peer: g.id, Inc: g.inc} }
func (g *guest) unlisted() PeerGone { return PeerGone{Peer: g.id, Inc: g.inc, Unsaid: true} }

// want checks the events of g since the last check.
func (g *guest) want(events ...Event) {
	g.bed.t.Helper()
	got := []Event{}
	for _, s := range g.take() {
		got = append(got, s.event)
	}
	if len(got)+len(events) > 0 && !reflect.DeepEqual(got, events) {
		g.bed.t.Errorf("%s got\n\t%s\nwant\n\t%s", g.name, lines(got), lines(events))
	}
}

// wantAt checks the events of g since the last check, and when they came.
func (g *guest) wantAt(events ...stamped) {
	g.bed.t.Helper()
	if got := g.take(); !reflect.DeepEqual(got, events) {
		g.bed.t.Errorf("%s got\n\t%s\nwant\n\t%s", g.name, lines(got), lines(events))
	}
}

func lines[T any](items []T) string {
	s := ""
	for _, i := range items {
		s += fmt.Sprintf("%+v\n\t", i)
	}
	return s
}

// roster returns whom g believes in the room, after everything has settled.
func (g *guest) roster() []Presence {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Values(g.peers))
}

// isConnected reports what g believes of its link, after everything has settled.
func (g *guest) isConnected() bool {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.link == Connected
}

// inside returns what the client's Run owns, while it waits for something.
func (g *guest) inside() *run {
	synctest.Wait()
	return &g.run
}

// raw is a connection to the server that speaks for itself.
type raw struct {
	t  *testing.T
	ws *websocket.Conn
}

func (b *bed) dialRaw(link string) *raw {
	b.t.Helper()
	dial := b.net.Dialer(link)
	d := websocket.Dialer{NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return dial(ctx, network, address)
	}}
	ws, _, err := d.DialContext(b.t.Context(), "ws://"+serverAddress+"/ws", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { ws.Close() })
	return &raw{b.t, ws}
}

func (r *raw) send(frame []byte) { _ = r.ws.WriteMessage(websocket.TextMessage, frame) } // the server may have hung up

// stranger is a participant that a test says hello for by hand.
type stranger struct {
	helloFrame
	key ed25519.PrivateKey
}

// hello joins with a made-up participant and returns it with its sealer.
func (b *bed) hello(r *raw, change func(*helloFrame)) (*Sealer, stranger) {
	b.t.Helper()
	key, err := NewKey(b.random)
	if err != nil {
		b.t.Fatal(err)
	}
	token, err := randomID(b.random)
	if err != nil {
		b.t.Fatal(err)
	}
	who := stranger{helloFrame{V: Protocol, Room: b.room.ID(), Inc: 1, N: 1, Resume: token, Try: 1}, key}
	return b.again(r, who, change)
}

// again says hello for a participant once more, changed before it is signed.
func (b *bed) again(r *raw, who stranger, change func(*helloFrame)) (*Sealer, stranger) {
	b.t.Helper()
	h := &who.helloFrame
	if change != nil {
		change(h)
	}
	if h.Peer == "" {
		h.Peer = peerID(h.Room, who.key.Public().(ed25519.PublicKey))
	}
	s := NewSealer(b.room, who.key, h.Inc, b.random)
	if h.state == nil {
		body, err := s.SealState(State{N: h.N, Name: "raw"})
		if err != nil {
			b.t.Fatal(err)
		}
		h.state = body
	}
	signHello(who.key, h)
	r.send(encodeFrame(*h))
	return s, who
}

// next returns the next frame, or the close code.
func (r *raw) next() (serverFrame, int) {
	r.t.Helper()
	_, frame, err := r.ws.ReadMessage()
	if err != nil {
		if closed, ok := err.(*websocket.CloseError); ok {
			return nil, closed.Code
		}
		return nil, -1
	}
	f, err := decodeServerFrame(frame)
	if err != nil {
		r.t.Fatalf("frame %q: %v", frame, err)
	}
	return f, 0
}

// end reads to the end of the connection and returns the last error frame's
// code and the close code.
func (r *raw) end() (RefusalCode, int) {
	r.t.Helper()
	var why RefusalCode
	for {
		f, code := r.next()
		if e, ok := f.(errFrameText); ok {
			why = e.Code
		}
		if code != 0 {
			return why, code
		}
	}
}

// early, while a test sets it, stands before the server.
var early = func(h http.Handler) http.Handler { return h }
