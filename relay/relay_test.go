package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// bed is a relay on loopback, which is its "public" address here: two sockets on
// it are the rest of the machine.
type bed struct {
	*Server
	t    *testing.T
	addr string
}

func newBed(t *testing.T, change func(*Config)) *bed {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Packets: []net.PacketConn{c}, Public: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bed{Server: s, t: t, addr: c.LocalAddr().String()}
}

// client is a TURN client with a user name and a password.
func (b *bed) client(username, password string) *turn.Client {
	b.t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	return b.clientOn(c, username, password)
}

func (b *bed) clientOn(c net.PacketConn, username, password string) *turn.Client {
	b.t.Helper()
	silent := logging.NewDefaultLoggerFactory()
	silent.DefaultLogLevel = logging.LogLevelDisabled
	server := b.addr
	if _, ok := c.LocalAddr().(*net.TCPAddr); ok {
		server = "" // the other end of the connection
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: server, TURNServerAddr: server, Conn: c,
		Username: username, Password: password, LoggerFactory: silent, RTO: 50 * time.Millisecond,
	})
	if err == nil {
		err = client.Listen()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		client.Close()
		c.Close()
	})
	return client
}

// member is a client with an allocation of a member.
func (b *bed) member(name string) net.PacketConn {
	b.t.Helper()
	username, password, _ := b.Admit("room", name, netip.Addr{})
	p, err := b.client(username, password).Allocate()
	if err != nil {
		b.t.Fatalf("allocate for %s: %v", name, err)
	}
	return p
}

// code is the error code of a refused request.
func code(err error) int {
	for _, c := range []int{401, 403, 437, 440, 442, 443, 486, 508} {
		if err != nil && strings.Contains(err.Error(), fmt.Sprint("error ", c)) {
			return c
		}
	}
	return 0
}

func TestTwoMembersMeet(t *testing.T) {
	b := newBed(t, nil)
	ada, bob := b.member("ada"), b.member("bob")
	talk(t, ada, bob)
	talk(t, bob, ada)
	var metrics bytes.Buffer
	b.WriteMetrics(&metrics)
	for _, want := range []string{
		"meet_relay_allocations 2\n", "meet_relay_members 2\n", "meet_relay_allocations_total 2\n",
		"meet_relay_dropped_total{why=\"address\"} 0\n",
	} {
		if !strings.Contains(metrics.String(), want) {
			t.Errorf("the metrics lack %q:\n%s", want, metrics.String())
		}
	}
}

