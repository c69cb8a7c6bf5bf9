//go:build linux

package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/netlab"
)

// gaps are the longest silences of the terminal on the page since it was told to
// watch, in ms: of sound that was played, and of pictures that were decoded.
type gaps struct{ Sound, Picture float64 }

// watch makes the page note how long it hears and sees nothing of the terminal.
func (m *mixed) watch() {
	m.Helper()
	m.web.eval(`(() => {
		clearInterval(globalThis.watching);
		const start = performance.now();
		globalThis.seen = { sound: [start, 0], picture: [start, 0], frames: 0, energy: 0, badge: 0, words: "", log: [] };
		const came = (what, at) => {
			if (at > seen[what][0]) {
				seen[what][1] = Math.max(seen[what][1], at - seen[what][0]);
				seen[what][0] = at;
			}
		};
		globalThis.watching = setInterval(() => {
			const p = `+peerNamed("Terminal")+`, now = performance.now();
			const badge = document.querySelector("#list .badge.warn")?.textContent ?? "";
			if (badge && !seen.badge) { seen.badge = now - start; seen.words = badge; }
			const s = meet.call.mesh.sessionOf(p?.id);
			if (!s) return;
			s.poll();
			const f = s.figures.framesDecoded[1];
			if (f !== seen.frames) { seen.frames = f; came("picture", now); }
			came("sound", s.heardAt());
		}, 20);
	})()`, nil)
}

// watched is what the watch has found so far.
func (m *mixed) watched() (g gaps) {
	m.Helper()
	m.web.eval(`({ sound: Math.max(seen.sound[1], performance.now() - seen.sound[0]), picture: Math.max(seen.picture[1], performance.now() - seen.picture[0]) })`, &g)
	return g
}

// termGap is how long the terminal heard nothing of the page after a mark: 0 when
// it was less than 300 ms.
func (m *mixed) termGap(mark int) time.Duration {
	m.Helper()
	var longest time.Duration
	m.term.mu.Lock()
	defer m.term.mu.Unlock()
	for _, l := range m.term.events[mark:] {
		if l.Event == "media-resumed" && l.Name == "Web" && l.Kind == "audio" {
			longest = max(longest, time.Duration(l.HeardMS)*time.Millisecond)
		}
	}
	return longest
}

// heal runs a trouble and waits until both hear and see each other; it returns how
// long each heard nothing.
func (m *mixed) heal(what string, within time.Duration, trouble func()) (page, term time.Duration) {
	m.Helper()
	mark := m.term.mark()
	m.watch()
	trouble()
	pass(500 * time.Millisecond)
	m.webHears(15 * time.Second)
	m.termHears(15*time.Second, true, true)
	pass(time.Second)
	g := m.watched()
	page, term = time.Duration(g.Sound)*time.Millisecond, m.termGap(mark)
	var badge json.RawMessage
	m.web.eval(`[Math.round(seen.badge), seen.words]`, &badge)
	m.Logf("%s: the page heard nothing for %v and saw nothing for %v, the terminal heard nothing for %v; badge %s",
		what, page, time.Duration(g.Picture)*time.Millisecond, term, badge)
	if page > within || term > within {
		m.Errorf("%s: silence of %v at the page and %v at the terminal, want %v at most", what, page, term, within)
	}
	return page, term
}

// TestNetMoves: the address of each changes, of the guest's machine and of the
// terminal's, twice.
func TestNetMoves(t *testing.T) {
	for name, h := range map[string]func(*mixed) *netlab.Host{
		"guest": func(m *mixed) *netlab.Host { return m.whost }, "terminal": func(m *mixed) *netlab.Host { return m.thost },
	} {
		t.Run(name, func(t *testing.T) {
			m := meeting(t, "mic camera")
			pass(2 * time.Second)
			for i := range 2 {
				m.heal(fmt.Sprintf("%s moves (%d)", name, i+1), 6*time.Second, func() { h(m).ReplaceAddress() })
				pass(3 * time.Second)
			}
		})
	}
}

// TestNetLongCut takes the guest's network away for 30 s.
func TestNetLongCut(t *testing.T) {
	if os.Getenv("MEET_BENCH") != "1" {
		t.Skip("long measurements run with MEET_BENCH=1")
	}
	m := meeting(t, "mic camera")
	pass(time.Second)
	page, term := m.heal("30 s cut", 31*time.Second, func() {
		m.whost.LinkDown()
		pass(30 * time.Second)
		m.whost.LinkUp()
	})
	t.Logf("back after %v and %v", page-30*time.Second, term-30*time.Second)
}

// TestNetNotHeard: sound that is sent and does not arrive shows on the page.
func TestNetNotHeard(t *testing.T) {
	m := meeting(t, "mic camera")
	pass(time.Second)
	m.watch()
	m.whost.DropUDP(netlab.Incoming)
	m.web.until(3*time.Second, "the badge", `seen.badge`)
	var badge float64
	m.web.eval(`seen.badge`, &badge)
	t.Logf("%q after %v ms", m.web.text("list"), badge)
	if badge > 1000 {
		t.Errorf("the badge shows %v ms after the last sound, want 500", badge)
	}
	m.whost.Pass()
	m.web.until(10*time.Second, "no badge", `!document.querySelector("#list .badge.warn")`)
}
