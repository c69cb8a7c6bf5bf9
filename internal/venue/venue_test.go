package venue

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/internal/lan"
	"github.com/meet-term/meet/internal/lan/lantest"
	"github.com/meet-term/meet/internal/memnet"
	"github.com/meet-term/meet/internal/portmap"
	"github.com/meet-term/meet/signal"
)

// world is a network of machines, in memory and in virtual time.
type world struct {
	t    *testing.T
	net  *memnet.Net
	lan  lantest.Net
	ids  atomic.Int64 // of the people
	mute bool         // multicast goes nowhere
}

// machine is a computer with one port; it implements System.
type machine struct {
	*world
	addr  netip.Addr
	order byte // the ids of its servers begin with it

	mu     sync.Mutex
	online bool // has an address
	conns  []lan.Conn
	opened []Reach // as which the port was opened
	status portmap.Status
	about  func() About
}

func (w *world) machine(n byte, order byte) *machine {
	return &machine{world: w, addr: netip.AddrFrom4([4]byte{192, 168, 1, n}), order: order, online: true}
}

func (m *machine) port() string { return fmt.Sprintf("%s:7077", m.addr) }

// byteReader makes ids that sort as wanted.
type byteReader byte

func (b byteReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// hosted is a server of a machine.
type hosted struct {
	*signal.Server
	front  *Front
	m      *machine
	listen *memnet.Listener
	web    *http.Server
	end    context.CancelFunc
	tasks  sync.WaitGroup
}

func (m *machine) transport() *http.Transport {
	return &http.Transport{DialContext: m.net.Dialer("machine " + m.addr.String()), DisableKeepAlives: true}
}

func (m *machine) Host(_ context.Context, r Reach) (Server, error) {
	l, err := m.net.Listen(m.port())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTaken, err)
	}
	m.mu.Lock()
	m.opened = append(m.opened, r)
	m.mu.Unlock()
	s := signal.NewServer(signal.ServerConfig{Rand: byteReader(m.order)})
	h := &hosted{Server: s, front: NewFront(s, nil), m: m, listen: l}
	h.web = &http.Server{Handler: h.front, ReadHeaderTimeout: 5 * time.Second}
	ctx, end := context.WithCancel(context.Background())
	h.end = end
	h.tasks.Go(func() { h.web.Serve(l) })
	h.tasks.Go(func() { s.Run(ctx) })
	return h, nil
}

func (h *hosted) Authority() string { return "" }
func (h *hosted) Tell(a About) {
	h.front.Tell(a)
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.m.about = func() About { return a }
}

func (h *hosted) Forward(base, _ string) {
	h.front.Forward(base, h.m.transport())
	h.tasks.Go(func() { h.Shutdown(context.Background()) })
}

func (h *hosted) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	h.Shutdown(ctx)
	return h.kill()
}

func (h *hosted) kill() error {
	h.listen.Kill()
	h.end()
	h.web.Close()
	h.tasks.Wait()
	return nil
}

func (m *machine) Own(Reach) (string, string) { return "http://" + m.port() + "/", "" }

func (m *machine) Probe(ctx context.Context, base, _ string) (About, error) {
	about, err := Ask(ctx, &http.Client{Transport: m.transport()}, base)
	if err == nil && strings.Contains(base, m.addr.String()) { // no loopback here
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.about != nil && m.about().ID == about.ID {
			about = m.about()
		}
	}
	return about, err
}

func (m *machine) Addresses() []netip.Addr {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.online {
		return nil
	}
	return []netip.Addr{m.addr}
}

func (m *machine) Multicast() (lan.Conn, error) {
	c := m.lan.Open(m.addr)
	m.lan.Unplug(c, m.mute)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns = append(m.conns, c)
	return c, nil
}

func (m *machine) Map(ctx context.Context, report func(portmap.Status)) {
	report(m.status)
	<-ctx.Done()
}

// guest is a person: a venue and a client of signaling.
type guest struct {
	*Venue
	t     *testing.T
	name  string
	m     *machine
	end   func() // leaves
	crash func() // is gone without a word

	client *signal.Client
	mu     sync.Mutex
	link   signal.LinkState
	tried  bool
	peers  map[signal.PeerID]signal.Presence
	gone   []signal.PeerID // everybody who ever was
	founds []string
	places []Place
	dialed string
}

// Move implements Client.
func (g *guest) Move(i signal.Invite) error {
	g.client.Move(i.SocketURL(), nil)
	return nil
}

