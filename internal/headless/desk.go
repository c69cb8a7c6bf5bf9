package headless

import (
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Desk takes the commands for a call, wherever they come from, and says what
// happens in it.
type Desk struct{ Call *call.Call }

// questions are the commands that are answered to whoever asks, and to nobody else.
var questions = map[string]func(time.Time, *call.Call) []any{
	"who": func(now time.Time, c *call.Call) []any {
		v := present(c)
		return []any{rosterLine{head{stamp(now), rtc.RosterChanged{}.EventName()}, participants(v, v.Peers)}}
	},
	"status": func(now time.Time, c *call.Call) []any { return []any{status(now, present(c), c.Levels())} },
	"stats": func(now time.Time, c *call.Call) (lines []any) {
		for _, s := range c.Stats() {
			lines = append(lines, stats(now, s))
		}
		return lines
	},
}

// present is the view of a room with what we send by now: who switches something and
// asks is told what they did.
func present(c *call.Call) *rtc.RoomView {
	v := *c.View()
	v.Media = c.Media()
	return &v
}

// Obey carries out one line and returns the lines that answer it, for whoever
// sent it. The error says what is wrong with the line.
func (d Desk) Obey(line []byte) (answers []any, err error) {
	name, err := nameOf(line)
	if err != nil {
		return nil, err
	}
	if ask, ok := questions[name]; ok {
		return ask(time.Now(), d.Call), nil
	}
	if name == "terminal-text" {
		return d.readTerminals(time.Now(), line)
	}
	return nil, obey(line, d.Call, d.Call)
}

// Answered is the event with which a command is answered to everybody who
// follows the events, or "".
func Answered(line []byte) (event string) {
	name, _ := nameOf(line) // Obey complains
	return map[string]string{"sound": call.SoundChanged{}.EventName()}[name]
}

// EventNames are all events that are written as they happen, in the order of
// docs/HEADLESS.md.
func EventNames() []string {
	return []string{
		"joined", "lan-room-found", "invite-changed", "invite-code", "roster", "server-state-changed", "connection-state-changed",
		"ice-connection-state-changed", "peer-joined", "peer-left", "peer-connected", "peer-disconnected",
		"peer-connection-failed", "reconnecting", "reconnected", "reconnect-failed", "media-state-changed",
		"pictures-paused", "hearing-changed", "identity", "media-started", "media-resumed", "path-changed", "connect-failed", "carrying-changed",
		"undelivered", "hand-raised", "chat", "recording", "file-offered", "file-progress", "file-done", "file-failed", "sound", "warning",
		"terminal-started", "terminal-resized", "terminal-stopped", "terminal-asked", "terminal-allowed", "left",
	}
}

// Name is which command a line is; the error says why it is none.
func Name(line []byte) (string, error) { return nameOf(line) }

// Line is the line of an event, nil for those that scripts are not told.
func (d Desk) Line(now time.Time, e rtc.Event, at call.Place) any {
	return line(now, e, d.Call.View(), at)
}

// Present is what somebody has to know who follows the events from now on.
func (d Desk) Present(now time.Time, at call.Place) (lines []any) {
	v := d.Call.View()
	if !v.Since.IsZero() {
		lines = append(lines, line(now, rtc.Joined{}, v, at))
	}
	return append(lines, line(now, rtc.RosterChanged{Participants: v.Peers}, v, at))
}

// status makes the line that says how the call is.
func status(now time.Time, v *rtc.RoomView, levels map[signal.PeerID]media.Loudness) statusLine {
	l := statusLine{
		head: head{stamp(now), "status"}, Room: v.Room, Self: selfPart{v.Self, v.Name}, Server: v.Server.State, Media: v.Media,
		People: len(v.Peers) + 1, Connected: v.Connected(), Reconnecting: v.Reconnecting(), Speaking: []person{},
	}
	if !v.Since.IsZero() {
		l.Since = (*stamp)(&v.Since)
	}
	if v.Media.Mic && levels[v.Self].Speaking {
		l.Speaking = append(l.Speaking, person{v.Self, v.Name})
	}
	for _, p := range v.Peers {
		if levels[p.ID].Speaking {
			l.Speaking = append(l.Speaking, person{p.ID, p.Name})
		}
	}
	return l
}
