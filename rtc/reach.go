package rtc

import (
	"slices"
	"strings"
)

// Attempted is one way to a peer that was tried, and what it met.
type Attempted struct {
	Way    string // direct, relay, third person or signaling
	Result string // in words; they stand for themselves, but behind "direct"
}

// ConnectFailed says why a peer is not reached. It is repeated only when the
// reasons change.
type ConnectFailed struct {
	Who
	Tried []Attempted
}

// EventName is the name of the event in JSON lines.
func (ConnectFailed) EventName() string { return "connect-failed" }

// Sentence says it as people do: "Cannot reach Bob: direct blocked, no relay
// offered by the server, nobody else in the room reaches Bob."
func (e ConnectFailed) Sentence() string { return "Cannot reach " + e.Name + ": " + e.Reasons() + "." }

// Reasons is what each way met.
func (e ConnectFailed) Reasons() string {
	parts := make([]string, len(e.Tried))
	for i, t := range e.Tried {
		parts[i] = t.Result
		if t.Way == "direct" {
			parts[i] = t.Way + " " + t.Result
		}
	}
	return strings.Join(parts, ", ")
}

// unreached is told that an attempt to connect a peer is over. People are told
// why if the peer was never reached, or all attempts were in vain.
func (m *Manager) unreached(mb *member) {
	p := mb.peer
	if p.met && p.state != StateFailed || p.connected() {
		return
	}
	e := ConnectFailed{Who: p.who(), Tried: m.tried(mb)}
	if mb.trouble != nil && slices.Equal(mb.trouble.Tried, e.Tried) {
		return
	}
	mb.trouble, m.dirty = &e, true
	m.tellOf(mb, e)
}

// tried lists the ways to a peer and what each met.
func (m *Manager) tried(mb *member) []Attempted {
	if mb.away {
		return []Attempted{{"signaling", mb.peer.name + " is not connected with the server"}}
	}
	t := mb.tried
	if mb.session != nil {
		t = mb.session.Tried()
	}
	if t.Offered == (Tried{}.Offered) {
		return []Attempted{{"signaling", "no answer came from " + mb.peer.name + " through the server"}}
	}
	ways := []Attempted{
		{"direct", directResult(mb.peer.name, t)},
		{"relay", relayResult(mb.peer.name, t)},
		{"third person", m.thirdResult(mb, t)},
	}
	if !m.serverUp {
		ways = append(ways, Attempted{"signaling", "the server is not reached either"})
	}
	return ways
}

func directResult(name string, t Tried) string {
	switch {
	case t.Heard[PathDirect] > 0:
		return "only from " + name + " to here"
	case t.Offered[PathDirect] == 0:
		return "without an address of " + name
	}
	return "blocked"
}

func relayResult(name string, t Tried) string {
	switch {
	case t.Relays == 0 && t.Offered[PathRelay] == 0:
		return "no relay offered by the server"
	case t.Relays > 0 && t.Relayed == 0 && t.Offered[PathRelay] == 0:
		return "the relay does not answer"
	}
	return "the relay does not reach " + name
}

// thirdResult is why no third person carries.
func (m *Manager) thirdResult(mb *member, t Tried) string {
	var reach, carry, refuse []string
	for id, other := range m.members {
		if id == mb.peer.id || !other.peer.connected() || !slices.Contains(other.others, mb.peer.id) {
			continue
		}
		reach = append(reach, other.peer.name)
		switch {
		case !other.courier.carries:
			refuse = append(refuse, other.peer.name)
		case other.path() >= PathRelay:
			carry = append(carry, other.peer.name)
		}
	}
	slices.Sort(reach)
	slices.Sort(carry)
	slices.Sort(refuse)
	switch {
	case mb.browser():
		return "nobody can carry for a browser"
	case len(m.members) == 1:
		return "nobody else in the room"
	case len(reach) == 0:
		return "nobody else in the room reaches " + mb.peer.name
	case len(carry) == 0 && len(refuse) > 0:
		return strings.Join(refuse, " and ") + " could carry but does not"
	case len(carry) == 0:
		return "reached only through others: " + strings.Join(reach, " and ") + ", who could carry"
	case t.Heard[PathVia] > 0:
		return "only from " + mb.peer.name + " to here via " + strings.Join(carry, " or ")
	}
	return "no answer via " + strings.Join(carry, " or ")
}
