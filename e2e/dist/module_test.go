//go:build linux

package dist

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// publish writes this source into a folder as a module proxy has it.
func publish(t *testing.T, proxy string) {
	t.Helper()
	dir := filepath.Join(proxy, "github.com/meet-term/meet/@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root(), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for end, data := range map[string][]byte{".mod": mod, ".info": []byte(`{"Version":"` + version + `","Time":"2026-01-01T00:00:00Z"}`)} {
		if err := os.WriteFile(filepath.Join(dir, version+end), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "list"), []byte(version+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := zip.NewWriter(f)
	for path := range strings.SplitSeq(strings.TrimRight(command(t, "git", "-C", root(), "ls-files", "-z", "-co", "--exclude-standard"), "\x00"), "\x00") {
		if strings.HasPrefix(path, "tools/") || strings.HasPrefix(path, "bench/voice/") { // modules of their own
			continue
		}
		data, err := os.ReadFile(filepath.Join(root(), path))
		if err != nil {
			continue
		}
		to, err := w.Create("github.com/meet-term/meet@" + version + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
