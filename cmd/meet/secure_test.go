package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestStrict(t *testing.T) {
	h := strict(http.NotFoundHandler())
	for host, want := range map[string]string{
		"meet.example": "max-age=" + strictFor, "meet.example:443": "max-age=" + strictFor, "meet.example:7443": "", "[::1]:8": "",
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Strict-Transport-Security"); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func TestNotEncrypted(t *testing.T) {
	for server, want := range map[string]bool{
		"http://meet.example/": true, "http://192.168.1.5:7077/": true, "http://[2001:db8::1]/": true,
		"https://meet.example/": false, "http://127.0.0.1:7077/": false, "http://localhost/": false, "http://[::1]:7077/": false,
	} {
		if got := notEncrypted(server); (got != "") != want || want && !strings.HasPrefix(got, "The way to ") {
			t.Errorf("%s: %q", server, got)
		}
	}
}
