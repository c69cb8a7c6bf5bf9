package conn

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/vnet"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

func testLog() *slog.Logger {
	if os.Getenv("MEET_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// wan is a simulated network of hosts in one subnet, which can be cut.
type wan struct {
	router *vnet.Router
	mu     sync.Mutex
	cut    map[string]bool // by address
	drop   func(vnet.Chunk) bool
	seen   func(vnet.Chunk) // unless nil, told of every packet
}

func newWAN(t testing.TB, delay time.Duration) *wan {
	t.Helper()
	w := &wan{cut: make(map[string]bool)}
	r, err := vnet.NewRouter(&vnet.RouterConfig{
		CIDR: "10.0.0.0/16", MinDelay: delay, QueueSize: 4096, LoggerFactory: discardFactory(),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.router = r
	r.AddChunkFilter(w.lets)
	return w
}

// lets is the filter of the routers: whether a packet passes.
func (w *wan) lets(c vnet.Chunk) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen != nil {
		w.seen(c)
	}
	from, to := ipOf(c.SourceAddr().String()), ipOf(c.DestinationAddr().String())
	return !w.cut[from] && !w.cut[to] && (w.drop == nil || !w.drop(c))
}

// rebinder is a network whose sockets can get another port without anybody being
// told, as from a NAT that was changed.
type rebinder struct {
	transport.Net
	mu    sync.Mutex
	conns []*reboundConn // guarded by mu
}

// reboundConn is one of its sockets. The embedded one is the first.
type reboundConn struct {
	transport.UDPConn
	mu     sync.Mutex
	now    transport.UDPConn // guarded by mu, like closed
	closed bool
}

// ListenUDP implements [transport.Net].
func (r *rebinder) ListenUDP(network string, laddr *net.UDPAddr) (transport.UDPConn, error) {
	u, err := r.Net.ListenUDP(network, laddr)
	if err != nil {
		return nil, err
	}
	c := &reboundConn{UDPConn: u, now: u}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, c)
	return c, nil
}

// rebind gives every socket another port.
func (r *rebinder) rebind(t testing.TB) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.mu.Lock()
		if !c.closed {
			u, err := r.Net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4zero})
			if err != nil {
				t.Error(err)
			} else {
				u, c.now = c.now, u
				_ = u.Close()
			}
		}
		c.mu.Unlock()
	}
}

func (c *reboundConn) socket() transport.UDPConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// ReadFrom goes on with the new socket when the old one is closed.
func (c *reboundConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		u := c.socket()
		if n, addr, err := u.ReadFrom(b); err == nil || c.socket() == u {
			return n, addr, err
		}
	}
}

// WriteTo sends from the present socket.
func (c *reboundConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	return c.socket().WriteTo(b, addr)
}

// Close closes the present socket.
func (c *reboundConn) Close() error {
	c.mu.Lock()
	c.closed = true
	u := c.now
	c.mu.Unlock()
	return u.Close()
}

// countChecks returns what counts the checks sent since it was last called, those
// of a cut included.
func (w *wan) countChecks() func() int64 {
	var n atomic.Int64
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = func(c vnet.Chunk) {
		if isCheck(c.UserData()) && !bytes.Contains(c.UserData(), padding) {
			n.Add(1)
		}
	}
	return func() int64 { return n.Swap(0) }
}

// hostBehindNAT is a host at 192.168.0.2 whose NAT at 10.0.9.1 forgets it after
// a silence of lifetime, and gives it another port then.
func (w *wan) hostBehindNAT(t testing.TB, lifetime time.Duration) *vnet.Net {
	t.Helper()
	return w.hostBehind(t, 0, vnet.NATType{
		MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointIndependent,
		MappingLifeTime: lifetime,
	})
}

