package front

import (
	"fmt"
	"slices"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Names tells people of the same name apart: the second Ada is "Ada (2)", and
// stays it in the table, the toasts, the chat and the report while she is here.
// Its zero value is ready; it belongs to one goroutine.
type Names struct {
	known map[signal.PeerID]knownName
	owner map[string]signal.PeerID // whose a shown name is; those of who left are free
}

// knownName is a name as it came, cleaned, and as it is shown.
type knownName struct{ base, shown string }

// namesMax bounds how many of those who left are remembered.
const namesMax = 4096

// View is the view with the names that are shown. It comes back as it is when
// all are different.
func (n *Names) View(v *rtc.RoomView) *rtc.RoomView {
	for shown, id := range n.owner {
		if _, here := v.Peer(id); !here && id != v.Self {
			delete(n.owner, shown)
		}
	}
	if len(n.known) > namesMax {
		clear(n.known)
		clear(n.owner)
	}
	n.claim(v.Self, v.Name)
	out := v
	for i := range v.Peers {
		shown := n.claim(v.Peers[i].ID, v.Peers[i].Name)
		if shown == Name(v.Peers[i].Name) {
			continue
		}
		if out == v {
			c := *v
			c.Peers = append([]rtc.PeerView(nil), v.Peers...)
			out = &c
		}
		out.Peers[i].Name = shown
	}
	return out
}

// Name is how a person is called on the screen. An empty id is nobody's.
func (n *Names) Name(id signal.PeerID, name string) string {
	base := Name(name)
	if id == "" {
		return base
	}
	if k, ok := n.known[id]; ok && k.base == base {
		return k.shown
	}
	return n.choose(id, base)
}

// claim is Name for somebody who is here and must share it with nobody.
func (n *Names) claim(id signal.PeerID, name string) string {
	shown := n.Name(id, name)
	switch owner, owned := n.owner[shown]; {
	case !owned:
		n.owner[shown] = id
	case owner != id:
		return n.choose(id, Name(name))
	}
	return shown
}

// choose finds the first name that is free and keeps it.
func (n *Names) choose(id signal.PeerID, base string) string {
	if n.known == nil {
		n.known, n.owner = map[signal.PeerID]knownName{}, map[string]signal.PeerID{}
	}
	shown := base
	for i := 2; ; i++ {
		owner, taken := n.owner[shown]
		if !taken || owner == id {
			break
		}
		suffix := fmt.Sprintf(" (%d)", i)
		// A long name gives way, so that the number is kept by Name.
		runes := []rune(base)
		shown = string(runes[:min(len(runes), maxNameRunes-len(suffix))]) + suffix
	}
	n.known[id], n.owner[shown] = knownName{base, shown}, id
	return shown
}

// Event is an event with the name that is shown.
func (n *Names) Event(ev rtc.Event) rtc.Event {
	rename := func(w *rtc.Who) { w.Name = n.Name(w.Peer, w.Name) }
	switch e := ev.(type) {
	case rtc.PeerConnected:
		rename(&e.Who)
		return e
	case rtc.PeerDisconnected:
		rename(&e.Who)
		return e
	case rtc.Reconnecting:
		rename(&e.Who)
		return e
	case rtc.Reconnected:
		rename(&e.Who)
		return e
	case rtc.ReconnectFailed:
		rename(&e.Who)
		return e
	case rtc.MediaStateChanged:
		rename(&e.Who)
		return e
	case rtc.ConnectFailed:
		rename(&e.Who)
		return e
	case rtc.PathChangedTo:
		rename(&e.Who)
		return e
	case rtc.CarryingChanged:
		e.Pairs = slices.Clone(e.Pairs)
		for i := range e.Pairs {
			rename(&e.Pairs[i][0])
			rename(&e.Pairs[i][1])
		}
		return e
	case rtc.Identified:
		rename(&e.Who)
		return e
	case rtc.PeerJoined:
		rename(&e.Who)
		return e
	case rtc.PeerLeft:
		rename(&e.Who)
		return e
	case rtc.Undelivered:
		rename(&e.Who)
		return e
	case rtc.HearingChanged:
		rename(&e.Who)
		return e
	case rtc.HearingLost:
		rename(&e.Who)
		return e
	case rtc.ConnectionStateChanged, rtc.ICEConnectionStateChanged, rtc.PeerConnectionFailed, rtc.RosterChanged:
		// not shown
	case call.RecordingChanged:
		rename(&e.Who)
		return e
	case call.FileOffered:
		rename(&e.Who)
		return e
	case call.FileProgress:
		rename(&e.Who)
		return e
	case call.FileDone:
		rename(&e.Who)
		return e
	case call.FileFailed:
		rename(&e.Who)
		return e
	case call.Chat:
		rename(&e.Who)
		return e
	case call.TerminalStarted:
		rename(&e.Who)
		return e
	case call.TerminalStopped:
		rename(&e.Who)
		return e
	case call.TerminalAsked:
		rename(&e.Who)
		return e
	case call.TerminalAllowed:
		rename(&e.Who)
		rename(&e.Owner)
		return e
	case call.MediaStarted, call.MediaResumed, call.TerminalResized:
		// not shown
	case rtc.Joined, rtc.ServerStateChanged, call.PlaceChanged, call.CodeChanged, call.LanRoomFound, call.Warning,
		call.SoundChanged, call.EventsLost, call.Left:
		// name nobody
	}
	return ev
}
