package main

import (
	"context"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
	"github.com/meet-term/meet/tui"
)

// adapter shows a call as the screen wants to see it: the types of one in the
// types of the other, and chat apart from the other events.
type adapter struct {
	*call.Call
	events   chan rtc.Event
	messages chan tui.Message
	rates    *rates
}

func newAdapter(c *call.Call) *adapter {
	a := &adapter{
		Call: c, events: make(chan rtc.Event), messages: make(chan tui.Message, chatQueue),
		rates: newRates(),
	}
	crash.Go(a.sort)
	return a
}

// chatQueue is how many messages wait for the screen; beyond it the oldest go
// first, as what was said last is what people look for after a flood.
const chatQueue = 1024

// push appends a message to a queue that nobody else appends to.
func push(queue chan tui.Message, m tui.Message) {
	for {
		select {
		case queue <- m:
			return
		default:
		}
		select {
		case <-queue:
		default: // the reader was quicker
		}
	}
}

// sort takes the events apart until they end.
func (a *adapter) sort() {
	defer close(a.messages)
	defer close(a.events)
	for e := range a.Call.Events() {
		switch e := e.(type) {
		case call.Chat:
			push(a.messages, tui.Message{From: e.Peer, Name: e.Name, Text: e.Text, Time: e.Time, History: e.History})
		case call.Warning:
			a.events <- notice(e)
		case call.PlaceChanged:
			a.events <- tuiPlace(e.Place)
		case call.LanRoomFound:
			host := e.Host
			if host == "" {
				host = e.Address
			}
			a.events <- tui.Notice{Code: "lan-room-found", Text: "Found " + e.Room + " on this network: " + host + " hosts it"}
		case call.Left, call.SoundChanged, call.MediaStarted, call.MediaResumed, call.EventsLost:
			// the screen asks for the state of these, or the end of the events tells
		case rtc.Joined, rtc.RosterChanged, rtc.ServerStateChanged, rtc.PeerJoined, rtc.PeerLeft,
			rtc.ConnectionStateChanged, rtc.ICEConnectionStateChanged,
			rtc.PeerConnected, rtc.PeerDisconnected, rtc.PeerConnectionFailed, rtc.ConnectFailed,
			rtc.Reconnecting, rtc.Reconnected, rtc.ReconnectFailed, rtc.Undelivered,
			rtc.PathChangedTo, rtc.CarryingChanged, rtc.MediaStateChanged, rtc.HearingChanged, rtc.HearingLost:
			a.events <- e
		case tui.Place, tui.Notice: // made here, and in no call
		}
	}
}

// notice is a warning as people see it: what works again is no trouble.
func notice(w call.Warning) tui.Notice {
	return tui.Notice{Code: string(w.Code), Text: w.Text, Good: w.Code.Good(), Warning: !w.Code.Good() && !w.Code.News()}
}

// soundChecks shows what is done to the sound of a call as the screen wants it.
// It implements [tui.SoundChecks].
type soundChecks struct{ *call.Call }

// Sound implements [tui.SoundChecks].
func (c soundChecks) Sound() tui.Sound {
	s := c.Call.Sound()
	return tui.Sound{Echo: s.Echo, Idle: s.Idle, Noise: s.Noise, Gain: s.Gain, Music: s.Music, Check: s.Check}
}

// SetSound implements [tui.SoundChecks].
func (c soundChecks) SetSound(want tui.Sound) {
	s := c.Call.Sound()
	s.Echo, s.Noise, s.Gain, s.Music = want.Echo, want.Noise, want.Gain, want.Music
	if err := c.Call.SetSound(s); err != nil {
		c.Call.Warn("sound", err.Error())
	}
}

// Events implements [tui.Room].
func (a *adapter) Events() <-chan rtc.Event { return a.events }

// Messages implements [tui.Chat].
func (a *adapter) Messages() <-chan tui.Message { return a.messages }

// Say implements [tui.Chat].
func (a *adapter) Say(text string) { a.Call.Say(text) }

// SetVolume implements [tui.Volume].
func (a *adapter) SetVolume(peer signal.PeerID, percent int) { a.Call.SetVolume(peer, percent) }

// Stats implements [tui.Links].
func (a *adapter) Stats() map[signal.PeerID]tui.LinkStats {
	now, all := time.Now(), a.Call.Stats()
	out := make(map[signal.PeerID]tui.LinkStats, len(all))
	for _, s := range all {
		out[s.Peer] = a.rates.link(now, s)
	}
	return out
}

// List implements [tui.Devices].
func (a *adapter) List() []media.Device { return a.Call.List(context.Background()) }

// Select implements [tui.Devices].
func (a *adapter) Select(kind media.Kind, id string) {
	if err := a.Call.Select(kind, id); err != nil {
		a.Call.Warn("device", err.Error())
	}
}

// tuiPlace is a place as the screen shows it.
func tuiPlace(p call.Place) tui.Place {
	return tui.Place{
		Invite: tui.Invite{Command: p.Others.Command(), Link: p.Others.Link(), Works: p.Works, Alone: p.Works == venue.OnMachine},
		Where:  p.Where, Note: p.Note, Reach: p.Reach,
	}
}
