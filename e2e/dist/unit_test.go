//go:build linux

package dist

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/meet-term/meet/e2e/rig"
)

// TestSocketActivation hands meet serve a socket as systemd does, with a visitor
// waiting at it already.
func TestSocketActivation(t *testing.T) {
	need(t, "sh", "tar")
	dir := t.TempDir()
	command(t, "tar", "-xzf", find(t, "*_linux_"+runtime.GOARCH+".tar.gz"), "-C", dir, "meet")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve --listen 127.0.0.1:1`, filepath.Join(dir, "meet"))
	cmd.Env = rig.Env(rig.Home(t))
	cmd.ExtraFiles = []*os.File{socket}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	socket.Close()
	res, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%s %v: %s", res.Status, err, body)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(fmt.Errorf("when it was stopped: %w", err))
	}
}
