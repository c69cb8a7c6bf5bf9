package conn

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
)

// Two participants on this machine, over its real network or, without one,
// over loopback.
func TestRealNetwork(t *testing.T) {
	ann, bob := newPerson(t, "ann", nil), newPerson(t, "bob", nil)
	began := time.Now()
	l := connect(t, ann, bob, 1, 0)
	l.await()
	t.Logf("connected after %v over %+v", time.Since(began), l.a.session.Stats())
	stop, wg := make(chan struct{}), &sync.WaitGroup{}
	ann.talk(stop, wg)
	bob.talk(stop, wg)
	enough := time.NewTicker(20 * time.Millisecond)
	defer enough.Stop()
	deadline := time.Now().Add(20 * time.Second)
	for {
		<-enough.C
		a, b := l.a.session.Flow().Received, l.b.session.Flow().Received
		if min(a[0], a[1], a[2], b[0], b[1], b[2]) >= 10 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("received %v and %v", a, b)
		}
	}
	close(stop)
	wg.Wait()
	l.close()
	for _, e := range []*end{l.a, l.b} {
		if e.failure() != nil {
			t.Error(e.failure())
		}
	}
}

// inNamespaces runs the test that calls it again as root of fresh network
// namespaces, and tells whether this is that second run.
func inNamespaces(t *testing.T) bool {
	t.Helper()
	if os.Getenv("MEET_E2E") == "" {
		t.Skip("set MEET_E2E=1 to run tests that need root and network namespaces")
	}
	if os.Getenv("MEET_IN_NAMESPACE") != "" {
		return true
	}
	cmd := exec.Command("unshare", "-n", "-m", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "MEET_IN_NAMESPACE=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	return false
}

func sh(t *testing.T, line string) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}

// With nothing but loopback two participants still meet.
func TestLoopbackOnly(t *testing.T) {
	if !inNamespaces(t) {
		return
	}
	sh(t, "ip link set lo up")
	ann, bob := newPerson(t, "ann", nil), newPerson(t, "bob", nil)
	l := connect(t, ann, bob, 1, 0)
	l.await()
	if path := l.a.session.Stats(); !strings.HasPrefix(path.LocalAddress, "127.0.0.1:") &&
		!strings.HasPrefix(path.LocalAddress, "[::1]:") {
		t.Errorf("connected over %+v", path)
	}
	l.close()
}

