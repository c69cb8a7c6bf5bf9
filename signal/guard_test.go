package signal

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/internal/memnet"
)

func TestNetworkOf(t *testing.T) {
	for in, want := range map[string]string{
		"198.51.100.7": "198.51.100.7", "::ffff:198.51.100.7": "198.51.100.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::1": "2001:db8:1:2::/64",
		"2001:db8:1:3::1": "2001:db8:1:3::/64", "fe80::1%eth0": "fe80::/64", "somewhere": "somewhere",
	} {
		if got := networkOf(in); got != want {
			t.Errorf("%s counts as %s, want %s", in, got, want)
		}
	}
}

// Each limit of an address ends what that address does, and nothing another one
// does; and it comes back with time.
func TestGuard(t *testing.T) {
	const other = "2001:db8:0:1::1"
	limits := AddressLimits{Connections: 4, Dials: 2, Rooms: 3, Bytes: weightUnit}
	for _, tc := range []struct {
		name  string
		do    func(g *Guard, address string, now time.Time) error
		times int // how often it goes well at once
		again time.Duration
		hit   limitKind
		err   error
	}{
		{"WebSockets", func(g *Guard, address string, now time.Time) error {
			_, err := g.admit(address, now)
			return err
		}, 4, 0, limitConnections, errCrowded},
		{"dials", func(g *Guard, address string, now time.Time) error {
			v, err := g.admit(address, now)
			if err == nil {
				g.release(v)
			}
			return err
		}, 6, time.Second / 2, limitDials, errDialing},
		{"connections", func(g *Guard, address string, now time.Time) error { return g.arrive(address, now) }, 8, 0, limitConnections, errCrowded},
		{"connections that end", func(g *Guard, address string, now time.Time) error {
			err := g.arrive(address, now)
			if err == nil {
				g.depart(address)
			}
			return err
		}, 12, time.Second / 4, limitDials, errDialing},
		{"requests", func(g *Guard, address string, now time.Time) error { return g.request(address, 1, now) }, 60, time.Second / 20, limitRequests, errRequests},
		{"rooms", func(g *Guard, address string, now time.Time) error {
			g.mu.Lock()
			v := g.visitorLocked(address)
			g.mu.Unlock()
			return g.newRoom(v, 1, now)
		}, 3, 20 * time.Second, limitRooms, errManyRooms},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g, now := NewGuard(limits, false), time.Unix(1000, 0)
			for i := range tc.times {
				// All addresses of one network of 64 bits are one.
				if err := tc.do(g, fmt.Sprintf("2001:db8::%d", i), now); err != nil {
					t.Fatalf("number %d: %v", i+1, err)
				}
			}
			if err := tc.do(g, "2001:db8::ffff", now); err != tc.err {
				t.Errorf("number %d: %v, want %v", tc.times+1, err, tc.err)
			}
			if n := g.hits[tc.hit].Load(); n != 1 {
				t.Errorf("the limit was met %d times", n)
			}
			if err := tc.do(g, other, now); err != nil {
				t.Errorf("another address: %v", err)
			}
			if tc.again > 0 {
				if err := tc.do(g, "2001:db8::1", now.Add(tc.again-time.Millisecond)); err == nil {
					t.Error("a moment before its time it went well")
				}
				if err := tc.do(g, "2001:db8::1", now.Add(tc.again)); err != nil {
					t.Errorf("at its time: %v", err)
				}
			}
			off := NewGuard(AddressLimits{Connections: -1}, false)
			if tc.hit != limitConnections || tc.name == "WebSockets" {
				for range 1000 {
					if err := tc.do(off, other, now); err != nil && tc.name != "connections that end" {
						t.Fatalf("without limits: %v", err)
					}
				}
			}
		})
	}
}

// What an address used is forgotten when it uses nothing any more, not before.
func TestGuardForgets(t *testing.T) {
	g, now := NewGuard(AddressLimits{}, false), time.Unix(1000, 0)
	v, _ := g.admit("a", now)
	_ = g.arrive("b", now)
	for i := range 1000 {
		_ = g.request(fmt.Sprint("c", i), 1, now)
	}
	g.sweep(now.Add(time.Minute))
	if len(g.addresses) != 2 {
		t.Errorf("%d addresses are known, want the two that have connections", len(g.addresses))
	}
	g.release(v)
	g.depart("b")
	g.sweep(now.Add(2 * time.Minute))
	if len(g.addresses) != 0 {
		t.Errorf("%d addresses are known", len(g.addresses))
	}
}

