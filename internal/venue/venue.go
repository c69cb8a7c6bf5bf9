package venue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/lan"
	"github.com/meet-term/meet/internal/portmap"
	"github.com/meet-term/meet/signal"
)

// Server is a server that this process hosts. Its methods may be called from
// any goroutine.
type Server interface {
	ID() string
	Authority() string // fingerprint of the authority of its certificate; "": plain http
	// Tell has the server answer this to those of this machine who ask what it
	// is, see [System.Probe].
	Tell(About)
	// Forward hands everything that comes on to another server from now on, and
	// sends the members there are away to come back.
	Forward(base, authority string)
	Stop() error
}

// About is what a server of this machine says about itself.
type About struct {
	ID        string `json:"id"`
	Reach     string `json:"reach,omitempty"`     // as a setting
	Authority string `json:"authority,omitempty"` // of its certificate
	Public    string `json:"public,omitempty"`    // base address for those outside of the network
}

// System is the world around a venue.
type System interface {
	// Host opens the port of this machine and serves. The error wraps ErrTaken
	// when something else has the port.
	Host(ctx context.Context, r Reach) (Server, error)
	// Probe asks the server at base, trusting the authority of that fingerprint
	// if it is not "". Of a server of another machine only the ID is known. It
	// returns an error that wraps ErrStranger when what answers is no meet server.
	Probe(ctx context.Context, base, authority string) (About, error)
	// Own is the base address of this machine's port, and the authority of its
	// certificate where a server of that reach has one.
	Own(r Reach) (base, authority string)
	// Addresses are those of this machine that its networks know, best first.
	Addresses() []netip.Addr
	// Multicast joins the local networks.
	Multicast() (lan.Conn, error)
	// Map asks the router to open the port and reports how that goes until ctx
	// ends; then the port is closed again.
	Map(ctx context.Context, report func(portmap.Status))
}

// Errors of a System.
var (
	ErrTaken    = errors.New("the port is taken")
	ErrStranger = errors.New("it answered")
)

// Client is the participant whose room this is: *call.Call.
type Client interface {
	// Move dials another server, without ending anything.
	Move(signal.Invite) error
	// Lost reports whether the server is looked for and not found.
	Lost() bool
}

// Config is what a Venue needs. Everything but Host, Changed, Found and Logger
// is required.
type Config struct {
	Invite signal.Invite // name and secret; where it is, is found out
	Reach  Reach
	Host   string // what people call who hosts
	Port   uint16
	System System
	// Changed is told of every new Place, and Found of a room of the network that
	// was joined. Both are called on a goroutine of the venue and must not block.
	Changed func(Place)
	Found   func(host, address string)
	// Jitter draws a time below limit; nil: at random.
	Jitter func(limit time.Duration) time.Duration
	Logger *slog.Logger
}

// Place is where the room is, for those who show it.
type Place struct {
	Invite  signal.Invite // to dial
	Others  signal.Invite // to give to others
	Who     string        // can use it, in words
	Reach   Reach
	Hosting bool   // by this process
	Where   string // the room is, in words
	Note    string // what is to be said besides, such as why the internet is out of reach; may be ""
}

// The times of a venue.
const (
	// FindWithin is how long a start waits for the local network.
	FindWithin = 300 * time.Millisecond
	// probeWithin bounds asking a server whether it is one.
	probeWithin = 2 * time.Second
	// A server that was lost gets a moment to come back by itself before
	// somebody else hosts it.
	tickEvery  = 500 * time.Millisecond
	standAfter = 2 * time.Second
	// standSpread is by how much several machines of a network differ in that.
	standSpread = 2 * time.Second
	// A server that ends keeps its port for a while.
	endingEvery = 100 * time.Millisecond
	endingTime  = 3 * time.Second
)

// server is the server the room is on.
type server struct {
	id, base, authority string
	remote              *lan.Server // of another machine; nil: of this one
	about               About       // of one of this machine
}

// Venue is a room without a server of its own. Its state belongs to Find until
// Run is called, and to the goroutine of Run from then on.
type Venue struct {
	cfg   Config
	room  *signal.Room
	inbox chan any
	place atomic.Pointer[Place]

	cur     server
	reach   Reach
	hosting Server // nil: somebody else
	passing Server // ours of before, which hands on to cur; nil: none
	client  Client
	lostAt  time.Time     // zero: it is there
	stand   time.Duration // how long it may be lost
	probing string        // id of the server that is being asked
	mapped  portmap.Status
	maps    int // generation of the mapping

	beacon    *lan.Beacon // nil: not on the network
	endBeacon func()
	endMap    func()
	ended     chan struct{}
	tasks     sync.WaitGroup
}

// What comes in.
type (
	sighting struct {
		server lan.Server
		gone   bool
	}
	probed struct {
		server lan.Server
		base   string
		err    error
	}
	setReach struct{ reach Reach }
	mapping  struct {
		generation int
		status     portmap.Status
	}
	networkChanged struct{}
)