// Lost implements Client.
func (g *guest) Lost() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.link == signal.Reconnecting || g.link == signal.Connecting && g.tried
}

// joins runs a person. It may be called from a goroutine of its own.
func (m *machine) joins(name, room string, reach Reach) *guest {
	t := m.t
	invite := signal.Invite{Name: room}
	g := &guest{t: t, name: name, m: m, peers: map[signal.PeerID]signal.Presence{}}
	var err error
	g.Venue, err = New(Config{
		Invite: invite, Reach: reach, Host: name, Port: 7077, System: m,
		Changed: func(p Place) { g.mu.Lock(); defer g.mu.Unlock(); g.places = append(g.places, p) },
		Found:   func(host, at string) { g.mu.Lock(); defer g.mu.Unlock(); g.founds = append(g.founds, host+" "+at) },
		Jitter:  func(limit time.Duration) time.Duration { return limit * time.Duration(m.order) / 256 },
	})
	if err != nil {
		t.Error(err)
		return g
	}
	p, err := g.Find(t.Context())
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return g
	}
	id := ed25519.NewKeyFromSeed(fmt.Appendf(nil, "%032d", m.ids.Add(1)))
	key, err := invite.Room()
	if err != nil {
		t.Error(err)
	}
	g.client, err = signal.NewClient(signal.Config{
		URL: p.Invite.SocketURL(), Room: key, Key: id, Inc: 1, State: signal.State{N: 1, Name: name},
		Dial: m.net.Dialer("machine " + m.addr.String()), Handle: g.handle,
	})
	if err != nil {
		t.Error(err)
		return g
	}
	ctx, cancel := context.WithCancel(context.Background())
	quit, cut := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { g.client.Run(quit) })
	running.Go(func() { g.Run(ctx, g) })
	g.end = sync.OnceFunc(func() { g.client.Leave(); cancel(); running.Wait(); cut() })
	g.crash = sync.OnceFunc(func() { cut(); cancel(); running.Wait() })
	t.Cleanup(g.end)
	return g
}

func (g *guest) handle(e signal.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch e := e.(type) {
	case signal.ServerState:
		g.link, g.tried, g.dialed = e.State, e.Attempt > 0, e.Server
	case signal.PeerChanged:
		g.peers[e.Peer] = e.Presence
	case signal.PeerGone:
		delete(g.peers, e.Peer)
		g.gone = append(g.gone, e.Peer)
	}
}

// sees checks who somebody sees, present.
func (g *guest) sees(names ...string) {
	g.t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	var got []string
	for _, p := range g.peers {
		n := p.State.Name
		if p.Away {
			n += " (away)"
		}
		got = append(got, n)
	}
	slices.Sort(got)
	if !slices.Equal(got, names) {
		g.t.Errorf("%s on %s (%s) sees %q, want %q", g.name, g.dialed, g.link, got, names)
	}
}

// undisturbed checks that nobody was ever gone for somebody.
func (g *guest) undisturbed() {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.gone) > 0 {
		g.t.Errorf("%s saw %v go", g.name, g.gone)
	}
}

func bubble(t *testing.T, f func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) { f(t, &world{t: t, net: memnet.New()}) })
}

// The second machine finds the first, with nothing configured.
func TestSecondMachineFindsTheFirst(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		began := time.Now()
		ada := w.machine(5, 1).joins("Ada", "demo", Network)
		if took := time.Since(began); took != FindWithin {
			t.Errorf("a start that finds nobody took %v", took)
		}
		time.Sleep(3 * time.Second)
		began = time.Now()
		bob := w.machine(6, 0).joins("Bob", "demo", Network)
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("found after %v", took)
		}
		other := w.machine(7, 2).joins("Carol", "elsewhere", Network)
		time.Sleep(time.Second)
		ada.sees("Bob")
		bob.sees("Ada")
		other.sees()
		if p := bob.Place(); p.Hosting || p.Who != OnNetwork || p.Where != "hosted by Ada, in this network" ||
			p.Others.Link() != "http://192.168.1.5:7077/demo" {
			t.Errorf("Bob is told %+v", p)
		}
		if p := ada.Place(); !p.Hosting || p.Who != OnNetwork || p.Others.Link() != "http://192.168.1.5:7077/demo" {
			t.Errorf("Ada is told %+v", p)
		}
		if fmt.Sprint(bob.founds) != "[Ada http://192.168.1.5:7077/]" || len(ada.founds) > 0 {
			t.Errorf("found %v and %v", bob.founds, ada.founds)
		}
	})
}

