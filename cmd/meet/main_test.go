package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// A reader that goes away costs no more than an error: the process lives on to
// leave the call. The test runs itself as the process that writes.
func TestOutputNobodyReads(t *testing.T) {
	if os.Getenv("MEET_TEST_WRITER") != "" {
		outliveReader()
		_, err := fmt.Println("is anybody there?")
		fmt.Fprintf(os.Stderr, "broken: %v", errors.Is(err, syscall.EPIPE))
		return
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOutputNobodyReads$")
	cmd.Env = append(os.Environ(), "MEET_TEST_WRITER=1")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = w, &said
	err = cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) || ended != nil && ended.ExitCode() < 0 {
		t.Errorf("the writer ended with %v", err)
	}
	if !strings.Contains(said.String(), "broken: true") {
		t.Errorf("the writer said %q", &said)
	}
}
