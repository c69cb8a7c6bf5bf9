package lan_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/internal/lan"
	"github.com/meet-term/meet/internal/lan/lantest"
	"github.com/meet-term/meet/signal"
)

// machine is a beacon that notes what it hears.
type machine struct {
	*lan.Beacon
	conn lan.Conn
	end  func()

	mu    sync.Mutex
	heard []string
}

func (m *machine) take() []string {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.heard
	m.heard = nil
	return h
}

func start(t *testing.T, n *lantest.Net, address, room string) *machine {
	t.Helper()
	r, err := signal.Invite{Name: room}.Room()
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{conn: n.Open(netip.MustParseAddr(address))}
	m.Beacon, err = lan.New(lan.Config{Keys: r, Conn: m.conn, Heard: func(s lan.Server, gone bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.heard = append(m.heard, fmt.Sprint(s.ID, " ", s.Base(s.Addresses[0]), " ", s.Host, " ", gone))
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.Run(ctx); err != context.Canceled {
			t.Errorf("the beacon ended: %v", err)
		}
	}()
	m.end = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(m.end)
	return m
}

func server(id, address string) *lan.Server {
	return &lan.Server{ID: id, Addresses: []netip.Addr{netip.MustParseAddr(address)}, Port: 7077, Host: "Ada"}
}

func want(t *testing.T, who string, got []string, wanted ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(wanted, "\n") {
		t.Errorf("%s heard %q, want %q", who, got, wanted)
	}
}

// The second machine finds the server of the first at once, hears of one that
// comes later, and of its end; another room hears nothing.
func TestFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n lantest.Net
		a := start(t, &n, "192.168.1.5", "demo")
		other := start(t, &n, "192.168.1.7", "secret-plans")
		a.Announce(server("A", "192.168.1.5"), true)
		time.Sleep(2 * time.Second)
		const told = "A http://192.168.1.5:7077/ Ada false"
		want(t, "a", a.take(), told, told) // twice, a second apart
		b := start(t, &n, "192.168.1.6", "demo")
		began := time.Now()
		b.Ask()
		want(t, "b", b.take(), "A http://192.168.1.5:7077/ Ada false")
		if took := time.Since(began); took != 0 {
			t.Errorf("found after %v", took)
		}
		time.Sleep(5 * time.Second)
		b.take()
		a.Announce(server("A2", "192.168.1.5"), true)
		want(t, "b", b.take(), "A http://192.168.1.5:7077/ Ada true", "A2 http://192.168.1.5:7077/ Ada false")
		a.end()
		want(t, "b", b.take(), "A2 http://192.168.1.5:7077/ Ada true")
		b.Ask()
		time.Sleep(time.Second)
		want(t, "b", b.take())
		want(t, "another room", other.take())
	})
}

// Two who start at the same moment ask before either can answer: they hear of
// each other all the same.
func TestSimultaneous(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n lantest.Net
		a, b := start(t, &n, "192.168.1.5", "demo"), start(t, &n, "192.168.1.6", "demo")
		a.Ask()
		b.Ask()
		want(t, "a", a.take())
		a.Announce(server("A", "192.168.1.5"), true)
		b.Announce(server("B", "192.168.1.6"), true)
		time.Sleep(50 * time.Millisecond)
		if got := strings.Join(a.take(), " "); !strings.Contains(got, "B ") {
			t.Errorf("a heard %q", got)
		}
		if got := strings.Join(b.take(), " "); !strings.Contains(got, "A ") {
			t.Errorf("b heard %q", got)
		}
	})
}

// Whoever knows the server answers when its own machine does not, and is silent
// when it does.
func TestOthersAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n lantest.Net
		a, b := start(t, &n, "192.168.1.5", "demo"), start(t, &n, "192.168.1.6", "demo")
		a.Announce(server("A", "192.168.1.5"), true)
		b.Announce(server("A", "192.168.1.5"), false)
		time.Sleep(2 * time.Second)
		c := start(t, &n, "192.168.1.7", "demo")
		c.Ask()
		time.Sleep(100 * time.Millisecond)
		want(t, "c", c.take(), "A http://192.168.1.5:7077/ Ada false")
		time.Sleep(2 * time.Second)
		c.take()
		n.Unplug(a.conn, true)
		c.Ask()
		want(t, "c", c.take()) // b leaves the first word to a
		time.Sleep(100 * time.Millisecond)
		want(t, "c", c.take(), "A http://192.168.1.5:7077/ Ada false")
	})
}

// Rooms that were apart find each other within half a minute, and an idle
// network carries next to nothing.
func TestAskAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n lantest.Net
		a, b := start(t, &n, "192.168.1.5", "demo"), start(t, &n, "192.168.1.6", "demo")
		n.Unplug(b.conn, true)
		a.Announce(server("A", "192.168.1.5"), true)
		b.Ask()
		time.Sleep(5 * time.Second)
		want(t, "b", b.take())
		n.Unplug(b.conn, false)
		time.Sleep(30 * time.Second)
		if len(b.take()) == 0 {
			t.Error("never found")
		}
		was := n.Sent()
		time.Sleep(10 * time.Minute)
		if sent := n.Sent() - was; sent > 50 {
			t.Errorf("%d messages in ten idle minutes", sent)
		}
	})
}

// A flood of questions is answered now and then.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n lantest.Net
		a := start(t, &n, "192.168.1.5", "demo")
		a.Announce(server("A", "192.168.1.5"), true)
		time.Sleep(2 * time.Second)
		b := start(t, &n, "192.168.1.6", "demo")
		was := n.Sent()
		for range 500 {
			b.Ask()
			time.Sleep(2 * time.Millisecond)
		}
		if answers := n.Sent() - was - 500; answers > 21 {
			t.Errorf("%d answers to 500 questions in a second", answers)
		}
	})
}
