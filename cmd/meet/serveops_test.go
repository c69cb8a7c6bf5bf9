package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

// serveCtl runs meet serve ctl and returns what it prints.
func serveCtl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := root()
	cmd.SetArgs(append([]string{"serve", "ctl"}, args...))
	cmd.SetOut(&out)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// fakeServer is what an admin steers.
type fakeServer struct{ kicked []string }

func (f *fakeServer) Rooms() []signal.RoomInfo {
	return []signal.RoomInfo{{ID: "ROOM", Since: time.Now().Add(-time.Minute), Present: []signal.PeerID{"ANN"}, Away: []signal.PeerID{"BOB"}}}
}

func (f *fakeServer) Kick(room string, peer signal.PeerID) int {
	f.kicked = append(f.kicked, room+"/"+string(peer))
	if room != "ROOM" {
		return 0
	}
	return 1
}

// The admin socket is for this user alone, is found by itself, says what there is,
// sends away, and stops the server; when it is closed it is gone.
func TestAdmin(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions of files are another thing there")
	}
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("RUNTIME_DIRECTORY", "")
	if _, err := serveCtl(t, "rooms"); err == nil || !strings.Contains(err.Error(), "no server of yours") {
		t.Errorf("without a server: %v", err)
	}
	path := adminPath(7077)
	stale, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	stale.Close() // a server that was killed leaves it behind
	l, err := listenAdmin(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listenAdmin(t.Context(), path); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second server: %v", err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 || st.Mode().Type() != fs.ModeSocket {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	f, drained := &fakeServer{}, false
	web := &http.Server{Handler: adminHandler(f, func() { drained = true })}
	done := make(chan error, 1)
	go func() { done <- web.Serve(l) }()
	out, err := serveCtl(t, "rooms")
	if err != nil || out != "ROOM  open for 1m0s, 1 here, 1 away\n  ANN\n  BOB (away)\n" {
		t.Errorf("rooms: %q, %v", out, err)
	}
	out, err = serveCtl(t, "rooms", "--json", "--admin", path)
	var rooms []signal.RoomInfo
	if err != nil || json.Unmarshal([]byte(out), &rooms) != nil || len(rooms) != 1 {
		t.Errorf("rooms as JSON: %q, %v", out, err)
	}
	if out, err := serveCtl(t, "kick", "ROOM", "ANN"); err != nil || out != "1 sent away\n" {
		t.Errorf("kick: %q, %v", out, err)
	}
	if _, err := serveCtl(t, "kick", "NOWHERE"); err == nil || !strings.Contains(err.Error(), "nobody like that") {
		t.Errorf("kick of nobody: %v", err)
	}
	if _, err := serveCtl(t, "kick"); status(err) != exitUsage {
		t.Errorf("kick without a room: %v", err)
	}
	if out, err := serveCtl(t, "drain"); err != nil || !drained || !strings.Contains(out, "sent away to resume") {
		t.Errorf("drain: %q, %v, %v", out, drained, err)
	}
	if got := strings.Join(f.kicked, " "); got != "ROOM/ANN NOWHERE/" {
		t.Errorf("kicked %s", got)
	}
	web.Close()
	<-done
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there")
	}
}

// meet serve ends by itself when its admin has it drained, and takes the socket along.
func TestServeDrains(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions of files are another thing there")
	}
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	path := filepath.Join(t.TempDir(), "admin.sock")
	done := make(chan error, 1)
	go func() {
		_, err := run(t, "serve", "--listen", "127.0.0.1:0", "--admin", path, "--log-format", "json")
		done <- err
	}()
	for {
		if _, err := serveCtl(t, "rooms", "--admin", path); err == nil {
			break
		}
		select {
		case err := <-done:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if _, err := serveCtl(t, "drain", "--admin", path); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there")
	}
}

func TestOpsFlags(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for _, c := range [][]string{
		{"--pprof", ":6060"}, {"--pprof", "0.0.0.0:6060"}, {"--pprof", "6060"}, {"--log-format", "xml"}, {"--token", "/does/not/exist"},
	} {
		if got, err := run(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, c...)...); got != exitUsage {
			t.Errorf("%v: status %d, %v", c, got, err)
		}
	}
	var out bytes.Buffer
	log, err := opsFlags{logFormat: "json"}.logger(&out, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("listening", "port", 7077)
	if line := map[string]any{}; json.Unmarshal(out.Bytes(), &line) != nil || line["msg"] != "listening" || line["port"] != 7077.0 {
		t.Errorf("a line of the log: %s", out.String())
	}
}

// Profiles are for programs of this machine, and for no page.
func TestProfiles(t *testing.T) {
	for host, want := range map[string]int{"127.0.0.1:6060": 200, "localhost:6060": 200, "[::1]:6060": 200, "evil.example:6060": 421, "evil.example": 421} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/debug/pprof/cmdline", nil)
		r.Host = host
		profiles().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d", host, w.Code)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	end, err := opsFlags{pprof: address, admin: "none"}.start(context.Background(), nil, 0, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	resp, err := http.Get("http://" + address + "/debug/pprof/")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
}