// A room for this machine is nobody else's, and looks for nobody.
func TestThisMachineOnly(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		m := w.machine(5, 1)
		began := time.Now()
		ada := m.joins("Ada", "demo", Machine)
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
		second := m.joins("Eve", "demo", Machine)
		bob := w.machine(6, 2).joins("Bob", "demo", Network)
		time.Sleep(time.Minute)
		bob.sees()
		ada.sees("Eve")
		if len(m.conns) > 0 || m.opened[0] != Machine {
			t.Errorf("the network heard of it: %d sockets, opened for %v", len(m.conns), m.opened)
		}
		if p := ada.Place(); p.Who != OnMachine || p.Where != "hosted here, for this machine" {
			t.Errorf("told %+v", p)
		}
		if p := second.Place(); p.Who != OnMachine || p.Hosting || p.Where != "hosted by another meet of this machine, for this machine" {
			t.Errorf("told %+v", p)
		}
	})
}

// Two who start at about the same moment end up in one room, on one server.
func TestStartsCloseTogether(t *testing.T) {
	for _, apart := range []time.Duration{0, time.Millisecond, 100 * time.Millisecond, FindWithin, FindWithin + time.Millisecond} {
		bubble(t, func(t *testing.T, w *world) {
			var ada, bob *guest
			var starting sync.WaitGroup
			starting.Go(func() { ada = w.machine(5, 1).joins("Ada", "demo", Network) })
			starting.Go(func() {
				time.Sleep(apart)
				bob = w.machine(6, 9).joins("Bob", "demo", Network)
			})
			starting.Wait()
			time.Sleep(3 * time.Second)
			ada.sees("Bob")
			bob.sees("Ada")
			ada.undisturbed()
			bob.undisturbed()
			if bob.Place().Hosting == ada.Place().Hosting {
				t.Errorf("%v apart: Ada is told %+v, Bob %+v", apart, ada.Place(), bob.Place())
			}
		})
	}
}

// Two host a room of the same name and do not hear each other, be it that
// datagrams got lost or that their networks were joined later. The rooms become
// one by themselves, that with the smaller id, and nobody is ever gone for
// anybody: neither those who came to the other server, nor who does not listen
// to the network at all.
func TestRoomsMerge(t *testing.T) {
	for _, apart := range []time.Duration{500 * time.Millisecond, 20 * time.Second} {
		bubble(t, func(t *testing.T, w *world) {
			small, large := w.machine(5, 1), w.machine(6, 9)
			w.mute = true
			var ada, bob *guest
			var starting sync.WaitGroup
			starting.Go(func() { ada = small.joins("Ada", "demo", Network) })
			starting.Go(func() { bob = large.joins("Bob", "demo", Network) })
			starting.Wait()
			second := large.joins("Carl", "demo", Machine) // listens to no network
			time.Sleep(apart)
			ada.sees()
			bob.sees("Carl")
			w.mute = false
			for _, m := range []*machine{small, large} {
				for _, c := range m.conns {
					w.lan.Unplug(c, false)
				}
			}
			if apart > 2*time.Second {
				ada.NetworkChanged() // or half a minute later by itself
			}
			time.Sleep(2 * time.Second)
			ada.sees("Bob", "Carl")
			bob.sees("Ada", "Carl")
			second.sees("Ada", "Bob")
			for _, g := range []*guest{ada, bob, second} {
				g.undisturbed()
			}
			if bob.Place().Hosting || !ada.Place().Hosting {
				t.Errorf("Ada is told %+v, Bob %+v", ada.Place(), bob.Place())
			}
			// A newcomer by the invite that Bob gave away lands in the same room.
			late := signal.Invite{Server: "http://192.168.1.6:7077/", Name: "demo"}
			if about, err := w.machine(9, 3).Probe(t.Context(), late.Server, ""); err != nil || about.ID != ada.cur.id {
				t.Errorf("Bob's old address is %+v, %v", about, err)
			}
		})
	}
}

// The machine that hosts goes down: one of the others hosts, the rest find it.
func TestHostIsLost(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ada := w.machine(5, 1).joins("Ada", "demo", Network)
		bob := w.machine(6, 40).joins("Bob", "demo", Network)
		carol := w.machine(7, 200).joins("Carol", "demo", Network)
		time.Sleep(time.Second)
		carol.sees("Ada", "Bob")
		ada.crash()
		time.Sleep(6 * time.Second)
		bob.sees("Ada (away)", "Carol")
		carol.sees("Ada (away)", "Bob")
		if !bob.Place().Hosting || carol.Place().Hosting {
			t.Errorf("Bob is told %+v, Carol %+v", bob.Place(), carol.Place())
		}
	})
}

