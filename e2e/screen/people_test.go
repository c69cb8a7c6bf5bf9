//go:build unix

package screen

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/meet-term/meet/e2e/rig"
)

// bystander is somebody in headless mode.
func bystander(t *testing.T, s *rig.Server, room, name string, flags ...string) *rig.Person {
	t.Helper()
	return rig.Join{Server: s, Room: room, Name: name, Flags: rig.Quiet(flags...)}.Start(t)
}

// mic is the word in the column of the microphone of a row of the table.
func mic(row string) string {
	_, rest, _ := strings.Cut(row, "● connected")
	if f := strings.Fields(rest); len(f) > 0 {
		return f[0]
	}
	return ""
}

// TestTwoScreens is a call of two people from the first look to the report.
func TestTwoScreens(t *testing.T) {
	t.Parallel()
	a, b := newPane(t, 80, 24), newPane(t, 120, 40)
	s := rig.Serve(t)
	a.join(s, "demo", "alice")
	a.shows("alice (you)", "mic on", "1 connected")
	b.join(s, "demo", "bob")
	a.shows("2 connected", "bob joined")
	b.shows("2 connected")
	for p, other := range map[*pane]string{a: "bob", b: "alice"} {
		if row := p.row(other + " "); !strings.Contains(row, "● connected") {
			p.until("the badge of "+other, func(s string) bool {
				return strings.Count(s, "● connected") == 2
			})
		}
	}

	a.press("m")
	a.shows("mic OFF")
	b.until("alice muted", func(string) bool { return mic(b.row("1 alice")) == "off" })
	a.press("m")
	a.shows("mic on")
	b.until("alice heard", func(string) bool { return mic(b.row("1 alice")) != "off" })

	a.press("c")
	a.tmux("send-keys", "-l", "Grüße, 会議 & q y?")
	a.press("Enter", "Escape")
	b.shows("Grüße, 会議 & q y?")
	b.press("c")
	b.tmux("send-keys", "-l", "heard and read")
	b.press("Enter", "Escape")
	a.shows("heard and read")

	b.until("figures of alice", func(string) bool { return strings.Contains(b.row("1 alice"), " ms") })
	b.press("q")
	b.shows("Leave the meeting?")
	b.press("n")
	b.hides("Leave the meeting?")
	b.press("q")
	b.shows("Leave the meeting?")
	b.press("y")
	b.ends()
	b.shows("with alice", "data:")
	a.shows("bob left", "1 connected")
	a.leave()
	a.shows("with bob")
}

// TestLobby looks at the devices before joining: nobody hears or sees alice
// until she enters, and then as she chose.
func TestLobby(t *testing.T) {
	t.Parallel()
	s := rigServe(t)
	bob := bystander(t, s, "lobby", "bob")
	bob.Await(time.Time{}, "the room", rig.Is("joined", ""))
	p := newPane(t, 80, 24)
	line := fmt.Sprintf("%s join lobby --ascii --server %s --name alice --mic tone --speaker none --camera testcard --screen none", rig.Binary(), s.URL)
	p.run(line)
	p.shows("joining as alice", "microphone", "camera", "enter join")
	p.press("q")
	p.shows("Quit?")
	p.press("y")
	p.ends()
	if met := bob.Events(rig.Is("peer-joined", "")); len(met) > 0 {
		t.Errorf("somebody who only looked was in the room: %v", met)
	}

	p.run("clear")
	p.run(line)
	p.shows("enter join")
	p.press("m")
	p.until("the microphone off", func(string) bool { return strings.Contains(p.row("microphone "), "OFF") })
	p.press("Enter")
	p.shows("2 connected", "mic OFF", "cam on")
	row := func(e rig.Event) bool {
		return rig.Is("media-state-changed", "alice")(e) && !e.On("mic") && e.On("camera")
	}
	bob.Await(time.Time{}, "alice, muted and seen", row)
	bob.Await(time.Time{}, "alice's camera", func(e rig.Event) bool {
		return rig.Is("media-started", "alice")(e) && e.Text("kind") == "camera"
	})
	if heard := bob.Events(func(e rig.Event) bool { return rig.Is("media-started", "alice")(e) && e.Text("kind") == "audio" }); len(heard) > 0 {
		t.Errorf("alice was heard in spite of her choice: %v", heard)
	}
	p.press("v") // only symbols of ours count, no picture
	p.shows("cam OFF")
	p.press("?")
	p.shows("-- keys")
	for _, r := range p.screen() {
		if r > unicode.MaxASCII {
			t.Errorf("%q is on a screen that was to be ASCII:\n%s", r, p.screen())
			break
		}
	}
	p.press("?")
	p.leave()
}

// TestSizes looks at the smallest promised sizes and the usual ones.
func TestSizes(t *testing.T) {
	t.Parallel()
	s := rig.Serve(t)
	for _, name := range []string{"bob", "carol"} {
		bystander(t, s, "sizes", name)
	}
	p := newPane(t, 80, 24)
	p.join(s, "sizes", "alice")
	for _, c := range []struct {
		w, h  int
		wants []string
	}{
		{80, 24, []string{"3 connected", "alice (you)", "bob", "carol", "type a message", "q leave"}},
		{40, 12, []string{"alice (you)", "bob", "carol"}},
		{120, 40, []string{"3 connected", "alice (you)", "type a message", "? help", "q leave"}},
		{20, 3, []string{"sizes 3"}},
		{240, 70, []string{"3 connected", "alice (you)", "q leave"}},
		{80, 24, []string{"3 connected", "alice (you)", "bob", "carol", "type a message", "q leave"}},
	} {
		p.resize(c.w, c.h)
		p.shows(c.wants...)
		for line := range strings.Lines(p.screen()) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > c.w {
				t.Errorf("at %dx%d a line has %d cells: %q", c.w, c.h, n, line)
			}
		}
	}
	p.leave()
}

