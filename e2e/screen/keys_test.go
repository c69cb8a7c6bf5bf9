//go:build unix

package screen

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/e2e/rig"
)

// TestKeys presses every key of the help and looks whether it does what help
// says. The steps build on each other.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := rig.Serve(t)
	bob := bystander(t, s, "keys", "bob", "--camera", "testcard", "--screen", "testcard", "--share")
	bystander(t, s, "keys", "carol", "--camera", "testcard")
	p := newPane(t, 120, 40)
	p.join(s, "keys", "alice", "--camera", "testcard", "--screen", "testcard", "--speaker", "file:/dev/null")
	bob.Meets("alice")
	p.shows("3 connected", "┌ bob · screen")

	tells := func(field string, on bool) func() {
		from := time.Now()
		return func() {
			t.Helper()
			bob.Await(from, "alice to switch "+field, func(e rig.Event) bool {
				return rig.Is("media-state-changed", "alice")(e) && e.On(field) == on
			})
		}
	}
	step := func(name string, f func()) {
		p.doing = name
		f()
	}

	step("help lists every key", func() {
		p.press("?")
		p.shows("── keys", "microphone on or off")
		shown := p.screen()
		for range 4 { // there are more than fit
			p.press("PageDown")
			shown += p.screen()
		}
		p.until("the end of the list", func(s string) bool { return strings.Contains(s, "ctrl+z") })
		shown += p.screen()
		for _, key := range []string{"m alt+m", "v alt+v", "s alt+s", "space", "c", "e alt+e", "enter", "0", "g", "z", "p", "i", "up k",
			"down j", "tab", "+ =", "-", "x", "V", "r", "d", "y", "l", "?", "q ctrl+c", "ctrl+z"} {
			if !regexp.MustCompile(`(?m)  ` + regexp.QuoteMeta(key) + `  +\S`).MatchString(shown) {
				t.Errorf("help does not list %q", key)
			}
		}
		p.press("?")
		p.hides("── keys")
	})
	step("m", func() {
		off := tells("mic", false)
		p.press("m")
		p.shows("mic OFF")
		off()
		on := tells("mic", true)
		p.press("M-m")
		p.shows("mic on")
		on()
	})
	step("v", func() {
		off := tells("camera", false)
		p.press("v")
		p.shows("cam OFF")
		off()
		on := tells("camera", true)
		p.press("M-v")
		p.shows("cam on")
		on()
	})
	step("s", func() {
		on := tells("screen", true)
		p.press("s")
		p.shows("screen on")
		on()
		off := tells("screen", false)
		p.press("M-s")
		p.shows("screen OFF")
		off()
	})
	step("space", func() {
		p.press("m")
		p.shows("mic OFF")
		on := tells("mic", true)
		// tmux has no releases: a held key is one that repeats.
		for end := time.Now().Add(600 * time.Millisecond); time.Now().Before(end); time.Sleep(look) {
			p.press("Space")
		}
		on()
		p.shows("mic OFF") // some time after the last
		p.press("m")
		p.shows("mic on")
	})
	step("c", func() {
		p.press("c")
		p.tmux("send-keys", "-l", "mvsgzq1?")
		p.shows("mvsgzq1?", "mic on", "cam on", "screen OFF")
		off := tells("mic", false)
		p.press("M-m") // does what it does elsewhere
		p.shows("mic OFF", "mvsgzq1?")
		off()
		p.press("M-m")
		p.shows("mic on")
		p.press("Enter")
		bob.Await(time.Time{}, "the message", func(e rig.Event) bool {
			return rig.Is("chat", "alice")(e) && e.Text("text") == "mvsgzq1?"
		})
		p.press("Escape")
		p.shows("q leave") // or the next key would come with an escape before it
		p.press("?")
		p.shows("── keys") // letters act again
		p.press("?")
		p.hides("── keys")
	})
	step("selection", func() { selecting(p) })
	step("spotlight", func() { spotlight(p) })
	step("panels", func() { panels(p) })
	step("volume", func() {
		p.press("1")
		p.press("-")
		p.shows("bob at 90%")
		p.press("+")
		p.shows("bob at 100%")
		p.press("=")
		p.shows("bob at 110%")
		p.press("x")
		p.shows("bob is silenced here")
		p.press("x")
		p.shows("bob at 110%")
	})
	step("q", func() {
		p.press("q")
		p.shows("Leave the meeting?")
		p.press("Escape")
		p.hides("Leave the meeting?")
		p.press("C-c")
		p.shows("Leave the meeting?")
		p.press("C-c")
		p.ends()
		p.shows("with bob, carol")
	})
}

