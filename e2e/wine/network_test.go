//go:build linux

package wine

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/e2e/rig"
)

// TestServe has meet.exe serve the page, and people of Linux meet at it.
func TestServe(t *testing.T) {
	pulse := need(t)
	p := startProgram(t, pulse, windows.meet, true, "serve", "--listen", "127.0.0.1:0", "--turn=false")
	line := p.await("time=")
	for !strings.Contains(line, "msg=listening") {
		line = p.await("time=")
	}
	_, address, _ := strings.Cut(line, "address=")
	address, _, _ = strings.Cut(address, " ")
	for path, want := range map[string]string{"/healthz": "", "/demo": "<!doctype html>"} {
		res, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(strings.ToLower(string(body)), want) {
			t.Errorf("%s: %s, %v, %.80s", path, res.Status, err, body)
		}
	}
	rig.Use(t, windows.linux)
	at := &rig.Server{Addr: address, URL: "ws://" + address}
	alice := rig.Join{Server: at, Room: "wine", Name: "alice", Flags: rig.Quiet()}.Start(t)
	bob := rig.Join{Server: at, Room: "wine", Name: "bob", Flags: rig.Quiet()}.Start(t)
	alice.Meets("bob")
	bob.Meets("alice")
	alice.Leave()
	bob.Leave()
}

// TestHeadless has meet.exe join a room in headless mode, as far as a network without
// UDP goes: it is in the room, says what it hears, and leaves when it is told to.
func TestHeadless(t *testing.T) {
	pulse := need(t)
	rig.Use(t, windows.linux)
	s := rig.Serve(t)
	alice := rig.Join{Server: s, Room: "wine", Name: "alice", Flags: rig.Quiet()}.Start(t)
	p := startProgram(t, pulse, windows.meet, false, append([]string{"join", "wine", "--server", s.URL, "--headless", "--name", "bob"}, rig.Quiet()...)...)
	event := func(name string) map[string]any {
		t.Helper()
		for {
			var e map[string]any
			if err := json.Unmarshal([]byte(p.await("{")), &e); err != nil {
				t.Fatal(err)
			}
			if e["event"] == name {
				return e
			}
		}
	}
	if e := event("joined"); e["room"] != "wine" {
		t.Errorf("%v", e)
	}
	alice.Await(time.Time{}, "bob to be there", rig.Is("connection-state-changed", "bob"))
	if _, err := io.WriteString(p.stdin, "{\"command\":\"nonsense\"}\n{\"command\":\"leave\"}\n"); err != nil {
		t.Fatal(err)
	}
	if e := event("error"); e["code"] != "bad-command" {
		t.Errorf("%v", e)
	}
	event("left")
	alice.Leave()
}
