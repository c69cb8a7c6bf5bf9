package front

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Names tells people of the same name apart: of two Adas the one who came later is
// "Ada (2)", on everybody's screen alike, and stays it in the table, the toasts, the
// chat and the report while she is here. Its zero value is ready; it belongs to one
// goroutine.
type Names struct {
	known map[signal.PeerID]knownName
	here  map[signal.PeerID]bool // in the newest view, oneself included
}

// knownName is a name as it came, cleaned, and the number that tells it from others.
type knownName struct {
	base   string
	number int // 1: none is shown
}

// shown is the name with its number.
func (k knownName) shown() string {
	if k.number <= 1 {
		return k.base
	}
	suffix := fmt.Sprintf(" (%d)", k.number)
	// A long name gives way, so that the number is kept by Name.
	runes := []rune(k.base)
	return string(runes[:min(len(runes), maxNameRunes-len(suffix))]) + suffix
}

// namesMax bounds how many of those who left are remembered.
const namesMax = 4096

// View is the view with the names that are shown, and with people of one name in the
// order of their numbers. It comes back as it is when all are different.
func (n *Names) View(v *rtc.RoomView) *rtc.RoomView {
	if n.known == nil || len(n.known) > namesMax {
		n.known = map[signal.PeerID]knownName{}
	}
	n.here = make(map[signal.PeerID]bool, len(v.Peers)+1)
	all := make([]rtc.PeerView, 0, len(v.Peers)+1)
	all = append(append(all, rtc.PeerView{ID: v.Self, Inc: v.Inc, Name: v.Name}), v.Peers...)
	slices.SortStableFunc(all, func(a, b rtc.PeerView) int {
		return cmp.Or(cmp.Compare(Name(a.Name), Name(b.Name)), cmp.Compare(a.Inc, b.Inc), cmp.Compare(a.ID, b.ID))
	})
	taken, changed := make(map[string]bool, len(all)), false
	base, last := "", 0
	for _, p := range all {
		k := knownName{base: Name(p.Name)}
		if k.base != base {
			base, last = k.base, 0
		}
		// Who has a number keeps it, unless somebody turns up who came earlier: then
		// the order that all see wins.
		k.number = last + 1
		if old, ok := n.known[p.ID]; ok && old.base == base && old.number > last {
			k.number = old.number
		}
		for taken[k.shown()] { // by one who calls himself "Ada (2)"
			k.number++
		}
		n.known[p.ID], n.here[p.ID] = k, true
		taken[k.shown()] = true
		last, changed = k.number, changed || k.number > 1
	}
	if !changed {
		return v
	}
	out := *v
	out.Name = n.known[v.Self].shown()
	out.Peers = slices.Clone(v.Peers)
	slices.SortStableFunc(out.Peers, func(a, b rtc.PeerView) int {
		x, y := n.known[a.ID], n.known[b.ID]
		return cmp.Or(cmp.Compare(x.base, y.base), cmp.Compare(x.number, y.number))
	})
	for i := range out.Peers {
		if k := n.known[out.Peers[i].ID]; k.number > 1 {
			out.Peers[i].Name = k.shown()
		}
	}
	return &out
}

// Name is how a person is called on the screen. An empty id is nobody's. Who is not
// in a view yet has come after all who are.
func (n *Names) Name(id signal.PeerID, name string) string {
	k := knownName{base: Name(name), number: 1}
	if id == "" {
		return k.base
	}
	if old, ok := n.known[id]; ok && (old.base == k.base || old.shown() == k.base) {
		return old.shown()
	}
	for other, o := range n.known {
		if n.here[other] && other != id && o.base == k.base {
			k.number = max(k.number, o.number+1)
		}
	}
	if n.known == nil {
		n.known = map[signal.PeerID]knownName{}
	}
	n.known[id] = k
	return k.shown()
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