// marked is the name in the row that the selection stands in.
func (p *pane) marked() string {
	if m := regexp.MustCompile(`▸\d? ?(?:\d )?(\w+)`).FindStringSubmatch(p.screen()); m != nil {
		return m[1]
	}
	return ""
}

func (p *pane) marks(name string) {
	p.Helper()
	p.until("the selection on "+name, func(string) bool { return p.marked() == name })
}

func selecting(p *pane) {
	p.press("Down")
	p.until("a selection", func(string) bool { return p.marked() != "" })
	first := p.marked()
	other := map[string]string{"bob": "carol", "carol": "bob"}
	for _, key := range []string{"j", "k", "Down", "Up", "Tab"} {
		before := p.marked()
		p.press(key)
		want := other[before]
		if want == "" {
			p.Fatalf("%q is selected", before)
		}
		if key == "j" && first == "carol" {
			want = "carol" // the last stays
		}
		p.marks(want)
	}
}

func spotlight(p *pane) {
	p.press("0")
	p.shows("┌ bob · screen")
	p.press("2")
	p.marks("carol")
	p.until("carol in the spotlight", func(s string) bool { return strings.HasPrefix(strings.Split(s, "\n")[2], "┌ carol") })
	p.press("0")
	p.until("bob's screen again", func(s string) bool { return strings.HasPrefix(strings.Split(s, "\n")[2], "┌ bob · screen") })
	p.press("2")
	p.until("carol again", func(s string) bool { return strings.HasPrefix(strings.Split(s, "\n")[2], "┌ carol") })
	p.press("0", "1", "Enter") // a second press: the other picture of the same person
	p.until("bob's camera", func(s string) bool { return strings.HasPrefix(strings.Split(s, "\n")[2], "┌ bob · muted ─") })
	p.press("0")

	p.press("g")
	boxes := func(s string) int { // in the uppermost row of them
		for line := range strings.Lines(s) {
			if n := strings.Count(line, "┌"); n > 0 {
				return n
			}
		}
		return 0
	}
	p.until("the grid", func(s string) bool { return boxes(s) >= 2 })
	p.press("g")
	p.until("the spotlight", func(s string) bool { return boxes(s) == 1 })
	p.press("z")
	p.hides("alice (you)", "type a message")
	p.press("z")
	p.shows("alice (you)", "type a message")
	p.press("p")
	p.hides("alice (you)")
	p.press("p")
	p.shows("alice (you)")
}

func panels(p *pane) {
	for _, c := range []struct {
		key   string
		wants []string
	}{
		{"i", []string{"── link", "state", "path", "direct", "round trip", "loss"}},
		{"d", []string{"── devices"}},
		{"l", []string{"── what happened"}},
		{"y", []string{"── invite", "meet join", "/keys", "invite copied"}},
	} {
		p.press(c.key)
		p.shows(c.wants...)
		p.press(c.key)
		p.hides(c.wants[0])
		p.press(c.key)
		p.shows(c.wants[0])
		p.press("Escape")
		p.hides(c.wants[0])
	}
	p.press("r") // nothing is broken: nothing happens to the call
	p.shows("3 connected")
}

// TestRetryKey presses r while somebody cannot be reached.
func TestRetryKey(t *testing.T) {
	t.Parallel()
	s := rig.Serve(t)
	bob := bystander(t, s, "retry", "bob", "--mic", "tone")
	p := newPane(t, 120, 40)
	p.join(s, "retry", "alice")
	bob.Meets("alice")
	p.shows("2 connected")
	thaw := freeze(t, bob)
	p.shows("Reconnecting to 1 peer", "bob", "r retry now", "1 connected")
	p.press("r")
	p.shows("trying again now")
	thaw()
	p.shows("2 connected")
	p.hides("Reconnecting to")
	p.press("l") // a short outage is no toast, but noted
	p.shows("Reconnected to bob")
	p.press("l")
	p.leave()
	p.shows("bob: 1 outage mended in")
}
