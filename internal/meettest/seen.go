package meettest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Seen returns what a person has seen so far.
func (p *Person) Seen() []Seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen)
}

// Forget starts the timeline anew.
func (p *Person) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = nil
}

// Timeline is what a person saw of one peer, or with nil of the server: one
// line per event, with its rounded time since the start of the room. Events of
// one moment are in order of their text: virtual time has no order for them.
func (p *Person) Timeline(peer *Person, round time.Duration) []string {
	type line struct {
		at   time.Duration
		text string
	}
	var lines []line
	for _, s := range p.Seen() {
		text, about := describe(s.Event)
		if text == "" || peer == nil && about != "" || peer != nil && about != peer.ID {
			continue
		}
		lines = append(lines, line{s.At.Round(round), text})
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.text, b.text))
	})
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = fmt.Sprintf("%v %s", l.at, l.text)
	}
	return out
}

func describe(e rtc.Event) (text string, about signal.PeerID) {
	switch e := e.(type) {
	case rtc.ConnectionStateChanged:
		return e.Previous.String() + " -> " + e.State.String(), e.Peer
	case rtc.Reconnecting:
		return fmt.Sprintf("reconnecting %d of %d in %v", e.Attempt, e.Of, e.Delay), e.Peer
	case rtc.Reconnected:
		return fmt.Sprintf("reconnected after %d attempts", e.Attempts), e.Peer
	case rtc.ReconnectFailed:
		return fmt.Sprintf("reconnect-failed after %d attempts", e.Attempts), e.Peer
	case rtc.PeerJoined:
		return "joined", e.Peer
	case rtc.PeerLeft:
		if e.Crashed {
			return "vanished", e.Peer
		}
		return "left", e.Peer
	case rtc.ServerStateChanged:
		if e.State == e.Previous {
			return "", ""
		}
		return "server " + string(e.State), ""
	case call.MediaResumed:
		if e.Kind == media.Mic {
			return "sound heard", e.Peer
		}
		return e.Kind.String() + " seen", e.Peer
	}
	return "", ""
}

// Events returns the events of one type that a person saw.
func Events[T rtc.Event](p *Person) []T {
	var out []T
	for _, s := range p.Seen() {
		if e, ok := s.Event.(T); ok {
			out = append(out, e)
		}
	}
	return out
}

// People are all who ever joined.
func (r *Room) People() []*Person { return r.people }

// running reports whether a person's process lives.
func (p *Person) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Trouble lists what is not as it should be once everything is healed: pairs
// that are not connected, states that do not agree, people missing.
func (r *Room) Trouble() []string {
	var out []string
	var here []*Person
	for _, p := range r.people {
		if p.running() {
			here = append(here, p)
		}
	}
	for _, p := range here {
		v := p.Call.View()
		if v.Stuck != 0 {
			out = append(out, fmt.Sprintf("%s was stuck %d times", p.Name, v.Stuck))
		}
		if len(v.Peers) != len(here)-1 {
			out = append(out, fmt.Sprintf("%s sees %d others, not %d", p.Name, len(v.Peers), len(here)-1))
		}
		if v.Server.State != signal.Connected {
			out = append(out, fmt.Sprintf("%s: server %s", p.Name, v.Server.State))
		}
		for _, q := range here {
			if p != q {
				out = append(out, p.troubleWith(v, q)...)
			}
		}
	}
	return out
}

func (p *Person) troubleWith(v *rtc.RoomView, q *Person) (out []string) {
	seen, ok := v.Peer(q.ID)
	if !ok {
		return []string{fmt.Sprintf("%s does not see %s", p.Name, q.Name)}
	}
	if seen.State != rtc.StateConnected {
		out = append(out, fmt.Sprintf("%s: %s is %v (%+v)", p.Name, q.Name, seen.State, seen.Repair))
	}
	if seen.Away {
		out = append(out, fmt.Sprintf("%s: %s is away", p.Name, q.Name))
	}
	if said := q.Call.View().Media; seen.Media != said {
		out = append(out, fmt.Sprintf("%s thinks %s sends %+v, it is %+v", p.Name, q.Name, seen.Media, said))
	}
	return out
}

// Packets is how many audio packets of a peer were decoded so far.
func (p *Person) Packets(peer *Person) uint64 {
	for _, s := range p.Call.Stats() {
		if s.Peer == peer.ID {
			return s.Audio.Decoded
		}
	}
	return 0
}
