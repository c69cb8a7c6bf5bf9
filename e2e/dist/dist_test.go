//go:build linux

package dist

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/e2e/rig"
)

// version is that of the release under test: a candidate, which every package manager
// writes in its own way.
const version = "v1.98.7-rc.1"

// made is the release under test: its folder, and why it could not be made.
var made struct {
	dir     string
	trouble error
}

func TestMain(m *testing.M) {
	status := func() int {
		if os.Getenv("MEET_E2E") == "1" {
			dir, err := os.MkdirTemp("", "meet-release-")
			if err != nil {
				made.trouble = err
				return m.Run()
			}
			defer os.RemoveAll(dir)
			made.dir, made.trouble = dir, release(root(), dir)
		}
		return m.Run()
	}()
	os.Exit(status)
}

// root is the top of the source.
func root() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..")
}

// release makes a release out of a source tree. MEET_DIST_TARGETS, such as
// linux/amd64, spares those who work on it the other systems.
func release(source, out string) error {
	cmd := exec.Command("go", "run", "-C", filepath.Join(source, "tools"), "./dist",
		"-version", version, "-out", out, "-targets", os.Getenv("MEET_DIST_TARGETS"))
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make a release: %w\n%s", err, said)
	}
	return nil
}

// need skips the test unless end-to-end tests are asked for and the programs are
// there, and fails it if there is no release.
func need(t *testing.T, programs ...string) {
	t.Helper()
	rig.Need(t, programs...)
	if made.trouble != nil {
		t.Fatal(made.trouble)
	}
}

// find is the one file of the release that fits.
func find(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(made.dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d files %s in the release, %v", len(found), pattern, err)
	}
	return found[0]
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// meeting has two participants without devices meet by means of a program.
func meeting(t *testing.T, program string) {
	t.Helper()
	rig.Use(t, program)
	s := rig.Serve(t)
	join := func(name string) *rig.Person {
		return rig.Join{Server: s, Room: "release", Name: name, Flags: []string{
			"--mic", "tone", "--camera", "none", "--screen", "none", "--speaker", "none",
		}}.Start(t)
	}
	alice, bob := join("alice"), join("bob")
	for p, other := range map[*rig.Person]string{alice: "bob", bob: "alice"} {
		p.Meets(other)
		p.Await(time.Time{}, "sound of "+other, func(e rig.Event) bool {
			return rig.Is("stats", other)(e) && e.Number("audio", "decoded") > 20
		})
	}
	alice.Leave()
	bob.Leave()
}

// TestSameBytes makes the release once more, from a copy of the source in another
// folder.
func TestSameBytes(t *testing.T) {
	need(t, "git")
	source, again := t.TempDir(), filepath.Join(t.TempDir(), "again")
	for path := range strings.SplitSeq(strings.TrimRight(command(t, "git", "-C", root(), "ls-files", "-z", "-co", "--exclude-standard"), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(root(), path))
		if err != nil {
			continue // removed, and not yet committed
		}
		to := filepath.Join(source, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := release(source, again); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(made.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		name, _ := filepath.Rel(made.dir, path)
		first, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		second, err := os.ReadFile(filepath.Join(again, name))
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s is another one the second time (%v)", name, err)
		}
		return nil
	})
	if err != nil || files < 10 {
		t.Errorf("%d files, %v", files, err)
	}
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "--quiet", "checksums.txt")
	cmd.Dir = made.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the checksums: %v\n%s", err, out)
	}
}

// TestGoInstall installs the program from a module cache that has this source as a
// released version.
func TestGoInstall(t *testing.T) {
	need(t, "git")
	proxy, bin := t.TempDir(), t.TempDir()
	publish(t, proxy)
	cache := strings.TrimSpace(command(t, "go", "env", "GOMODCACHE"))
	cmd := exec.CommandContext(t.Context(), "go", "install", "-trimpath", "github.com/meet-term/meet/cmd/meet@"+version)
	cmd.Dir = t.TempDir()
	mine := t.TempDir()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-modcacherw", "GOBIN="+bin, "GOMODCACHE="+mine, "GONOSUMDB=*", "GOSUMDB=off",
		"GOPROXY=file://"+proxy+",file://"+filepath.Join(cache, "cache", "download"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go install: %v\n%s", err, out)
	}
	if got := command(t, filepath.Join(bin, "meet"), "version"); got != "meet "+version+"\n" {
		t.Errorf("it says it is %q", got)
	}
}
