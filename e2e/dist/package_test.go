//go:build linux

package dist

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// belongs is what every Linux package puts onto a system.
var belongs = []string{
	"usr/bin/meet", "usr/share/man/man1/meet-join.1.gz", "usr/share/bash-completion/completions/meet",
	"usr/lib/systemd/system/meet.service", "usr/lib/systemd/system/meet.socket", "usr/share/applications/meet.desktop",
	"usr/share/doc/meet/copyright",
}

// TestDebian installs the package into a system of its own, has two people meet
// through it, and removes it.
func TestDebian(t *testing.T) {
	need(t, "dpkg")
	system := t.TempDir()
	if err := os.MkdirAll(filepath.Join(system, "var/lib/dpkg/updates"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, empty := range []string{"status", "available"} {
		if err := os.WriteFile(filepath.Join(system, "var/lib/dpkg", empty), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dpkg := func(args ...string) string {
		return command(t, "dpkg", append([]string{"--root=" + system, "--force-not-root", "--force-bad-path"}, args...)...)
	}
	deb := find(t, "*_"+runtime.GOARCH+".deb")
	if got := command(t, "dpkg-deb", "--field", deb, "Version"); got != "1.98.7~rc.1\n" { // older than 1.98.7
		t.Errorf("Debian takes it for %q", got)
	}
	dpkg("--install", deb)
	for _, path := range belongs {
		if _, err := os.Stat(filepath.Join(system, path)); err != nil {
			t.Errorf("after the installation: %v", err)
		}
	}
	program := filepath.Join(system, "usr/bin/meet")
	if got := command(t, program, "version"); got != "meet "+version+"\n" {
		t.Errorf("it says it is %q", got)
	}
	meeting(t, program)
	dpkg("--purge", "meet")
	for _, path := range belongs {
		if _, err := os.Stat(filepath.Join(system, path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

func TestFedora(t *testing.T) {
	need(t, "rpm")
	rpm := find(t, map[string]string{"amd64": "*_amd64.rpm", "arm64": "*_arm64.rpm"}[runtime.GOARCH])
	if got := command(t, "rpm", "--query", "--package", "--queryformat", "%{VERSION}", rpm); got != "1.98.7~rc.1" {
		t.Errorf("Fedora takes it for %q", got)
	}
	list := command(t, "rpm", "--query", "--package", "--list", rpm)
	for _, path := range belongs {
		if !strings.Contains(list, "/"+path+"\n") {
			t.Errorf("no %s in\n%s", path, list)
		}
	}
	if got := command(t, "rpm", "--query", "--package", "--requires", rpm); strings.Contains(got, "lib") && !strings.Contains(got, "rpmlib(") {
		t.Errorf("it needs %s", got)
	}
}

func TestAlpine(t *testing.T) {
	need(t)
	names := map[string]bool{}
	f, err := os.Open(find(t, "*_"+runtime.GOARCH+".apk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// Three archives, one behind the other: signature or nothing, control, files.
	for in := bufio.NewReader(f); ; {
		z, err := gzip.NewReader(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		z.Multistream(false)
		data, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(bytes.NewReader(data)); ; {
			h, err := r.Next()
			if err != nil {
				break // the first ones have no end
			}
			names[h.Name] = true
		}
	}
	for _, path := range append([]string{".PKGINFO"}, belongs...) {
		if !names[path] {
			t.Errorf("no %s in %v", path, names)
		}
	}
}

// TestUnit has systemd say how much a server that breaks could do, and whether it
// understands the files.
func TestUnit(t *testing.T) {
	need(t, "systemd-analyze")
	command(t, "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", filepath.Join(root(), "packaging/meet.service"))
	command(t, "systemd-analyze", "verify", filepath.Join(root(), "packaging/meet.socket"))
}

func TestDesktopEntry(t *testing.T) {
	need(t, "desktop-file-validate")
	command(t, "desktop-file-validate", filepath.Join(root(), "packaging/meet.desktop"))
}

// TestManual has groff complain about the man pages.
func TestManual(t *testing.T) {
	need(t, "groff", "tar")
	dir := t.TempDir()
	command(t, "tar", "-xzf", find(t, "*_linux_"+runtime.GOARCH+".tar.gz"), "-C", dir)
	pages, err := filepath.Glob(filepath.Join(dir, "man", "*.1"))
	if err != nil || len(pages) < 8 {
		t.Fatalf("%d man pages, %v", len(pages), err)
	}
	for _, p := range pages {
		if said := command(t, "groff", "-man", "-ww", "-Tutf8", "-z", p); said != "" {
			t.Errorf("%s: %s", filepath.Base(p), said)
		}
	}
	shown := command(t, "groff", "-man", "-Tascii", "-P-cbou", filepath.Join(dir, "man/meet-join.1"))
	for _, flag := range []string{"--private", "--headless", "--relay-only"} {
		if !strings.Contains(shown, flag) {
			t.Errorf("the page of join has no %s", flag)
		}
	}
}
