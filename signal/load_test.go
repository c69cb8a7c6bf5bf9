package signal

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// One address that opens 10,000 connections and rooms and floods with whatever is
// let in leaves others their links, and joins under a second: over real sockets, on
// one machine with those who flood. TestFloodOfOneAddress is its small sister.
func TestLoad(t *testing.T) {
	if os.Getenv("MEET_BENCH") == "" {
		t.Skip("floods a server for a minute; MEET_BENCH=1 runs it")
	}
	if runtime.GOOS != "linux" {
		t.Skip("needs a machine that has all of 127.0.0.0/8, as Linux does")
	}
	guard := NewGuard(AddressLimits{}, false)
	server := NewServer(ServerConfig{Guard: guard})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	web := &http.Server{Handler: server, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 30 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go web.Serve(guard.Listener(l))
	ctx, cancel := context.WithCancel(t.Context())
	var tasks sync.WaitGroup
	tasks.Go(func() { server.Run(ctx) })
	defer func() { cancel(); web.Close(); tasks.Wait() }()

	from := func(ip string) DialFunc {
		return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}).DialContext
	}
	var lost atomic.Int64
	join := func(ip, room string) (time.Duration, context.CancelFunc) {
		r, err := Invite{Name: room}.Room()
		if err != nil {
			t.Fatal(err)
		}
		key, _ := NewKey(rand.Reader)
		welcomed := make(chan struct{})
		in := sync.OnceFunc(func() { close(welcomed) })
		c, err := NewClient(Config{
			URL: "ws://" + address + "/ws", Room: r, Key: key, Inc: 1, State: State{N: 1, Name: room},
			Dial: from(ip), Rand: rand.Reader, Logger: slog.New(slog.DiscardHandler),
			Handle: func(e Event) {
				switch e := e.(type) {
				case Welcome:
					in()
				case ServerState:
					if e.State == Reconnecting {
						lost.Add(1)
						t.Logf("%s lost its link: %v", ip, e.Err)
					}
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		mine, leave := context.WithCancel(ctx)
		start := time.Now()
		tasks.Go(func() { _ = c.Run(mine) })
		select {
		case <-welcomed:
		case <-time.After(10 * time.Second):
		}
		return time.Since(start), leave
	}
	for i := range 20 {
		join(fmt.Sprintf("127.0.1.%d", i+1), "honest")
	}

	// The flood is a process of its own: in this one its goroutines, which never wait,
	// would come before the server's.
	flood := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestLoadFlood$", "-test.v")
	flood.Env = append(os.Environ(), "MEET_FLOOD="+address)
	var told bytes.Buffer
	flood.Stdout = &told
	if err := flood.Start(); err != nil {
		t.Fatal(err)
	}
	var worst time.Duration
	joins := 0
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); joins++ {
		took, leave := join(fmt.Sprintf("127.0.2.%d", joins%250+1), fmt.Sprint("new", joins))
		worst = max(worst, took)
		leave()
		time.Sleep(200 * time.Millisecond)
	}
	if err := flood.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = flood.Wait()
	var limits bytes.Buffer
	guard.WriteMetrics(&limits)
	t.Logf("%d joins of others, the slowest in %v; %d links lost\n%s%s", joins, worst, lost.Load(), told.String(), limits.String())
	if worst > time.Second || lost.Load() > 0 {
		t.Errorf("a join took %v, %d links were lost", worst, lost.Load())
	}
}

// TestLoadFlood is the flood of TestLoad, from 127.0.0.2.
func TestLoadFlood(t *testing.T) {
	address := os.Getenv("MEET_FLOOD")
	if address == "" {
		t.Skip("TestLoad runs it as a process of its own")
	}
	const connections = 10_000
	dial := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext
	var dialed, served, silent atomic.Int64
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	defer stop()
	held := make(chan struct{}, connections)
	var tasks sync.WaitGroup
	for range 16 {
		tasks.Go(func() {
			d := websocket.Dialer{NetDialContext: dial}
			for ctx.Err() == nil {
				select { // as many as a process may have descriptors for
				case held <- struct{}{}:
				case <-ctx.Done():
					return
				}
				n := dialed.Add(1)
				if n%2 == 0 {
					tasks.Go(func() { hold(ctx, dial, address, &silent); <-held })
					continue
				}
				ws, _, err := d.DialContext(ctx, "ws://"+address+"/ws", nil)
				if err != nil {
					<-held
					continue
				}
				served.Add(1)
				tasks.Go(func() { floodOn(ctx, ws, int(n)); <-held })
			}
		})
	}
	tasks.Wait()
	t.Logf("the flood: %d dials, %d served, %d silent connections", dialed.Load(), served.Load(), silent.Load())
}

// hold opens a connection and says nothing until the server has had enough.
func hold(ctx context.Context, dial DialFunc, address string, opened *atomic.Int64) {
	c, err := dial(ctx, "tcp", address)
	if err != nil {
		return
	}
	opened.Add(1)
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_, _ = io.Copy(io.Discard, c)
}

// floodOn says hello for a room of its own and sends as much as it can.
func floodOn(ctx context.Context, ws *websocket.Conn, n int) {
	defer ws.Close()
	room, err := Invite{Name: fmt.Sprint("flood", n)}.Room()
	if err != nil {
		return
	}
	key, _ := NewKey(rand.Reader)
	token, _ := randomID(rand.Reader)
	s := NewSealer(room, key, 1, rand.Reader)
	h := signed(key, helloFrame{Room: room.ID(), Inc: 1, N: 1, Resume: token, Try: 1})
	if h.state, err = s.SealState(State{N: 1, Name: "mal"}); err != nil {
		return
	}
	go io.Copy(io.Discard, ws.NetConn())
	stop := context.AfterFunc(ctx, func() { ws.Close() })
	defer stop()
	for frame := encodeFrame(h); ws.WriteMessage(websocket.TextMessage, frame) == nil; {
		if frame = []byte(`{"t":"sync"}`); h.N%2 == 0 {
			frame = encodeFrame(stateFrame{N: h.N, state: h.state})
		}
		h.N++
	}
}