// Who shares an address with a flood waits for maxDebt at most.
func TestDebtIsBounded(t *testing.T) {
	g, now := NewGuard(AddressLimits{Bytes: weightUnit}, false), time.Unix(1000, 0)
	v, _ := g.admit("a", now)
	if wait := g.charge(v, 8, now); wait != 0 {
		t.Errorf("eight seconds' worth at once waits %v", wait)
	}
	if wait := g.charge(v, 1, now); wait != time.Second {
		t.Errorf("a second's worth more waits %v", wait)
	}
	if wait := g.charge(v, 1e9, now); wait != maxDebt {
		t.Errorf("a flood waits %v", wait)
	}
	if !g.inDebt(v, now.Add(maxDebt-time.Millisecond)) || g.inDebt(v, now.Add(maxDebt)) {
		t.Error("the debt ends at another time")
	}
}

// guardedServer is a server behind a guard's listener on a network in memory.
func guardedServer(t *testing.T, limits AddressLimits, cfg ServerConfig) (*memnet.Net, *Server) {
	t.Helper()
	cfg.Guard = NewGuard(limits, false)
	n, server := memnet.New(), NewServer(cfg)
	l, err := n.Listen(serverAddress)
	if err != nil {
		t.Fatal(err)
	}
	web := NewHTTPServer(server, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	go web.Serve(cfg.Guard.Listener(l))
	done := make(chan struct{})
	go func() { defer close(done); server.Run(ctx) }()
	t.Cleanup(func() { cancel(); web.Close(); <-done })
	return n, server
}

// Connections that say nothing count, are let go after a while, and those beyond
// the limit are told so by what they speak.
func TestIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, server := guardedServer(t, AddressLimits{Connections: 4, Dials: 100}, ServerConfig{})
		dial := func(who string) net.Conn {
			c, err := n.Dialer(who)(t.Context(), "tcp", serverAddress)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		}
		ask := func(c net.Conn, request string) string {
			_, _ = io.WriteString(c, request)
			c.SetReadDeadline(time.Now().Add(2 * time.Second))
			line, _ := bufio.NewReader(c).ReadString('\n')
			return strings.TrimSpace(line)
		}
		const request = "GET /healthz HTTP/1.1\r\nHost: server\r\n\r\n"
		for i := range 8 {
			c := dial("mal")
			if i%2 == 0 { // idle after a request, and idle from the start
				if got := ask(c, request); got != "HTTP/1.1 200 OK" {
					t.Fatalf("within the limit: %q", got)
				}
			}
		}
		if got := ask(dial("mal"), request); got != "HTTP/1.1 429 Too Many Requests" {
			t.Errorf("beyond the limit: %q", got)
		}
		var alert bytes.Buffer
		c := dial("mal")
		_, _ = c.Write([]byte{tlsHandshake, 3, 1})
		_, _ = io.Copy(&alert, c)
		if !bytes.Equal(alert.Bytes(), accessDenied) {
			t.Errorf("inside TLS beyond the limit: % x", alert.Bytes())
		}
		if got := ask(dial("ada"), request); got != "HTTP/1.1 200 OK" {
			t.Errorf("another address: %q", got)
		}
		if got := server.guard.hits[limitConnections].Load(); got != 2 {
			t.Errorf("the limit was met %d times", got)
		}
		time.Sleep(31 * time.Second)
		if got := ask(dial("mal"), request); got != "HTTP/1.1 200 OK" {
			t.Errorf("when they had been idle for long: %q", got)
		}
	})
}

// A dial that meets a limit is told in words, and tried again when the server says.
func TestDialBeyondTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{MaxPerAddress: 1})
		b.join("office")
		second := b.start("office", nil)
		synctest.Wait()
		events := second.all()
		s, ok := events[len(events)-1].event.(ServerState)
		if !ok || s.State != Connecting || s.RetryIn < 5*time.Second || s.RetryIn > 6*time.Second {
			t.Fatalf("the second got %+v", events)
		}
		if got := Trouble(s.Err); got != "it has too many connections from this network" {
			t.Errorf("in words: %q", got)
		}
		if !b.join("elsewhere").isConnected() {
			t.Error("another address is not let in")
		}
	})
}

func TestTurnedAwayInTLS(t *testing.T) {
	err := fmt.Errorf("dial: %w", &net.OpError{Op: "remote error", Err: tls.AlertError(49)})
	if got := Trouble(err); got != "it has too many connections from this network" {
		t.Errorf("in words: %q", got)
	}
}

