package rtc

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/meet-term/meet/signal"
)

func TestHandsInOrder(t *testing.T) {
	v := &RoomView{Self: "m", Hand: 2, Peers: []PeerView{
		{ID: "a", Hand: 3}, {ID: "b"}, {ID: "c", Hand: 1}, {ID: "d", Hand: 3},
	}}
	if got := v.Hands(); !slices.Equal(got, []signal.PeerID{"c", "m", "a", "d"}) {
		t.Errorf("the order is %v", got)
	}
	if v.HandPlace("a") != 3 || v.HandPlace("b") != 0 || v.HandPlace("nobody") != 0 {
		t.Error("the places do not agree with the order")
	}
}

// A hand goes behind all that are up, is told once, and survives a number that
// leaves no room behind it.
func TestHandIsRaisedOnce(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		var seen []string
		hands := func() []string {
			seen = nil
			synctest.Wait()
			for _, e := range r.events {
				if h, ok := e.(HandRaised); ok {
					seen = append(seen, fmt.Sprintf("%s %t %t %d", h.Peer, h.On, h.Own, h.Place))
				}
			}
			r.events = nil
			return seen
		}
		r.meet(person("a", 1, signal.State{N: 1, Name: "ann"}))
		state := func(n uint64, hand uint32) {
			r.Signal(signal.PeerChanged{Presence: person("a", 1, signal.State{N: n, Name: "ann", Hand: hand})})
		}
		state(2, 1)
		state(3, 1)
		if got := hands(); !slices.Equal(got, []string{"a true false 1"}) {
			t.Errorf("ann raised her hand: %q", got)
		}
		r.SetHand(true)
		r.SetHand(true)
		if got := hands(); !slices.Equal(got, []string{"z true true 2"}) {
			t.Errorf("I raised mine: %q", got)
		}
		state(4, 0)
		r.SetHand(false)
		if got := hands(); !slices.Equal(got, []string{"a false false 0", "z false true 0"}) {
			t.Errorf("both went down: %q", got)
		}
		state(5, math.MaxUint32)
		r.SetHand(true)
		if got := hands(); !slices.Equal(got, []string{"a true false 1", "z true true 2"}) || r.View().Hand != math.MaxUint32 {
			t.Errorf("behind the last number: %q, %d", got, r.View().Hand)
		}
	})
}

// fullState is a state of which no field is zero.
func fullState(t *testing.T) signal.State {
	t.Helper()
	var s signal.State
	var fill func(reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.String:
			v.SetString("x")
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Uint32, reflect.Uint64:
			v.SetUint(7)
		default:
			t.Fatalf("a field of a state is a %s: say here what such a one may be", v.Kind())
		}
	}
	fill(reflect.ValueOf(&s).Elem())
	return s
}

// What everybody tells everybody is in the view that all screens draw, under the
// same name: a new field of the state that the mesh forgets fails here.
func TestStateFieldsReachTheView(t *testing.T) {
	full := fullState(t)
	unseen := map[string]string{"N": "tells states apart", "Agent": "is for diagnosis: the log has it"}
	inRoom(t, func(t *testing.T, r *room) {
		r.meet(person("a", 1, full))
		p, ok := r.View().Peer("a")
		if !ok {
			t.Fatal("a is not there")
		}
		own := reflect.TypeFor[RoomView]()
		state, view := reflect.ValueOf(full), reflect.ValueOf(p)
		for i := range state.NumField() {
			name := state.Type().Field(i).Name
			if unseen[name] != "" {
				continue
			}
			if f := view.FieldByName(name); !f.IsValid() || !f.Equal(state.Field(i)) {
				t.Errorf("%s of a state is not in the view of a peer", name)
			}
			if _, ok := own.FieldByName(name); !ok {
				t.Errorf("%s of one's own state is not in the view", name)
			}
		}
	})
}

// The page opens every field of a state as the terminal wrote it. What it leaves
// out, it leaves out for a reason that stands here.
func TestStateFieldsReachThePage(t *testing.T) {
	without := map[string]string{"media.sound": "the page shares no sound with a screen, and says nothing of others'"}
	b, err := json.Marshal(fullState(t))
	if err != nil {
		t.Fatal(err)
	}
	flat := func(text string) map[string]any {
		var top map[string]any
		if err := json.Unmarshal([]byte(text), &top); err != nil {
			t.Fatal(err)
		}
		all := map[string]any{}
		for k, v := range top {
			inner, ok := v.(map[string]any)
			if !ok {
				all[k] = v
			}
			for k2, v2 := range inner {
				all[k+"."+k2] = v2
			}
		}
		return all
	}
	wrote, read := flat(string(b)), flat(fmt.Sprint(newPage(t).Call("stateRead", string(b))))
	for key, want := range wrote {
		if got := read[key]; got != want && without[key] == "" {
			t.Errorf("the page reads %s as %v, and %v was written", key, got, want)
		}
		delete(read, key)
	}
	for key := range read {
		t.Errorf("the page reads %s, which nobody writes", key)
	}
}
