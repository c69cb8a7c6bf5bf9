package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, path string, header map[string]string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://meet.example:7077/", nil)
	r.URL.Path = path
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestPaths(t *testing.T) {
	for path, want := range map[string]int{
		"/": 200, "/demo": 200, "/Team_room-2": 200, "/_/main.js": 200, "/_/style.css": 200, "/_/icon.svg": 200,
		"/_":  200, // a room by that name
		"/_/": 404, "/_/index.html": 404, "/_/nothing.js": 404, "/a/b": 404, "/_/../web.go": 404, "/_/page/main.js": 404,
		"/demo.SECRET": 404, "/favicon.ico": 404, "/" + strings.Repeat("x", 65): 404,
	} {
		if got := get(t, path, nil); got.StatusCode != want {
			t.Errorf("GET %s answers %d, want %d", path, got.StatusCode, want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/demo", nil)
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST answers %d", w.Code)
	}
}

func TestCompressionAndTags(t *testing.T) {
	plain := get(t, "/_/main.js", nil)
	body, err := io.ReadAll(plain.Body)
	if err != nil || plain.Header.Get("Content-Encoding") != "" {
		t.Fatalf("plain: %v, %v", plain.Header, err)
	}
	zipped := get(t, "/_/main.js", map[string]string{"Accept-Encoding": "br;q=1.0, gzip;q=0.8"})
	z, err := gzip.NewReader(zipped.Body)
	if err != nil || zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("zipped: %v, %v", zipped.Header, err)
	}
	if same, err := io.ReadAll(z); err != nil || string(same) != string(body) {
		t.Errorf("zipped and plain differ: %v", err)
	}
	if got := get(t, "/_/main.js", map[string]string{"Accept-Encoding": "gzip;q=0"}); got.Header.Get("Content-Encoding") != "" {
		t.Error("gzip for a client that refuses it")
	}
	tag := plain.Header.Get("ETag")
	for header, want := range map[string]int{
		tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "": 200,
	} {
		if got := get(t, "/_/main.js", map[string]string{"If-None-Match": header}); got.StatusCode != want {
			t.Errorf("If-None-Match %s answers %d, want %d", header, got.StatusCode, want)
		}
	}
}

// TestPolicy: the page runs its own modules, talks to its own server, and
// nothing else; and it uses nothing the policy forbids.
func TestPolicy(t *testing.T) {
	got := get(t, "/demo", nil)
	policy := got.Header.Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'",
		"require-trusted-types-for 'script'", "connect-src 'self' ws://meet.example:7077 wss://meet.example:7077;",
	} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %q: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy allows what is unsafe: %s", policy)
	}
	var h http.Header = map[string][]string{}
	secure(h, "evil.example; script-src *")
	if strings.Contains(h.Get("Content-Security-Policy"), "evil") {
		t.Error("a Host header writes into the policy")
	}
	html, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{`(?i)\son[a-z]+=`, `(?i)\sstyle=`, `<script(?: type="module")?>`, `(?:src|href)="(?:https?:)?//`} {
		if m := regexp.MustCompile(bad).Find(html); m != nil {
			t.Errorf("the page holds %q", m)
		}
	}
	assets, err := load()
	if err != nil {
		t.Fatal(err)
	}
	sinks := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://`)
	for name, a := range assets {
		if m := sinks.Find(a.plain); m != nil && strings.HasSuffix(name, ".js") && name != "invite.js" {
			t.Errorf("%s holds %q", name, m)
		}
		if strings.HasSuffix(name, ".js") && name != "main.js" && !strings.Contains(string(html), `href="_/`+name+`"`) {
			t.Errorf("the page does not preload %s", name)
		}
	}
}

// maxWeight is what loading the page may cost over the wire, in bytes.
const maxWeight = 125_000

func TestWeight(t *testing.T) {
	assets, err := load()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, a := range assets {
		total += len(a.zipped) + 700 // headers
	}
	t.Logf("%d files, %d bytes over the wire", len(assets), total)
	if total > maxWeight {
		t.Errorf("the page weighs %d bytes, at most %d are allowed", total, maxWeight)
	}
}
