package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/charmbracelet/x/term"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
	"github.com/meet-term/meet/tui"
)

// screenPossible reports whether there is a terminal that can show a screen.
func screenPossible() bool {
	t := os.Getenv("TERM")
	return term.IsTerminal(os.Stdin.Fd()) && term.IsTerminal(os.Stdout.Fd()) && t != "" && t != "dumb"
}

// showScreen shows the call until it is left, then prints the report.
func showScreen(ctx context.Context, c *call.Call, invite signal.Invite, f joinFlags) error {
	report, err := tui.Run(ctx, screenOptions(c, invite))
	if err != nil {
		return err
	}
	fmt.Print(report.Text())
	return nil
}

func screenOptions(c *call.Call, invite signal.Invite) tui.Options {
	a := newAdapter(c)
	return tui.Options{
		Room: a, Controls: c, Chat: a, Meter: a, Volume: a, Links: a,
		Invite: tui.Invite{Command: invite.Command(), Link: invite.Link()},
		Term:   os.Getenv("TERM"),
	}
}

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
	go a.sort()
	return a
}

// chatQueue is how many messages wait for the screen; the newest are dropped
// beyond it, which takes a screen that does not move at all.
const chatQueue = 1024

// sort takes the events apart until they end.
func (a *adapter) sort() {
	defer close(a.messages)
	defer close(a.events)
	for e := range a.Call.Events() {
		switch e := e.(type) {
		case call.Chat:
			select {
			case a.messages <- tui.Message{From: e.Peer, Name: e.Name, Text: e.Text, Time: e.Time, History: e.History}:
			default:
			}
			continue
		case call.Warning:
			a.events <- tui.Notice{Code: e.Code, Text: e.Text, Warning: true}
			continue
		}
		a.events <- e
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

// Levels implements [tui.Meter].
func (a *adapter) Levels() map[signal.PeerID]tui.Level {
	levels := a.Call.Levels()
	out := make(map[signal.PeerID]tui.Level, len(levels))
	for id, l := range levels {
		out[id] = tui.Level(l)
	}
	return out
}

// Stats implements [tui.Links].
func (a *adapter) Stats() map[signal.PeerID]tui.LinkStats {
	now, all := time.Now(), a.Call.Stats()
	out := make(map[signal.PeerID]tui.LinkStats, len(all))
	for _, s := range all {
		out[s.Peer] = a.rates.link(now, s)
	}
	return out
}
