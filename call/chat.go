package call

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// The bounds of chat.
const (
	MaxChatText  = rules.MaxChatText // runes of one message
	chatHistory  = rules.ChatHistory // messages a participant remembers for those who come later
	chatShare    = rules.ChatShare   // of them, how many are sent to one
	maxShareSize = rules.MaxChatShare
	maxChatID    = rules.MaxChatID // bytes
)

// Chat is one line that somebody wrote. It is also an event of the room.
type Chat struct {
	rtc.Who
	Text string
	Time time.Time
	// History: said before we were there, or while we were cut off, and told
	// by somebody who heard it.
	History bool
}

// EventName implements [rtc.Event].
func (Chat) EventName() string { return "chat" }

// chatLine is a message on the wire: in "chat" one that the sender of the
// data channel wrote, in "chat-history" any that it remembers. Its author has signed
// it, so it is passed on as it came.
type chatLine struct {
	ID   string `json:"id"` // author's id, incarnation and number; one message has one id everywhere
	Name string `json:"name"`
	Text string `json:"text"`
	At   int64  `json:"at"`  // Unix time in ms, on the author's clock
	Key  string `json:"key"` // of the author, base64url
	Sig  string `json:"sig"` // by it, of signed

	from signal.PeerID // the author, by the id
}

// signed is what the author signs, for the purpose "chat".
func (c *chatLine) signed() string {
	return c.ID + "|" + strconv.FormatInt(c.At, 10) + "\n" + c.Name + "\n" + c.Text
}

// signer signs for this participant, and checks what others signed. It is
// implemented by [signal.Sealer].
type signer interface {
	Self() signal.PeerID
	Sign(purpose, text string) signal.Signature
	Verify(from signal.PeerID, inc signal.Inc, purpose, text string, by signal.Signature) error
}

// forChat is the purpose that lines are signed for.
const forChat = "chat"

// chatLog remembers what was said, so that the same message heard twice is
// shown once and those who were away can be told. It is safe for concurrent
// use: a few lines under one mutex, no call-out.
type chatLog struct {
	by  signer
	inc signal.Inc

	mu    sync.Mutex
	n     int
	lines []chatLine
	seen  map[string]bool             // by id
	due   map[signal.PeerID]time.Time // until when somebody may tell what was said before
}

func newChatLog(by signer, inc signal.Inc) *chatLog {
	return &chatLog{by: by, inc: inc, seen: map[string]bool{}, due: map[signal.PeerID]time.Time{}}
}

// write makes a message of our own.
func (l *chatLog) write(now time.Time, name, text string) (chatLine, bool) {
	text = safetext.Block(text, MaxChatText)
	if text == "" {
		return chatLine{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	self := l.by.Self()
	line := chatLine{ID: chatID(self, l.inc, l.n), Name: name, Text: text, At: now.UnixMilli(), from: self}
	by := l.by.Sign(forChat, line.signed())
	line.Key, line.Sig = base64.RawURLEncoding.EncodeToString(by.Key), base64.RawURLEncoding.EncodeToString(by.Sig)
	l.keep(line)
	return line, true
}

// historyWithin is how long after its channel opened a peer may tell what was said
// before, once.
const historyWithin = rules.HistoryWithin

// opened lets a peer tell what was said before.
func (l *chatLog) opened(peer signal.PeerID, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due[peer] = now.Add(historyWithin)
}

// admits reports whether a peer may tell history now, and notes that it did.
func (l *chatLog) admits(peer signal.PeerID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	until, open := l.due[peer]
	delete(l.due, peer)
	return open && !now.After(until)
}

// forget drops what is kept for a peer that is gone.
func (l *chatLog) forget(peer signal.PeerID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.due, peer)
}

// hear takes messages from a peer and returns those that are new. A live one is its
// sender's, any other its author's; what nobody signed is dropped.
func (l *chatLog) hear(from rtc.Who, live bool, lines []chatLine) []chatLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	var fresh []chatLine
	for _, c := range lines[:min(len(lines), chatShare)] {
		author, inc, ok := parseChatID(c.ID)
		if !ok || author == l.by.Self() || live && author != from.Peer || l.seen[c.ID] ||
			len(c.Text) > maxChatBytes || len(c.Name) > maxChatBytes || safetext.Block(c.Text, MaxChatText) == "" {
			continue
		}
		var by signal.Signature
		var err, err2 error
		by.Key, err = base64.RawURLEncoding.DecodeString(c.Key)
		by.Sig, err2 = base64.RawURLEncoding.DecodeString(c.Sig)
		if err != nil || err2 != nil || l.by.Verify(author, inc, forChat, c.signed(), by) != nil {
			continue
		}
		c.from = author
		l.keep(c)
		fresh = append(fresh, c)
	}
	return fresh
}

// maxChatBytes bounds a line, in bytes; a rune has four at most.
const maxChatBytes = 4 * MaxChatText

// parseChatID reads what chatID writes, and nothing else.
func parseChatID(id string) (author signal.PeerID, inc signal.Inc, ok bool) {
	from, rest, _ := strings.Cut(id, "/")
	process, number, _ := strings.Cut(rest, "/")
	i, err := strconv.ParseUint(process, 10, 53)
	n, err2 := strconv.Atoi(number)
	author, inc = signal.PeerID(from), signal.Inc(i)
	return author, inc, err == nil && err2 == nil && len(id) <= maxChatID && chatID(author, inc, n) == id
}

func (l *chatLog) keep(c chatLine) {
	l.lines = append(l.lines, c)
	l.seen[c.ID] = true
	if len(l.lines) > chatHistory {
		delete(l.seen, l.lines[0].ID)
		l.lines = append(l.lines[:0:0], l.lines[1:]...)
	}
}

// share returns the newest messages for somebody who may have missed them.
func (l *chatLog) share() []chatLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	size, from := 0, len(l.lines)
	for from > 0 && len(l.lines)-from < chatShare {
		size += len(l.lines[from-1].Text) + 360
		if size > maxShareSize {
			break
		}
		from--
	}
	return append([]chatLine(nil), l.lines[from:]...)
}

// event is the line as people see it. History has the name that its author had.
func (c chatLine) event(name string, history bool) Chat {
	if history || name == "" {
		name = safetext.Line(c.Name, signal.MaxName)
	}
	return Chat{
		Who:  rtc.Who{Peer: c.from, Name: name},
		Text: safetext.Block(c.Text, MaxChatText), Time: time.UnixMilli(c.At), History: history,
	}
}

// encode makes the data of a message of our own.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil // strings and numbers cannot fail
	}
	return b
}

func decodeLines(data json.RawMessage) ([]chatLine, error) {
	var lines []chatLine
	err := json.Unmarshal(data, &lines)
	return lines, err
}

// chatID names a message for ever: no other message has it.
func chatID(author signal.PeerID, inc signal.Inc, n int) string {
	return fmt.Sprintf("%s/%d/%d", author, inc, n)
}
