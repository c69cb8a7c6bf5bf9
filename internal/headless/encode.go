// Package headless lets a script be a participant: events are JSON objects,
// one per line, on the way out; commands are JSON objects, one per line, on
// the way in (docs/HEADLESS.md).
package headless

import (
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// fields is one line. encoding/json writes the keys in order of their names;
// readers must not depend on an order.
type fields map[string]any

// line makes the JSON object of an event. It returns nil for events that
// scripts are not told, because others tell the same.
func line(now time.Time, e rtc.Event, v *rtc.RoomView) fields {
	f := fields{"event": e.EventName()}
	at := now
	switch e := e.(type) {
	case rtc.Joined:
		return nil // written by the runner, which knows the invite
	case rtc.RosterChanged:
		f["participants"] = participants(v, e.Participants)
	case rtc.ServerStateChanged:
		f["state"], f["previous"] = e.State, e.Previous
		f["attempt"], f["retry_ms"] = e.Attempt, e.RetryIn.Milliseconds()
		if e.Server != "" {
			f["server"] = e.Server
		}
		if e.Err != nil {
			f["error"] = e.Err.Error()
			if reason := signal.Trouble(e.Err); reason != "" {
				f["reason"] = reason
			}
		}
	case rtc.ConnectionStateChanged:
		who(f, e.Who)
		f["state"], f["previous"] = e.State.String(), e.Previous.String()
	case rtc.ICEConnectionStateChanged:
		who(f, e.Who)
		f["state"], f["previous"] = e.State.String(), e.Previous.String()
	case rtc.PeerConnected:
		who(f, e.Who)
	case rtc.PeerDisconnected:
		who(f, e.Who)
	case rtc.PeerConnectionFailed:
		who(f, e.Who)
	case rtc.Reconnecting:
		who(f, e.Who)
		f["attempt"], f["of"], f["delay_ms"] = e.Attempt, e.Of, e.Delay.Milliseconds()
	case rtc.Reconnected:
		who(f, e.Who)
		f["attempts"], f["outage_ms"] = e.Attempts, e.Outage.Milliseconds()
	case rtc.ReconnectFailed:
		who(f, e.Who)
		f["attempts"] = e.Attempts
	case rtc.MediaStateChanged:
		who(f, e.Who)
		f["mic"], f["camera"], f["screen"] = e.Media.Mic, e.Media.Camera, e.Media.Screen
		if e.Media.Sound {
			f["sound"] = true
		}
	case rtc.HearingChanged:
		who(f, e.Who)
		f["heard"], f["hears"] = e.Heard, e.Hears
	case rtc.HearingLost:
		return nil // hearing-changed has told
	case rtc.PathChangedTo:
		who(f, e.Who)
		f["path"], f["previous"] = e.Path.String(), e.Previous.String()
		if e.Path == rtc.PathVia {
			f["via"] = e.Via
		}
	case rtc.ConnectFailed:
		who(f, e.Who)
		f["tried"], f["text"] = tried(e.Tried), e.Sentence()
	case rtc.CarryingChanged:
		f["pairs"] = carriedPairs(e.Pairs)
	case rtc.Undelivered:
		who(f, e.Who)
	case rtc.PeerJoined:
		who(f, e.Who)
	case rtc.PeerLeft:
		who(f, e.Who)
		f["crashed"] = e.Crashed
	case call.MediaStarted:
		who(f, e.Who)
		f["kind"], at = mediaName(e.Kind), e.At
	case call.MediaResumed:
		who(f, e.Who)
		f["kind"], f["gap_ms"], at = mediaName(e.Kind), e.Gap.Milliseconds(), e.At
		perceived := "heard"
		if e.Kind != rtc.Mic {
			perceived = "seen"
		}
		f[perceived] = e.Perceived.UTC().Format(time.RFC3339Nano)
		f[perceived+"_ms"] = e.Hole.Milliseconds()
	case call.Chat:
		who(f, e.Who)
		f["text"], f["history"] = e.Text, e.History
		f["sent"] = e.Time.UTC().Format(time.RFC3339Nano)
	case call.PlaceChanged:
		f["server"], f["invite"], f["link"] = e.Invite.Server, e.Others.Command(), e.Others.Link()
		f["works"], f["where"] = e.Works, e.Where
		if e.Note != "" {
			f["note"] = e.Note
		}
	case call.LanRoomFound:
		f["room"], f["host"], f["address"] = e.Room, e.Host, e.Address
	case call.Warning:
		f["code"], f["text"] = e.Code, e.Text
	case call.SoundChanged:
		f["echo"], f["idle"] = e.Echo, e.Idle
		f["noise"], f["gain"], f["music"] = e.Noise, e.Gain, e.Music
		f["listen_muted"] = e.ListenMuted
	case call.EventsLost:
		f["code"], f["text"], f["count"] = "events-lost", "events were read too slowly and the oldest are lost", e.Count
	case call.Left:
		f["reason"] = e.Reason
	}
	f["time"] = at.UTC().Format(time.RFC3339Nano)
	return f
}

// end is one end of a pair that is carried.
type end struct {
	Peer signal.PeerID `json:"peer"`
	Name string        `json:"name"`
}

func carriedPairs(pairs []rtc.CarriedView) [][2]end {
	all := make([][2]end, len(pairs))
	for i, p := range pairs {
		all[i] = [2]end{{p[0].Peer, p[0].Name}, {p[1].Peer, p[1].Name}}
	}
	return all
}

// attempted is one way that was tried.
type attempted struct {
	Way    string `json:"way"`
	Result string `json:"result"`
}

func tried(ways []rtc.Attempted) []attempted {
	all := make([]attempted, len(ways))
	for i, w := range ways {
		all[i] = attempted(w)
	}
	return all
}

func who(f fields, w rtc.Who) { f["peer"], f["name"] = w.Peer, w.Name }

// mediaName is what stats call the kind.
func mediaName(k rtc.Kind) string {
	if k == rtc.Mic {
		return "audio"
	}
	return k.String()
}

// participant is one row of the roster. Oneself has no state.
type participant struct {
	ID       signal.PeerID `json:"id"`
	Name     string        `json:"name"`
	Presence string        `json:"presence"`
	Media    signal.Media  `json:"media"`
	State    string        `json:"state"`
	Self     bool          `json:"self,omitempty"`
}

func participants(v *rtc.RoomView, peers []rtc.PeerView) []participant {
	all := []participant{{
		ID: v.Self, Name: v.Name, Presence: "present", Media: v.Media, State: rtc.StateConnected.String(), Self: true,
	}}
	for _, p := range peers {
		presence := "present"
		if p.Away {
			presence = "away"
		}
		all = append(all, participant{ID: p.ID, Name: p.Name, Presence: presence, Media: p.Media, State: p.State.String()})
	}
	return all
}

// stats makes the line of one peer's figures.
func stats(now time.Time, s call.PeerStats) fields {
	f := fields{
		"time": now.UTC().Format(time.RFC3339Nano), "event": "stats",
		"peer": s.Peer, "name": s.Name, "path": s.Transport.Path.String(),
		"rtt_ms": milliseconds(s.Transport.RTT), "mtu": s.Transport.MTU,
		"audio": fields{
			"packets": s.Audio.Packets, "decoded": s.Audio.Decoded, "bytes": s.Audio.Bytes, "lost": s.Audio.Lost,
			"jitter_ms": s.Audio.JitterMS, "concealed_ms": s.Audio.ConcealedMS,
			"level_db": s.Audio.LevelDB, "buffer_ms": s.Audio.BufferMS,
		},
		"camera": picture(s.Camera), "screen": picture(s.Screen),
		"sent": fields{
			"audio_bytes": s.Sent[rtc.Mic], "camera_bytes": s.Sent[rtc.Camera], "screen_bytes": s.Sent[rtc.Screen],
		},
	}
	switch s.Transport.Path {
	case rtc.PathVia:
		f["via"] = s.Via
	case rtc.PathNone:
		delete(f, "rtt_ms")
	case rtc.PathRelay, rtc.PathDirect:
	}
	if !s.Audio.FirstDecoded.IsZero() {
		f["first_decoded"] = s.Audio.FirstDecoded.UTC().Format(time.RFC3339Nano)
	}
	return f
}

func picture(p call.PictureStats) fields {
	return fields{
		"frames_decoded": p.FramesDecoded, "bytes": p.Bytes,
		"width": p.Width, "height": p.Height, "fps": p.FPS,
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
