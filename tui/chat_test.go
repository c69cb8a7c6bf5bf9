package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
)

// chatOf is a chat with some texts of one person.
func chatOf(texts ...string) chatBox {
	var log chatLog
	for _, text := range texts {
		log.add(call.Chat{Who: rtc.Who{Peer: "id-bob", Name: "bob"}, Text: text, Time: noon}, true)
	}
	return chatBox{log: &log, input: &editor{}, self: self}
}

func TestLinksStayWhole(t *testing.T) {
	s := NewStyles(Theme{})
	const link = "https://example.org/a/rather/long/path?with=arguments&and=more"
	for w := 12; w < 120; w++ {
		c := chatOf("see " + link + ", it is https://x.example too")
		c.log.unfolded = true
		lines := c.lines(s, w, 50, 50)
		joined := ""
		for _, l := range lines {
			joined += ansi.Strip(l)
			if n := width(l); n > w {
				t.Fatalf("a line of %d cells in %d", n, w)
			}
			// Every part of a link leads to all of it.
			if strings.Contains(ansi.Strip(l), "example.org") && !strings.Contains(l, ansi.SetHyperlink(link)) {
				t.Errorf("no address on %q", l)
			}
			if strings.Count(l, "\x1b]8;;\x07") != strings.Count(l, "\x1b]8;;http") {
				t.Errorf("a link runs on at the end of %q", l)
			}
		}
		if !strings.Contains(strings.ReplaceAll(joined, " ", ""), link) {
			t.Errorf("in %d cells the link is broken: %q", w, joined)
		}
	}
	if got := strings.Join(chatOf("see "+link).lines(NewStyles(Theme{ASCII: true}), 80, 9, 9), ""); strings.Contains(got, "\x1b]8") {
		t.Error("hyperlinks on an ASCII screen")
	}
}

