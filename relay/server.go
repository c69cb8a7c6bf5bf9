package relay

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v5"
	"golang.org/x/time/rate"
)

// Config sets a [Server] up. Packets or Streams is required.
type Config struct {
	// Packets are the UDP sockets of the server's port. Close closes them.
	Packets []net.PacketConn
	// Streams hands over connections that speak STUN, over TCP or TLS; nil: none.
	// Close closes it.
	Streams net.Listener

	// Public are the addresses that others reach this machine at, one of a
	// family at most, where these are not its own: behind a NAT. Empty: the
	// address at which a member reached the server.
	Public []netip.Addr
	// FirstPort and LastPort bound the ports of relayed addresses; 0: any port.
	FirstPort, LastPort uint16
	// Allow are private networks that the relay may send to all the same.
	Allow []netip.Prefix

	// Secret makes the credentials; another TURN server with the same secret
	// takes them too. Empty: a random one, so that those of an earlier process
	// no longer hold.
	Secret string
	// Lifetime is how long credentials hold; 0: 6 hours. They are renewed at
	// half of it.
	Lifetime time.Duration

	// MaxAllocations is how many relayed addresses there are at once; 0: 4096.
	MaxAllocations int
	// MaxPerMember is the same for one member; 0: 256. A client makes a few for
	// every other member, and those of one that was killed live on for ten
	// minutes.
	MaxPerMember int
	// MaxRate is how many bytes per second a member may send through the relay,
	// and receive; 0: 8 MB/s. What is more is dropped, as on any full line.
	MaxRate int

	// Listen opens the sockets of relayed addresses; nil: the system's network.
	Listen func(network, address string) (net.PacketConn, error)
	// Addresses are those of this machine; nil: read from the system.
	Addresses func() []netip.Addr
	Logger    *slog.Logger // nil: nothing is logged
}

// Defaults of Config.
const (
	defaultLifetime       = 6 * time.Hour
	defaultMaxAllocations = 4096
	defaultMaxPerMember   = 256
	defaultMaxRate        = 8 << 20
)

func (c Config) withDefaults() (Config, error) {
	if c.Lifetime == 0 {
		c.Lifetime = defaultLifetime
	}
	for _, d := range []struct {
		field *int
		value int
	}{{&c.MaxAllocations, defaultMaxAllocations}, {&c.MaxPerMember, defaultMaxPerMember}, {&c.MaxRate, defaultMaxRate}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.Listen == nil {
		c.Listen = func(network, address string) (net.PacketConn, error) { return net.ListenPacket(network, address) }
	}
	if c.Addresses == nil {
		c.Addresses = machineAddresses
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if (c.FirstPort == 0) != (c.LastPort == 0) || c.FirstPort > c.LastPort {
		return c, fmt.Errorf("relay ports %d to %d: not a range", c.FirstPort, c.LastPort)
	}
	if c.Secret == "" {
		var b [24]byte
		if _, err := rand.Read(b[:]); err != nil {
			return c, fmt.Errorf("draw a secret: %w", err)
		}
		c.Secret = base64.RawURLEncoding.EncodeToString(b[:])
	}
	return c, nil
}

// machineAddresses reads the addresses of this machine.
func machineAddresses() []netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(ip.IP); ok {
				out = append(out, addr.Unmap())
			}
		}
	}
	return out
}

// realm is what the long-term credentials are for (RFC 8489 section 9.2).
const realm = "meet"

// Server is a running relay. Its methods may be called from any goroutine.
type Server struct {
	cfg    Config
	policy policy
	turn   *turn.Server
	stats  stats
	skew   atomic.Int64 // added to the time that credentials are judged at; for tests

	mu      sync.Mutex // guards what follows
	members map[string]*member
	swept   time.Time                  // when members were last looked through
	open    int                        // allocations there are
	sockets map[netip.AddrPort]*socket // by relayed address
	bound   map[netip.AddrPort]*socket // by the address others of this machine see, where that is another
}