// One address opens no more new rooms than it may, and what it holds is not taken.
func TestNewRoomsPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{Guard: NewGuard(AddressLimits{Rooms: 2}, false)})
		room := func(name string) func(*Config) {
			r, err := Invite{Name: name}.Room()
			if err != nil {
				t.Fatal(err)
			}
			return func(c *Config) { c.Room = r }
		}
		b.start("mal", room("one"))
		synctest.Wait()
		b.start("mal", room("two"))
		synctest.Wait()
		third := b.start("mal", room("three"))
		synctest.Wait()
		if third.isConnected() {
			t.Error("the third room was opened")
		}
		events := third.all()
		s := events[len(events)-1].event.(ServerState)
		if got := Trouble(s.Err); got != "the server opens no further room now ("+errManyRooms.Error()+")" {
			t.Errorf("in words: %q", got)
		}
		if !b.start("mal", room("one")).isConnected() {
			t.Error("a room that exists is closed to its address")
		}
		if !b.start("ada", room("four")).isConnected() {
			t.Error("another address opens no room")
		}
		time.Sleep(time.Minute)
		if !third.isConnected() {
			t.Error("the third room is not opened later")
		}
	})
}

// However often somebody asks for the roster, it is sent once a second, and the
// last question is answered too.
func TestRosterOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{Rate: 1000, Burst: 10_000})
		for i := range 5 {
			b.join(fmt.Sprint("guest", i))
		}
		r := b.dialRaw("mal")
		b.hello(r, nil)
		go func() {
			for range 1000 {
				r.send([]byte(`{"t":"sync"}`))
			}
		}()
		var rosters atomic.Int64
		go func() {
			for {
				f, code := r.next()
				if code != 0 {
					return
				}
				if _, ok := f.(roomFrame); ok {
					rosters.Add(1)
				}
			}
		}()
		time.Sleep(900 * time.Millisecond)
		if rosters.Load() != 1 {
			t.Errorf("%d rosters at once", rosters.Load())
		}
		time.Sleep(5 * time.Second)
		if rosters.Load() != 2 {
			t.Errorf("%d rosters for a flood of questions, want one at once and one afterwards", rosters.Load())
		}
		if n := b.server.guard.hits[limitRosters].Load(); n != 999 {
			t.Errorf("the limit was met %d times", n)
		}
		r.ws.Close()
	})
}

// What a frame has the server write to others counts for its sender: states go to
// a whole room.
func TestStatesWeighWhatTheyCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		const others = 15
		for i := range others {
			b.join(fmt.Sprint("guest", i))
		}
		r := b.dialRaw("mal")
		b.hello(r, nil)
		state := bytes.Repeat([]byte("A"), MaxState)
		start := b.server.stats.framesIn.Load()
		go func() {
			for n := uint64(2); n < 2000; n++ {
				frame := encodeFrame(stateFrame{N: n})
				if bytes.IndexByte(frame, '\n') < 0 {
					frame = append(append(frame, '\n'), state...)
				}
				r.send(frame)
			}
		}()
		go io.Copy(io.Discard, r.ws.NetConn())
		time.Sleep(10 * time.Second)
		pings := int64(others * 5)
		frames := b.server.stats.framesIn.Load() - start - pings
		// 200 and ten seconds of 50, in frames that each weigh what 15 others get.
		if most := int64(700/(1+others)) + 2; frames > most || frames < most/2 {
			t.Errorf("%d states were taken in ten seconds, want about %d", frames, most)
		}
		r.ws.Close()
	})
}

// One address that floods with all it has leaves others their links and joins under
// a second. In virtual time this is about limits; TestLoad does it with real sockets
// and a real processor.
func TestFloodOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		b := newBed(t, ServerConfig{MaxRooms: 600, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		ada, bob := b.join("ada"), b.join("bob")
		ada.take()
		bob.take()
		ctx, stop := context.WithCancel(t.Context())
		dial := b.net.Dialer("mal")
		d := websocket.Dialer{NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dial(ctx, network, address)
		}}
		done := make(chan struct{})
		refused, taken := 0, 0
		go func() {
			defer close(done)
			for i := 0; i < 1000 && ctx.Err() == nil; i++ {
				ws, _, err := d.DialContext(ctx, "ws://"+serverAddress+"/ws", nil)
				if err != nil {
					refused++
					continue
				}
				taken++
				room, _ := Invite{Name: fmt.Sprint("flood", i)}.Room()
				r := &raw{t, ws}
				b.hello(r, func(h *helloFrame) { h.Room = room.ID() })
				t.Cleanup(func() { ws.Close() })
				go io.Copy(io.Discard, ws.NetConn())
				go func() {
					for range 20 {
						r.send([]byte(`{"t":"sync"}`))
						r.send([]byte(`{"t":"nonsense"}`))
					}
				}()
			}
		}()
		time.Sleep(100 * time.Millisecond)
		start := time.Now()
		cyd := b.start("cyd", func(c *Config) { c.Room, _ = Invite{Name: "another"}.Room() })
		for !cyd.isConnected() {
			if time.Sleep(10 * time.Millisecond); time.Since(start) > time.Second {
				t.Fatal("no join within a second")
			}
		}
		time.Sleep(20 * time.Second)
		stop()
		<-done
		if refused == 0 || taken > 600 {
			t.Errorf("%d dials were taken, %d refused", taken, refused)
		}
		b.server.mu.Lock()
		rooms := len(b.server.rooms)
		b.server.mu.Unlock()
		if rooms > 200 {
			t.Errorf("%d rooms", rooms)
		}
		if n := strings.Count(logged.String(), "\n"); n > 100 {
			t.Errorf("%d lines in the log", n)
		}
		ada.want()
		bob.want()
	})
}