// talk sends one message from each to the other, and checks the second.
func talk(t *testing.T, from, to net.PacketConn) {
	t.Helper()
	if _, err := to.WriteTo([]byte("hello"), from.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if _, err := from.WriteTo([]byte("good evening"), to.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	to.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 1500)
	for {
		n, addr, err := to.ReadFrom(buf)
		if err != nil {
			t.Fatalf("nothing arrives: %v", err)
		}
		if string(buf[:n]) == "good evening" {
			if addr.String() != from.LocalAddr().String() {
				t.Errorf("it comes from %v, want %v", addr, from.LocalAddr())
			}
			return
		}
	}
}

// Nobody gets to this machine, its link or its network through the relay,
// however the address is written.
func TestWhereToIsRefused(t *testing.T) {
	b := newBed(t, nil)
	victim, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	port := victim.LocalAddr().(*net.UDPAddr).Port
	username, password, _ := b.Admit("room", "mal", netip.Addr{})
	client := b.client(username, password)
	p, err := client.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	// Permission to the server's own address is given, as other allocations are
	// there. The port decides.
	for _, ip := range []string{"127.0.0.1"} {
		if err := client.CreatePermission(&net.UDPAddr{IP: net.ParseIP(ip), Port: port}); err != nil {
			t.Errorf("permission to %s: %v", ip, err)
		}
		for range 3 {
			if _, err := p.WriteTo([]byte("knock"), &net.UDPAddr{IP: net.ParseIP(ip), Port: port}); err != nil {
				t.Fatal(err)
			}
		}
	}
	victim.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	buf := make([]byte, 100)
	if n, _, err := victim.ReadFrom(buf); err == nil {
		t.Errorf("a service of this machine was reached with %q", buf[:n])
	}
	for _, ip := range []string{
		"0.0.0.0", "127.0.0.2", "169.254.169.254", "169.254.1.1", "10.1.2.3", "172.16.0.1", "192.168.1.1",
		"100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
	} {
		err := client.CreatePermission(&net.UDPAddr{IP: net.ParseIP(ip), Port: port})
		if code(err) != 403 {
			t.Errorf("permission to %s: %v, want 403", ip, err)
		}
	}
	if b.stats.droppedAddress.Load() == 0 || b.stats.refusedAddress.Load() == 0 {
		t.Error("refusals are not counted")
	}
}

func TestPolicy(t *testing.T) {
	own := netip.MustParseAddr("198.51.100.7")
	p := policy{
		allow: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16"), netip.MustParsePrefix("0.0.0.0/0")},
		own:   func() []netip.Addr { return []netip.Addr{own} },
	}
	strict := policy{own: p.own}
	for _, c := range []struct {
		address       string
		allowed, open bool // without and with everything allowed
	}{
		{"93.184.216.34", true, true}, {"2606:2800:220:1::1", true, true},
		{"198.51.100.7", false, false}, {"::ffff:198.51.100.7", false, false}, // our own
		{"0.0.0.0", false, false}, {"0.1.2.3", false, false}, {"127.0.0.1", false, false}, {"127.255.0.1", false, false},
		{"::", false, false}, {"::1", false, false}, {"::ffff:127.0.0.1", false, false}, {"::ffff:0.0.0.0", false, false},
		{"::127.0.0.1", false, false}, {"64:ff9b::7f00:1", false, false}, {"2002:7f00:1::1", false, false},
		{"169.254.169.254", false, false}, {"::ffff:169.254.169.254", false, false}, {"64:ff9b::a9fe:a9fe", false, false},
		{"fd00:ec2::254", false, false}, {"fe80::1", false, false}, {"fe80::1%eth0", false, false}, {"ff02::1", false, false},
		{"224.0.0.251", false, false}, {"255.255.255.255", false, false},
		{"10.0.0.1", false, true}, {"172.31.0.1", false, true}, {"192.168.0.1", false, true}, {"100.64.0.1", false, true},
		{"::ffff:10.0.0.1", false, true}, {"64:ff9b::a00:1", false, true}, {"2002:a00:1::1", false, true},
		{"fc00::1", false, false}, {"fec0::1", false, false}, {"2001:db8::1", false, false}, {"2001::1", false, false},
	} {
		a := netip.MustParseAddr(c.address)
		if got := strict.permits(a); got != c.allowed {
			t.Errorf("%s is permitted: %v, want %v", c.address, got, c.allowed)
		}
		if got := p.permits(a); got != c.open {
			t.Errorf("%s is permitted where all of IPv4 is allowed: %v, want %v", c.address, got, c.open)
		}
	}
	if strict.permits(netip.Addr{}) {
		t.Error("no address is permitted")
	}
}

// Credentials that are expired, made up, of another room, another server or of
// somebody who left open nothing.
func TestWhoIsRefused(t *testing.T) {
	b := newBed(t, nil)
	other := newBed(t, nil)
	username, password, renew := b.Admit("room", "ada", netip.Addr{})
	if renew != defaultLifetime/2 {
		t.Errorf("renewed after %v", renew)
	}
	id := userID(b.cfg.Secret, "room", "ada")
	late, latePassword := Credentials(b.cfg.Secret, id, time.Now().Add(-time.Second))
	stranger, strangerPassword := Credentials(b.cfg.Secret, userID(b.cfg.Secret, "other", "ada"), time.Now().Add(time.Hour))
	foreign, foreignPassword, _ := other.Admit("room", "ada", netip.Addr{})
	left, leftPassword, _ := b.Admit("room", "eve", netip.Addr{})
	b.Dismiss("room", "eve")
	for _, c := range []struct{ name, username, password string }{
		{"expired", late, latePassword},
		{"another room's", stranger, strangerPassword},
		{"another server's", foreign, foreignPassword},
		{"of somebody who left", left, leftPassword},
		{"a wrong password", username, password + "x"},
		{"a longer time", "9" + username, password},
		{"no time", id, password},
		{"a bare time", strings.TrimSuffix(username, ":"+id), password},
	} {
		if _, err := b.client(c.username, c.password).Allocate(); code(err) != 401 {
			t.Errorf("%s: %v, want 401", c.name, err)
		}
	}
	if n := b.Allocations(); n != 0 {
		t.Errorf("%d allocations", n)
	}
	if b.stats.refusedUser.Load() == 0 {
		t.Error("refusals are not counted")
	}
	if _, err := b.client(username, password).Allocate(); err != nil {
		t.Errorf("the member itself: %v", err)
	}
}

// What is open goes on when its credentials end, and for a while after its member
// left; then it can no longer be refreshed.
func TestExpiryDoesNotEndACall(t *testing.T) {
	b := newBed(t, nil)
	ada, bob, carl := b.member("ada"), b.member("bob"), b.member("carl")
	username, password, _ := b.Admit("room", "bob", netip.Addr{})
	b.skew.Store(int64(defaultLifetime + time.Minute))
	if _, err := b.client(username, password).Allocate(); code(err) != 401 {
		t.Errorf("an allocation under a name that is over: %v, want 401", err)
	}
	talk(t, ada, bob) // needs new permissions
	b.skew.Store(0)
	b.Dismiss("room", "ada")
	talk(t, ada, carl)
	b.mu.Lock()
	b.members[userID(b.cfg.Secret, "room", "ada")].gone = time.Now().Add(-goneGrace)
	b.mu.Unlock()
	ra := turn.RequestAttributes{Method: stun.MethodRefresh}
	ra.Username, _ = Credentials(b.cfg.Secret, userID(b.cfg.Secret, "room", "ada"), time.Now().Add(time.Hour))
	if _, _, ok := b.authenticate(&ra); ok {
		t.Error("somebody long gone refreshes")
	}
	ra.Username, _ = Credentials(b.cfg.Secret, userID(b.cfg.Secret, "room", "bob"), time.Now().Add(-time.Hour))
	if _, _, ok := b.authenticate(&ra); !ok {
		t.Error("a member does not refresh under an old name")
	}
}

// Allocations over TCP, ports of the client's choice and reserved ports are not
// to be had.
func TestWhatIsRefused(t *testing.T) {
	b := newBed(t, nil)
	g := generator{b.Server}
	username, password, _ := b.Admit("room", "mal", netip.Addr{})
	if _, err := b.client(username, password).AllocateTCP(); code(err) != 508 {
		t.Errorf("an allocation over TCP: %v, want 508", err)
	}
	id := userID(b.cfg.Secret, "room", "mal")
	for name, c := range map[string]turn.AllocateListenerConfig{
		"even port":  {Network: "udp4"},
		"own choice": {Network: "udp4", UserID: id, RequestedPort: 53},
		"nobody":     {Network: "udp4", UserID: "x"},
	} {
		if p, _, err := g.AllocatePacketConn(c); err == nil {
			t.Errorf("%s: allocated", name)
			p.Close()
		}
	}
	if _, err := g.AllocateConn(turn.AllocateConnConfig{}); err == nil {
		t.Error("a connection over TCP")
	}
	if n := b.Allocations(); n != 0 {
		t.Errorf("%d allocations", n)
	}
}

// A member has a share of the allocations, also when it asks for many at once, and
// gets back what it gave up.
func TestQuota(t *testing.T) {
	b := newBed(t, func(c *Config) { c.MaxPerMember, c.MaxAllocations = 5, 8 })
	username, password, _ := b.Admit("room", "mal", netip.Addr{})
	var mu sync.Mutex
	var made []net.PacketConn
	var wg sync.WaitGroup
	for range 20 {
		client := b.client(username, password)
		wg.Go(func() {
			p, err := client.Allocate()
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made = append(made, p)
			} else if code(err) != 508 {
				t.Errorf("refused with %v", err)
			}
		})
	}
	wg.Wait()
	if len(made) != 5 || b.Allocations() != 5 {
		t.Fatalf("%d allocations, %d counted, want 5", len(made), b.Allocations())
	}
	for range 3 { // another member has its own share, until all are given away
		b.member("ada")
	}
	username2, password2, _ := b.Admit("room", "ada", netip.Addr{})
	if _, err := b.client(username2, password2).Allocate(); code(err) != 508 {
		t.Errorf("a ninth allocation of eight: %v", err)
	}
	if err := made[0].Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); b.Allocations() == 8; {
		if time.Now().After(deadline) {
			t.Fatal("what was given up is not free")
		}
		time.Sleep(time.Millisecond) // the client does not wait for an answer
	}
	if _, err := b.client(username, password).Allocate(); err != nil {
		t.Errorf("after giving one up: %v", err)
	}
}

