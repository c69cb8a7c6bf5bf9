package tui

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Action is something a key does.
type Action string

// The actions, by the names that the configuration file uses.
const (
	ActMic       Action = "mic"
	ActCamera    Action = "camera"
	ActScreen    Action = "screen"
	ActSound     Action = "screen-sound"
	ActTerminal  Action = "terminal"
	ActType      Action = "type"
	ActUntype    Action = "untype"
	ActCopy      Action = "copy"
	ActTalk      Action = "talk"
	ActHand      Action = "hand"
	ActReceive   Action = "receive"
	ActChat      Action = "chat"
	ActUnfold    Action = "unfold"
	ActUp        Action = "up"
	ActDown      Action = "down"
	ActFocus     Action = "focus"
	ActSpotlight Action = "spotlight"
	ActFollow    Action = "follow"
	ActGrid      Action = "grid"
	ActZoom      Action = "zoom"
	ActCloser    Action = "closer"
	ActWider     Action = "wider"
	ActPanLeft   Action = "pan-left"
	ActPanRight  Action = "pan-right"
	ActPanUp     Action = "pan-up"
	ActPanDown   Action = "pan-down"
	ActPeople    Action = "people"
	ActStats     Action = "stats"
	ActRetry     Action = "retry"
	ActLouder    Action = "louder"
	ActQuieter   Action = "quieter"
	ActHush      Action = "hush"
	ActDevices   Action = "devices"
	ActFiles     Action = "files"
	ActRecord    Action = "record"
	ActInvite    Action = "invite"
	ActCode      Action = "code"
	ActReach     Action = "reach"
	ActVerify    Action = "verify"
	ActLog       Action = "log"
	ActHelp      Action = "help"
	ActLeave     Action = "leave"
	ActSuspend   Action = "suspend"
)

// binding is one line of the key table: what help shows and what a key does.
type binding struct {
	action Action
	keys   []string // as tea.KeyMsg.String() names them; the first is shown
	short  string   // for the bar at the bottom; empty: not in it
	long   string   // for help
}

// defaultBindings is the one table of keys: help, the bar and dispatch come
// from it. Bar items stand in this order.
var defaultBindings = []binding{
	{ActMic, []string{"m", "alt+m"}, "mic", "microphone on or off"},
	{ActCamera, []string{"v", "alt+v"}, "camera", "camera on or off"},
	{ActScreen, []string{"s", "alt+s"}, "screen", "share the screen or stop"},
	{ActSound, []string{"S"}, "", "share the screen and what is played here, or stop"},
	{ActTerminal, []string{"t"}, "", "share a terminal: a new shell here, or meet share in any window"},
	{ActType, []string{"T"}, "", "type in the large terminal, or ask to; " + leaveTerminal + " takes the keys back"},
	{ActUntype, []string{"ctrl+t"}, "", "let nobody else type in your terminals any more"},
	{ActCopy, []string{"Y"}, "", "copy the text of the large terminal; shift and arrows scroll and pan it"},
	{ActTalk, []string{" "}, "talk", "talk while held"},
	{ActHand, []string{"h", "alt+h"}, "", "raise your hand, or take it down"},
	{ActChat, []string{"c"}, "chat", "write a message; esc leaves the text"},
	{ActUnfold, []string{"e", "alt+e"}, "", "long messages whole, or folded"},
	{ActSpotlight, []string{"enter"}, "", "spotlight who is selected (or 1 to 9)"},
	{ActFollow, []string{"0"}, "", "spotlight follows who speaks"},
	{ActGrid, []string{"g"}, "grid", "everyone in a grid, or back"},
	{ActZoom, []string{"z"}, "zoom", "spotlight over the whole screen"},
	{ActCloser, []string{"]"}, "", "look closer at the shared screen: 2, 4, 8 times"},
	{ActWider, []string{"["}, "", "look at more of it"},
	{ActPanLeft, []string{"H"}, "", "its part at the left"},
	{ActPanRight, []string{"L"}, "", "its part at the right"},
	{ActPanUp, []string{"K"}, "", "its part above"},
	{ActPanDown, []string{"J"}, "", "its part below"},
	{ActPeople, []string{"p"}, "", "list of people on or off"},
	{ActStats, []string{"i"}, "stats", "link statistics of who is selected"},
	{ActUp, []string{"up", "k"}, "", "select the person above"},
	{ActDown, []string{"down", "j"}, "", "select the person below"},
	{ActFocus, []string{"tab"}, "", "select the next person"},
	{ActLouder, []string{"+", "="}, "", "selected person louder"},
	{ActQuieter, []string{"-"}, "", "selected person quieter"},
	{ActHush, []string{"x"}, "", "silence who is selected, here only"},
	{ActVerify, []string{"V"}, "", "who is it? words to compare"},
	{ActReceive, []string{"b"}, "", "receive less of others, or all again"},
	{ActRetry, []string{"r"}, "", "reconnect now"},
	{ActDevices, []string{"d"}, "", "choose microphone, speaker, camera"},
	{ActFiles, []string{"f"}, "", "send a file, take or refuse one"},
	{ActRecord, []string{"R"}, "", "record the call, or stop; everybody sees it"},
	{ActInvite, []string{"y"}, "", "copy the invite, show it as a QR code"},
	{ActCode, []string{"C"}, "", "a spoken code for one person"},
	{ActReach, []string{"w"}, "", "who can get here (lobby, invite): this machine, this network, the internet"},
	{ActLog, []string{"l"}, "", "what happened so far"},
	{ActHelp, []string{"?"}, "help", "this list"},
	{ActLeave, []string{"q", "ctrl+c"}, "leave", "leave (asks); ctrl+c twice leaves"},
	{ActSuspend, []string{"ctrl+z"}, "", "to the shell; fg comes back"},
}

