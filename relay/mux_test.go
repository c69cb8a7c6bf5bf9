package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"

	"github.com/meet-term/meet/internal/localtls"
	"github.com/meet-term/meet/signal"
)

// muxBed is a port with HTTP and a relay on it.
type muxBed struct {
	*bed
	trust *tls.Config // nil: no TLS
}

func newMuxBed(t *testing.T, encrypted bool) *muxBed {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var config *tls.Config
	b := &muxBed{bed: &bed{t: t, addr: l.Addr().String()}}
	if encrypted {
		authority, err := localtls.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		config = authority.ServerConfig()
		if b.trust, err = localtls.ClientConfig(authority.Fingerprint()); err != nil {
			t.Fatal(err)
		}
	}
	m := Split(l, config)
	s, err := New(Config{Streams: m.STUN(), Public: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	if err != nil {
		t.Fatal(err)
	}
	b.Server = s
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, bare := r.Context().Value(connKey{}).(*net.TCPConn)
		if bare == encrypted {
			t.Errorf("the connection is a bare TCP connection: %v", bare)
		}
		io.WriteString(w, "page "+r.URL.Path)
	}), ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }}
	served := make(chan error, 1)
	go func() { served <- web.Serve(m.HTTP()) }()
	t.Cleanup(func() {
		web.Close()
		<-served
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if c, err := net.Dial("tcp", b.addr); err == nil {
			c.Close()
			t.Error("the port is still open")
		}
	})
	return b
}

type connKey struct{}

func (b *muxBed) dial(inside bool) net.Conn {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err == nil && inside {
		c = tls.Client(c, b.trust)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return c
}

// get asks for a page and returns the whole answer.
func (b *muxBed) get(inside bool) string {
	b.t.Helper()
	c := b.dial(inside)
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, "GET /x HTTP/1.0\r\n\r\n"); err != nil {
		return err.Error()
	}
	answer, _ := io.ReadAll(bufio.NewReader(c))
	return string(answer)
}

func (b *muxBed) streamMember(name string, inside bool) net.PacketConn {
	b.t.Helper()
	username, password, _ := b.Admit("room", name, netip.Addr{})
	p, err := b.clientOn(turn.NewSTUNConn(b.dial(inside)), username, password).Allocate()
	if err != nil {
		b.t.Fatalf("allocate for %s: %v", name, err)
	}
	return p
}

// One port speaks HTTP and TURN.
func TestOnePort(t *testing.T) {
	b := newMuxBed(t, false)
	if got := b.get(false); !strings.HasSuffix(got, "page /x") {
		t.Errorf("HTTP: %q", got)
	}
	talk(t, b.streamMember("ada", false), b.streamMember("bob", false))
	if got := b.get(false); !strings.HasSuffix(got, "page /x") {
		t.Errorf("HTTP beside TURN: %q", got)
	}
}

// With TLS it speaks both inside, TURN outside as well, and tells a lost browser
// where to go.
func TestOnePortWithTLS(t *testing.T) {
	b := newMuxBed(t, true)
	if got := b.get(true); !strings.HasSuffix(got, "page /x") {
		t.Errorf("HTTPS: %q", got)
	}
	if got := b.get(false); !strings.Contains(got, "400") || !strings.Contains(got, "https") {
		t.Errorf("HTTP: %q", got)
	}
	talk(t, b.streamMember("ada", true), b.streamMember("bob", false))
}

// A connection that says nothing, or is gone, holds nobody up.
func TestSilentConnections(t *testing.T) {
	b := newMuxBed(t, true)
	for range 50 {
		b.dial(false)
	}
	b.dial(false).Close()
	half := b.dial(false)
	if _, err := half.Write([]byte{recordHandshake, 3}); err != nil {
		t.Fatal(err)
	}
	if got := b.get(true); !strings.HasSuffix(got, "page /x") {
		t.Errorf("HTTPS: %q", got)
	}
}

// A connection that ends takes its allocation with it, and so does the server.
func TestStreamsEnd(t *testing.T) {
	b := newMuxBed(t, true)
	username, password, _ := b.Admit("room", "ada", netip.Addr{})
	c := b.dial(true)
	if _, err := b.clientOn(turn.NewSTUNConn(c), username, password).Allocate(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	b.none()
	c = b.dial(false)
	if _, err := b.clientOn(turn.NewSTUNConn(c), username, password).Allocate(); err != nil {
		t.Fatal(err)
	}
	if err := b.Server.Close(); err != nil {
		t.Fatal(err)
	}
	b.none()
}

func (b *muxBed) none() {
	b.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); b.Allocations() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatal("the allocation is still there")
		}
	}
}

func TestOffer(t *testing.T) {
	b := newBed(t, nil)
	for _, c := range []struct {
		name, host string
		offer      Offer
		want       []string
	}{
		{"everything", "meet.example:7077", Offer{Streams: true, TLS: true}, []string{
			"stun:meet.example:7077", "turn:meet.example:7077", "turn:meet.example:7077?transport=tcp", "turns:meet.example:7077?transport=tcp"}},
		{"default port", "meet.example", Offer{Streams: true}, []string{"stun:meet.example:80", "turn:meet.example:80", "turn:meet.example:80?transport=tcp"}},
		{"default port of TLS", "[2001:db8::1]", Offer{TLS: true}, []string{"stun:[2001:db8::1]:443", "turn:[2001:db8::1]:443", "turns:[2001:db8::1]:443?transport=tcp"}},
		{"behind a proxy", "meet.example", Offer{Port: 7077}, []string{"stun:meet.example:7077", "turn:meet.example:7077"}},
		{"no UDP", "10.0.0.1:1", Offer{Streams: true, NoUDP: true}, []string{"turn:10.0.0.1:1?transport=tcp"}},
		{"a hostile header", "x\"y:1", Offer{}, nil},
		{"a hostile port", "x:99999", Offer{}, nil},
	} {
		c.offer.Server = b.Server
		servers, renew := c.offer.ICE(request(c.host))
		var got []string
		for _, s := range servers {
			got = append(got, s.URLs...)
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if (renew == 0) != (c.want == nil) {
			t.Errorf("%s: renewed after %v", c.name, renew)
		}
	}
}

func request(host string) signal.ICERequest {
	return signal.ICERequest{Room: "room", Peer: "ada", Host: host}
}