// TestResizeStorm changes the size faster than it can be drawn.
func TestResizeStorm(t *testing.T) {
	t.Parallel()
	s := rig.Serve(t)
	bystander(t, s, "storm", "bob", "--camera", "testcard")
	p := newPane(t, 80, 24)
	p.join(s, "storm", "alice", "--camera", "testcard")
	p.shows("2 connected")
	for i := range 60 {
		p.resize(20+i*37%180, 3+i*11%50)
	}
	p.resize(120, 40)
	p.until("the final size", func(s string) bool {
		lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
		return len(lines) == 40 && strings.Contains(lines[0], "screen OFF") && strings.Contains(lines[39], "q leave") &&
			strings.Count(s, "q leave") == 1 && strings.Count(s, "alice (you)") == 1
	})
	p.leave()
}

// TestHostileNames shows what strangers call themselves, and nothing more.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	s := rig.Serve(t)
	evil := map[string]string{
		"escapes":  "\x1b]0;pwned\x07\x1b[2J\x1b[31mred\x1b[?1049l\x1bc\r\n\x9b2Jmallory",
		"bidi":     "\u202egnp.exe\u2066\u200b\u200d\ufeffmallory",
		"long":     strings.Repeat("mallory\x1b[1m", 500) + strings.Repeat("💥字", 500),
		"pictures": "\U0001CD00\U0001CD00mallory\U0001CD00",
	}
	for kind, name := range evil {
		p := bystander(t, s, "evil", name)
		p.Await(time.Time{}, kind+" to be in", rig.Is("joined", ""))
		p.Tell("chat", "text", "hello "+kind+" "+name[:min(len(name), 150)])
	}
	p := newPane(t, 100, 30)
	p.join(s, "evil", "alice")
	p.shows("5 connected", "hello escapes", "hello bidi", "hello long", "hello pictures")
	shown := p.screen()
	for _, r := range shown {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\U0001CD00') {
			t.Errorf("%U is on the screen", r)
		}
	}
	if n := strings.Count(shown, "● connected"); n != 5 {
		t.Errorf("%d of 5 rows are whole:\n%s", n, shown)
	}
	if title := p.format("#{pane_title}"); strings.Contains(title, "pwned") {
		t.Errorf("a name has set the title %q", title)
	}
	if p.format("#{alternate_on}") != "1" {
		t.Error("a name has left the alternate screen")
	}
	p.leave()
	for _, r := range p.screen() {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Errorf("%U is in the report", r)
		}
	}
}

// TestManyMessages reads 10,000 messages and stays quick.
func TestManyMessages(t *testing.T) {
	t.Parallel()
	s := rig.Serve(t)
	bob := bystander(t, s, "flood", "bob")
	p := newPane(t, 80, 24)
	p.join(s, "flood", "alice")
	bob.Meets("alice")
	const all = 10_000
	go func() { // the pipe takes no more than meet reads
		var b strings.Builder
		for i := 1; i <= all; i++ {
			fmt.Fprintf(&b, "{\"command\":\"chat\",\"text\":\"message %d of many\"}\n", i)
		}
		bob.TellRaw(b.String())
	}()
	p.shows(" of many")
	p.press("m") // in the middle of it
	p.shows("mic OFF")
	// A flood may be cut: what counts is that the newest arrives and all stay up.
	bob.Await(time.Time{}, "its own last message", func(e rig.Event) bool {
		return e.Name == "chat" && strings.Contains(e.Text("text"), fmt.Sprintf("message %d ", all))
	})
	// What is said while the channel is still full is lost too.
	for try := 0; try < 10 && !strings.Contains(p.screen(), "that was all"); try++ {
		bob.Tell("chat", "text", "that was all")
		p.rests()
	}
	p.shows("that was all", "2 connected")
	p.leave()
	bob.Leave()
}

// TestLargePaste pastes 1 MB into the chat.
func TestLargePaste(t *testing.T) {
	t.Parallel()
	s := rig.Serve(t)
	bob := bystander(t, s, "paste", "bob")
	p := newPane(t, 80, 24)
	p.join(s, "paste", "alice")
	bob.Meets("alice")
	paste := func(text string) {
		load := p.command("load-buffer", "-")
		load.Stdin = strings.NewReader(text)
		if out, err := load.CombinedOutput(); err != nil {
			t.Fatalf("load the buffer: %v: %s", err, out)
		}
		p.tmux("paste-buffer", "-p")
	}
	line := "the whole log, with q\ny\nand \x03 in it "
	paste(strings.Repeat(line, (1<<20)/len(line))) // nobody writes: it must do nothing
	p.shows("what is pasted goes into a message")
	p.rests()
	p.press("m")
	p.shows("mic OFF", "2 connected")
	p.press("c")
	paste(strings.Repeat("all of it, ", (1<<20)/11)) // cut to what can be sent
	p.press("Enter", "Escape")
	got := bob.Await(time.Time{}, "the start of it", rig.Is("chat", "alice")).Text("text")
	if n := len(got); !strings.HasPrefix(got, "all of it, all of it") || n > 16<<10 {
		t.Errorf("%d bytes arrived, beginning with %.40q", n, got)
	}
	p.rests()
	p.press("m")
	p.shows("mic on", "2 connected")
	p.leave()
}