// Who loses the network hosts nothing, and is back when it is.
func TestOffTheNetwork(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ada := w.machine(5, 9).joins("Ada", "demo", Network)
		m := w.machine(6, 1)
		bob := m.joins("Bob", "demo", Network)
		time.Sleep(time.Second)
		w.net.Link("machine " + m.addr.String()).Cut()
		m.mu.Lock()
		m.online = false
		m.mu.Unlock()
		time.Sleep(20 * time.Second)
		if bob.Place().Hosting {
			t.Error("hosts on an island of one")
		}
		m.mu.Lock()
		m.online = true
		m.mu.Unlock()
		w.net.Link("machine " + m.addr.String()).Heal()
		time.Sleep(3 * time.Second)
		bob.sees("Ada")
		ada.sees("Bob")
	})
}

// The process that hosted ends: another one of the machine hosts from then on.
func TestAnotherProcessTakesOver(t *testing.T) {
	for _, reach := range []Reach{Machine, Network} {
		bubble(t, func(t *testing.T, w *world) {
			m := w.machine(5, 1)
			ada := m.joins("Ada", "demo", reach)
			bob, carol := m.joins("Bob", "demo", reach), m.joins("Carol", "demo", reach)
			time.Sleep(time.Second)
			bob.sees("Ada", "Carol")
			ada.end()
			time.Sleep(6 * time.Second)
			bob.sees("Carol")
			carol.sees("Bob")
			if bob.Place().Hosting == carol.Place().Hosting {
				t.Errorf("%v: both host, or neither: %+v", reach, bob.Place())
			}
		})
	}
}

// The reach is changed while the room is there: the port is opened as told, and
// who is in stays in.
func TestChangeReach(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		m := w.machine(5, 1)
		m.status = portmap.Status{Protocol: portmap.PCP, Public: netip.MustParseAddrPort("5.5.5.1:7077")}
		ada, bob := m.joins("Ada", "demo", Machine), m.joins("Bob", "demo", Machine)
		far := w.machine(6, 2)
		for _, step := range []struct {
			reach Reach
			who   string
			link  string
		}{
			{Network, OnNetwork, "http://192.168.1.5:7077/demo"},
			{Internet, Anywhere, "https://5.5.5.1:7077/demo"},
			{Machine, OnMachine, "http://192.168.1.5:7077/demo"},
		} {
			ada.SetReach(step.reach)
			time.Sleep(3 * time.Second)
			ada.sees("Bob")
			bob.sees("Ada")
			if p := ada.Place(); p.Who != step.who || p.Others.Link() != step.link || p.Reach != step.reach || !p.Hosting {
				t.Errorf("%v: told %+v", step.reach, p)
			}
			c := far.joins("Carol", "demo", Network)
			time.Sleep(time.Second)
			if step.reach == Machine {
				c.sees()
			} else {
				c.sees("Ada", "Bob")
			}
			c.end()
			time.Sleep(time.Second)
		}
		if fmt.Sprint(m.opened) != "[this machine this network the internet this machine]" {
			t.Errorf("the port was opened for %v", m.opened)
		}
	})
}

// Whatever answers on the network, a room that cannot be reached there is hosted.
func TestDeadHint(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		room, _ := signal.Invite{Name: "demo"}.Room()
		b, err := lan.New(lan.Config{Keys: room, Conn: w.lan.Open(netip.MustParseAddr("192.168.1.9")), Heard: func(lan.Server, bool) {}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); b.Run(ctx) }()
		defer func() { cancel(); <-done }()
		for _, at := range []string{"192.168.1.9", "192.168.1.4"} { // nobody, and a server that is another one
			b.Announce(&lan.Server{ID: "!", Addresses: []netip.Addr{netip.MustParseAddr(at)}, Port: 7077}, true)
			w.machine(4, 7).joins("Mallory", "other", Network)
		}
		ada := w.machine(5, 1).joins("Ada", "demo", Network)
		time.Sleep(time.Minute)
		if p := ada.Place(); !p.Hosting {
			t.Errorf("told %+v", p)
		}
	})
}

