package call

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// author is somebody who signs what they say in one room.
func author(t *testing.T, seed byte) *signal.Sealer {
	t.Helper()
	room, err := signal.Invite{Name: "demo", Secret: signal.Secret{1}}.Room()
	if err != nil {
		t.Fatal(err)
	}
	key, err := signal.NewKey(bytes.NewReader(bytes.Repeat([]byte{seed}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	return signal.NewSealer(room, key, 1, rand.Reader)
}

func TestChatIsSaidOnce(t *testing.T) {
	now := time.Unix(1000, 0)
	alice, bob := newChatLog(author(t, 1), 1), newChatLog(author(t, 2), 1)
	line, ok := alice.write(now, "alice", "  hello\x1b[31m\u202e there ")
	if !ok || line.Text != "hello there" {
		t.Fatalf("wrote %+v, %v", line, ok)
	}
	who := rtc.Who{Peer: alice.by.Self(), Name: "alice"}
	if got := bob.hear(who, true, []chatLine{line}); len(got) != 1 || got[0].event("al", false).Name != "al" || got[0].event("", true).Name != "alice" {
		t.Errorf("heard %v", got)
	}
	if got := bob.hear(who, false, alice.share()); len(got) != 0 {
		t.Errorf("heard again: %v", got)
	}
	if got := alice.hear(rtc.Who{Peer: bob.by.Self()}, false, bob.share()); len(got) != 0 {
		t.Errorf("alice heard herself: %v", got)
	}
}

// Whoever tells it, and whenever, a line is its author's, or is not heard.
func TestChatCannotBeForged(t *testing.T) {
	me, alice, mallory := author(t, 1), newChatLog(author(t, 2), 1), newChatLog(author(t, 3), 1)
	line, _ := alice.write(time.Unix(1000, 0), "alice", "what she says")
	own, _ := mallory.write(time.Unix(1000, 0), "mallory", "send money")
	teller := rtc.Who{Peer: mallory.by.Self(), Name: "mallory"}
	forge := func(change func(*chatLine)) chatLine {
		c := line
		change(&c)
		return c
	}
	for name, bad := range map[string]chatLine{
		"no id":               forge(func(c *chatLine) { c.ID = "" }),
		"a long id":           forge(func(c *chatLine) { c.ID += strings.Repeat("1", 200) }),
		"another number":      forge(func(c *chatLine) { c.ID = chatID(alice.by.Self(), 1, 2) }),
		"another process":     forge(func(c *chatLine) { c.ID = chatID(alice.by.Self(), 2, 1) }),
		"a number with zeros": forge(func(c *chatLine) { c.ID = strings.TrimSuffix(c.ID, "1") + "01" }),
		"another text":        forge(func(c *chatLine) { c.Text = "send money" }),
		"another name":        forge(func(c *chatLine) { c.Name = "bob" }),
		"another time":        forge(func(c *chatLine) { c.At++ }),
		"no signature":        forge(func(c *chatLine) { c.Sig = "" }),
		"signed by another":   forge(func(c *chatLine) { c.Key, c.Sig = own.Key, own.Sig }),
		"no base64":           forge(func(c *chatLine) { c.Key = "!" }),
	} {
		if got := newChatLog(me, 1).hear(teller, false, []chatLine{bad}); len(got) != 0 {
			t.Errorf("%s: heard %+v", name, got)
		}
	}
	log := newChatLog(me, 1)
	if got := log.hear(teller, true, []chatLine{line}); len(got) != 0 {
		t.Errorf("mallory says live what alice said: %+v", got)
	}
	if got := log.hear(teller, false, []chatLine{line, line}); len(got) != 1 || got[0].from != alice.by.Self() {
		t.Errorf("what mallory heard of alice: %+v", got)
	}
	// What was signed is cleaned when it is shown, and nothing is shown of nothing.
	hostile := chatLine{ID: chatID(mallory.by.Self(), 1, 9), Name: "m\x1b[2J", Text: "\x1b]0;t\x07hi\u202e", At: 1}
	hostile.Key, hostile.Sig = signedBy(mallory.by, hostile.signed())
	empty := chatLine{ID: chatID(mallory.by.Self(), 1, 10), Text: "\x1b[2J\u200b", At: 1}
	empty.Key, empty.Sig = signedBy(mallory.by, empty.signed())
	got := log.hear(teller, true, []chatLine{hostile, empty})
	if len(got) != 1 || got[0].event("", true).Text != "hi" || got[0].event("", true).Name != "m" {
		t.Errorf("heard %+v", got)
	}
}

func signedBy(s signer, text string) (key, sig string) {
	by := s.Sign(forChat, text)
	return base64.RawURLEncoding.EncodeToString(by.Key), base64.RawURLEncoding.EncodeToString(by.Sig)
}

// History is told once, right after the channel opened.
func TestHistoryHasItsMoment(t *testing.T) {
	log, now := newChatLog(author(t, 1), 1), time.Unix(1000, 0)
	if log.admits("a", now) {
		t.Error("before the channel opened")
	}
	log.opened("a", now)
	if log.admits("b", now) || !log.admits("a", now.Add(historyWithin)) || log.admits("a", now) {
		t.Error("want it of a, once")
	}
	log.opened("a", now)
	if log.admits("a", now.Add(historyWithin+1)) {
		t.Error("long after the channel opened")
	}
	log.opened("a", now)
	log.forget("a")
	if log.admits("a", now) || len(log.due) != 0 {
		t.Error("of somebody who is gone")
	}
}

func TestChatIsBounded(t *testing.T) {
	log := newChatLog(author(t, 1), 1)
	for i := range 3 * chatHistory {
		log.write(time.Unix(int64(i), 0), "me", strings.Repeat("long ", 100)+fmt.Sprint(i))
	}
	if len(log.lines) != chatHistory || len(log.seen) != chatHistory {
		t.Errorf("%d lines, %d ids kept", len(log.lines), len(log.seen))
	}
	if n := len(encode(log.share())); n > 64<<10 {
		t.Errorf("history of %d bytes does not fit a data message", n)
	}
	if got := log.share(); got[len(got)-1].ID != chatID(log.by.Self(), 1, 3*chatHistory) {
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
