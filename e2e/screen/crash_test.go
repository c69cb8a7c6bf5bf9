//go:build unix

package screen

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/e2e/rig"
)

// TestCrash lets a panic happen in each kind of goroutine of a call: the terminal
// must be the shell's again, the person must be told, the log must have the
// stack, and the others must hear that somebody left rather than wait for them.
func TestCrash(t *testing.T) {
	t.Parallel()
	s := rig.Serve(t)
	bob := bystander(t, s, "crash", "bob", "--camera", "testcard")
	p := newPane(t, 100, 24)
	p.meet = filepath.Join(p.home, "meet")
	build := exec.Command("go", "build", "-tags", "crashtest", "-o", p.meet, "github.com/meet-term/meet/cmd/meet")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build meet with places to crash: %v\n%s", err, out)
	}
	stty := p.stty()
	now := filepath.Join(p.home, "now")
	p.run("export MEET_CRASH_WHEN=" + now)
	for _, place := range []string{"screen", "mesh", "signaling", "sound", "codec", "connection"} {
		p.run("clear; export MEET_CRASH_AT=" + place)
		if place == "connection" { // only while it is made
			touch(t, now)
		}
		from := time.Now()
		if place != "connection" {
			p.join(s, "crash", "alice", "--camera", "testcard", "--mouse", "--speaker", "file:"+filepath.Join(p.home, "heard.wav"))
			p.shows("2 connected")
			touch(t, now)
			switch place { // there must be something to hear of
			case "mesh":
				bob.Tell("camera", "on", false)
			case "signaling":
				bob.Tell("camera", "on", true)
			}
		} else {
			p.joins(s, "crash", "alice")
		}
		p.shows("meet ended by a mistake of its own: crash test at " + place)
		p.ends()
		p.restored(stty)
		left := bob.Await(from, "alice to leave", func(e rig.Event) bool { return rig.Is("peer-left", "alice")(e) })
		if left.On("crashed") {
			t.Errorf("after a panic of the %s the others wait for alice", place)
		}
		log, err := os.ReadFile(filepath.Join(p.home, "state", "meet", "meet.log"))
		if err != nil {
			t.Fatal(err)
		}
		if text := string(log); !strings.Contains(text, "crash test at "+place) || !strings.Contains(text, "goroutine ") {
			t.Errorf("after a panic of the %s the log has no stack:\n%s", place, text)
		}
		if t.Failed() {
			t.Fatalf("after a panic of the %s the terminal shows:\n%s", place, p.screen())
		}
		if err := os.Remove(now); err != nil {
			t.Fatal(err)
		}
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}
