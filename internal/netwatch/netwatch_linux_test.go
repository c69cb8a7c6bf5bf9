package netwatch

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// In a network namespace of its own: an address that comes and goes is
// reported at once.
func TestNetlink(t *testing.T) {
	if os.Getenv("MEET_E2E") == "" {
		t.Skip("set MEET_E2E=1 to run tests that need root and network namespaces")
	}
	if os.Getenv("MEET_IN_NAMESPACE") == "" {
		cmd := exec.Command("unshare", "-n", os.Args[0], "-test.run=^TestNetlink$", "-test.v")
		cmd.Env = append(os.Environ(), "MEET_IN_NAMESPACE=1")
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", args, err, out)
		}
	}
	run("link", "add", "d0", "type", "veth", "peer", "name", "d1")
	run("link", "set", "d1", "up")
	run("link", "set", "d0", "up")
	changes := make(chan Change, 16)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Watch(ctx, func(c Change) { changes <- c }) }()
	addr := netip.MustParseAddr("10.9.8.7")
	expect := func(what string, ok func(Change) bool, since time.Time) {
		t.Helper()
		deadline := time.After(2 * time.Second)
		for {
			select {
			case c := <-changes:
				if ok(c) {
					t.Logf("%s: seen after %v", what, time.Since(since))
					if d := time.Since(since); d > 500*time.Millisecond {
						t.Errorf("%s took %v", what, d)
					}
					return
				}
			case <-deadline:
				t.Fatalf("%s was not seen", what)
			}
		}
	}
	time.Sleep(200 * time.Millisecond) // let the first look pass
	began := time.Now()
	run("addr", "add", "10.9.8.7/24", "dev", "d0")
	expect("a new address", func(c Change) bool { return slices.Contains(c.New, addr) }, began)
	began = time.Now()
	run("route", "add", "default", "dev", "d0")
	expect("a default route", func(c Change) bool { return c.Rerouted }, began)
	began = time.Now()
	run("link", "set", "d0", "down")
	expect("a link that went down", func(c Change) bool { return slices.Contains(c.Gone, addr) && c.Rerouted }, began)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