// Requests for the page and for figures count as well, and are turned away in words.
func TestRequestsOfOneAddress(t *testing.T) {
	s := NewServer(ServerConfig{Guard: NewGuard(AddressLimits{Connections: 1, Dials: 1}, false)})
	codes := map[int]int{}
	for range 100 {
		codes[get(s, "/healthz").Code]++
	}
	if codes[http.StatusTooManyRequests] < 70 || codes[http.StatusOK] < 20 {
		t.Errorf("answers to a hundred requests: %v", codes)
	}
	w := get(s, "/demo")
	if w.Body.String() != errRequests.Error()+"\n" || w.Header().Get("Retry-After") != retryAfter || w.Header().Get("Connection") != "close" {
		t.Errorf("turned away with %q, %v", w.Body, w.Header())
	}
}

// Behind a proxy the addresses are those of its header, and no connection is counted.
func TestLimitsBehindAProxy(t *testing.T) {
	g := NewGuard(AddressLimits{Connections: 1, Dials: 1}, true)
	var l net.Listener = &net.TCPListener{}
	if g.Listener(l) != l {
		t.Error("connections of the proxy are counted")
	}
	s := NewServer(ServerConfig{Guard: g, TrustProxy: true})
	ask := func(client string) int {
		r, w := httptest.NewRequest(http.MethodGet, "/demo", nil), httptest.NewRecorder()
		r.Header.Set("X-Forwarded-For", client)
		s.ServeHTTP(w, r)
		return w.Code
	}
	for range 100 {
		ask("198.51.100.1")
	}
	if bad, good := ask("198.51.100.1"), ask("198.51.100.2"); bad != http.StatusTooManyRequests || good != http.StatusOK {
		t.Errorf("who floods gets %d, another one %d", bad, good)
	}
}

// All connections of an address share what it may read and write.
func TestWeightOfAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{Guard: NewGuard(AddressLimits{Bytes: 10 * weightUnit}, false)})
		for range 4 {
			r := b.dialRaw("mal")
			b.hello(r, nil)
			go io.Copy(io.Discard, r.ws.NetConn())
			go func() {
				for range 1000 {
					r.send([]byte(`{"t":"ping"}`))
				}
			}()
		}
		time.Sleep(10 * time.Second)
		// 80 at once and 10 a second, and four whose frame at hand is not yet paid for.
		if n := b.server.stats.framesIn.Load(); n > 80+100+8 || n < 80+100-8 {
			t.Errorf("%d frames of four connections were read in ten seconds", n)
		}
		if !b.join("ada").isConnected() {
			t.Error("another address is not let in")
		}
	})
}

// Nobody is waited for: not for the rest of a request, and not for an answer to be
// read.
func TestSlowRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrote := make(chan time.Duration, 1)
		page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			start := time.Now()
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				wrote <- time.Since(start)
			}
		})
		n, _ := guardedServer(t, AddressLimits{}, ServerConfig{Page: page})
		for request, want := range map[string]time.Duration{
			"GET /dem": headerWithin,
			"POST /ws HTTP/1.1\r\nHost: server\r\nContent-Length: 9\r\n\r\n": 0,
		} {
			c, err := n.Dialer("mal")(t.Context(), "tcp", serverAddress)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, _ = io.WriteString(c, request)
			_, _ = io.Copy(io.Discard, c)
			if took := time.Since(start); took < want || took > max(want, requestWithin) {
				t.Errorf("%q is waited for %v", request, took)
			}
			c.Close()
		}
		c, err := n.Dialer("mal")(t.Context(), "tcp", serverAddress)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET /demo HTTP/1.1\r\nHost: server\r\n\r\n") // and reads nothing
		if took := <-wrote; took != answerWithin {
			t.Errorf("an answer that is not read is waited for %v", took)
		}
	})
}
