package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

func sortFiles(files []file) {
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
}

// archiveName is the archive for a target.
func (r *release) archiveName(t target) string {
	end := ".tar.gz"
	if t.os == "windows" {
		end = ".zip"
	}
	return name + "_" + r.number() + "_" + t.os + "_" + t.arch + end
}

// archives writes an archive for every target.
func (r *release) archives(context.Context) error {
	for _, t := range r.targets {
		program, err := os.ReadFile(r.programs[t])
		if err != nil {
			return err
		}
		files := []file{{t.exe(), program, 0o755}}
		for _, f := range slices.Concat(r.notes, r.manual) {
			if t.os == "windows" && (strings.HasPrefix(f.path, "packaging/") || strings.HasPrefix(f.path, "man/")) {
				continue
			}
			files = append(files, f)
		}
		pack := tarball
		if t.os == "windows" {
			pack = zipped
		}
		data, err := pack(files, r.when)
		if err != nil {
			return err
		}
		if err := r.write(r.archiveName(t), data); err != nil {
			return err
		}
	}
	return nil
}

// tarball packs files into a compressed tar archive that depends on nothing else.
func tarball(files []file, when time.Time) ([]byte, error) {
	raw, err := plainTar(files, when)
	if err != nil {
		return nil, err
	}
	return compress(raw)
}

func compress(raw []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// plainTar packs files, all of root. Names that end in a slash are folders.
func plainTar(files []file, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		h := &tar.Header{Name: f.path, Mode: f.mode, Size: int64(len(f.data)), ModTime: when, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if strings.HasSuffix(f.path, "/") {
			h.Typeflag = tar.TypeDir
		}
		if owned, ok := owners[f.path]; ok {
			h.Uid, h.Gid = owned, owned
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// zipped packs files into a zip archive.
func zipped(files []file, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.path, Method: zip.Deflate, Modified: when}
		h.SetMode(os.FileMode(f.mode))
		to, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(to, bytes.NewReader(f.data)); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
