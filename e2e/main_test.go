//go:build linux

package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/meet-term/meet/internal/netlab"
)

// binary is the path of the program under test, which TestMain builds unless
// it is given.
var binary string

// together is how many tests run beside each other, whatever the number of
// cores: they mostly wait for the length of an outage.
const together = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", together); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if binary = os.Getenv("MEET_E2E_BINARY"); binary == "" && os.Getenv("MEET_E2E") == "1" {
		dir, err := os.MkdirTemp("", "meet-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, "e2e: make a folder for the binary:", err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "meet")
		build := exec.Command("go", "build", "-trimpath", "-o", binary, "../cmd/meet")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "e2e: build meet: %v\n%s", err, out)
			return 1
		}
	}
	code := m.Run()
	if err := figures.publish(os.Stdout, os.Getenv("MEET_BENCH_OUT")); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: write the figures:", err)
		return 1
	}
	return code
}

// benchmarking reports whether cases are repeated and written down.
func benchmarking() bool { return os.Getenv("MEET_BENCH") == "1" }

// repeats is how often a measured case runs.
func repeats() int {
	if !benchmarking() {
		return 1
	}
	if n, err := strconv.Atoi(os.Getenv("MEET_BENCH_RUNS")); err == nil && n > 0 {
		return n
	}
	return 5
}

// needLab skips the test where it cannot run. Outside of benchmarks tests run
// beside each other: they mostly wait.
func needLab(t *testing.T) {
	t.Helper()
	if os.Getenv("MEET_E2E") != "1" {
		t.Skip("e2e: skipped: set MEET_E2E=1 to run the real binary")
	}
	if reason := netlab.Unavailable(); reason != "" {
		t.Skip("e2e: skipped: " + reason)
	}
	if !benchmarking() {
		t.Parallel()
	}
}
