package main

import (
	"runtime/debug"
	"testing"
)

func TestBuiltFrom(t *testing.T) {
	for _, c := range []struct {
		name, module, want string
		ok                 bool
	}{
		{"installed", "v1.2.3", "v1.2.3", true},
		{"from a folder", "(devel)", "", true},
		{"without a word", "", "", false},
	} {
		if got := builtFrom(&debug.BuildInfo{Main: debug.Module{Version: c.module}}, c.ok); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
