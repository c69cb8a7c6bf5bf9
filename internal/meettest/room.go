// Package meettest holds a whole room in one process and in virtual time:
// participants are the real call.Call over real pion, on a simulated network,
// with the real signaling server on an in-memory one. Run it inside a
// testing/synctest bubble: minutes take milliseconds, times are exact, and a
// goroutine that is left over fails the test.
package meettest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/memnet"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/relay"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Latency is how long a datagram and a byte to the server take, one way.
const Latency = 10 * time.Millisecond

const serverAddress = "server:80"

// Room is the world of one test: the server, the network between people, and
// the people.
type Room struct {
	latency time.Duration
	T       *testing.T
	Start   time.Time
	net     *memnet.Net
	router  *vnet.Router
	server  *serverProcess
	address string   // that the server listens on
	hostile *Hostile // stands before it; nil: nobody does

	mu    sync.Mutex
	lost  map[string]bool    // addresses that are cut off
	block map[[2]string]bool // from, to: directions that are blocked
	// strict is who is behind a filter that lets in only whom they have sent to;
	// opened holds from, to.
	strict map[*Person]bool
	opened map[[2]string]bool
	paths  map[[2]string]*pathTrouble
	narrow map[string]*narrow // by address
	sent   map[[2]string]int  // datagrams, from, to

	people []*Person
	hosts  int
	homes  int // routers of people
	links  []interface{ close() }

	reach       Reach
	relayConfig func(*relay.Config)
	relayNet    *vnet.Net
}

// New starts the network and the server. The test ends them.
func New(t *testing.T) *Room {
	t.Helper()
	return NewFar(t, Latency)
}

// NewFar is New with another latency than [Latency].
func NewFar(t *testing.T, latency time.Duration) *Room {
	t.Helper()
	router, err := vnet.NewRouter(&vnet.RouterConfig{
		CIDR: "10.0.0.0/16", MinDelay: latency, QueueSize: 1 << 16,
		LoggerFactory: logging.NewDefaultLoggerFactory(),
	})
	if err != nil {
		t.Fatalf("make the network: %v", err)
	}
	r := &Room{
		T: t, latency: latency, Start: time.Now(), net: memnet.New(), router: router,
		address: serverAddress, lost: map[string]bool{}, block: map[[2]string]bool{},
		strict: map[*Person]bool{}, paths: map[[2]string]*pathTrouble{}, opened: map[[2]string]bool{},
		sent: map[[2]string]int{}, narrow: map[string]*narrow{},
	}
	router.AddChunkFilter(r.passes)
	if err := router.Start(); err != nil {
		t.Fatalf("start the network: %v", err)
	}
	r.StartServer()
	t.Cleanup(r.close)
	return r
}

// passes is the network's filter.
func (r *Room) passes(c vnet.Chunk) bool {
	from, to := host(c.SourceAddr().String()), host(c.DestinationAddr().String())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent[[2]string{from, to}]++
	if r.lost[from] || r.lost[to] || r.block[[2]string{from, to}] {
		return false
	}
	r.opened[[2]string{from, to}] = true
	for p := range r.strict {
		if p.IP == to && !r.opened[[2]string{to, from}] {
			return false
		}
	}
	if t := r.paths[[2]string{from, to}]; t != nil && !t.passes(c) {
		return false
	}
	l := r.narrow[to]
	return l == nil || l.fits(time.Now(), len(c.UserData()))
}

// Datagrams is how many datagrams were sent from one address to another, lost ones
// included.
func (r *Room) Datagrams(from, to string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent[[2]string{from, to}]
}

// Strict puts a person behind a filter that lets packets in only from addresses
// that the person has sent something to (RFC 4787, address-dependent filtering):
// nobody can follow a change of address there without being told of it.
func (p *Person) Strict() {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.room.strict[p] = true
}

