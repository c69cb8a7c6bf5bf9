package call

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/rtc"
)

// FuzzChat: whatever somebody sends as chat, nobody else is shown to have said it, and
// all that is shown is clean and bounded.
func FuzzChat(f *testing.F) {
	mal := newChatLog(author(&testing.T{}, 3), 1)
	line, _ := mal.write(time.Unix(1000, 0), "mal\x1b[2J", "hi\u202e there")
	seed, err := json.Marshal([]chatLine{line})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, true)
	f.Add(seed, false)
	f.Add([]byte(`[{"id":"x/1/1","text":"y"},null,{}]`), false)
	f.Fuzz(func(t *testing.T, data []byte, live bool) {
		lines, err := decodeLines(data)
		if err != nil {
			return
		}
		log := newChatLog(author(t, 1), 1)
		for _, c := range log.hear(rtc.Who{Peer: mal.by.Self(), Name: "mal"}, live, lines) {
			if c.from != mal.by.Self() {
				t.Fatalf("%q shows a line of %s", data, c.from)
			}
			e := c.event("mal", !live)
			if e.Text == "" || len([]rune(e.Text)) > MaxChatText || e.Text != safetext.Block(e.Text, MaxChatText) || e.Name != safetext.Line(e.Name, 64) {
				t.Fatalf("%q is shown as %+v", data, e)
			}
		}
		if len(log.lines) > chatHistory || len(log.seen) != len(log.lines) {
			t.Fatalf("%d lines and %d ids are kept", len(log.lines), len(log.seen))
		}
	})
}