// hostBehind is a host at 192.168.n.2 behind a NAT at 10.0.9.n+1.
func (w *wan) hostBehind(t testing.TB, n int, nat vnet.NATType) *vnet.Net {
	t.Helper()
	lan, err := vnet.NewRouter(&vnet.RouterConfig{
		CIDR: fmt.Sprintf("192.168.%d.0/24", n), StaticIPs: []string{fmt.Sprintf("10.0.9.%d", n+1)},
		NATType: &nat, LoggerFactory: discardFactory(),
	})
	if err != nil {
		t.Fatal(err)
	}
	lan.AddChunkFilter(w.lets)
	if err := w.router.AddRouter(lan); err != nil {
		t.Fatal(err)
	}
	host, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{fmt.Sprintf("192.168.%d.2", n)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := lan.AddNet(host); err != nil {
		t.Fatal(err)
	}
	return host
}

// serveSTUN answers binding requests (RFC 8489) at port 3478 until stop.
func serveSTUN(t testing.TB, n *vnet.Net, address string) (stop func()) {
	t.Helper()
	c, err := n.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(address), Port: 3478})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			m := &stun.Message{Raw: bytes.Clone(b[:n])}
			u, ok := from.(*net.UDPAddr)
			if !ok || m.Decode() != nil {
				continue
			}
			answer, err := stun.Build(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: u.IP, Port: u.Port}, stun.Fingerprint)
			if err == nil {
				_, err = c.WriteTo(answer.Raw, from)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}()
	return func() { _ = c.Close() }
}

func discardFactory() logging.LoggerFactory {
	return &logging.DefaultLoggerFactory{Writer: io.Discard}
}

func ipOf(addr string) string {
	for i := len(addr) - 1; i >= 0; i-- {
		if addr[i] == ':' {
			return addr[:i]
		}
	}
	return addr
}

func (w *wan) setCut(addr string, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[addr] = cut
}

func (w *wan) host(t testing.TB, addrs ...string) *vnet.Net {
	t.Helper()
	n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: addrs})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.router.AddNet(n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *wan) start(t testing.TB) {
	t.Helper()
	if err := w.router.Start(); err != nil {
		t.Fatal(err)
	}
}

// person is one participant: a dialer, what it hears and what it is asked.
type person struct {
	id     signal.PeerID
	dialer *Dialer
	out    *Outbound

	channels heardChannels

	mu       sync.Mutex
	audio    []media.Packet
	video    []media.Frame
	heardAt  map[media.Kind]time.Time
	gaps     map[media.Kind]time.Duration // longest silence of each kind
	wanted   [kinds]int
	feedback []Feedback
}

func newPerson(t testing.TB, id string, n transport.Net) *person {
	t.Helper()
	p := &person{
		id: signal.PeerID(id), out: NewOutbound(),
		heardAt: make(map[media.Kind]time.Time), gaps: make(map[media.Kind]time.Duration),
	}
	d, err := New(Config{Net: n, Local: p.out, Sink: p, Channels: &p.channels, Logger: testLog().With("me", id)})
	if err != nil {
		t.Fatal(err)
	}
	p.dialer = d
	return p
}

func (p *person) Audio(_ signal.PeerID, a media.Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.audio = append(p.audio, a)
	p.note(media.Mic, a.At)
}

func (p *person) Video(_ signal.PeerID, f media.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.video = append(p.video, f)
	p.note(f.Kind, f.At)
}

func (p *person) note(k media.Kind, at time.Time) {
	if last := p.heardAt[k]; !last.IsZero() && at.Sub(last) > p.gaps[k] {
		p.gaps[k] = at.Sub(last)
	}
	p.heardAt[k] = at
}

func (p *person) KeyFrameWanted(k media.Kind, _ bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted[k]++
}

func (p *person) Feedback(_ signal.PeerID, f Feedback) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.feedback = append(p.feedback, f)
}

func (p *person) Carries(signal.PeerID, Capacity) {}

func (p *person) takeWanted(k media.Kind) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.wanted[k]
	p.wanted[k] = 0
	return n > 0
}

func (p *person) pictures() []media.Frame {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]media.Frame(nil), p.video...)
}

func (p *person) sounds() []media.Packet {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]media.Packet(nil), p.audio...)
}

func (p *person) counts() (audio, camera, screen int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.video {
		if f.Kind == media.Camera {
			camera++
		} else {
			screen++
		}
	}
	return len(p.audio), camera, screen
}

func (p *person) forgetMedia() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.audio, p.video = nil, nil
	clear(p.heardAt)
	clear(p.gaps)
}

func (p *person) longestGap(k media.Kind) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gaps[k]
}

