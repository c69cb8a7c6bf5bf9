package front

import (
	"fmt"
	"reflect"
	"slices"

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

// Event is an event with the names that are shown: of whoever it says in a
// field [rtc.Who], whatever event it is.
func (n *Names) Event(ev rtc.Event) rtc.Event {
	if e, ok := ev.(rtc.CarryingChanged); ok {
		e.Pairs = slices.Clone(e.Pairs)
		for i := range e.Pairs {
			for j := range e.Pairs[i] {
				e.Pairs[i][j].Name = n.Name(e.Pairs[i][j].Peer, e.Pairs[i][j].Name)
			}
		}
		return e
	}
	given := reflect.ValueOf(ev)
	if given.Kind() != reflect.Struct {
		return ev
	}
	named := reflect.New(given.Type()).Elem()
	named.Set(given)
	for i := range named.NumField() {
		if f := named.Field(i); f.CanSet() {
			if who, ok := f.Addr().Interface().(*rtc.Who); ok {
				who.Name = n.Name(who.Peer, who.Name)
			}
		}
	}
	return named.Interface().(rtc.Event)
}
