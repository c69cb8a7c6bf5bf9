//go:build unix

package screen

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/e2e/rig"
)

// TestUsage makes mistakes: one clear line, status 2.
func TestUsage(t *testing.T) {
	t.Parallel()
	rig.Need(t)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"join"}, "one room"},
		{[]string{"join", "a", "b"}, "one room"},
		{[]string{"join", "demo", "--no-such-flag"}, "no-such-flag"},
		{[]string{"join", "demo", "--mic", "loud"}, "--mic"},
		{[]string{"join", "demo", "--speaker", "file:"}, "--speaker"},
		{[]string{"join", "demo", "--camera", "tone"}, "--camera"},
		{[]string{"join", "demo", "--screen", "display:"}, "--screen"},
		{[]string{"join", "demo", "--video", "film"}, "--video"},
		{[]string{"join", "demo", "--stats-interval", "1ms"}, "--stats-interval"},
		{[]string{"join", "demo", "--stats-interval", "often"}, "--stats-interval"},
		{[]string{"join", "demo", "--headless", "--plain"}, "exclude"},
		{[]string{"join", "--server", "ftp://example.com", "demo"}, "ftp"},
		{[]string{"join", "--server", "ws://127.0.0.1:1", "a+b"}, "room"},
		{[]string{"join", "--server", "ws://127.0.0.1:1", strings.Repeat("x", 1000)}, "room"},
		{[]string{"join", "--server", "ws://127.0.0.1:1", "\x1b[2J"}, "room"},
		{[]string{"join", "--server", "ws://127.0.0.1:1", ""}, "room"},
		{[]string{"serve", "extra"}, "extra"},
		{[]string{"serve", "--max-room-size", "1"}, "--max-room-size"},
		{[]string{"serve", "--tls-cert", "x"}, "--tls-key"},
		{[]string{"dance"}, "dance"},
		{[]string{"version", "now"}, "now"},
		{[]string{"completion", "cobol"}, "cobol"},
	} {
		out, errs, status := rig.Run(t, nil, c.args...)
		name := fmt.Sprintf("%.60q", c.args)
		if status != 2 {
			t.Errorf("%s: status %d, want 2: %s", name, status, errs)
		}
		if line := strings.TrimSuffix(errs, "\n"); strings.Contains(line, "\n") || !strings.HasPrefix(line, "meet: ") || !strings.Contains(line, c.says) || strings.Contains(line, "\x1b") {
			t.Errorf("%s: it says %q, want one line about %q", name, errs, c.says)
		}
		if out != "" {
			t.Errorf("%s: it also writes %q", name, out)
		}
	}
}

// TestPortInUse listens where somebody else does: status 1.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	rig.Need(t)
	s := rig.Serve(t)
	_, errs, status := rig.Run(t, nil, "serve", "--listen", s.Addr)
	if status != 1 || !strings.Contains(errs, "in use") || strings.Count(errs, "\n") != 1 {
		t.Errorf("status %d, %q; want 1 and one line", status, errs)
	}
}

// TestRoomFull is refused: status 3 with and without a screen.
func TestRoomFull(t *testing.T) {
	t.Parallel()
	s := rigServe(t, "--max-room-size", "2")
	for _, name := range []string{"bob", "carol"} {
		bystander(t, s, "full", name).Await(time.Time{}, "its place", rig.Is("joined", ""))
	}
	for _, mode := range []string{"--headless", "--plain"} {
		_, errs, status := rig.Run(t, nil, append([]string{"join", "full", mode, "--server", s.URL}, rig.Quiet()...)...)
		last := errs[strings.LastIndex(strings.TrimSpace(errs), "\n")+1:]
		if status != 3 || !strings.Contains(last, "full") {
			t.Errorf("%s: status %d, want 3; the last line is %q", mode, status, last)
		}
	}
	p := newPane(t, 100, 24)
	p.run(strings.Join(append([]string{rig.Binary(), "join", "full", "--no-lobby", "--server", s.URL}, rig.Quiet()...), " ") + "; echo status $?")
	p.shows("status 3")
	p.ends()
	if !strings.Contains(p.screen(), "meet: ") {
		t.Errorf("it does not say why:\n%s", p.screen())
	}
}

func rigServe(t *testing.T, flags ...string) *rig.Server {
	t.Helper()
	rig.Need(t)
	return rig.Serve(t, flags...)
}

// TestUnreachable keeps trying while there is no server, and joins when there
// is one.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	rig.Need(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // for a port that is free
	if err != nil {
		t.Fatal(err)
	}
	gone := &rig.Server{Addr: l.Addr().String(), URL: "ws://" + l.Addr().String()}
	l.Close()
	a := bystander(t, gone, "late", "alice")
	a.Await(time.Time{}, "a second attempt", func(e rig.Event) bool {
		return e.Name == "server-state-changed" && e.Number("attempt") >= 2
	})
	rig.Serve(t, "--listen", gone.Addr)
	a.Await(time.Time{}, "the room", rig.Is("joined", ""))
	a.Leave()
}

