package web

import (
	"os/exec"
	"testing"
)

// TestModules runs the tests of the page's modules, golden files of the
// protocol included.
func TestModules(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node.js is missing (Debian package nodejs, version 20 or later)")
	}
	cmd := exec.Command(node, "--test", "test/")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("node --test: %v\n%s", err, out)
	}
}