// A member's share of the line bounds what it sends, and what it is sent.
func TestRate(t *testing.T) {
	const limit = 100 << 10
	b := newBed(t, func(c *Config) { c.MaxRate = limit })
	var sockets []net.PacketConn
	for _, name := range []string{"ada", "bob"} {
		b.Admit("room", name, netip.Addr{})
		k, _, err := generator{b.Server}.AllocatePacketConn(turn.AllocateListenerConfig{
			Network: "udp4", UserID: userID(b.cfg.Secret, "room", name),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		sockets = append(sockets, k)
	}
	ada, bob := sockets[0], sockets[1]
	packet := make([]byte, 1000)
	began := time.Now()
	for range 1000 {
		if _, err := ada.WriteTo(packet, bob.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	most := limit + int(float64(limit)*time.Since(began).Seconds()) + len(packet)
	if n := int(b.stats.bytes.Load()); n > most || n < limit-len(packet) {
		t.Errorf("%d bytes were sent of 1,000,000, want at most %d", n, most)
	}
	sent, dropped := b.stats.packets.Load(), b.stats.droppedRate.Load()
	if sent+dropped != 1000 || dropped == 0 {
		t.Errorf("%d packets were sent and %d dropped, of 1000", sent, dropped)
	}
	// What others send it counts against the same share, the other way.
	m := b.members[userID(b.cfg.Secret, "room", "bob")]
	m.down.SetBurst(0)
	m.down.SetLimit(0)
	bob.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, _, err := bob.ReadFrom(packet); err == nil {
		t.Error("something passed without a share")
	}
	if b.stats.droppedRate.Load() <= dropped {
		t.Error("nothing was dropped on the way to a member")
	}
}

func TestPortsOfARange(t *testing.T) {
	b := newBed(t, func(c *Config) { c.FirstPort, c.LastPort = 41000, 41003 })
	for i := range 4 {
		port := b.member(fmt.Sprint(i)).LocalAddr().(*net.UDPAddr).Port
		if port < 41000 || port > 41003 {
			t.Errorf("port %d", port)
		}
	}
	username, password, _ := b.Admit("room", "late", netip.Addr{})
	if _, err := b.client(username, password).Allocate(); code(err) != 508 {
		t.Errorf("a fifth of four ports: %v", err)
	}
	for _, bad := range []Config{{FirstPort: 5}, {LastPort: 5}, {FirstPort: 6, LastPort: 5}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%d-%d is a range", bad.FirstPort, bad.LastPort)
		}
	}
}

// Behind a NAT the relayed addresses are those of the NAT, and two of them meet
// although no packet of theirs comes back from it.
func TestBehindANAT(t *testing.T) {
	public := netip.MustParseAddr("198.51.100.7")
	b := newBed(t, func(c *Config) {
		c.Public = []netip.Addr{public}
		c.Addresses = func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("10.0.0.5")} }
	})
	ada, bob := b.member("ada"), b.member("bob")
	if a := ada.LocalAddr().(*net.UDPAddr); a.IP.String() != public.String() {
		t.Fatalf("relayed at %v", a)
	}
	talk(t, ada, bob)
	talk(t, bob, ada)
}

// A relayed address is where its member reached the server.
func TestRelayedWhereReached(t *testing.T) {
	b := newBed(t, func(c *Config) {
		c.Public = nil
		c.Listen = func(network, address string) (net.PacketConn, error) {
			_, port, _ := net.SplitHostPort(address)
			return net.ListenPacket(network, "127.0.0.1:"+port) // the bed has no such address
		}
	})
	username, password, _ := b.Admit("room", "ada", netip.MustParseAddr("::ffff:203.0.113.9"))
	p, err := b.client(username, password).Allocate()
	if err != nil {
		t.Fatal(err)
	}
	if got := p.LocalAddr().(*net.UDPAddr).IP.String(); got != "203.0.113.9" {
		t.Errorf("relayed at %s", got)
	}
}

// Anybody may ask for their address (RFC 8489), without credentials.
func TestSTUN(t *testing.T) {
	b := newBed(t, nil)
	c := b.client("", "")
	addr, err := c.SendBindingRequest()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(addr.String(), "127.0.0.1:") {
		t.Errorf("we are %v", addr)
	}
}

// Who left long ago is forgotten, unless its allocations are still there.
func TestSweep(t *testing.T) {
	b := newBed(t, nil)
	for i := range 10 {
		b.Admit("room", fmt.Sprint(i), netip.Addr{})
	}
	b.Dismiss("room", "3")
	b.Dismiss("room", "nobody")
	b.mu.Lock()
	b.members[userID(b.cfg.Secret, "room", "3")].gone = time.Now().Add(-time.Hour)
	b.swept = time.Time{}
	b.mu.Unlock()
	b.Admit("room", "new", netip.Addr{})
	if n := len(b.members); n != 10 {
		t.Errorf("%d members are known, want 10", n)
	}
}

func TestCloseEndsAllocations(t *testing.T) {
	b := newBed(t, nil)
	b.member("ada")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for b.Allocations() > 0 {
		select {
		case <-ctx.Done():
			t.Fatal(errors.New("the allocation is still there"))
		case <-time.After(time.Millisecond):
		}
	}
}
