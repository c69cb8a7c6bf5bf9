package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A token goes to the server it is for, and to nobody else.
func TestTokenFor(t *testing.T) {
	const token = "0123456789abcdef"
	for _, c := range []struct {
		base, named string
		want        bool
	}{
		{"https://meet.example/", "https://meet.example", true},
		{"https://meet.example/", "wss://meet.example/", true},
		{"http://127.0.0.1:7077/", "127.0.0.1:7077", true},
		{"https://evil.example/", "https://meet.example", false},
		{"https://meet.example:8443/", "https://meet.example", false},
		{"http://meet.example/", "http://meet.example", false},
		{"http://192.168.1.5:7077/", "192.168.1.5:7077", false},
		{"https://meet.example/", "", false},
	} {
		if got := tokenFor(c.base, c.named, token); (got == token) != c.want || !c.want && got != "" {
			t.Errorf("%s, where %q was named: %q", c.base, c.named, got)
		}
	}
}

func TestReadTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# ours\n0123456789abcdef # ann\n\n  fedcba9876543210\n")
	known, err := readTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]bool{"0123456789abcdef": true, "fedcba9876543210": true, "": false, "0123456789abcde": false, "# ours": false} {
		if known(token) != want {
			t.Errorf("%q: %v", token, !want)
		}
	}
	for text, want := range map[string]string{"short\n": "line 1", "# nothing\n": "no token", "0123456789 abcdef": "no spaces"} {
		write(text)
		if _, err := readTokens(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