// MoveInside gives a person behind a router of their own another address there, as
// changing from cable to Wi-Fi at home does; otherwise it is as Move.
func (p *Person) MoveInside() {
	t := p.room.T
	t.Helper()
	p.inside++
	prefix := p.inner[:strings.LastIndexByte(p.inner, '.')+1]
	old := p.inner
	p.inner = fmt.Sprint(prefix, 2+p.inside)
	p.readdress(old, p.inner, 24)
}

// Move gives a person another address: the old one is gone, the connection to
// the server with it, and the machine notices at once.
func (p *Person) Move() {
	t := p.room.T
	t.Helper()
	old := p.IP
	p.room.mu.Lock()
	p.room.hosts++
	p.IP = fmt.Sprintf("10.0.%d.%d", 1+p.room.hosts/250, 1+p.room.hosts%250)
	p.room.mu.Unlock()
	p.readdress(old, p.IP, 16)
}

func (p *Person) readdress(old, new string, bits int) {
	t := p.room.T
	t.Helper()
	if err := p.net.readdress(net.ParseIP(old), &net.IPNet{IP: net.ParseIP(new), Mask: net.CIDRMask(bits, 32)}); err != nil {
		t.Fatalf("%s gets another address: %v", p.Name, err)
	}
	p.room.net.Link(p.Name).Strand()
	p.Call.NetworkChanged([]netip.Addr{netip.MustParseAddr(old)})
}

func host(addr string) string {
	for i := len(addr) - 1; i >= 0; i-- {
		if addr[i] == ':' {
			return addr[:i]
		}
	}
	return addr
}

func (r *Room) close() {
	for _, p := range r.people {
		p.Kill()
	}
	r.StopServer()
	for _, l := range r.links {
		l.close()
	}
	if err := r.router.Stop(); err != nil {
		r.T.Errorf("stop the network: %v", err)
	}
	synctest.Wait()
}

// serverProcess is one life of the server.
type serverProcess struct {
	listener *memnet.Listener
	front    func() // ends what stands before it; nil: nothing does
	server   *signal.Server
	http     *http.Server
	relay    *relay.Server // nil: it offers none
	cancel   context.CancelFunc
	done     sync.WaitGroup
}

// StartServer starts a server that knows nothing of an earlier one.
func (r *Room) StartServer() {
	r.T.Helper()
	l, err := r.net.Listen(r.address)
	if err != nil {
		r.T.Fatalf("start the server: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &serverProcess{listener: l, cancel: cancel}
	r.startRelay(s)
	s.server = signal.NewServer(signal.ServerConfig{MaxPerAddress: -1, ICE: s.ice(r.reach), Left: s.left})
	s.http = &http.Server{Handler: s.server}
	s.done.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, memnet.ErrReset) && r.server == s {
			r.T.Errorf("serve: %v", err)
		}
	})
	s.done.Go(func() { _ = s.server.Run(ctx) })
	if r.hostile != nil {
		r.hostile.serve(s)
	}
	r.server = s
}

// StopServer kills the server as kill -9 would: connections are reset.
func (r *Room) StopServer() {
	s := r.server
	if s == nil {
		return
	}
	r.server = nil
	if s.front != nil {
		s.front()
	}
	s.listener.Kill()
	if s.relay != nil {
		_ = s.relay.Close() // its sockets may be closed already
	}
	s.cancel()
	_ = s.http.Close()
	s.done.Wait()
}

// Person is one participant and what it saw.
type Person struct {
	room *Room
	Name string
	ID   signal.PeerID
	IP   string
	Call *call.Call
	// Key is who the person is in every room, and People whom they know; nil people
	// are forgotten.
	Key     ed25519.PrivateKey
	People  call.People
	refused string // guarded by mu; see ExpectRefused

	key    ed25519.PrivateKey
	inc    signal.Inc
	net    *mobile
	inner  string // the address behind a router of one's own
	inside int    // how often it changed
	cancel context.CancelFunc
	ended  chan struct{}

	mu   sync.Mutex
	seen []Seen

	jitter time.Duration
	nat    NAT
	link   *unsteady // nil without jitter
	narrow *narrow   // nil for a line that carries anything
}