// Keymap is an immutable table of keys.
type Keymap struct {
	bindings []binding
	byKey    map[string]Action
}

// DefaultKeymap is the table of keys without configuration.
func DefaultKeymap() *Keymap {
	m, err := NewKeymap(nil)
	if err != nil {
		panic("tui: default keys: " + err.Error()) // a fault of the table above, found by any test
	}
	return m
}

// KeyError says which line of a configuration of keys is wrong.
type KeyError struct {
	Action string
	Reason string
}

func (e *KeyError) Error() string { return fmt.Sprintf("key for %q: %s", e.Action, e.Reason) }

// NewKeymap replaces the keys of some actions. Every unknown action and every
// key that is given to two actions is a *[KeyError] of the error, which joins
// them; the keymap is usable all the same: a faulty entry keeps its default.
func NewKeymap(custom map[string][]string) (*Keymap, error) {
	m := &Keymap{bindings: slices.Clone(defaultBindings), byKey: map[string]Action{}}
	var faults []error
	fail := func(action, reason string) { faults = append(faults, &KeyError{Action: action, Reason: reason}) }
	for _, action := range slices.Sorted(maps.Keys(custom)) {
		if !slices.ContainsFunc(m.bindings, func(b binding) bool { return string(b.action) == action }) {
			fail(action, "there is no such action")
		}
	}
	claimed := map[string]Action{"ctrl+c": ActLeave} // always a way out
	for i := range m.bindings {
		b := &m.bindings[i]
		keys, ok := custom[string(b.action)]
		if !ok {
			continue
		}
		var good []string
		for _, k := range keys {
			k = keyName(k)
			switch owner, taken := claimed[k]; {
			case k == "":
				fail(string(b.action), "empty key")
			case len(k) == 1 && k[0] >= '1' && k[0] <= '9':
				fail(string(b.action), "the digits 1 to 9 choose people")
			case taken && owner != b.action:
				fail(string(b.action), fmt.Sprintf("%q already means %s", showKey(k), owner))
			default:
				claimed[k] = b.action
				good = append(good, k)
			}
		}
		if len(good) > 0 {
			b.keys = good
		}
	}
	for i := range m.bindings {
		b := &m.bindings[i]
		// A default key gives way to one that was chosen.
		b.keys = slices.DeleteFunc(slices.Clone(b.keys), func(k string) bool {
			owner, taken := claimed[k]
			return taken && owner != b.action
		})
		if b.action == ActLeave && !slices.Contains(b.keys, "ctrl+c") {
			b.keys = append(b.keys, "ctrl+c")
		}
		for _, k := range b.keys {
			m.byKey[k] = b.action
		}
	}
	return m, errors.Join(faults...)
}

// keyName turns what people write into what the key is called inside.
func keyName(k string) string {
	if k == " " || strings.EqualFold(k, "space") {
		return " "
	}
	if k = strings.TrimSpace(k); utf8.RuneCountInString(k) > 1 {
		k = strings.ToLower(k) // "Ctrl+X" and "F2", but "M" is shift and m
	}
	return k
}