// member is somebody who may use the relay. Its fields are guarded by the
// server's mutex, except those of the limiters, which guard themselves.
type member struct {
	allocations int
	local       map[bool]netip.Addr // where it reached the server, by Is4
	gone        time.Time           // since when it is in no room; zero: it is in one
	up, down    *rate.Limiter       // bytes
}

// New starts a relay, which runs until Close.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, members: map[string]*member{},
		sockets: map[netip.AddrPort]*socket{}, bound: map[netip.AddrPort]*socket{},
	}
	s.policy = policy{allow: cfg.Allow, own: ownAddresses(cfg)}
	c := turn.ServerConfig{
		Realm: realm, AuthHandler: s.authenticate, LoggerFactory: newLibraryLog(cfg.Logger),
		EventHandler: turn.EventHandler{OnAuth: s.authenticated},
		// Whoever does not ask for IPv6 gets an address that everybody can reach.
		StrictAddressFamily: true,
	}
	for _, p := range cfg.Packets {
		c.PacketConnConfigs = append(c.PacketConnConfigs, turn.PacketConnConfig{
			PacketConn: p, RelayAddressGenerator: generator{s}, PermissionHandler: s.permits,
		})
	}
	if cfg.Streams != nil {
		c.ListenerConfigs = append(c.ListenerConfigs, turn.ListenerConfig{
			Listener: newStreams(cfg.Streams), RelayAddressGenerator: generator{s}, PermissionHandler: s.permits,
		})
	}
	if s.turn, err = turn.NewServer(c); err != nil {
		return nil, fmt.Errorf("start the relay: %w", err)
	}
	return s, nil
}

// Close ends the relay: its sockets and all allocations.
func (s *Server) Close() error {
	if err := s.turn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("end the relay: %w", err)
	}
	return nil
}

// goneGrace is how long somebody who left every room keeps the allocations
// there are: a link to the server that is lost for long must not end a call.
const goneGrace = 10 * time.Minute

// Admit lets a member of a room use the relay and returns its credentials.
// local is the address at which it reached this machine, if known: that is where
// its relayed addresses will be. The credentials hold for Config.Lifetime and
// are to be renewed after half of it.
func (s *Server) Admit(room, peer string, local netip.Addr) (username, password string, renew time.Duration) {
	now := time.Now()
	id := userID(s.cfg.Secret, room, peer)
	s.mu.Lock()
	m := s.members[id]
	if m == nil {
		s.sweep(now)
		m = &member{
			local: map[bool]netip.Addr{},
			up:    rate.NewLimiter(rate.Limit(s.cfg.MaxRate), s.cfg.MaxRate),
			down:  rate.NewLimiter(rate.Limit(s.cfg.MaxRate), s.cfg.MaxRate),
		}
		s.members[id] = m
	}
	m.gone = time.Time{}
	if local = local.Unmap(); local.IsValid() && !local.IsUnspecified() {
		m.local[local.Is4()] = local
	}
	s.mu.Unlock()
	username, password = Credentials(s.cfg.Secret, id, now.Add(s.cfg.Lifetime))
	return username, password, s.cfg.Lifetime / 2
}

// Dismiss says that a member left its room: its credentials open no further
// allocation, and those there are end within ten minutes or so.
func (s *Server) Dismiss(room, peer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.members[userID(s.cfg.Secret, room, peer)]; m != nil && m.gone.IsZero() {
		m.gone = time.Now()
	}
}

// sweep forgets those who are long gone. Called with mu held.
func (s *Server) sweep(now time.Time) {
	if now.Sub(s.swept) < time.Minute {
		return
	}
	s.swept = now
	for id, m := range s.members {
		if m.allocations == 0 && !m.gone.IsZero() && now.Sub(m.gone) > goneGrace {
			delete(s.members, id)
		}
	}
}

// Allocations is how many relayed addresses there are.
func (s *Server) Allocations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}