// Seen is an event and when it happened, since the start of the room.
type Seen struct {
	At    time.Duration
	Event rtc.Event
}

// Option changes how somebody joins.
type Option func(*call.Config)

// invite is the room's.
var invite = signal.Invite{Server: "http://" + serverAddress + "/", Name: "test"}

// keys are those that were found for names.
var keys sync.Map

// keyOf is a key whose id begins with the first letter of a name.
func keyOf(t testing.TB, name string) (ed25519.PrivateKey, signal.PeerID) {
	t.Helper()
	room, err := invite.Room()
	if err != nil {
		t.Fatal(err)
	}
	id := func(key ed25519.PrivateKey) signal.PeerID { return room.PeerID(key.Public().(ed25519.PublicKey)) }
	if found, ok := keys.Load(name); ok {
		key := found.(ed25519.PrivateKey)
		return key, id(key)
	}
	for i := 0; ; i++ {
		seed := sha256.Sum256(fmt.Appendf(nil, "%s %d", name, i))
		key := ed25519.NewKeyFromSeed(seed[:])
		if id := id(key); id[0] == name[0] {
			keys.Store(name, key)
			return key, id
		}
	}
}

// IDOf is the id that somebody of a name has in the room.
func IDOf(t testing.TB, name string) signal.PeerID {
	_, id := keyOf(t, name)
	return id
}