func TestLinks(t *testing.T) {
	for text, want := range map[string]string{
		"none here":         "",
		"https://a.example": "https://a.example",
		"(https://a.example/x), (http://b.example).": "https://a.example/x http://b.example",
		"https://ex\u0430mple.org":                   "", // a Cyrillic letter
		"javascript://x ftp://y":                     "",
		"https://a https://a":                        "https://a https://a",
	} {
		var got []string
		for _, l := range links(text) {
			got = append(got, text[l.from:l.to])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestHostileChatIsInert(t *testing.T) {
	s := NewStyles(Theme{})
	c := chatOf("\x1b[2J\x1b]52;c;eA==\x07a\u202eb\u200bc\U0001CD00\x00\r\n\ttext \x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\")
	got := strings.Join(c.lines(s, 60, 9, 9), "\n")
	if text := strings.Join(strings.Fields(ansi.Strip(got)), " "); text != "bob 12:00 abc text link" {
		t.Errorf("got %q", text)
	}
	if strings.Contains(got, "evil") || strings.Contains(got, "\x1b]") {
		t.Errorf("a sequence came through: %q", got)
	}
}

// TestManyMessages takes ten thousand messages in one go; drawing them costs
// what is on screen, not what was said.
func TestManyMessages(t *testing.T) {
	r := newRig(t, many(3))
	all := make([]rtc.Event, 10_000)
	for i := range all {
		all[i] = call.Chat{Who: rtc.Who{Peer: "id-guest-01", Name: "guest-01"}, Text: fmt.Sprintf("message %d of very many, with some words", i), Time: noon}
	}
	for len(all) > 0 {
		n := min(burst, len(all))
		r.m.Update(eventMsg{all[:n]})
		all = all[n:]
	}
	r.shows("message 9999")
	r.hides("message 9900")
	if n := len(r.m.chat.messages); n > chatMax {
		t.Errorf("%d messages are kept", n)
	}
	r.keys("pgup", "pgup")
	r.shows("older")
	r.hides("message 9999")
	r.keys("pgdown", "pgdown", "pgdown")
	r.shows("message 9999")
	r.m.scrollChat(4 * chatMax)
	r.shows("message 9000") // the oldest that is kept
}

func BenchmarkManyMessages(b *testing.B) {
	var log chatLog
	for range 2 * chatMax {
		log.add(call.Chat{Who: rtc.Who{Name: "bob"}, Text: strings.Repeat("word ", 30), Time: time.Now()}, false)
	}
	c := chatBox{log: &log, input: &editor{}}
	s := NewStyles(Theme{})
	for b.Loop() {
		c.Render(s, 60, 30)
	}
}

// TestLongMessagesAreFolded: one message leaves room for others, and is read
// whole when it is wanted.
func TestLongMessagesAreFolded(t *testing.T) {
	s := NewStyles(Theme{})
	var text strings.Builder
	for i := range 700 {
		fmt.Fprintf(&text, "w%d ", i)
	}
	for _, size := range []struct{ w, h int }{{30, 5}, {40, 12}, {80, 24}} {
		c := chatOf("before", text.String(), "after")
		c.unfold = "e"
		got := printable(strings.Join(c.Render(s, size.w, size.h), "\n"))
		fits(t, got, size.w, size.h)
		for _, want := range []string{"bob 12:00  w0 w1", "more lines (e)", "bob 12:00  after"} {
			if size.h > 5 && !strings.Contains(got, want) {
				t.Errorf("%dx%d: %q is not in\n%s", size.w, size.h, want, got)
			}
		}
		if (size.h > 5) != strings.Contains(got, "before") {
			t.Errorf("%dx%d: what was said before:\n%s", size.w, size.h, got)
		}
		c.log.unfolded = true
		whole := strings.Fields(printable(strings.Join(c.lines(s, size.w, 1000, size.h-2), "\n")))
		if n := len(whole); n != 700+3*2+2 || whole[n-4] != "w699" {
			t.Errorf("%dx%d: %d words, at the end %q", size.w, size.h, n, whole[max(0, n-5):])
		}
	}
}

// TestHistoryFindsItsPlace: what was said before one came stands where it was said,
// whoever told it, and in whichever order.
func TestHistoryFindsItsPlace(t *testing.T) {
	var log chatLog
	add := func(minute int, text string, history bool) {
		log.add(call.Chat{Who: rtc.Who{Peer: "id-bob", Name: "bob"}, Text: text, Time: noon.Add(time.Duration(minute) * time.Minute), History: history}, true)
	}
	add(5, "live", false)
	add(2, "two", true)
	add(3, "three", true)
	add(1, "one", true)
	add(2, "two again", true)
	add(4, "a late clock", false) // what is said now is the newest, whatever their clock says
	var got []string
	for _, m := range log.messages {
		got = append(got, m.Text)
	}
	if want := "one, two, two again, three, live, a late clock"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %s", got, want)
	}
}

// TestLinesStayLines: pasted code has its lines while it is written and when it is read.
func TestLinesStayLines(t *testing.T) {
	r := newRig(t, many(2))
	r.keys("c")
	r.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("if x {\r\tgo()\r\n}"), Paste: true})
	r.shows("> if x {↵go()↵}")
	r.keys("enter")
	r.did("say if x {\ngo()\n}")
	lines := chatOf("if x {\ngo()\n}").lines(NewStyles(Theme{}), 60, 9, 9)
	if got := ansi.Strip(strings.Join(lines, "|")); strings.Count(got, "|") != 3 || !strings.HasSuffix(got, "|if x {|go()|}") {
		t.Errorf("read as %q", got)
	}
	for _, l := range lines {
		if strings.Contains(l, "\n") {
			t.Errorf("a line feed within a line: %q", l)
		}
	}
	r.send(eventMsg{[]rtc.Event{call.Chat{Who: rtc.Who{Peer: "id-guest-01", Name: "guest-01"}, Text: "a\nb", Time: noon}}})
	r.keys("x") // typed keys are as before
	r.shows("> x")
}

// TestChatCommands: /help helps here as it does in plain mode, and a mistyped command is
// not told to everybody.
func TestChatCommands(t *testing.T) {
	r := newRig(t, many(2))
	say := func(line string) {
		if !r.m.typing {
			r.keys("c")
		}
		r.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(line)})
		r.keys("enter")
	}
	say("/help")
	r.did()
	if r.m.panel != panelHelp || r.m.typing {
		t.Error("/help shows no help")
	}
	r.keys("esc")
	say("/mic")
	r.did("mic false")
	say("/hepl")
	r.did()
	r.shows("/hepl is no command", "> /hepl")
	r.keys("ctrl+u", "esc")
	say("/etc/hosts is gone")
	say(" /hepl")
	r.did("say /etc/hosts is gone", "say /hepl")
	say("/quit")
	if !r.m.asking {
		t.Error("/quit does not ask")
	}
}

// TestNamesHaveColours: people of a chat are told apart, alike on every screen.
func TestNamesHaveColours(t *testing.T) {
	s, seen := NewStyles(Theme{}), map[string]bool{}
	for _, name := range []string{"ann", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"} {
		styled := s.person(name).Render("x")
		if styled != NewStyles(Theme{}).person(name).Render("x") {
			t.Error("another colour each time")
		}
		seen[styled] = true
	}
	if len(seen) < 4 {
		t.Errorf("eight people have %d colours", len(seen))
	}
	if got := NewStyles(Theme{NoColor: true}).person("bob").Render("x"); got != "x" {
		t.Errorf("NO_COLOR: %q", got)
	}
}