// talk sends all three kinds every 20 ms until stop is closed. Each kind can be
// told from the others by its bytes, and each frame from the next.
func (p *person) talk(stop <-chan struct{}, wg *sync.WaitGroup) {
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := uint32(0); ; n++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			p.out.WriteAudio(media.Packet{Payload: stamp("mic", p.id, n), Timestamp: n * 960, Level: -30, Voice: true, Marker: n == 0})
			for _, k := range []media.Kind{media.Camera, media.Screen} {
				key := p.takeWanted(k) || n == 0
				p.out.WriteVideo(media.Frame{Kind: k, Data: vp8(key, stamp(k.String(), p.id, n), 3000), Timestamp: n * 1800})
			}
		}
	})
}

func stamp(kind string, id signal.PeerID, n uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte(fmt.Sprintf("%s/%s/", kind, id)), n)
}

// vp8 is a frame that looks like VP8 as far as transport is concerned.
func vp8(key bool, mark []byte, size int) []byte {
	f := make([]byte, size)
	if !key {
		f[0] = 1
	}
	copy(f[1:], mark)
	return f
}

// link is a pair of sessions whose signaling runs through memory. It plays the
// part of the peer machine: it numbers offers and keeps early candidates.
type link struct {
	t    testing.TB
	a, b *end
}

type end struct {
	t       testing.TB
	name    string
	session rtc.Session
	other   *end
	delay   time.Duration

	mu        sync.Mutex
	events    []rtc.SessionEvent
	data      []string
	failed    error
	connected chan struct{}
	open      chan struct{}
	silent    bool // signaling is down
}

// connect dials both ways; a offers.
func connect(t testing.TB, a, b *person, epoch int, delay time.Duration, servers ...signal.ICEServer) *link {
	t.Helper()
	mk := func(name string) *end {
		return &end{t: t, name: name, delay: delay, connected: make(chan struct{}), open: make(chan struct{})}
	}
	l := &link{t: t, a: mk(string(a.id)), b: mk(string(b.id))}
	l.a.other, l.b.other = l.b, l.a
	l.a.session = a.dialer.Dial(rtc.SessionConfig{
		Peer: b.id, Epoch: signal.Epoch(epoch), Offerer: true, Post: l.a.post, ICE: servers})
	l.b.session = b.dialer.Dial(rtc.SessionConfig{
		Peer: a.id, Epoch: signal.Epoch(epoch), Post: l.b.post, ICE: servers})
	l.a.session.Do(rtc.MakeOffer{N: 1, Gen: 1})
	return l
}

// post is the session's way to its owner.
func (e *end) post(ev rtc.SessionEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, ev)
	send := func(c rtc.Command) {
		if e.silent {
			return
		}
		if e.delay == 0 {
			e.other.session.Do(c)
			return
		}
		time.AfterFunc(e.delay, func() { e.other.session.Do(c) })
	}
	switch ev := ev.(type) {
	case rtc.LocalOffer:
		send(rtc.AcceptOffer{N: ev.N, Gen: ev.Gen, SDP: ev.SDP})
	case rtc.LocalAnswer:
		send(rtc.AcceptAnswer(ev))
	case rtc.LocalCandidates:
		send(rtc.AddCandidates{Candidates: ev.Candidates, Done: ev.Done})
	case rtc.SessionConnected:
		close(e.connected)
	case rtc.DataOpened:
		close(e.open)
	case rtc.DataReceived:
		e.data = append(e.data, string(ev.Data))
	case rtc.SessionFailed:
		if e.failed != nil {
			e.t.Errorf("%s failed twice: %v, %v", e.name, e.failed, ev.Err)
		}
		e.failed = ev.Err
	}
}

func (e *end) failure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failed
}

func (e *end) count(match func(rtc.SessionEvent) bool) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, ev := range e.events {
		if match(ev) {
			n++
		}
	}
	return n
}

func (e *end) messages() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.data...)
}

// await waits until both sides are connected and their data channels open.
func (l *link) await() {
	l.t.Helper()
	const most = 30 * time.Second
	if !l.up(most) {
		l.t.Fatalf("not connected after %v (%v, %v)", most, l.a.failure(), l.b.failure())
	}
}

// up waits no longer than most, and reports whether they are.
func (l *link) up(most time.Duration) bool {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	for _, c := range []chan struct{}{l.a.connected, l.b.connected, l.a.open, l.b.open} {
		select {
		case <-c:
		case <-deadline.C:
			return false
		}
	}
	return true
}

func (l *link) close() {
	l.a.session.Close()
	l.b.session.Close()
	l.a.session.Wait()
	l.b.session.Wait()
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func last[T any](s []T) T { return s[len(s)-1] }
