package web

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestModules runs the tests of the page's modules, golden files of the
// protocol included.
func TestModules(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node.js is missing (Debian package nodejs, version 20 or later)")
	}
	tests, err := filepath.Glob("test/*.test.js")
	if err != nil || len(tests) == 0 {
		t.Fatal("no tests of the modules found", err)
	}
	for _, file := range tests {
		// Read here, so that a change runs the test again.
		if _, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(node, append([]string{"--test"}, tests...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("node --test: %v\n%s", err, out)
	}
}
