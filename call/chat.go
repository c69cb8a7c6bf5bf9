package call

import (
	"encoding/json"
	"fmt"
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
// data channel wrote, in "chat-history" any that it remembers.
type chatLine struct {
	ID   string        `json:"id"` // author's id, slash, number; one message has one id everywhere
	From signal.PeerID `json:"from"`
	Name string        `json:"name"`
	Text string        `json:"text"`
	At   int64         `json:"at"` // Unix time in ms, on the author's clock
}

// chatLog remembers what was said, so that the same message heard twice is
// shown once and those who were away can be told. It is safe for concurrent
// use: a few lines under one mutex, no call-out.
type chatLog struct {
	self signal.PeerID
	inc  signal.Inc

	mu    sync.Mutex
	n     int
	lines []chatLine
	seen  map[string]string // the text by id
}

func newChatLog(self signal.PeerID, inc signal.Inc) *chatLog {
	return &chatLog{self: self, inc: inc, seen: map[string]string{}}
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
	id := chatID(l.self, l.inc, l.n)
	line := chatLine{ID: id, From: l.self, Name: name, Text: text, At: now.UnixMilli()}
	l.keep(line)
	return line, true
}

// hear takes messages from a peer and returns those that are new, cleaned.
// A live message is its sender's, whatever it claims.
func (l *chatLog) hear(from rtc.Who, live bool, lines []chatLine) []chatLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	var fresh []chatLine
	for _, c := range lines[:min(len(lines), chatShare)] {
		if live {
			c.From, c.Name = from.Peer, from.Name
		}
		c.Name = safetext.Line(c.Name, signal.MaxName)
		c.Text = safetext.Block(c.Text, MaxChatText)
		known, seen := l.seen[c.ID]
		// What somebody says in person is never hidden by what another told
		// under the same id.
		twice := seen && (!live || known == c.Text)
		if !isID(c.ID) || !isID(string(c.From)) || c.Text == "" || twice || c.From == l.self {
			continue
		}
		l.keep(c)
		fresh = append(fresh, c)
	}
	return fresh
}

// isID reports whether s can name something: it is short and all of it visible.
func isID(s string) bool {
	return s != "" && len(s) <= maxChatID && safetext.Line(s, maxChatID) == s
}

func (l *chatLog) keep(c chatLine) {
	l.lines = append(l.lines, c)
	l.seen[c.ID] = c.Text
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
		size += len(l.lines[from-1].Text) + 200
		if size > maxShareSize {
			break
		}
		from--
	}
	return append([]chatLine(nil), l.lines[from:]...)
}

func (c chatLine) event(history bool) Chat {
	return Chat{
		Who:  rtc.Who{Peer: c.From, Name: c.Name},
		Text: c.Text, Time: time.UnixMilli(c.At), History: history,
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
