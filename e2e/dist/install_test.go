//go:build linux

package dist

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// install runs the installer against a server with the files of a folder.
func install(t *testing.T, dir, bin string) (said string, err error) {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	cmd := exec.CommandContext(t.Context(), "sh", filepath.Join(dir, "install.sh"))
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "MEET_DOWNLOAD=" + server.URL, "MEET_BIN=" + bin}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestInstaller(t *testing.T) {
	need(t, "sh", "curl", "tar", "sha256sum")
	bin := filepath.Join(t.TempDir(), "bin")
	for range 2 { // over itself as well
		said, err := install(t, made.dir, bin)
		if err != nil || !strings.Contains(said, "installed meet "+version+" in "+bin) {
			t.Fatalf("%v: %s", err, said)
		}
	}
	meeting(t, filepath.Join(bin, "meet"))
}

// TestInstallerRefuses gives it an archive that somebody has changed, and a release
// that has none.
func TestInstallerRefuses(t *testing.T) {
	need(t, "sh", "curl", "tar", "sha256sum")
	bad, bin := t.TempDir(), filepath.Join(t.TempDir(), "bin")
	refused := func(want string) {
		t.Helper()
		said, err := install(t, bad, bin)
		if err == nil || !strings.Contains(said, want) {
			t.Errorf("%v: %q, want %q", err, said, want)
		}
		if _, err := os.Stat(filepath.Join(bin, "meet")); err == nil {
			t.Error("it was installed all the same")
		}
	}
	copyTo := func(path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".tar.gz") {
			data[len(data)/2] ^= 1
		}
		if err := os.WriteFile(filepath.Join(bad, filepath.Base(path)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	copyTo(find(t, "install.sh"))
	refused("cannot be fetched")
	copyTo(find(t, "checksums.txt"))
	refused("cannot be fetched")
	archives, _ := filepath.Glob(filepath.Join(made.dir, "*_linux_*.tar.gz"))
	for _, a := range archives {
		copyTo(a)
	}
	refused("checksum")
	if err := os.WriteFile(filepath.Join(bad, "checksums.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refused("nothing for linux")
}

// TestReadme looks for what the first lines of the README fetch.
func TestReadme(t *testing.T) {
	need(t)
	text, err := os.ReadFile(filepath.Join(root(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Join(strings.SplitN(string(text), "\n", 11)[:10], "\n")
	const latest = "/releases/latest/download/"
	fetched := 0
	for rest := lines; strings.Contains(rest, latest); fetched++ {
		_, rest, _ = strings.Cut(rest, latest)
		name := strings.Fields(rest)[0]
		here, _ := filepath.Glob(filepath.Join(made.dir, name))
		below, _ := filepath.Glob(filepath.Join(made.dir, "*", name))
		if len(here)+len(below) != 1 {
			t.Errorf("%s is not in the release", name)
		}
	}
	if fetched != 2 || !strings.Contains(lines, "meet join ") {
		t.Errorf("in ten lines nobody is talking:\n%s", lines)
	}
}

func TestInstallerIsClean(t *testing.T) {
	need(t, "shellcheck")
	command(t, "shellcheck", filepath.Join(root(), "packaging/install.sh"))
}
