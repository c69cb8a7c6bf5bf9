// Package headless lets a script be a participant: events are JSON objects,
// one per line, on the way out; commands are JSON objects, one per line, on
// the way in (docs/HEADLESS.md).
package headless

import (
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// line makes the JSON line of an event. It returns nil for events that
// scripts are not told, because others tell the same.
func line(now time.Time, e rtc.Event, v *rtc.RoomView, p call.Place) any {
	h := head{stamp(now), e.EventName()}
	switch e := e.(type) {
	case rtc.Joined:
		return joinedLine{h, v.Room, selfPart{v.Self, v.Name}, p.Dialed.Server, p.Invite.Command, p.Invite.Link, p.Invite.Works, p.Where}
	case rtc.RosterChanged:
		return rosterLine{h, participants(v, e.Participants)}
	case rtc.ServerStateChanged:
		return serverState(h, e)
	case rtc.ConnectionStateChanged:
		return stateLine{h, person(e.Who), e.State.String(), e.Previous.String()}
	case rtc.ICEConnectionStateChanged:
		return stateLine{h, person(e.Who), e.State.String(), e.Previous.String()}
	case rtc.PeerConnected:
		return personLine{h, person(e.Who)}
	case rtc.PeerDisconnected:
		return personLine{h, person(e.Who)}
	case rtc.PeerConnectionFailed:
		return personLine{h, person(e.Who)}
	case rtc.Reconnecting:
		return reconnectingLine{h, person(e.Who), e.Attempt, e.Of, e.Delay.Milliseconds()}
	case rtc.Reconnected:
		return reconnectedLine{h, person(e.Who), e.Attempts, e.Outage.Milliseconds()}
	case rtc.ReconnectFailed:
		return reconnectFailedLine{h, person(e.Who), e.Attempts}
	case rtc.MediaStateChanged:
		return mediaLine{h, person(e.Who), e.Media}
	case rtc.HearingChanged:
		return hearingLine{h, person(e.Who), e.Heard, e.Hears}
	case rtc.PicturesPaused:
		return pausedLine{h, person(e.Who), mediaName(e.Kind), e.Paused}
	case rtc.HearingLost:
		return nil // hearing-changed has told
	case rtc.PathChangedTo:
		return pathLine{h, person(e.Who), e.Path.String(), e.Previous.String(), carrier(e.Path, e.Via)}
	case rtc.ConnectFailed:
		return connectFailedLine{h, person(e.Who), tried(e.Tried), e.Sentence()}
	case rtc.CarryingChanged:
		return carryingLine{h, carriedPairs(e.Pairs)}
	case rtc.HandRaised:
		return handLine{h, person(e.Who), e.On}
	case rtc.Undelivered:
		return personLine{h, person(e.Who)}
	case rtc.Identified:
		return identityLine{h, person(e.Who), call.KeyText(e.Key), e.Mark, e.Words, e.Known}
	case rtc.PeerJoined:
		return personLine{h, person(e.Who)}
	case rtc.PeerLeft:
		return peerLeftLine{h, person(e.Who), e.Crashed}
	case call.MediaStarted:
		h.Time = stamp(e.At)
		return mediaStartedLine{h, person(e.Who), mediaName(e.Kind)}
	case call.MediaResumed:
		return resumed(h, e)
	case call.Chat:
		return chatLine{h, person(e.Who), e.Text, stamp(e.Time), e.History}
	case call.RecordingChanged:
		return recordingLine{h, person(e.Who), e.On, e.Dir}
	case call.FileOffered:
		return fileOfferedLine{h, person(e.Who), e.ID, e.Name, e.Size, e.Mine, e.Path}
	case call.FileProgress:
		return fileProgressLine{h, person(e.Who), e.ID, e.Name, e.Bytes, e.Size, e.Mine}
	case call.FileDone:
		return fileDoneLine{h, person(e.Who), e.ID, e.Name, e.Size, e.Path, e.SHA256, e.Mine}
	case call.FileFailed:
		return fileFailedLine{h, person(e.Who), e.ID, e.Name, e.Error, e.Mine}
	case call.PlaceChanged:
		return placeLine{h, e.Dialed.Server, e.Invite.Command, e.Invite.Link, e.Invite.Works, e.Where, e.Note}
	case call.CodeChanged:
		return codeLine{h, string(e.State), e.Code, e.Command, stamp(e.Until), e.Text}
	case call.LanRoomFound:
		return lanRoomLine{h, e.Room, e.Host, e.Address}
	case call.Warning:
		return messageLine{head: h, Code: string(e.Code), Text: e.Text}
	case call.SoundChanged:
		return soundLine{h, e.Echo, e.Idle, e.Noise, e.Gain, e.Music, e.ListenMuted}
	case call.EventsLost:
		return messageLine{h, "events-lost", "events were read too slowly and the oldest are lost", e.Count}
	case call.TerminalStarted:
		return terminalLine{h, person(e.Who), e.ID, e.Title, e.Cols, e.Rows}
	case call.TerminalResized:
		return terminalLine{h, person(e.Who), e.ID, e.Title, e.Cols, e.Rows}
	case call.TerminalStopped:
		return terminalLine{h, person(e.Who), e.ID, e.Title, e.Cols, e.Rows}
	case call.TerminalAsked:
		return terminalAskedLine{h, person(e.Who), e.ID}
	case call.TerminalAllowed:
		return terminalAllowedLine{h, person(e.Who), person(e.Owner), e.ID, e.On}
	case call.Left:
		return leftLine{h, e.Reason}
	}
	return nil // there is no other: internal/archtest
}

func serverState(h head, e rtc.ServerStateChanged) serverLine {
	l := serverLine{head: h, State: e.State, Previous: e.Previous, Attempt: e.Attempt, RetryMS: e.RetryIn.Milliseconds(), Server: e.Server}
	if e.Err != nil {
		text := e.Err.Error()
		l.Error, l.Reason = &text, signal.Trouble(e.Err)
	}
	return l
}

func resumed(h head, e call.MediaResumed) mediaResumedLine {
	h.Time = stamp(e.At)
	l := mediaResumedLine{head: h, person: person(e.Who), Kind: mediaName(e.Kind), GapMS: e.Gap.Milliseconds()}
	at, hole := stamp(e.Perceived), e.Hole.Milliseconds()
	if e.Kind == media.Mic {
		l.Heard, l.HeardMS = &at, &hole
	} else {
		l.Seen, l.SeenMS = &at, &hole
	}
	return l
}

func carriedPairs(pairs []rtc.CarriedView) [][2]person {
	all := make([][2]person, len(pairs))
	for i, p := range pairs {
		all[i] = [2]person{person(p[0]), person(p[1])}
	}
	return all
}

// carrier is the name of who carries the packets, if somebody does.
func carrier(p rtc.Path, via string) *string {
	if p != rtc.PathVia {
		return nil
	}
	return &via
}

func tried(ways []rtc.Attempted) []attempted {
	all := make([]attempted, len(ways))
	for i, w := range ways {
		all[i] = attempted(w)
	}
	return all
}

// mediaName is what stats call the kind.
func mediaName(k media.Kind) string {
	if k == media.Mic {
		return "audio"
	}
	return k.String()
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
func stats(now time.Time, s call.PeerStats) statsLine {
	l := statsLine{
		head: head{stamp(now), "stats"}, person: person(s.Who),
		Path: s.Transport.Path.String(), Via: carrier(s.Transport.Path, s.Via), MTU: s.Transport.MTU,
		Audio: soundPart{
			s.Audio.Packets, s.Audio.Decoded, s.Audio.Bytes, s.Audio.Lost,
			s.Audio.JitterMS, s.Audio.ConcealedMS, s.Audio.LevelDB, s.Audio.BufferMS,
		},
		Camera: videoPart(s.Camera), Screen: videoPart(s.Screen),
		Sent: sentPart{s.Sent[media.Mic], s.Sent[media.Camera], s.Sent[media.Screen]},
	}
	if s.Transport.Path != rtc.PathNone {
		ms := milliseconds(s.Transport.RTT)
		l.RTTMS = &ms
	}
	if at := s.Audio.FirstDecoded; !at.IsZero() {
		l.FirstDecoded = (*stamp)(&at)
	}
	return l
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