// showKey is keyName the other way round.
func showKey(k string) string {
	if k == " " {
		return "space"
	}
	return k
}

// ActionHelp describes an action to people who choose keys.
type ActionHelp struct {
	Action Action
	Keys   []string // the defaults, as people write them
	Help   string
}

// Actions lists every action in the order of the help.
func Actions() []ActionHelp {
	out := make([]ActionHelp, len(defaultBindings))
	for i, b := range defaultBindings {
		out[i] = ActionHelp{Action: b.action, Help: b.long}
		for _, k := range b.keys {
			out[i].Keys = append(out[i].Keys, showKey(k))
		}
	}
	return out
}

// action is what a key does; empty for nothing.
func (m *Keymap) action(key string) Action { return m.byKey[key] }

// key is the first key of an action as people read it; empty for none.
func (m *Keymap) key(a Action) string {
	if keys := m.keysOf(a); len(keys) > 0 {
		return showKey(keys[0])
	}
	return ""
}

// whileTyping is the key of an action that works while text is written; empty
// for none.
func (m *Keymap) whileTyping(a Action) string {
	for _, k := range m.keysOf(a) {
		if strings.HasPrefix(k, "alt+") {
			return k
		}
	}
	return ""
}

// keysOf are the keys of an action.
func (m *Keymap) keysOf(a Action) []string {
	for _, b := range m.bindings {
		if b.action == a {
			return b.keys
		}
	}
	return nil
}

// barItems are the items of the help line, and how many at its end stay: help and
// leave. Items in the middle are dropped first, from the right.
func (m *Keymap) barItems() (items []barItem, fixed int) {
	for _, b := range m.bindings {
		if b.short == "" || len(b.keys) == 0 {
			continue
		}
		items = append(items, barItem{showKey(b.keys[0]), b.short})
		if b.action == ActHelp || b.action == ActLeave {
			fixed++
		}
	}
	return items, fixed
}

// barItem is a key and what it does, in the line at the bottom.
type barItem struct{ key, does string }

// keyBar is a line of items in w cells. What does not fit is dropped from the
// right, except for the last items, of which so many as fixed says stay.
func (s *Styles) keyBar(items []barItem, fixed, w int) string {
	items = fitting(items, fixed, w)
	parts := make([]string, len(items))
	for i, it := range items {
		parts[i] = s.key.Render(it.key) + " " + s.dim.Render(it.does)
	}
	return s.fit(" "+strings.Join(parts, "  "), w)
}

// barKey is the key of the item at a cell of such a line; "" between them.
func barKey(items []barItem, fixed, w, x int) string {
	at := 1
	for _, it := range fitting(items, fixed, w) {
		n := width(it.key) + 1 + width(it.does)
		if x >= at && x < at+n {
			return it.key
		}
		at += n + 2
	}
	return ""
}

// fitting are those of the items that are shown in w cells.
func fitting(items []barItem, fixed, w int) []barItem {
	items = slices.Clone(items)
	for len(items) > fixed {
		total := 1 - 2
		for _, it := range items {
			total += width(it.key) + 1 + width(it.does) + 2
		}
		if total <= w {
			break
		}
		drop := len(items) - fixed - 1
		items = slices.Delete(items, drop, drop+1)
	}
	return items
}

// Help is the whole table in w cells, one line per action; what is too long
// for one goes on in the next.
func (m *Keymap) Help(s *Styles, w int) []string {
	keyW := 0
	for _, b := range m.bindings {
		keyW = max(keyW, width(keyList(b)))
	}
	keyW = min(keyW, max(6, w/3))
	var lines []string
	for _, b := range m.bindings {
		if len(b.keys) == 0 {
			continue
		}
		head := " " + s.key.Render(s.fit(keyList(b), keyW)) + "  "
		for _, line := range wrap(b.long, w-width(head)) {
			lines = append(lines, s.fit(head+line, w))
			head = spaces(width(head))
		}
	}
	return lines
}

// keyList is every key of a binding, e.g. "m alt+m".
func keyList(b binding) string {
	keys := make([]string, len(b.keys))
	for i, k := range b.keys {
		keys[i] = showKey(k)
	}
	return strings.Join(keys, " ")
}
