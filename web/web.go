// Package web is the browser's way into a room: one page of plain JavaScript
// modules, embedded as it is written, without a build step.
//
// The modules in page/ speak the protocol of docs/PROTOCOL.md. peer.js,
// negotiate.js and repair.js are the peer machine of package rtc, state for
// state, which the tests of package rtc hold; client.js and seal.js are package
// signal. What differs, and why, is in docs/adr/0008-browser.md.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed page
var page embed.FS

// AssetPrefix is the path below the root under which the page's files lie. No
// room has this name: a room is one segment, and this has a slash.
const AssetPrefix = "/_/"

// asset is one file as it is sent. It is immutable.
type asset struct {
	kind   string // Content-Type
	etag   string // strong, of the plain bytes
	plain  []byte
	zipped []byte // gzip, RFC 1952
}

var kinds = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// load reads and compresses the embedded files, once.
var load = sync.OnceValues(func() (map[string]*asset, error) {
	entries, err := fs.ReadDir(page, "page")
	if err != nil {
		return nil, fmt.Errorf("list the page's files: %w", err)
	}
	assets := make(map[string]*asset, len(entries))
	var modules []string
	for _, e := range entries {
		if path.Ext(e.Name()) == ".js" && e.Name() != "main.js" {
			modules = append(modules, e.Name())
		}
	}
	for _, e := range entries {
		b, err := page.ReadFile("page/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read %s of the page: %w", e.Name(), err)
		}
		if e.Name() == "index.html" {
			b = preload(b, modules)
		}
		if assets[e.Name()], err = newAsset(e.Name(), b); err != nil {
			return nil, err
		}
	}
	return assets, nil
})

// preload names all modules in the page, so that a browser asks for them at
// once instead of finding them one import after the other.
func preload(index []byte, modules []string) []byte {
	slices.Sort(modules)
	var b strings.Builder
	for _, m := range modules {
		fmt.Fprintf(&b, "<link rel=\"modulepreload\" href=\"_/%s\">\n", m)
	}
	return bytes.Replace(index, []byte("<!--modules-->\n"), []byte(b.String()), 1)
}

func newAsset(name string, b []byte) (*asset, error) {
	kind, known := kinds[path.Ext(name)]
	if !known {
		return nil, fmt.Errorf("file %s of the page has no known type", name)
	}
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compress %s of the page: %w", name, err)
	}
	sum := sha256.Sum256(b)
	return &asset{
		kind: kind, plain: b, zipped: zipped.Bytes(),
		etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
	}, nil
}

// room is what follows the root in the address of a room.
var room = regexp.MustCompile(`^/[A-Za-z0-9_-]{0,64}$`)

// Handler serves the page for GET /ROOM and its files under [AssetPrefix].
// Paths are seen without the prefix a proxy may put before them; the page's own
// links are relative, so it works below any.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD here", http.StatusMethodNotAllowed)
		return
	}
	assets, err := load()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	name := "index.html"
	switch file, isFile := strings.CutPrefix(r.URL.Path, AssetPrefix); {
	case isFile && file != name:
		name = file
	case !isFile && room.MatchString(r.URL.Path):
	default:
		name = ""
	}
	a := assets[name]
	if a == nil {
		http.Error(w, "nothing here; a room is one word after the address", http.StatusNotFound)
		return
	}
	if name == "index.html" {
		secure(h, r.Host)
	}
	a.serve(w, r)
}

// hostForm is what a Host header may look like to be repeated in a policy.
var hostForm = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$`)

// secure sets what the page may do: its own files and its own server, nothing
// else, and no way to make text into markup or code.
func secure(h http.Header, host string) {
	connect := "'self'"
	if hostForm.MatchString(host) {
		// Some browsers do not count the WebSocket of the same host as 'self'.
		connect += " ws://" + host + " wss://" + host
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"media-src 'self' blob: mediastream:; connect-src "+connect+"; base-uri 'none'; form-action 'none'; "+
		"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), "+
		"fullscreen=(self), geolocation=(), payment=(), usb=(), midi=()")
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache") // asked for again, answered with 304: one version of all files
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", a.etag)
	if matches(r.Header.Get("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.plain
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = a.zipped
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // a client that went away is its own business
}

// matches says whether an If-None-Match header holds etag (RFC 9110 section
// 13.1.2), compared weakly: a proxy that compresses makes tags weak.
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110 section 12.5.3).
func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if name = strings.TrimSpace(name); !strings.EqualFold(name, "gzip") && name != "*" {
			continue
		}
		q := strings.ReplaceAll(params, " ", "")
		return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
	}
	return false
}
