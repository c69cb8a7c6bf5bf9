package signal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

func get(s http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestHTTP(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "page for ", r.URL.Path) })
	for _, tc := range []struct {
		name string
		cfg  ServerConfig
		path string
		code int
		body string
	}{
		{"health", ServerConfig{}, "/healthz", 200, "ok meet.2 "},
		{"metrics", ServerConfig{}, "/metrics", 200, "\nmeet_connections 0\n"},
		{"page", ServerConfig{Page: page}, "/demo", 200, "page for /demo"},
		{"no page", ServerConfig{}, "/demo", 200, "This is a meet server"},
		{"no upgrade", ServerConfig{}, "/ws", 400, "Bad Request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := get(NewServer(tc.cfg), tc.path)
			if w.Code != tc.code || !strings.Contains(w.Body.String(), tc.body) {
				t.Errorf("GET %s = %d %q", tc.path, w.Code, w.Body)
			}
		})
	}
}

func TestHealthWhileLeaving(t *testing.T) {
	s := NewServer(ServerConfig{})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w := get(s, "/healthz"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("health = %d", w.Code)
	}
	if w := get(s, "/ws"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a new connection = %d", w.Code)
	}
}

func TestOrigins(t *testing.T) {
	for _, tc := range []struct {
		origin  string
		origins []string
		want    bool
	}{
		{"", nil, true},
		{"https://meet.example", nil, true},
		{"https://MEET.example", nil, true},
		{"https://evil.example", nil, false},
		{"https://meet.example.evil.example", nil, false},
		{"null", nil, false},
		{"https://app.example", []string{"https://app.example"}, true},
		{"http://app.example", []string{"https://app.example"}, false},
		{"https://evil.example", []string{"*"}, true},
	} {
		s := NewServer(ServerConfig{Origins: tc.origins})
		r := httptest.NewRequest(http.MethodGet, "https://meet.example/ws", nil)
		r.Header.Set("Origin", tc.origin)
		if tc.origin == "" {
			r.Header.Del("Origin")
		}
		if got := s.originAllowed(r); got != tc.want {
			t.Errorf("origin %q with %v: allowed %v", tc.origin, tc.origins, got)
		}
	}
}

func TestClientAddress(t *testing.T) {
	for _, tc := range []struct {
		name    string
		trust   bool
		headers []string
		want    string
	}{
		{"direct", false, nil, "192.0.2.1"},
		{"a header nobody vouches for", false, []string{"198.51.100.7"}, "192.0.2.1"},
		{"proxy", true, []string{"198.51.100.7"}, "198.51.100.7"},
		{"only the proxy's entry counts", true, []string{"10.0.0.1, 198.51.100.7"}, "198.51.100.7"},
		{"several headers", true, []string{"10.0.0.1", "198.51.100.7"}, "198.51.100.7"},
		{"nonsense", true, []string{"localhost"}, "192.0.2.1"},
		{"proxy without the header", true, nil, "192.0.2.1"},
		{"version 6", true, []string{"2001:DB8::1"}, "2001:db8::1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := NewServer(ServerConfig{TrustProxy: tc.trust})
			r := httptest.NewRequest(http.MethodGet, "/ws", nil)
			r.RemoteAddr = "192.0.2.1:4711"
			r.Header["X-Forwarded-For"] = tc.headers
			if got := s.clientAddress(r); got != tc.want {
				t.Errorf("address %q, want %q", got, tc.want)
			}
		})
	}
}

func TestMaxRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{MaxRooms: 1})
		ada := b.join("ada")
		other, err := Invite{Name: "other"}.Room()
		if err != nil {
			t.Fatal(err)
		}
		bob := b.start("bob", func(c *Config) { c.Room = other })
		synctest.Wait()
		if s := bob.all()[1].event.(ServerState); s.State != Connecting || s.Err == nil {
			t.Errorf("bob got %+v", s)
		}
		ada.Leave() // the room goes with its last member
		time.Sleep(2 * time.Second)
		if !bob.isConnected() {
			t.Error("bob never got in")
		}
	})
}

// A room is forgotten when its last member is gone; nothing of it stays.
func TestNothingStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		for i := range 5 {
			g := b.join(fmt.Sprint("guest", i))
			if i%2 == 0 {
				g.Leave()
			} else {
				g.cancel()
			}
			<-g.done
		}
		time.Sleep(GoneAfter + forgetEvery + sweepEvery)
		b.server.mu.Lock()
		defer b.server.mu.Unlock()
		if len(b.server.rooms) != 0 || len(b.server.conns) != 0 || len(b.server.guard.addresses) != 0 {
			t.Errorf("left over: %d rooms, %d connections, %d addresses", len(b.server.rooms), len(b.server.conns), len(b.server.guard.addresses))
		}
	})
}

func TestMetricsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		ada.Send(bob.id, bob.inc, Need{})
		synctest.Wait()
		bob.cancel()
		<-bob.done
		synctest.Wait()
		body := get(b.server, "/metrics").Body.String()
		for _, line := range []string{
			"meet_connections 1", "meet_rooms 1",
			`meet_members{presence="present"} 1`, `meet_members{presence="away"} 1`,
			"meet_joins_total 2", "meet_messages_relayed_total 1",
		} {
			if !strings.Contains(body, "\n"+line+"\n") {
				t.Errorf("no line %q in\n%s", line, body)
			}
		}
	})
}

// A member that sends nothing by itself but answers the server's pings, as a
// browser does whose timers sleep, stays present.
func TestPingsKeepAQuietMemberPresent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada := b.join("ada")
		r := b.dialRaw("quiet")
		b.hello(r, nil)
		go func() {
			for {
				if _, _, err := r.ws.ReadMessage(); err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		ada.take()
		time.Sleep(10 * time.Minute)
		ada.want()
		r.ws.Close()
	})
}

// The whole way over real sockets: TCP with its writes that never wait, and TLS,
// where a goroutine waits instead.
func TestOverLoopback(t *testing.T) {
	t.Run("tcp", func(t *testing.T) { overLoopback(t, httptest.NewServer) })
	t.Run("tls", func(t *testing.T) { overLoopback(t, httptest.NewTLSServer) })
}

func overLoopback(t *testing.T, serve func(http.Handler) *httptest.Server) {
	server := NewServer(ServerConfig{})
	web := serve(server)
	defer web.Close()
	ada := startOver(t, web, "ada")
	ada.until(func(e Event) bool { _, ok := e.(Welcome); return ok })
	bob := startOver(t, web, "bob")
	ada.until(func(e Event) bool { p, ok := e.(PeerChanged); return ok && p.Peer == bob.id })
	large := Offer{Epoch: 1, SDP: strings.Repeat("x", MaxSDP)}
	for range 40 {
		ada.Send(bob.id, 1, large)
		bob.until(func(e Event) bool {
			m, ok := e.(Message)
			if ok && m.Body != Body(large) {
				t.Fatal("a message was damaged")
			}
			return ok
		})
	}
	bob.Leave()
	if err := <-bob.done; err != nil {
		t.Error(err)
	}
	ada.until(func(e Event) bool { p, ok := e.(PeerGone); return ok && p.Peer == bob.id })
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	ada.until(func(e Event) bool { s, ok := e.(ServerState); return ok && s.State == Reconnecting })
	ada.Leave()
	if err := <-ada.done; err != nil {
		t.Error(err)
	}
}

// socketGuest is a client over a real socket.
type socketGuest struct {
	*Client
	t      *testing.T
	id     PeerID
	events chan Event
	done   chan error
}

func startOver(t *testing.T, web *httptest.Server, name string) *socketGuest {
	t.Helper()
	room, err := Invite{Name: "demo"}.Room()
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		URL: "ws" + strings.TrimPrefix(web.URL, "http") + "/ws", Room: room, Key: key, Inc: 1,
		State: State{N: 1, Name: name},
	}
	if web.TLS != nil {
		cfg.TLS = web.Client().Transport.(*http.Transport).TLSClientConfig
	}
	g := &socketGuest{t: t, id: room.PeerID(key.Public().(ed25519.PublicKey)), events: make(chan Event, 1000), done: make(chan error, 1)}
	cfg.Handle = func(e Event) { g.events <- e }
	if g.Client, err = NewClient(cfg); err != nil {
		t.Fatal(err)
	}
	go func() { g.done <- g.Run(t.Context()) }()
	return g
}

// until takes events up to one that ends the wait.
func (g *socketGuest) until(ends func(Event) bool) {
	g.t.Helper()
	for {
		select {
		case e := <-g.events:
			if ends(e) {
				return
			}
		case <-time.After(30 * time.Second):
			g.t.Fatal("the awaited event never came")
		}
	}
}

// What does not fit into a socket's buffers is written later, in order and
// complete, and nobody waits for it.
func TestWritesNeverWait(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.(*net.TCPConn).SetWriteBuffer(4 << 10)
	client.(*net.TCPConn).SetReadBuffer(4 << 10)
	c := &conn{server: NewServer(ServerConfig{}), nc: nc, raw: rawWriter(nc)}
	var want []byte
	for i := range 200 { // 200 KB, less than the queue may hold
		frame := textFrame(bytes.Repeat([]byte{byte('a' + i%26)}, 1000))
		want = append(want, frame...)
		c.send(frame)
	}
	c.mu.Lock()
	waiting := c.queued
	c.mu.Unlock()
	if waiting == 0 {
		t.Fatal("everything fit into the socket's buffers: this tests nothing")
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the frames came damaged (%v)", err)
	}
	c.finish(nil, websocket.CloseNormalClosure)
	c.waitWritten()
	if rest, err := io.ReadAll(client); err != nil || len(rest) != 4 {
		t.Errorf("after a close frame of 4 bytes the connection should end: %q, %v", rest, err)
	}
}
