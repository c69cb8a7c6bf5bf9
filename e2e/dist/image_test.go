//go:build linux

package dist

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// blobs reads a tar archive.
func blobs(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = data
	}
}

// TestImage unpacks the image as a runtime does, checks every digest, and runs its
// program as the user it names, with nothing else of this system in sight.
func TestImage(t *testing.T) {
	need(t)
	f, err := os.Open(find(t, "*_oci.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files := blobs(t, f)
	blob := func(digest string) []byte {
		data, ok := files["blobs/sha256/"+strings.TrimPrefix(digest, "sha256:")]
		sum := sha256.Sum256(data)
		if !ok || hex.EncodeToString(sum[:]) != strings.TrimPrefix(digest, "sha256:") {
			t.Fatalf("the blob %s is missing, or is another one", digest)
		}
		return data
	}
	type ref struct {
		Digest   string
		Platform struct{ Architecture string }
	}
	var index struct{ Manifests []ref }
	read(t, files["index.json"], &index)
	read(t, blob(index.Manifests[0].Digest), &index)
	var manifest struct {
		Config ref
		Layers []ref
	}
	for _, m := range index.Manifests {
		if m.Platform.Architecture == runtime.GOARCH {
			read(t, blob(m.Digest), &manifest)
		}
	}
	var config struct {
		Config struct {
			User            string
			Entrypoint, Cmd []string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	read(t, blob(manifest.Config.Digest), &config)
	if config.Config.User != "65532:65532" || len(manifest.Layers) != 1 {
		t.Fatalf("%d layers, run by %q", len(manifest.Layers), config.Config.User)
	}
	z, err := gzip.NewReader(bytes.NewReader(blob(manifest.Layers[0].Digest)))
	if err != nil {
		t.Fatal(err)
	}
	layer, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(layer); config.RootFS.DiffIDs[0] != "sha256:"+hex.EncodeToString(sum[:]) {
		t.Error("the layer is not the one that the configuration names")
	}
	system := unpack(t, layer)
	meeting(t, filepath.Join(system, "meet"))

	if os.Getuid() != 0 {
		t.Log("not root: the program is not run in a root of its own")
		return
	}
	cmd := exec.CommandContext(t.Context(), config.Config.Entrypoint[0], "doctor", "--json")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: system, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	cmd.Dir, cmd.Env = "/data", []string{"HOME=/data", "XDG_STATE_HOME=/data"}
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), `"version":"`+version+`"`) {
		t.Errorf("in the image: %v\n%s", err, out)
	}
}

func read(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
}

// unpack writes a layer to a folder that ends with the test.
func unpack(t *testing.T, layer []byte) string {
	t.Helper()
	dir := t.TempDir()
	for up := dir; up != os.TempDir() && len(up) > 1; up = filepath.Dir(up) {
		_ = os.Chmod(up, 0o755) // whoever the image runs as must get there
	}
	for in := tar.NewReader(bytes.NewReader(layer)); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.Clean("/"+h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.Mkdir(path, h.FileInfo().Mode().Perm())
		} else {
			data, e := io.ReadAll(in)
			err = errors.Join(e, os.WriteFile(path, data, h.FileInfo().Mode().Perm()))
		}
		if err == nil && os.Getuid() == 0 {
			err = os.Chown(path, h.Uid, h.Gid)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
