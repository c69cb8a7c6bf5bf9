package call

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
)

func TestChatIsSaidOnce(t *testing.T) {
	now := time.Unix(1000, 0)
	alice, bob := newChatLog("alice", 1), newChatLog("bob", 1)
	line, ok := alice.write(now, "alice", "  hello\x1b[31m\u202e there ")
	if !ok || line.Text != "hello there" {
		t.Fatalf("wrote %+v, %v", line, ok)
	}
	who := rtc.Who{Peer: "alice", Name: "alice"}
	if got := bob.hear(who, true, []chatLine{line}); len(got) != 1 {
		t.Errorf("heard %v", got)
	}
	if got := bob.hear(who, false, alice.share()); len(got) != 0 {
		t.Errorf("heard again: %v", got)
	}
	if got := alice.hear(rtc.Who{Peer: "bob"}, false, bob.share()); len(got) != 0 {
		t.Errorf("alice heard herself: %v", got)
	}
}

func TestChatCannotBeForged(t *testing.T) {
	log := newChatLog("me", 1)
	forged := chatLine{ID: "x/1/1", From: "alice", Name: "alice", Text: "send money"}
	got := log.hear(rtc.Who{Peer: "mallory", Name: "mallory"}, true, []chatLine{forged})
	if len(got) != 1 || got[0].From != "mallory" || got[0].Name != "mallory" {
		t.Errorf("heard %+v", got)
	}
	for name, bad := range map[string]chatLine{
		"no id":        {Text: "x"},
		"a long id":    {ID: strings.Repeat("i", 200), Text: "x"},
		"no text":      {ID: "y/1/1", Text: "\x1b[2J\u200b"},
		"our own id":   {ID: "y/1/2", From: "me", Text: "x"},
		"no author":    {ID: "y/1/3", Text: "x"},
		"a bad author": {ID: "y/1/4", From: "a\x1b[2J", Text: "x"},
	} {
		if got := log.hear(rtc.Who{Peer: "mallory"}, false, []chatLine{bad}); len(got) != 0 {
			t.Errorf("%s: heard %+v", name, got)
		}
	}
}

// Somebody who guesses the id of a message that is yet to come cannot keep it
// from being heard.
func TestChatCannotBeSuppressed(t *testing.T) {
	log, alice := newChatLog("me", 1), newChatLog("alice", 1)
	guess := chatLine{ID: chatID("alice", 1, 1), From: "alice", Name: "alice", Text: "made up"}
	log.hear(rtc.Who{Peer: "mallory", Name: "mallory"}, false, []chatLine{guess})
	line, _ := alice.write(time.Unix(1000, 0), "alice", "what she says")
	who := rtc.Who{Peer: "alice", Name: "alice"}
	if got := log.hear(who, true, []chatLine{line}); len(got) != 1 || got[0].Text != line.Text {
		t.Errorf("heard %+v", got)
	}
	if got := log.hear(who, true, []chatLine{line}); len(got) != 0 {
		t.Errorf("heard again: %+v", got)
	}
}

func TestChatIsBounded(t *testing.T) {
	log := newChatLog("me", 1)
	for i := range 3 * chatHistory {
		log.write(time.Unix(int64(i), 0), "me", strings.Repeat("long ", 100)+fmt.Sprint(i))
	}
	if len(log.lines) != chatHistory || len(log.seen) != chatHistory {
		t.Errorf("%d lines, %d ids kept", len(log.lines), len(log.seen))
	}
	if n := len(encode(log.share())); n > 64<<10 {
		t.Errorf("history of %d bytes does not fit a data message", n)
	}
	if got := log.share(); got[len(got)-1].ID != chatID("me", 1, 3*chatHistory) {
		t.Error("the newest message is not shared")
	}
}

func TestQueueKeepsOrderAndSaysWhatIsLost(t *testing.T) {
	q := newEventQueue()
	for i := range maxQueued + 10 {
		q.post(Warning{media.Warning{Code: media.Code(fmt.Sprint(i))}})
	}
	q.close()
	q.post(Warning{media.Warning{Code: media.Code("too late")}})
	stop := make(chan struct{})
	go q.run(stop)
	first := <-q.out
	if lost, ok := first.(EventsLost); !ok || lost.Count != 10 {
		t.Errorf("first %+v", first)
	}
	next := 10
	for e := range q.out {
		if w, ok := e.(Warning); !ok || w.Code != media.Code(fmt.Sprint(next)) {
			t.Fatalf("got %+v, want %d", e, next)
		}
		next++
	}
	if next != maxQueued+10 {
		t.Errorf("the last was %d", next-1)
	}
}

func TestQueueWithoutAReaderEnds(t *testing.T) {
	q := newEventQueue()
	q.post(Warning{})
	stop := make(chan struct{})
	close(stop)
	q.run(stop) // returns
	if _, ok := <-q.out; ok {
		t.Error("the stream did not end")
	}
}
