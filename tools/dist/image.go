package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"time"
)

// nobody is the user that the container runs as, and owners are the files of the
// image that are not root's.
const nobody = 65532

var owners = map[string]int{"data/": nobody, "tmp/": nobody}

// descriptor names a blob of an image, as the OCI image specification has it.
type descriptor struct {
	MediaType string    `json:"mediaType"`
	Digest    string    `json:"digest"`
	Size      int       `json:"size"`
	Platform  *platform `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type imageManifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type imageIndex struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Manifests     []descriptor      `json:"manifests"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type imageConfig struct {
	Created time.Time `json:"created"`
	platform
	Config struct {
		User         string
		ExposedPorts map[string]struct{}
		Env          []string
		Entrypoint   []string
		Cmd          []string
		Volumes      map[string]struct{}
		WorkingDir   string
		Labels       map[string]string
		StopSignal   string
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	History []imageStep `json:"history"`
}

type imageStep struct {
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
}

// layout is an image as files: the OCI image layout.
type layout struct{ files map[string][]byte }

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// add stores a blob.
func (l *layout) add(kind string, data []byte) descriptor {
	d := digest(data)
	l.files["blobs/sha256/"+d[len("sha256:"):]] = data
	return descriptor{MediaType: "application/vnd.oci.image." + kind, Digest: d, Size: len(data)}
}

func (l *layout) addJSON(kind string, v any) (descriptor, error) {
	data, err := json.Marshal(v)
	return l.add(kind, data), err
}

// image writes the image of the server: the program, from scratch, for each
// processor that Linux is released for. It serves on port 7077, as a user that is
// nobody, and keeps its state in the volume /data.
func (r *release) image(context.Context) error {
	l := &layout{map[string][]byte{}}
	var all []descriptor
	for _, t := range r.targets {
		if t.os != "linux" {
			continue
		}
		d, err := r.imageFor(l, t)
		if err != nil {
			return err
		}
		d.Platform = &platform{t.arch, t.os}
		all = append(all, d)
	}
	if len(all) == 0 {
		return nil
	}
	index, err := l.addJSON("index.v1+json", imageIndex{SchemaVersion: 2, MediaType: "application/vnd.oci.image.index.v1+json", Manifests: all})
	if err != nil {
		return err
	}
	top, err := json.Marshal(imageIndex{
		SchemaVersion: 2, MediaType: "application/vnd.oci.image.index.v1+json",
		Manifests:   []descriptor{index},
		Annotations: map[string]string{"org.opencontainers.image.ref.name": r.number()},
	})
	if err != nil {
		return err
	}
	l.files["index.json"] = top
	l.files["oci-layout"] = []byte(`{"imageLayoutVersion":"1.0.0"}`)
	files := make([]file, 0, len(l.files))
	for path, data := range l.files {
		files = append(files, file{path, data, 0o644})
	}
	sortFiles(files)
	data, err := plainTar(files, r.when)
	if err != nil {
		return err
	}
	return r.write(name+"_"+r.number()+"_oci.tar", data)
}

func (r *release) imageFor(l *layout, t target) (descriptor, error) {
	program, err := os.ReadFile(r.programs[t])
	if err != nil {
		return descriptor{}, err
	}
	layer, err := plainTar([]file{
		{"data/", nil, 0o700},
		{"etc/", nil, 0o755},
		{"etc/passwd", []byte("nonroot:x:65532:65532:nonroot:/data:/none\n"), 0o644},
		{"meet", program, 0o755},
		{"tmp/", nil, 0o1777},
	}, r.when)
	if err != nil {
		return descriptor{}, err
	}
	packed, err := compress(layer)
	if err != nil {
		return descriptor{}, err
	}
	c := imageConfig{Created: r.when, platform: platform{t.arch, t.os}}
	c.Config.User = "65532:65532"
	c.Config.ExposedPorts = map[string]struct{}{"7077/tcp": {}, "7077/udp": {}}
	c.Config.Env = []string{"HOME=/data", "XDG_STATE_HOME=/data", "PATH=/"}
	c.Config.Entrypoint, c.Config.Cmd = []string{"/meet"}, []string{"serve", "--listen", ":7077"}
	c.Config.Volumes, c.Config.WorkingDir = map[string]struct{}{"/data": {}}, "/data"
	c.Config.Labels = map[string]string{
		"org.opencontainers.image.title": name, "org.opencontainers.image.version": r.number(),
		"org.opencontainers.image.source": home, "org.opencontainers.image.licenses": license,
	}
	c.Config.StopSignal = "SIGTERM"
	c.RootFS.Type, c.RootFS.DiffIDs = "layers", []string{digest(layer)}
	c.History = []imageStep{{r.when, "meet " + r.version}}
	config, err := l.addJSON("config.v1+json", c)
	if err != nil {
		return descriptor{}, err
	}
	return l.addJSON("manifest.v1+json", imageManifest{
		SchemaVersion: 2, MediaType: "application/vnd.oci.image.manifest.v1+json", Config: config,
		Layers: []descriptor{l.add("layer.v1.tar+gzip", packed)},
	})
}
