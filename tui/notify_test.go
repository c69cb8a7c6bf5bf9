package tui

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

func TestNotifyByTerminal(t *testing.T) {
	for _, c := range []struct {
		word string
		env  map[string]string
		want Notify
	}{
		{"auto", map[string]string{"TERM": "xterm-kitty"}, Notify99},
		{"", map[string]string{"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, Notify99},
		{"auto", map[string]string{"TERM": "tmux-256color", "TMUX": "/tmp/x", "KITTY_WINDOW_ID": "1"}, NotifyBell},
		{"auto", map[string]string{"TERM_PROGRAM": "iTerm.app"}, Notify9},
		{"auto", map[string]string{"TERM": "foot"}, Notify777},
		{"auto", map[string]string{"TERM": "xterm-256color"}, NotifyBell},
		{"off", map[string]string{"TERM": "xterm-kitty"}, NotifyOff},
		{"osc777", nil, Notify777},
	} {
		got, err := ParseNotify(c.word, func(key string) string { return c.env[key] })
		if err != nil || got != c.want {
			t.Errorf("%q in %v: %v, %v", c.word, c.env, got, err)
		}
	}
	if _, err := ParseNotify("horn", func(string) string { return "" }); err == nil {
		t.Error("a horn is taken")
	}
}

func TestNotifySequences(t *testing.T) {
	const evil = "Eve: a;b\x1b]0;x\x07\nc"
	for n, want := range map[Notify]string{
		NotifyOff:  "",
		NotifyBell: "\a",
		Notify9:    "\x1b]9;meet: Eve: a;b c\x1b\\\a",
		Notify777:  "\x1b]777;notify;meet;Eve: a,b c\x1b\\\a",
		Notify99:   "\x1b]99;i=meet:d=0;meet\x1b\\\x1b]99;i=meet:p=body;Eve: a;b c\x1b\\\a",
	} {
		if got := n.sequence(evil); got != want {
			t.Errorf("%v: %q, want %q", n, got, want)
		}
	}
}

// Somebody who looks elsewhere is told, and nobody else, and not without end.
func TestNotifications(t *testing.T) {
	var out strings.Builder
	r := newRigWith(t, newFake(many(2)), func(o *Options) { o.Out, o.Notify = &out, Notify9 })
	told := func(msg tea.Msg) string {
		last := r.m.attention.last
		cmd := r.send(msg)
		if r.m.attention.last.Equal(last) {
			return ""
		}
		commands := cmd().(tea.BatchMsg)
		out.Reset()
		commands[len(commands)-1]() // the others wait for something
		return out.String()
	}
	say := func(from, text string) tea.Msg {
		return eventMsg{[]rtc.Event{call.Chat{Who: rtc.Who{Peer: signal.PeerID(from), Name: "Bob"}, Text: text}}}
	}
	later := func() { r.f.now = r.f.now.Add(notifyEvery) }
	if got := told(say("b", "one")); got != "" {
		t.Errorf("told although somebody looks: %q", got)
	}
	told(tea.BlurMsg{})
	if got := told(say("b", "two")); got != "\x1b]9;meet: Bob: two\x1b\\\a" {
		t.Errorf("told %q", got)
	}
	if got := told(say("b", "three")); got != "" {
		t.Errorf("told again at once: %q", got)
	}
	later()
	if got := told(say(string(r.m.view.Self), "mine")); got != "" {
		t.Errorf("told of one's own words: %q", got)
	}
	if got := told(eventMsg{[]rtc.Event{call.Chat{Who: rtc.Who{Peer: "b", Name: "Bob"}, Text: "old", History: true}}}); got != "" {
		t.Errorf("told of history: %q", got)
	}
	if got := told(eventMsg{[]rtc.Event{rtc.PeerJoined{Who: rtc.Who{Peer: "cem", Name: "Cem"}}}}); !strings.Contains(got, "Cem joined") {
		t.Errorf("told %q of who came", got)
	}
	later()
	told(tea.FocusMsg{})
	if got := told(say("b", "four")); got != "" {
		t.Errorf("told although somebody looks again: %q", got)
	}
}
