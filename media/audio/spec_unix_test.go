//go:build unix

package audio

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe in place of a wav file is an error at once: opening it would wait for ever.
func TestMicOfAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ParseMic("file:" + path); err == nil || !strings.Contains(err.Error(), "is no file but a pipe") {
		t.Errorf("the error: %v", err)
	}
}
