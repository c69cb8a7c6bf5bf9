//go:build linux

package browser

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/creack/pty"
)

// TestSharedTerminal is `meet share` alone in a room, seen by a page: as text, with its
// title and its colours, as it changes, and gone when its program ends.
func TestSharedTerminal(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here)
	s.ready()
	web := startChromium(t, "Web", here)
	web.open(s.link(room))
	web.until(20*time.Second, "the camera", `document.getElementById("preview").videoWidth`)
	web.enter("Web")

	cmd := exec.Command(binary, "share", s.link(room), "--name", "Ann", "--",
		"sh", "-c", `printf '\033]2;notes\007\033[1;31mred\033[m 日本\r\n'; read x; echo "read $x"; read y`)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "XDG_RUNTIME_DIR="+t.TempDir())
	pane, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 70, Rows: 20})
	if err != nil {
		t.Fatal(err)
	}
	defer pane.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 4096)
		for {
			if _, err := pane.Read(b); err != nil {
				break
			}
		}
		_ = cmd.Wait() // its status is that of the command
	}()
	const text = `document.querySelector("#terminals .cells")?.textContent`
	web.until(20*time.Second, "the terminal", text+`?.includes("red 日本")`)
	web.until(5*time.Second, "its title", `document.querySelector("#terminals figcaption").textContent === "Ann · notes"`)
	web.until(5*time.Second, "its colour", `document.querySelector("#terminals .cells span").style.color === "rgb(204, 0, 0)"`)
	if dir := os.Getenv("MEET_SHOTS"); dir != "" {
		web.shoot(dir, "web-terminal.png")
	}
	if _, err := pane.Write([]byte("a line\r")); err != nil {
		t.Fatal(err)
	}
	web.until(5*time.Second, "what comes", text+`?.includes("read a line")`)
	if _, err := pane.Write([]byte("\r")); err != nil {
		t.Fatal(err)
	}
	web.until(10*time.Second, "the end", `document.getElementById("terminals").hidden`)
	<-ended
}
