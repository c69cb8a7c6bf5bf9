package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// build builds the program for every target, without cgo.
func (r *release) build(ctx context.Context) error {
	for _, t := range r.targets {
		path := filepath.Join(r.made, t.os+"_"+t.arch, t.exe())
		if err := r.compile(ctx, t, path); err != nil {
			return err
		}
		r.programs[t] = path
	}
	return nil
}

func (r *release) compile(ctx context.Context, t target, path string) error {
	fmt.Println("build", t)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X main.released="+r.version, "-o", path, "./cmd/meet")
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "GOOS="+t.os, "GOARCH="+t.arch)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build for %s: %w", t, err)
	}
	return nil
}

// collect makes what accompanies the program: the program writes it itself.
func (r *release) collect(ctx context.Context) error {
	here := target{runtime.GOOS, runtime.GOARCH}
	program := r.programs[here]
	if program == "" {
		program = filepath.Join(r.made, "here", here.exe())
		if err := r.compile(ctx, here, program); err != nil {
			return err
		}
	}
	pages := filepath.Join(r.made, "man")
	if err := exec.CommandContext(ctx, program, "manual", pages).Run(); err != nil {
		return fmt.Errorf("write the man pages: %w", err)
	}
	found, err := os.ReadDir(pages)
	if err != nil {
		return err
	}
	for _, p := range found {
		data, err := os.ReadFile(filepath.Join(pages, p.Name()))
		if err != nil {
			return err
		}
		r.manual = append(r.manual, file{"man/" + p.Name(), data, 0o644})
	}
	for shell, path := range map[string]string{"bash": "meet.bash", "zsh": "_meet", "fish": "meet.fish", "powershell": "meet.ps1"} {
		out, err := exec.CommandContext(ctx, program, "completion", shell).Output()
		if err != nil {
			return fmt.Errorf("write the completion of %s: %w", shell, err)
		}
		r.manual = append(r.manual, file{"completions/" + path, out, 0o644})
	}
	sortFiles(r.manual)
	for _, path := range []string{"LICENSE", "README.md", "CHANGELOG.md", "packaging/meet.service", "packaging/meet.socket", "packaging/meet.desktop"} {
		data, err := os.ReadFile(filepath.Join(r.root, path))
		if err != nil {
			return err
		}
		r.notes = append(r.notes, file{path, data, 0o644})
	}
	return nil
}
