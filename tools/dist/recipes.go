package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed recipes
var recipeFiles embed.FS

// recipe is what recipes are filled in with.
type recipe struct {
	Version, Number, Underscored, Summary, Home, License, Download string

	r *release
}

// Archive is the name of the archive for a target.
func (d recipe) Archive(os, arch string) string { return d.r.archiveName(target{os, arch}) }

// Sum is the archive's SHA-256. A target that is left out has that of nothing.
func (d recipe) Sum(os, arch string) (string, error) {
	for _, t := range d.r.targets {
		if t == (target{os, arch}) {
			return d.r.sum(d.r.archiveName(t))
		}
	}
	return strings.Repeat("0", 64), nil
}

// recipes writes what package managers install a release by: a Homebrew formula, a
// Scoop manifest, a PKGBUILD of the AUR, a Nix flake. They name archives with their
// checksums, so nobody has to build anything.
func (r *release) recipes(context.Context) error {
	d := recipe{
		Version: r.version, Number: r.number(), Underscored: strings.ReplaceAll(r.number(), "-", "_"),
		Summary: summary, Home: home, License: license,
		Download: home + "/releases/download/" + r.version, r: r,
	}
	for from, to := range map[string]string{
		"meet.rb.tmpl": "homebrew/meet.rb", "meet.json.tmpl": "scoop/meet.json", "PKGBUILD.tmpl": "aur/PKGBUILD", "flake.nix.tmpl": "nix/flake.nix",
	} {
		t, err := template.New(from).Delims("<<", ">>").ParseFS(recipeFiles, "recipes/"+from)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := t.Execute(&out, d); err != nil {
			return fmt.Errorf("recipe %s: %w", to, err)
		}
		path := filepath.Join(r.out, to)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