// Something else has the port: that is said. A server that ends is waited for.
func TestPortTaken(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		m := w.machine(5, 1)
		l, err := w.net.Listen(m.port())
		if err != nil {
			t.Fatal(err)
		}
		web := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
		go web.Serve(l)
		defer web.Close()
		v, err := New(Config{Invite: signal.Invite{Name: "demo"}, Reach: Machine, Port: 7077, System: m})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Find(t.Context()); err == nil || !strings.Contains(err.Error(), "no meet server") {
			t.Errorf("found, %v", err)
		}
	})
	bubble(t, func(t *testing.T, w *world) {
		m := w.machine(5, 1)
		l, err := w.net.Listen(m.port())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(2*time.Second, func() { l.Kill() })
		ada := m.joins("Ada", "demo", Machine)
		if p := ada.Place(); !p.Hosting {
			t.Errorf("told %+v", p)
		}
	})
}

func TestAdmits(t *testing.T) {
	own := []netip.Prefix{netip.MustParsePrefix("192.168.1.5/24"), netip.MustParsePrefix("198.51.100.7/28")}
	for _, c := range []struct {
		from string
		want [3]bool // machine, network, internet
	}{
		{"127.0.0.1", [3]bool{true, true, true}},
		{"::1", [3]bool{true, true, true}},
		{"::ffff:127.0.0.1", [3]bool{true, true, true}},
		{"192.168.1.9", [3]bool{false, true, true}},
		{"::ffff:192.168.1.9", [3]bool{false, true, true}},
		{"10.1.2.3", [3]bool{false, true, true}}, // another network of the same house
		{"fe80::1%eth0", [3]bool{false, true, true}},
		{"fd00::1", [3]bool{false, true, true}},
		{"198.51.100.3", [3]bool{false, true, true}},
		{"198.51.100.33", [3]bool{false, false, true}},
		{"100.64.1.1", [3]bool{false, false, true}},
		{"8.8.8.8", [3]bool{false, false, true}},
		{"2a00:1::1", [3]bool{false, false, true}},
	} {
		for i, r := range []Reach{Machine, Network, Internet} {
			if got := r.Admits(netip.MustParseAddr(c.from), own); got != c.want[i] {
				t.Errorf("%v admits %s: %v", r, c.from, got)
			}
		}
	}
}

func TestAudience(t *testing.T) {
	for host, want := range map[string]string{
		"127.0.0.1": OnMachine, "localhost": OnMachine, "::1": OnMachine, "192.168.1.5": OnNetwork, "100.64.0.9": OnNetwork,
		"5.5.5.1": Anywhere, "2a00:1::1": Anywhere, "meet.example": "works wherever meet.example is reached",
	} {
		if got := Audience(host); got != want {
			t.Errorf("%s: %s", host, got)
		}
	}
}

// A page whose name resolves to this machine is kept out.
func TestRebinding(t *testing.T) {
	f := NewFront(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }),
		func(host string, _ net.Addr) bool { return host == "box.local" })
	for host, want := range map[string]int{
		"127.0.0.1:7077": 204, "localhost:7077": 204, "LOCALHOST": 204, "[::1]:7077": 204, "192.168.1.5:7077": 204, "box.local:7077": 204,
		"evil.example:7077": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example:7077": 421, "": 421,
	} {
		r, err := http.NewRequest(http.MethodGet, "http://x/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		w := &recorder{header: http.Header{}}
		f.ServeHTTP(w, r)
		if w.code != want {
			t.Errorf("%q: %d", host, w.code)
		}
	}
}

type recorder struct {
	header http.Header
	code   int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(p []byte) (int, error) { return len(p), nil }
func (r *recorder) WriteHeader(code int)        { r.code = code }

// Two hosts that hand on to each other, whatever brought them to it, answer.
func TestForwardInACircle(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		one, two := w.machine(5, 1), w.machine(6, 9)
		var servers []Server
		for _, m := range []*machine{one, two} {
			s, err := m.Host(t.Context(), Network)
			if err != nil {
				t.Fatal(err)
			}
			servers = append(servers, s)
			defer s.Stop()
		}
		base := func(m *machine) string { b, _ := m.Own(Network); return b }
		servers[0].Forward(base(two), "")
		servers[1].Forward(base(one), "")
		client := &http.Client{Transport: one.transport()}
		resp, err := client.Get(base(one) + "healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusLoopDetected {
			t.Errorf("a circle answers %s", resp.Status)
		}
	})
}
