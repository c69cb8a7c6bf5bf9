package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk" // each registers its format
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// packages writes the packages of Debian, Fedora and Alpine. They need nothing
// else and run no scripts: units are started by whoever wants a server.
func (r *release) packages(context.Context) error {
	for _, t := range r.targets {
		if t.os != "linux" {
			continue
		}
		for _, format := range []string{"deb", "rpm", "apk"} {
			if err := r.pack(t, format); err != nil {
				return fmt.Errorf("%s for %s: %w", format, t, err)
			}
		}
	}
	return nil
}

// installed is where files of archives are put on a system; "" for nowhere.
func installed(path string) string {
	base := filepath.Base(path)
	switch {
	case path == "LICENSE":
		return "/usr/share/doc/meet/copyright"
	case strings.HasSuffix(path, ".md"):
		return "/usr/share/doc/meet/" + base
	case strings.HasPrefix(path, "man/"):
		return "/usr/share/man/man1/" + base
	case base == "meet.bash":
		return "/usr/share/bash-completion/completions/meet"
	case base == "_meet":
		return "/usr/share/zsh/site-functions/_meet"
	case base == "meet.fish":
		return "/usr/share/fish/vendor_completions.d/meet.fish"
	case strings.HasSuffix(base, ".service"), strings.HasSuffix(base, ".socket"):
		return "/usr/lib/systemd/system/" + base
	case strings.HasSuffix(base, ".desktop"):
		return "/usr/share/applications/" + base
	}
	return ""
}

func (r *release) pack(t target, format string) error {
	info := &nfpm.Info{
		Name: name, Arch: t.arch, Platform: t.os, Version: r.number(), VersionSchema: "semver", Section: "net", Priority: "optional",
		Maintainer: maintain, Description: summary + "\n" + describe, Homepage: home, License: license, MTime: r.when,
	}
	info.RPM.BuildHost = "localhost"
	add := func(path, to string, mode int64) {
		info.Contents = append(info.Contents, &files.Content{
			Source: path, Destination: to,
			FileInfo: &files.ContentFileInfo{Mode: os.FileMode(mode), MTime: r.when, Owner: "root", Group: "root"},
		})
	}
	add(r.programs[t], "/usr/bin/meet", 0o755)
	for _, f := range append(append([]file(nil), r.notes...), r.manual...) {
		to := installed(f.path)
		if to == "" {
			continue
		}
		if strings.HasPrefix(to, "/usr/share/man/") {
			packed, err := compress(f.data)
			if err != nil {
				return err
			}
			f.data, to = packed, to+".gz"
		}
		path := filepath.Join(r.made, strings.ReplaceAll(to, "/", "_"))
		if err := os.WriteFile(path, f.data, 0o644); err != nil {
			return err
		}
		add(path, to, 0o644)
	}
	info = nfpm.WithDefaults(info)
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := packager.Package(info, &out); err != nil {
		return err
	}
	return r.write(name+"_"+r.number()+"_"+t.arch+"."+format, out.Bytes())
}