// The address of the one side is replaced while it talks, as by another Wi-Fi.
// There is no signaling; the other side follows all the same. The two ends of
// the test run in two namespaces joined by a router in the middle.
func TestRoamingWithoutSignaling(t *testing.T) {
	if os.Getenv("MEET_ROAM_SIDE") == "ann" {
		roamingSide(t)
		return
	}
	if !inNamespaces(t) {
		return
	}
	// This process becomes bob at 10.1.0.2; ann is a child in a namespace of
	// her own at 10.2.0.2. They exchange signaling through pipes before, and
	// nothing after, the change of address.
	for _, line := range []string{
		"ip link set lo up",
		"mkdir -p /run/netns && mount -t tmpfs none /run/netns",
		"ip netns add ann",
		"ip link add b0 type veth peer name a0 netns ann",
		"ip addr add 10.2.0.1/24 dev b0", "ip addr add 10.3.0.1/24 dev b0", "ip link set b0 up",
		"ip -n ann link set lo up",
		"ip -n ann addr add 10.2.0.2/24 dev a0", "ip -n ann link set a0 up",
		"ip -n ann route add default via 10.2.0.1",
	} {
		sh(t, line)
	}
	dir := t.TempDir()
	child := exec.Command("ip", "netns", "exec", "ann", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), "MEET_ROAM_SIDE=ann", "MEET_ROAM_DIR="+dir)
	out, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	child.Stdout, child.Stderr = out, out
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	bob := newPerson(t, "bob", nil)
	s := overFiles(t, bob, dir, "bob", "ann", false)
	stop, wg := make(chan struct{}), &sync.WaitGroup{}
	bob.talk(stop, wg)
	heard := func() bool { return s.Flow().Received[media.Mic] > 50 }
	waitFor(t, "ann's voice", heard)
	before := s.Stats().RemoteAddress
	bob.forgetMedia()

	moved := time.Now()
	sh(t, "ip -n ann addr del 10.2.0.2/24 dev a0 && ip -n ann addr add 10.3.0.2/24 dev a0 && ip -n ann route add default via 10.3.0.1")
	waitFor(t, "ann's new address", func() bool { return strings.HasPrefix(s.Stats().RemoteAddress, "10.3.0.2:") })
	followed := time.Since(moved)
	time.Sleep(2 * time.Second)
	t.Logf("ann was %s, is %s: followed after %v; her voice was gone for %v",
		before, s.Stats().RemoteAddress, followed, bob.longestGap(media.Mic))
	if followed > time.Second || bob.longestGap(media.Mic) > time.Second {
		t.Error("too slow")
	}
	close(stop)
	wg.Wait()
	if err := os.WriteFile(filepath.Join(dir, "end"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err = child.Wait()
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	t.Logf("ann: %s", log)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Wait()
}

// roamingSide is ann of TestRoamingWithoutSignaling.
func roamingSide(t *testing.T) {
	dir := os.Getenv("MEET_ROAM_DIR")
	ann := newPerson(t, "ann", nil)
	s := overFiles(t, ann, dir, "ann", "bob", true)
	stop, wg := make(chan struct{}), &sync.WaitGroup{}
	ann.talk(stop, wg)
	waitFor(t, "the end", func() bool {
		_, err := os.Stat(filepath.Join(dir, "end"))
		return err == nil
	})
	t.Logf("bob's voice was gone for %v", ann.longestGap(media.Mic))
	if gap := ann.longestGap(media.Mic); gap > time.Second {
		t.Error("too slow")
	}
	close(stop)
	wg.Wait()
	s.Close()
	s.Wait()
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// overFiles dials with a signaling of two files: the description and the
// candidates of each side.
func overFiles(t *testing.T, p *person, dir, me, other string, offerer bool) rtc.Session {
	t.Helper()
	var mu sync.Mutex
	var sdp string
	var lines []string
	written := false
	write := func() { // whole, once everything is gathered
		tmp := filepath.Join(dir, me+".tmp")
		text := strings.Join(lines, "\n") + "\n\n" + sdp
		if os.WriteFile(tmp, []byte(text), 0o600) == nil && os.Rename(tmp, filepath.Join(dir, me)) == nil {
			written = true
		}
	}
	s := p.dialer.Dial(rtc.SessionConfig{Peer: "peer", Epoch: 1, Offerer: offerer, Post: func(e rtc.SessionEvent) {
		mu.Lock()
		defer mu.Unlock()
		switch e := e.(type) {
		case rtc.LocalOffer:
			sdp = e.SDP
		case rtc.LocalAnswer:
			sdp = e.SDP
		case rtc.LocalCandidates:
			lines = append(lines, e.Candidates...)
			if e.Done && !written {
				write()
			}
		case rtc.SessionFailed:
			t.Error(e.Err)
		}
	}})
	if offerer {
		s.Do(rtc.MakeOffer{N: 1, Gen: 1})
	}
	var text []byte
	waitFor(t, "the file of "+other, func() bool {
		b, err := os.ReadFile(filepath.Join(dir, other))
		text = b
		return err == nil
	})
	candidates, remote, _ := strings.Cut(string(text), "\n\n")
	if offerer {
		s.Do(rtc.AcceptAnswer{N: 1, Gen: 1, SDP: remote})
	} else {
		s.Do(rtc.AcceptOffer{N: 1, Gen: 1, SDP: remote})
	}
	s.Do(rtc.AddCandidates{Candidates: strings.Split(candidates, "\n"), Done: true})
	return s
}