// PersonOf is the key that somebody of a name has in every room.
func PersonOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("person " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Join adds a person. The first letters of ids are those of the names, so that who
// makes the offers is the same in every run: the later name does.
func (r *Room) Join(name string, opts ...Option) *Person {
	r.T.Helper()
	return r.JoinUnsteady(name, 0, opts...)
}

// JoinUnsteady adds a person to whom datagrams take up to jitter longer.
func (r *Room) JoinUnsteady(name string, jitter time.Duration, opts ...Option) *Person {
	r.T.Helper()
	return r.join(name, jitter, Open, opts)
}

func (r *Room) join(name string, jitter time.Duration, nat NAT, opts []Option) *Person {
	r.T.Helper()
	return r.joinAs(&Person{room: r, jitter: jitter, nat: nat, Name: name}, opts)
}

func (r *Room) joinAs(p *Person, opts []Option) *Person {
	r.T.Helper()
	r.hosts++
	p.IP, p.inc = fmt.Sprintf("10.0.%d.%d", 1+r.hosts/250, 1+r.hosts%250), 1
	p.key, p.ID = keyOf(r.T, p.Name)
	p.Key = PersonOf(p.Name)
	r.people = append(r.people, p)
	p.start(opts)
	return p
}

// Again starts a new process of a person who was killed.
func (p *Person) Again(opts ...Option) {
	p.inc++
	p.room.hosts++
	p.IP = fmt.Sprintf("10.0.%d.%d", 1+p.room.hosts/250, 1+p.room.hosts%250)
	p.start(opts)
}

// person is what ties the key of the room to the person.
func (p *Person) person() *rtc.Person {
	room, err := invite.Room()
	if err != nil {
		p.room.T.Fatal(err)
	}
	return &rtc.Person{
		Key:  p.Key.Public().(ed25519.PublicKey),
		Bind: ed25519.Sign(p.Key, room.Binding(p.key.Public().(ed25519.PublicKey))),
	}
}

func (p *Person) start(opts []Option) {
	t := p.room.T
	t.Helper()
	n := &mobile{Net: p.connect()}
	var err error
	p.net = n
	link := p.room.net.Link(p.Name)
	link.Delay(p.room.latency)
	link.Heal()
	cfg := call.Config{
		Invite: invite,
		Person: p.person(), People: p.People,
		Key: p.key, Inc: p.inc, Name: p.Name,
		Start:   signal.Media{Mic: true, Camera: true},
		Mic:     audio.Mic{Kind: audio.Tone, Hz: 440},
		Speaker: audio.Speaker{Kind: audio.None},
		Camera:  source.Camera{Kind: source.None}, Screen: source.Screen{Kind: source.None},
		WatchAll: true, ICEHosts: []string{relayIP},
		Dial: p.room.net.Dialer(p.Name), Net: n,
	}
	if p.narrow != nil {
		cfg.Net = uplinkNet{n, p.narrow.up}
	}
	for _, o := range opts {
		o(&cfg)
	}
	if p.Call, err = call.New(cfg); err != nil {
		t.Fatalf("%s joins: %v", p.Name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.ended = cancel, make(chan struct{})
	ended := p.ended
	go p.follow(p.Call.Events())
	go func() {
		defer close(ended)
		var refused *signal.RefusedError
		err := p.Call.Run(ctx)
		p.mu.Lock()
		expected := p.refused
		p.mu.Unlock()
		if err != nil && (!errors.As(err, &refused) || string(refused.Code) != expected) {
			t.Errorf("%s: %v", p.Name, err)
		}
	}()
}

// ExpectRefused says why the server will not want a person, where a test means it to.
func (p *Person) ExpectRefused(code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused = code
}

func (p *Person) follow(events <-chan rtc.Event) {
	for e := range events {
		p.mu.Lock()
		p.seen = append(p.seen, Seen{time.Since(p.room.Start), e})
		p.mu.Unlock()
	}
}

// Leave leaves the room and waits until nothing of the call runs.
func (p *Person) Leave() {
	p.Call.Leave()
	<-p.ended
}

// Kill ends the process of a person without a word: the network goes first.
func (p *Person) Kill() {
	select {
	case <-p.ended:
		return
	default:
	}
	p.Cut()
	p.room.net.Link(p.Name).Reset()
	p.cancel()
	<-p.ended
}

// Cut takes a person off every network: nothing gets through, nobody is told.
func (p *Person) Cut() {
	p.CutMedia()
	p.CutServer()
}

// Heal ends all cuts of a person.
func (p *Person) Heal() {
	p.HealMedia()
	p.HealServer()
}

// CutMedia stops all datagrams of a person.
func (p *Person) CutMedia() { p.room.setLost(p.IP, true) }

// HealMedia ends CutMedia.
func (p *Person) HealMedia() { p.room.setLost(p.IP, false) }

// CutServer stops all bytes between a person and the server.
func (p *Person) CutServer() { p.room.net.Link(p.Name).Cut() }

// HealServer ends CutServer.
func (p *Person) HealServer() { p.room.net.Link(p.Name).Heal() }

func (r *Room) setLost(ip string, lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost[ip] = lost
}

// Block stops the datagrams from one person to another, one way.
func (r *Room) Block(from, to *Person) { r.setBlock(from, to, true) }

// Unblock ends Block.
func (r *Room) Unblock(from, to *Person) { r.setBlock(from, to, false) }

func (r *Room) setBlock(from, to *Person, on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.block[[2]string{from.IP, to.IP}] = on
}

// Wait lets virtual time pass.
func (r *Room) Wait(d time.Duration) {
	time.Sleep(d) // in a bubble this waits for nothing real
	synctest.Wait()
}

// Log makes a person's log part of the test's output.
func (r *Room) Log(name string) Option {
	return func(c *call.Config) {
		c.Logger = slog.New(slog.NewTextHandler(logWriter{r, name}, &slog.HandlerOptions{
			Level: slog.LevelDebug,
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Duration("at", a.Value.Time().Sub(r.Start.Round(0)))
				}
				return a
			},
		}))
	}
}

type logWriter struct {
	room *Room
	name string
}

func (w logWriter) Write(b []byte) (int, error) {
	w.room.T.Logf("%s: %s", w.name, b)
	return len(b), nil
}