// New checks the configuration and starts nothing.
func New(cfg Config) (*Venue, error) {
	room, err := cfg.Invite.Room()
	if err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Changed == nil {
		cfg.Changed = func(Place) {}
	}
	if cfg.Found == nil {
		cfg.Found = func(string, string) {}
	}
	if cfg.Jitter == nil {
		cfg.Jitter = func(limit time.Duration) time.Duration { return mathrand.N(limit) }
	}
	return &Venue{cfg: cfg, room: room, reach: cfg.Reach, inbox: make(chan any, 64), ended: make(chan struct{})}, nil
}

// Place is where the room is now.
func (v *Venue) Place() Place { return *v.place.Load() }

// SetReach says who should get to the room from now on, if it is hosted here.
func (v *Venue) SetReach(r Reach) { v.post(setReach{r}) }

// NetworkChanged says that the machine's addresses or networks are others.
func (v *Venue) NetworkChanged() { v.post(networkChanged{}) }

func (v *Venue) post(m any) {
	select {
	case v.inbox <- m:
	case <-v.ended:
	}
}

// Find finds the room's server on this machine and on the local network, or
// hosts one. A network that does not answer costs FindWithin.
func (v *Venue) Find(ctx context.Context) (Place, error) {
	v.light(ctx)
	if v.beacon != nil {
		v.beacon.Ask()
	}
	began := time.Now()
	hosted, about, err := v.takePort(ctx)
	if err != nil {
		v.Close()
		return Place{}, err
	}
	if s, base, ok := v.awaitSighting(ctx, began, about.ID); ok && s.ID != about.ID {
		if hosted != nil {
			if err := hosted.Stop(); err != nil {
				v.cfg.Logger.Warn("stop the server", "error", err)
			}
		}
		v.settleRemote(s, base)
		v.cfg.Found(s.Host, base)
		return v.publish(), nil
	}
	if hosted != nil {
		v.settleHosting(ctx, hosted)
	} else {
		v.settleLocal(about)
	}
	return v.publish(), nil
}

// takePort hosts a server, or returns what the one of this machine says about
// itself. One that is just ending is waited for. Of two processes that start
// together the one that loses the port finds the other's server.
func (v *Venue) takePort(ctx context.Context) (Server, About, error) {
	for began := time.Now(); ; {
		s, err := v.cfg.System.Host(ctx, v.reach)
		if err == nil {
			return s, About{}, nil
		}
		if !errors.Is(err, ErrTaken) {
			return nil, About{}, fmt.Errorf("host a server on this machine: %w", err)
		}
		about, perr := v.probeOwn(ctx)
		if perr == nil {
			return nil, about, nil
		}
		if errors.Is(perr, ErrStranger) || time.Since(began) >= endingTime {
			return nil, About{}, fmt.Errorf("port %d of this machine is in use by something that is no meet server (%w); "+
				"stop it, or name another server with --server", v.cfg.Port, perr)
		}
		if !sleep(ctx, endingEvery) {
			return nil, About{}, ctx.Err()
		}
	}
}

// probeOwn asks the server of this machine, which may be encrypted.
func (v *Venue) probeOwn(ctx context.Context) (About, error) {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	base, _ := v.cfg.System.Own(Network)
	about, err := v.cfg.System.Probe(ctx, base, "")
	if err == nil {
		return about, nil
	}
	if base, authority := v.cfg.System.Own(Internet); authority != "" {
		if about, terr := v.cfg.System.Probe(ctx, base, authority); terr == nil {
			about.Authority = authority
			return about, nil
		}
	}
	return About{}, err
}

// awaitSighting waits for the local network to answer with a server that takes
// joins, until FindWithin after began. One that only runs on this machine, of
// which about is told, ends the wait too.
func (v *Venue) awaitSighting(ctx context.Context, began time.Time, local string) (lan.Server, string, bool) {
	if v.beacon == nil {
		return lan.Server{}, "", false
	}
	timer := time.NewTimer(time.Until(began.Add(FindWithin)))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return lan.Server{}, "", false
		case <-timer.C:
			return lan.Server{}, "", false
		case m := <-v.inbox:
			s, ok := m.(sighting)
			if !ok || s.gone {
				continue
			}
			if s.server.ID == local {
				return s.server, "", true
			}
			if base, err := v.probeRemote(ctx, s.server); err == nil {
				return s.server, base, true
			}
		}
	}
}

// probeRemote tries the addresses of a server, and returns the first that
// answers as that very server.
func (v *Venue) probeRemote(ctx context.Context, s lan.Server) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	type result struct {
		base string
		err  error
	}
	results := make(chan result, len(s.Addresses))
	for _, a := range s.Addresses {
		base := s.Base(a)
		crash.Go(func() {
			about, err := v.cfg.System.Probe(ctx, base, s.Authority)
			if err == nil && about.ID != s.ID {
				err = fmt.Errorf("%s is another server", base)
			}
			results <- result{base, err}
		})
	}
	err := errors.New("it has no address")
	for range s.Addresses {
		r := <-results
		if r.err == nil {
			return r.base, nil
		}
		err = r.err
	}
	return "", err
}

// sleep waits and reports whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
