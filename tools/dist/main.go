package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What every recipe and package says about the program.
const (
	name     = "meet"
	summary  = "the meeting you join from a terminal"
	home     = "https://github.com/meet-term/meet"
	license  = "MIT"
	maintain = "The meet authors <meet@meet-term.example>"
	describe = "Everyone in the room is there, heard and seen, peer to peer over WebRTC, with\n" +
		"a live table of connections. A small server in the same binary introduces\n" +
		"people to each other and cannot listen in."
)

// target is a system that is released for.
type target struct{ os, arch string }

var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

func (t target) String() string { return t.os + "/" + t.arch }

// exe is the program's file name there.
func (t target) exe() string {
	if t.os == "windows" {
		return name + ".exe"
	}
	return name
}

// release is one run. Nothing in it changes once the programs are built.
type release struct {
	root    string // of the source
	out     string
	version string // as tags are, such as v1.2.3
	when    time.Time
	targets []target

	made     string            // folder of what is built and no part of the release
	programs map[target]string // paths
	manual   []file            // man pages and completions
	notes    []file            // licence and the like
}

// file is one that goes into archives and packages.
type file struct {
	path string // within
	data []byte
	mode int64
}

// number is the version without its v, as package managers want it.
func (r *release) number() string { return strings.TrimPrefix(r.version, "v") }

func main() {
	version := flag.String("version", "", "the version; default: what git describes")
	out := flag.String("out", "", "folder to make, relative to the source; default dist")
	only := flag.String("targets", "", "systems to release for, such as linux/amd64,windows/arm64; default all")
	flag.Parse()
	if err := run(context.Background(), *version, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, version, out, only string) error {
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	r := &release{root: root, version: version, programs: map[target]string{}}
	if r.out = filepath.Join(root, "dist"); out != "" {
		if r.out, err = filepath.Abs(out); err != nil {
			return err
		}
	}
	if r.version == "" {
		if r.version, err = r.git(ctx, "describe", "--tags", "--always"); err != nil {
			return err
		}
	}
	if r.number()[0] < '0' || r.number()[0] > '9' || strings.ContainsAny(r.version, "/ ") || !strings.Contains(r.version, ".") {
		r.version = "v0.0.0-" + r.version // a commit before the first tag
	}
	if r.when, err = r.time(ctx); err != nil {
		return err
	}
	for _, t := range targets {
		if only == "" || slices.Contains(strings.Split(only, ","), t.String()) {
			r.targets = append(r.targets, t)
		}
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	if r.made, err = os.MkdirTemp("", "meet-dist-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.made)
	for _, step := range []func(context.Context) error{
		r.build, r.collect, r.archives, r.packages, r.image, r.contents, r.installer, r.checksums, r.recipes,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// time is that of everything in the release: $SOURCE_DATE_EPOCH, else the commit's.
func (r *release) time(ctx context.Context) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		var err error
		if text, err = r.git(ctx, "log", "-1", "--format=%ct"); err != nil {
			return time.Time{}, err
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("the time of the release: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func (r *release) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.root
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

// write writes one file of the release.
func (r *release) write(name string, data []byte) error {
	return os.WriteFile(filepath.Join(r.out, name), data, 0o644)
}

// installer adds the script that installs a release.
func (r *release) installer(context.Context) error {
	script, err := os.ReadFile(filepath.Join(r.root, "packaging", "install.sh"))
	if err != nil {
		return err
	}
	return r.write("install.sh", script)
}

// checksums writes the SHA-256 of every file so far, as sha256sum -c reads them.
func (r *release) checksums(context.Context) error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var list bytes.Buffer
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		sum, err := r.sum(e.Name())
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%s  %s\n", sum, e.Name())
	}
	return r.write("checksums.txt", list.Bytes())
}

// sum is the SHA-256 of a file of the release.
func (r *release) sum(name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(r.out, name))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
