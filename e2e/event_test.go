//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"time"
)

// event is one JSON line of a participant. Body points to one of the types
// below, or is nil for an event without fields of its own.
type event struct {
	At       time.Time // when it happened, by the participant's own clock: it is ours
	Name     string
	Peer     string // id, if it is about one person
	PeerName string
	Body     any
	raw      string
}

// The fields of the events, as the headless contract names them.
type (
	joined struct {
		Room                              string
		Self                              struct{ ID, Name string }
		Server, Invite, Link, Works, Note string
	}
	lanRoom struct{ Room, Host, Address string }
	roster  struct {
		Participants []struct {
			ID, Name, Presence, State string
			Media                     mediaState
			Self                      bool
		}
	}
	serverState struct {
		State, Previous string
		Attempt         int
		RetryMS         int64 `json:"retry_ms"`
	}
	connState    struct{ State, Previous string }
	reconnecting struct {
		Attempt, Of int
		DelayMS     int64 `json:"delay_ms"`
	}
	reconnected struct {
		Attempts int
		OutageMS int64 `json:"outage_ms"`
	}
	reconnectFailed struct{ Attempts int }
	mediaState      struct{ Mic, Camera, Screen bool }
	// flow is the first packet or picture of a person, ever or after a gap.
	flow struct {
		Kind  string // audio, camera or screen
		GapMS int64  `json:"gap_ms"`
		// Heard and Seen are when the first of it was, not only received.
		Heard, Seen time.Time
	}
	picture struct {
		FramesDecoded uint64 `json:"frames_decoded"`
		Width, Height int
	}
	stats struct {
		Path  string
		Via   string
		RTTMS float64 `json:"rtt_ms"`
		MTU   int
		Audio struct {
			Packets uint64
			LevelDB float64 `json:"level_db"`
		}
		Camera, Screen picture
		Sent           struct {
			AudioBytes uint64 `json:"audio_bytes"`
		}
	}
	chat   struct{ Text string }
	remark struct{ Code, Text string }
	left   struct{ Reason string }
)

// bodies makes what the fields of each event are read into.
var bodies = map[string]func() any{
	"joined":                       func() any { return new(joined) },
	"invite-changed":               func() any { return new(joined) },
	"lan-room-found":               func() any { return new(lanRoom) },
	"roster":                       func() any { return new(roster) },
	"server-state-changed":         func() any { return new(serverState) },
	"connection-state-changed":     func() any { return new(connState) },
	"ice-connection-state-changed": func() any { return new(connState) },
	"reconnecting":                 func() any { return new(reconnecting) },
	"reconnected":                  func() any { return new(reconnected) },
	"reconnect-failed":             func() any { return new(reconnectFailed) },
	"media-state-changed":          func() any { return new(mediaState) },
	"media-started":                func() any { return new(flow) },
	"media-resumed":                func() any { return new(flow) },
	"stats":                        func() any { return new(stats) },
	"chat":                         func() any { return new(chat) },
	"warning":                      func() any { return new(remark) },
	"error":                        func() any { return new(remark) },
	"left":                         func() any { return new(left) },
}

func parseEvent(line []byte) (event, error) {
	var head struct {
		Time              time.Time
		Event, Peer, Name string
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return event{}, fmt.Errorf("a line that is no JSON object: %w: %q", err, line)
	}
	if head.Event == "" || head.Time.IsZero() {
		return event{}, fmt.Errorf("a line without time or event: %q", line)
	}
	e := event{At: head.Time, Name: head.Event, Peer: head.Peer, PeerName: head.Name, raw: string(line)}
	if body := bodies[e.Name]; body != nil {
		e.Body = body()
		if err := json.Unmarshal(line, e.Body); err != nil {
			return event{}, fmt.Errorf("fields of %q: %w: %s", e.Name, err, line)
		}
	}
	return e, nil
}

// is matches events by name and, unless it is empty, by whom they are about.
func is(name, about string) func(event) bool {
	return func(e event) bool { return e.Name == name && (about == "" || e.PeerName == about) }
}

// turns matches a connection to somebody reaching a state.
func turns(about, state string) func(event) bool {
	return func(e event) bool {
		s, ok := e.Body.(*connState)
		return ok && e.Name == "connection-state-changed" && e.PeerName == about && s.State == state
	}
}

// resumes matches media of somebody that comes back after a gap, or comes for
// the first time: somebody who was forgotten meanwhile is met anew.
func resumes(about, kind string) func(event) bool {
	return func(e event) bool {
		f, ok := e.Body.(*flow)
		return ok && e.PeerName == about && f.Kind == kind
	}
}

// serverTurns matches the link to the server reaching a state.
func serverTurns(state string) func(event) bool {
	return func(e event) bool {
		s, ok := e.Body.(*serverState)
		return ok && s.State == state
	}
}
