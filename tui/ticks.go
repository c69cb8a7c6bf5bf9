package tui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// How often things move. Nothing ticks when nothing moves.
const (
	meterEvery   = 100 * time.Millisecond
	spinnerEvery = 250 * time.Millisecond
	clockEvery   = time.Second
	sampleEvery  = time.Second     // statistics and sources
	listEvery    = 2 * time.Second // devices, while their panel is open
)

// waitView waits for a change of the room and loads the view.
func (m *Model) waitView() tea.Cmd {
	room, done := m.opt.Room, m.done
	return func() tea.Msg {
		select {
		case _, ok := <-room.Changed():
			if !ok {
				return nil
			}
			return viewMsg{room.View()}
		case <-done:
			return nil
		}
	}
}

// burst is how much is taken at once from a channel on which much waits, so
// that it costs one picture and not one each.
const burst = 256

// drain takes what waits on a channel after its first value.
func drain[T any](first T, from <-chan T) []T {
	all := []T{first}
	for len(all) < burst {
		select {
		case next, ok := <-from:
			if !ok {
				return all
			}
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}

// waitEvent waits for the next events.
func (m *Model) waitEvent() tea.Cmd {
	events, done := m.opt.Room.Events(), m.done
	return func() tea.Msg {
		select {
		case ev, ok := <-events:
			if !ok {
				return endMsg{}
			}
			return eventMsg{drain(ev, events)}
		case <-done:
			return nil
		}
	}
}

// sample reads the levels and, when full, statistics and sources. It runs in a
// command, since the reading may take a lock.
func (m *Model) sample(full bool) func() sampleMsg {
	meter, links, devices, sound, files := m.opt.Meter, m.opt.Links, m.opt.Devices, m.opt.Sound, m.opt.Files
	return func() sampleMsg {
		var s sampleMsg
		if meter != nil {
			s.levels = meter.Levels()
		}
		if full && links != nil {
			s.stats = links.Stats()
		}
		if full && devices != nil {
			s.sources = devices.Sources()
		}
		if files != nil { // a list that is there, to be read
			s.files = files.Files()
		}
		if full && sound != nil {
			now := sound.Sound()
			s.sound = &now
		}
		return s
	}
}

// during is the context of what a command does: it ends with the program.
type during struct{ done <-chan struct{} }

func (d during) Done() <-chan struct{}     { return d.done }
func (during) Deadline() (time.Time, bool) { return time.Time{}, false }
func (during) Value(any) any               { return nil }

func (d during) Err() error {
	select {
	case <-d.done:
		return context.Canceled
	default:
		return nil
	}
}

// listDevices asks for the devices that could be chosen.
func (m *Model) listDevices() tea.Cmd {
	devices, done := m.opt.Devices, m.done
	if devices == nil {
		return nil
	}
	m.listed = m.now
	return func() tea.Msg { return devicesMsg{devices.List(during{done})} }
}

// tick moves what moves and takes the readings that came with it.
func (m *Model) tick(msg tickMsg) tea.Cmd {
	if msg.gen != m.tickGen {
		return nil
	}
	m.tickEvery = 0
	tapped := m.talk.phase == talkArmed
	m.setTalk(m.talk.tick(m.now))
	if tapped && m.talk.phase == talkIdle {
		m.tapped()
	}
	m.take(msg.sample)
	if m.panel == panelDevices && m.now.Sub(m.listed) >= listEvery {
		return m.listDevices()
	}
	return nil
}

// schedule starts a tick when one is needed sooner than the one under way.
func (m *Model) schedule() tea.Cmd {
	every := m.interval()
	if every == 0 || m.tickEvery != 0 && m.tickEvery <= every {
		return nil
	}
	m.tickGen++
	m.tickEvery = every
	// Statistics are read by the first tick after a second has passed.
	full := m.lobby || m.panel == panelDevices || m.now.Add(every).Sub(m.sampled) >= sampleEvery
	gen, sample := m.tickGen, m.sample(full)
	return tea.Tick(every, func(time.Time) tea.Msg { return tickMsg{gen, sample()} })
}

// interval is how soon the picture changes by itself; 0 for never.
func (m *Model) interval() time.Duration {
	every := time.Duration(0)
	atMost := func(d time.Duration) {
		if every == 0 || d < every {
			every = max(d, 10*time.Millisecond)
		}
	}
	if at := m.talk.wakeAt(); !at.IsZero() {
		atMost(at.Sub(m.now))
	}
	if m.lobby || m.opt.Meter != nil && m.audible() {
		atMost(meterEvery)
	}
	if m.spinning() {
		atMost(spinnerEvery)
	}
	if t, fresh := m.toasts.current(m.now); fresh {
		atMost(t.at.Add(toastTime).Sub(m.now))
	}
	if m.panel == panelDevices {
		atMost(listEvery)
		if m.sourceOn(media.Mic) {
			atMost(meterEvery) // the level beside it
		}
	}
	if !m.view.Since.IsZero() {
		atMost(clockEvery - m.now.Sub(m.view.Since)%clockEvery)
	}
	return every
}

// sourceOn reports whether a source is in use and works.
func (m *Model) sourceOn(kind media.Kind) bool {
	src := media.SourceOf(m.sources, kind)
	return src.Name != "" && src.Missing == "" && src.Wanted
}

// audible reports whether anyone can be heard, so that a meter may move.
func (m *Model) audible() bool {
	if m.view.Media.Mic {
		return true
	}
	for i := range m.view.Peers {
		if p := &m.view.Peers[i]; p.Media.Mic && p.State == rtc.StateConnected {
			return true
		}
	}
	return false
}

// spinning reports whether a spinner or a countdown is on screen.
func (m *Model) spinning() bool {
	if m.banner().Shown() || m.view.Server.State != signal.Connected && m.view.Server.State != signal.Closed {
		return true
	}
	for i := range m.view.Peers {
		if (badge{peer: m.view.Peers[i]}).moving() {
			return true
		}
	}
	return false
}