// TestSameIdentity starts two processes in one home: two participants.
func TestSameIdentity(t *testing.T) {
	t.Parallel()
	rig.Need(t)
	s := rig.Serve(t)
	home := rig.Home(t)
	join := func(name string) *rig.Person {
		return rig.Join{Server: s, Room: "twins", Name: name, Flags: rig.Quiet(), Home: home}.Start(t)
	}
	a := join("first")
	id := a.Await(time.Time{}, "its place", rig.Is("joined", "")).Fields["self"].(map[string]any)["id"]
	b := join("second")
	if other := b.Await(time.Time{}, "its place", rig.Is("joined", "")).Fields["self"].(map[string]any)["id"]; other == id {
		t.Errorf("both are %v", id)
	}
	a.Meets("second")
	b.Meets("first")
	a.Leave()
	b.Leave()
	c := join("first again")
	if again := c.Await(time.Time{}, "its place", rig.Is("joined", "")).Fields["self"].(map[string]any)["id"]; again != id {
		t.Errorf("the same person comes back as %v, was %v", again, id)
	}
}

// TestBadCommands writes nonsense to a headless participant.
func TestBadCommands(t *testing.T) {
	t.Parallel()
	rig.Need(t)
	s := rig.Serve(t)
	a := bystander(t, s, "bad", "alice")
	a.Await(time.Time{}, "the room", rig.Is("joined", ""))
	bad := []string{"nonsense", "{", "[]", "null", `{"command":"dance"}`, `{"command":"mic"}`, `{"command":"mic","on":"yes"}`,
		`{"command":"volume","peer":"x","percent":1000}`, `{"command":"chat","text":""}`, strings.Repeat("x", 100<<10), "\x00\xff\x1b[2J"}
	for _, line := range bad {
		a.TellRaw(line + "\n")
	}
	a.TellRaw("\n  \n")
	a.Tell("chat", "text", "still here")
	a.Await(time.Time{}, "its own message", rig.Is("chat", "alice"))
	if got := len(a.Events(func(e rig.Event) bool { return e.Name == "error" && e.Text("code") == "bad-command" })); got != len(bad) {
		t.Errorf("%d errors for %d bad lines", got, len(bad))
	}
	a.Leave()
}

// TestGarbageOnThePort talks nonsense to the server beside a call.
func TestGarbageOnThePort(t *testing.T) {
	t.Parallel()
	rig.Need(t)
	s := rig.Serve(t)
	a := bystander(t, s, "calm", "alice", "--mic", "tone")
	b := bystander(t, s, "calm", "bob")
	a.Meets("bob")
	b.Meets("alice")

	noise := make([]byte, 64<<10)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	raw := [][]byte{noise, []byte("GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 20_000)), []byte("GET"), []byte("\x16\x03\x01\x02\x00\x01\x00")}
	for _, b := range raw {
		conn, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatalf("the server takes no connection: %v", err)
		}
		_, _ = conn.Write(b) // it may hang up in the middle
		conn.Close()
	}
	for _, m := range []struct {
		kind int
		data []byte
	}{
		{websocket.TextMessage, make([]byte, 10<<20)},
		{websocket.BinaryMessage, make([]byte, 10<<20)},
		{websocket.BinaryMessage, noise},
		{websocket.TextMessage, []byte("{")},
		{websocket.TextMessage, []byte("{}\n")},
		{websocket.TextMessage, []byte(`{"type":"no-such-type"}` + "\n")},
		{websocket.TextMessage, []byte("\xff\xfe\x00")},
	} {
		conn, reply, err := (&websocket.Dialer{Subprotocols: []string{"meet.1"}}).Dial(s.URL+"/ws", nil)
		if err != nil {
			t.Fatalf("dial: %v (%v)", err, reply)
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_ = conn.WriteMessage(m.kind, m.data) // it may hang up in the middle
		for {
			if _, _, err = conn.ReadMessage(); err != nil {
				break
			}
		}
		if n, ok := err.(net.Error); ok && n.Timeout() {
			t.Errorf("a message of %d bytes is not answered by hanging up", len(m.data))
		}
		conn.Close()
	}

	resp, err := http.Get("http://" + s.Addr + "/healthz")
	if err != nil {
		t.Fatalf("the server is down: %v", err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("its health is %s", resp.Status)
	}
	a.Tell("chat", "text", "did you notice anything?")
	b.Await(time.Time{}, "the question", rig.Is("chat", "alice"))
	for _, p := range []*rig.Person{a, b} {
		troubles := p.Events(func(e rig.Event) bool {
			return e.Name == "peer-disconnected" || e.Name == "error" || e.Name == "server-state-changed" && e.Text("state") == "reconnecting"
		})
		for _, e := range troubles {
			t.Errorf("%s noticed: %v", p.Name, e.Fields)
		}
	}
	a.Leave()
	b.Leave()
}

// TestBrokenSettings joins in spite of a settings file with errors, and says
// where they are.
func TestBrokenSettings(t *testing.T) {
	t.Parallel()
	rig.Need(t)
	s := rig.Serve(t)
	p := newPane(t, 100, 24)
	dir := filepath.Join(p.home, "config", "meet")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte("name = 7\nno-such-key = true\n[keys]\nmic = \"M\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.join(s, "settings", "alice")
	p.press("M")
	p.shows("mic OFF")
	p.leave()
	p.shows("config.toml:1: name", "config.toml:2: no-such-key")
}
