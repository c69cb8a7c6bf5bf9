package tui

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// fake is everything a screen reaches, in one value. Only the test's own
// goroutine touches it: commands are run there.
type fake struct {
	view    *rtc.RoomView
	changed chan struct{}
	events  chan rtc.Event
	levels  map[signal.PeerID]media.Loudness
	sources []media.Source
	did     []string
	tiles   []Tile
	shows   int
	now     time.Time
}

func newFake(v *rtc.RoomView) *fake {
	return &fake{
		view: v, changed: make(chan struct{}, 1), events: make(chan rtc.Event, 16),
		levels: map[signal.PeerID]media.Loudness{}, now: noon,
	}
}

func (f *fake) View() *rtc.RoomView                      { return f.view }
func (f *fake) Changed() <-chan struct{}                 { return f.changed }
func (f *fake) Events() <-chan rtc.Event                 { return f.events }
func (f *fake) Leave()                                   { f.note("leave") }
func (f *fake) Retry(p signal.PeerID)                    { f.note("retry", p) }
func (f *fake) Say(text string) bool                     { f.note("say", text); return text != "" }
func (f *fake) Levels() map[signal.PeerID]media.Loudness { return f.levels }
func (f *fake) Stats() []call.PeerStats                  { return figures(f.view) }
func (f *fake) SetVolume(p signal.PeerID, percent int) bool {
	f.note("volume", p, percent)
	return true
}
func (f *fake) Sources() []media.Source              { return f.sources }
func (f *fake) Select(k media.Kind, id string) error { f.note("select", k, id); return nil }
func (f *fake) Show(tiles []Tile)                    { f.tiles = tiles; f.shows++ }
func (f *fake) List(context.Context) []media.Device {
	return []media.Device{{Kind: media.Mic, ID: "m0", Name: "one"}, {Kind: media.Mic, ID: "m1", Name: "two"}}
}

// The controls change the view, as a call would.
func (f *fake) SetMic(on bool) { f.media(func(m *signal.Media) { m.Mic = on }); f.note("mic", on) }
func (f *fake) SetCamera(on bool) {
	f.media(func(m *signal.Media) { m.Camera = on })
	f.note("camera", on)
}
func (f *fake) SetScreen(on bool) {
	f.media(func(m *signal.Media) { m.Screen = on })
	f.note("screen", on)
}

func (f *fake) SetHand(on bool) {
	v := *f.view
	v.Hand = map[bool]uint32{true: 1}[on]
	f.view = &v
	f.note("hand", on)
}

func (f *fake) note(args ...any) { f.did = append(f.did, strings.TrimSpace(fmt.Sprintln(args...))) }
func (f *fake) media(change func(*signal.Media)) {
	v := *f.view
	change(&v.Media)
	f.view = &v
}

// options are those of a screen on which everything is present.
func (f *fake) options() Options {
	return Options{
		Room: f, Controls: f, Chat: f, Meter: f, Volume: f, Devices: f, Links: f, Stage: f,
		Place: call.Place{Invite: call.Invite{Command: "meet join standup", Link: "https://meet.example/standup"}},
		Now:   func() time.Time { return f.now }, Out: &strings.Builder{},
	}
}

// rig is a model that is driven message by message.
type rig struct {
	*testing.T
	f    *fake
	m    *Model
	seen *rtc.RoomView // what the model was told
}

func newRig(t *testing.T, v *rtc.RoomView) *rig { return newRigWith(t, newFake(v), nil) }

func newRigWith(t *testing.T, f *fake, change func(*Options)) *rig {
	opt := f.options()
	if change != nil {
		change(&opt)
	}
	r := &rig{t, f, newModel(opt, make(chan struct{})), f.view}
	r.send(tea.WindowSizeMsg{Width: 120, Height: 40})
	return r
}

// send gives the model a message and the view that came of it.
func (r *rig) send(msg tea.Msg) tea.Cmd {
	r.Helper()
	_, cmd := r.m.Update(msg)
	if r.seen != r.f.view {
		r.seen = r.f.view
		r.m.Update(viewMsg{r.f.view})
	}
	if view := r.m.View(); r.m.w > 0 && r.m.h > 0 {
		fits(r, view, r.m.w, r.m.h)
	} else if view != "" {
		r.Errorf("something is drawn on no screen: %q", view)
	}
	return cmd
}

// keyMsg is the message of a key by its name.
func keyMsg(name string) tea.KeyMsg {
	msg := tea.KeyMsg{}
	if rest, ok := strings.CutPrefix(name, "alt+"); ok && len(rest) == 1 {
		return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(rest), Alt: true}
	}
	for k := tea.KeyType(-120); k <= 127; k++ {
		if msg.Type = k; k != tea.KeyRunes && msg.String() == name {
			if k == tea.KeySpace {
				msg.Runes = []rune{' '}
			}
			return msg
		}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

func (r *rig) keys(names ...string) {
	r.Helper()
	for _, n := range names {
		r.send(keyMsg(n))
	}
}

// did checks what the call was told since the last time.
func (r *rig) did(want ...string) {
	r.Helper()
	if !slices.Equal(r.f.did, want) {
		r.Errorf("the call was told %q, want %q", r.f.did, want)
	}
	r.f.did = nil
}

func (r *rig) shows(texts ...string) {
	r.Helper()
	got := printable(r.m.View())
	for _, s := range texts {
		if !strings.Contains(got, s) {
			r.Errorf("%q is not on screen:\n%s", s, got)
		}
	}
}

func (r *rig) hides(texts ...string) {
	r.Helper()
	got := printable(r.m.View())
	for _, s := range texts {
		if strings.Contains(got, s) {
			r.Errorf("%q is on screen:\n%s", s, got)
		}
	}
}

// quits reports whether a command ends the program.
func quits(cmd tea.Cmd) bool {
	if cmd == nil {
		return false
	}
	switch msg := cmd().(type) {
	case tea.QuitMsg:
		return true
	case tea.BatchMsg:
		// The first is the answer to the key; the second waits for a tick.
		return len(msg) > 0 && quits(msg[0])
	}
	return false
}

func TestKeysDoWhatHelpSays(t *testing.T) {
	r := newRig(t, many(3))
	r.keys("m")
	r.did("mic false")
	r.shows("mic OFF")
	r.keys("m", "v", "v", "s")
	r.did("mic true", "camera false", "camera true", "screen true")
	r.shows("screen on")
	r.keys("s", "r")
	r.did("screen false", "retry")
	r.keys("?")
	r.shows("microphone on or off")
	r.keys("pgdown", "pgdown", "pgdown")
	r.shows("hold the key until it repeats")
	r.keys("?")
	r.hides("microphone on or off")
	r.keys("?", "esc")
	r.hides("microphone on or off")
	r.keys("l")
	r.shows("what happened")
	r.send(sampleMsg{stats: r.f.Stats()})
	r.keys("i")
	r.shows("round trip")
	r.keys("y")
	r.shows("https://meet.example/standup", "▀")
	r.keys("esc", "down", "+", "x", "x", "-", "-")
	r.did("volume id-guest-01 110", "volume id-guest-01 0", "volume id-guest-01 110", "volume id-guest-01 100", "volume id-guest-01 90")
	r.keys("mms")
	r.did("mic false", "mic true", "screen true")
}

func TestLeaving(t *testing.T) {
	r := newRig(t, many(3))
	r.keys("q")
	r.shows("Leave the meeting?", "y leave", "n stay")
	r.keys("n")
	r.hides("Leave the meeting?")
	r.keys("q", "esc", "m")
	r.did("mic false")
	r.keys("q")
	if !quits(r.send(keyMsg("y"))) {
		t.Error("y does not leave")
	}
	r.did("leave")
	if r.f.tiles != nil {
		t.Error("pictures are left on the screen")
	}

	r = newRig(t, many(3))
	r.keys("ctrl+c")
	r.did()
	if !quits(r.send(keyMsg("ctrl+c"))) {
		t.Error("ctrl+c twice does not leave")
	}
	r.did("leave")

	if r = newRig(t, many(2)); !quits(r.send(endMsg{})) {
		t.Error("the end of the room does not end the screen")
	}
	r.did()
}

func TestTypingNeverActs(t *testing.T) {
	r := newRig(t, many(3))
	r.keys("c")
	for _, key := range "mvsqgzpidylr?01 x-+" {
		r.keys(string(key))
	}
	r.did()
	r.shows("mvsqgzpidylr?01 x-+")
	r.keys("alt+m", "alt+v", "alt+s")
	r.did("mic false", "camera false", "screen true")
	r.keys("enter")
	r.did("say mvsqgzpidylr?01 x-+")
	r.keys("up")
	r.shows("> mvsqgzpidylr?01 x-+")
	r.keys("ctrl+c", "n", "esc", "m")
	r.did("mic true")
	r.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("mvs"), Paste: true})
	r.did() // a paste outside of the text
	r.keys("ms")
	r.did("mic false", "screen false")
	r.keys("ctrl+u")
	r.send(keyMsg("mchi")) // typed at once: m acts, c opens the text, hi is text
	r.did("mic true")
	r.keys("ctrl+u", "h", "i", "enter")
	r.did("say hi")
}

func TestChatUnread(t *testing.T) {
	r := newRig(t, many(3))
	r.send(tea.WindowSizeMsg{Width: 40, Height: 12})
	msg := func(text string, old bool) {
		r.send(eventMsg{[]rtc.Event{call.Chat{Who: rtc.Who{Peer: "id-guest-01", Name: "guest-01"}, Text: text, Time: noon, History: old}}})
	}
	msg("said before", true)
	msg("one", false)
	r.shows("guest-01: one")
	msg("two", false)
	if r.m.chat.unread != 2 {
		t.Errorf("%d unread", r.m.chat.unread)
	}
	r.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	if r.m.chat.unread != 0 {
		t.Errorf("%d unread although the chat is on screen", r.m.chat.unread)
	}
	r.shows("said before", "two")
}

func TestToasts(t *testing.T) {
	r := newRig(t, many(3))
	who := rtc.Who{Peer: "id-bob", Name: "bob"}
	for _, c := range []struct {
		ev   rtc.Event
		want string
	}{
		{rtc.Reconnected{Who: who, Attempts: 2, Outage: 7200 * time.Millisecond}, "Reconnected to bob (2 attempts, 7.2 s)"},
		{rtc.Reconnected{Who: who, Outage: 6100 * time.Millisecond}, "Reconnected to bob (by itself, 6.1 s)"},
		{rtc.ReconnectFailed{Who: who, Attempts: 3}, "Failed to reconnect to bob after 3 attempts"},
		{rtc.ServerStateChanged{State: signal.Connected, Previous: signal.Reconnecting}, "Reconnected to server"},
		{rtc.PeerJoined{Who: who}, "bob joined"},
		{rtc.PeerLeft{Who: who}, "bob left"},
		{rtc.PeerLeft{Who: who, Crashed: true}, "bob lost connection"},
		{call.Warning{Warning: media.Warning{Text: "the sound server died"}}, "the sound server died"},
	} {
		r.send(eventMsg{[]rtc.Event{c.ev}})
		r.shows(c.want)
	}
	r.f.now = noon.Add(3999 * time.Millisecond)
	r.send(tickMsg{gen: r.m.tickGen})
	r.shows("the sound server died")
	r.f.now = noon.Add(4 * time.Second)
	r.send(tickMsg{gen: r.m.tickGen})
	r.hides("the sound server died")
	r.keys("l")
	r.shows("bob joined", "the sound server died")

	r = newRig(t, many(2))
	r.send(eventMsg{[]rtc.Event{rtc.ServerStateChanged{State: signal.Connected, Previous: signal.Connecting}}})
	r.send(eventMsg{[]rtc.Event{rtc.PeerConnected{Who: who}}})
	r.hides("Reconnected")
}

func TestNamesakesAreToldApart(t *testing.T) {
	v := roomOf(peer("alice", rtc.StateConnected), peer("bob", rtc.StateConnected), peer("bob", rtc.StateConnected))
	v.Peers[2].ID, v.Peers[0].Inc = "id-bob-2", 1
	long := peer(strings.Repeat("x", 100), rtc.StateConnected)
	v.Peers = append(v.Peers, long, long)
	v.Peers[4].ID = "id-long-2"
	r := newRig(t, roomOf())
	r.f.view = v
	r.send(eventMsg{[]rtc.Event{call.Chat{Who: rtc.Who{Peer: "id-bob", Name: "bob"}, Text: "one", Time: noon}}})
	r.send(eventMsg{[]rtc.Event{call.Chat{Who: rtc.Who{Peer: "id-bob-2", Name: "bob"}, Text: "two", Time: noon}}})
	r.shows("alice (you)", "alice (2)", "bob ", "bob (2)", "bob (2) 12:00  two", "bob 12:00  one")
	if got := r.m.view.Peers[4].Name; !strings.HasSuffix(got, "x (2)") || cleanName(got) != got {
		t.Errorf("a long namesake is %q", got)
	}
	if v.Peers[2].Name != "bob" {
		t.Error("the view was changed in place")
	}
}

// TestBlipsAreNoToasts: what mends itself at once is in the log alone, and nobody is
// said not to hear who says nothing.
func TestBlipsAreNoToasts(t *testing.T) {
	who := rtc.Who{Peer: "id-guest-01", Name: "guest-01"}
	event := func(r *rig, ev rtc.Event) { r.send(eventMsg{[]rtc.Event{ev}}) }
	r := newRig(t, many(3))
	event(r, rtc.Reconnected{Who: who, Attempts: 1, Outage: 4900 * time.Millisecond})
	event(r, rtc.ServerStateChanged{State: signal.Reconnecting, Previous: signal.Connected})
	r.f.now = r.f.now.Add(4 * time.Second)
	event(r, rtc.ServerStateChanged{State: signal.Connected, Previous: signal.Reconnecting})
	r.hides("Reconnected to")
	r.keys("l")
	r.shows("Reconnected to guest-01 (1 attempt, 4.9 s)", "Lost the server", "Reconnected to server")

	v := many(3)
	v.Peers[0].Unheard, v.Peers[1].OneWay = true, true
	r = newRig(t, v)
	r.shows("not hearing you")
	muted := *v
	muted.Media = signal.Media{}
	r.f.view = &muted
	r.send(viewMsg{r.f.view})
	r.hides("not hearing you")
	event(r, rtc.HearingLost{Who: who, Hears: true})
	r.hides("does not hear you")
	event(r, rtc.HearingLost{Who: who, Heard: true})
	r.shows("You do not hear guest-01")
}

func TestSuspendHidesThePictures(t *testing.T) {
	r := newRig(t, many(3))
	r.keys("ctrl+z")
	if r.f.tiles != nil {
		t.Error("pictures would be drawn over the shell")
	}
	r.send(viewMsg{many(4)})
	if r.f.tiles != nil {
		t.Error("a change of the room brings pictures back over the shell")
	}
	r.send(tea.ResumeMsg{})
	if len(r.f.tiles) == 0 {
		t.Error("no pictures after coming back")
	}
}

func TestMissingSourcesAreSaid(t *testing.T) {
	v := many(2)
	v.Media = signal.Media{}
	r := newRig(t, v)
	r.send(sampleMsg{sources: []media.Source{
		{Kind: media.Mic, Missing: "no microphone: listening only"},
		{Kind: media.Camera, Missing: "no camera found"}, {Kind: media.Screen, Missing: "no display found"},
	}})
	r.shows("mic NONE", "cam NONE", "screen NONE")
	r.keys("m")
	r.shows("no microphone: listening only")
	r.keys("v")
	r.shows("no camera found")
	r.keys("s", " ", " ")
	r.did()
}

// What went away while it was on would be on again as soon as it is back, unless
// the person says otherwise meanwhile.
func TestWhatIsMissingCanBeSwitchedOff(t *testing.T) {
	v := many(2)
	v.Media = signal.Media{}
	r := newRig(t, v)
	r.send(sampleMsg{sources: []media.Source{
		{Kind: media.Mic, Missing: "The microphone went away.", Wanted: true},
		{Kind: media.Camera, Missing: "The camera went away.", Wanted: true},
	}})
	r.keys("m")
	r.shows("the microphone stays off")
	r.keys("v")
	r.shows("the camera stays off")
	r.did("mic false", "camera false")
	r.keys("m")
	r.shows("The microphone went away.")
	r.send(sampleMsg{sources: []media.Source{{Kind: media.Mic}, {Kind: media.Camera, Missing: "The camera went away."}}})
	r.keys("m", "v")
	r.shows("The camera went away.")
	r.did("mic true")
}

func TestDevicesPanel(t *testing.T) {
	r := newRig(t, many(2))
	r.keys("d")
	r.shows("looking for devices...")
	r.send(devicesMsg{r.f.List(t.Context())})
	r.keys("down", "enter")
	r.did("select mic m1")
	r.send(devicesMsg{r.f.List(t.Context())[1:]}) // the other one was unplugged
	if dev, ok := r.m.devices.current(); !ok || dev.ID != "m1" {
		t.Errorf("the cursor went to %v", dev)
	}
	r.keys("esc")
	r.hides("in use")
}

func TestHoldToTalk(t *testing.T) {
	v := many(2)
	v.Media.Mic = false
	t.Run("releases", func(t *testing.T) {
		r := newRigWith(t, newFake(v), func(o *Options) { o.KeyReleases = true })
		r.keys(" ")
		r.did("mic true")
		r.shows("mic TALK")
		r.keys(" ", " ", keyReleased)
		r.did("mic false")
		r.keys(" ")
		r.send(tea.BlurMsg{})
		r.did("mic true", "mic false")
		r.keys(keyReleased)
		r.did()
		r.keys("m", " ", keyReleased) // already open: the key does nothing
		r.did("mic true")
		r.keys("m", " ", "c")
		r.did("mic false", "mic true", "mic false")
	})
	t.Run("repetitions", func(t *testing.T) {
		r := newRig(t, v)
		r.keys(" ")
		r.did()
		r.f.now = r.f.now.Add(500 * time.Millisecond)
		r.keys(" ")
		r.did("mic true")
		for range 10 {
			r.f.now = r.f.now.Add(30 * time.Millisecond)
			r.keys(" ")
		}
		r.did()
		r.f.now = r.f.now.Add(talkGap - 1)
		r.send(tickMsg{gen: r.m.tickGen})
		r.did()
		r.f.now = r.f.now.Add(1)
		r.send(tickMsg{gen: r.m.tickGen})
		r.did("mic false")
		r.f.now = r.f.now.Add(time.Hour)
		r.keys(" ")
		r.did() // a single press long after
	})
}

func TestSpotlight(t *testing.T) {
	v := many(4)
	v.Peers[1].Media.Screen = true
	r := newRig(t, v)
	first := func() Tile { return r.f.tiles[0] }
	if got := first(); got.Peer != "id-guest-02" || got.Kind != media.Screen {
		t.Errorf("a shared screen is not in the spotlight: %+v", got)
	}
	r.keys("3")
	if got := first(); got.Peer != "id-guest-03" || got.Kind != media.Camera {
		t.Errorf("3 put %+v in the spotlight", got)
	}
	r.keys("2", "enter")
	if got := first(); got.Peer != "id-guest-02" || got.Kind != media.Camera {
		t.Errorf("the second enter does not change to the camera: %+v", got)
	}
	r.keys("z")
	if n := len(r.f.tiles); n != 1 || first().Cols < 100 {
		t.Errorf("zoom shows %+v", r.f.tiles)
	}
	r.keys("g")
	if n := len(r.f.tiles); n != 5 {
		t.Errorf("the grid shows %d pictures of 3 peers, a screen and oneself", n)
	}
	r.keys("?")
	shown := r.f.shows
	r.keys("m", "m")
	if r.f.shows != shown {
		t.Error("the stage was told what it knew")
	}
	r.send(tea.ResumeMsg{})
	if r.f.shows != shown+1 {
		t.Error("the stage was not told to draw anew")
	}
	// Whoever speaks for a second takes over, unless somebody is pinned.
	r.keys("0", "g")
	v2 := *r.f.view
	v2.Peers = slices.Clone(v2.Peers)
	v2.Peers[1].Media.Screen = false
	r.f.view = &v2
	r.send(viewMsg{&v2})
	speak := func(id signal.PeerID, at time.Duration) signal.PeerID {
		r.f.now = noon.Add(at)
		r.send(sampleMsg{levels: map[signal.PeerID]media.Loudness{id: {DB: -20, Speaking: true}, self: {DB: -1, Speaking: true}}})
		return first().Peer
	}
	for _, c := range []struct {
		id   signal.PeerID
		at   time.Duration
		want signal.PeerID
	}{
		{"id-guest-01", 0, "id-guest-01"},
		{"id-guest-03", 100 * time.Millisecond, "id-guest-01"},
		{"id-guest-03", 1099 * time.Millisecond, "id-guest-01"},
		{"id-guest-03", 1100 * time.Millisecond, "id-guest-03"},
		{"id-guest-01", 1200 * time.Millisecond, "id-guest-03"},
		{"id-guest-03", 1300 * time.Millisecond, "id-guest-03"},
		{"id-guest-01", 2250 * time.Millisecond, "id-guest-03"},
	} {
		if got := speak(c.id, c.at); got != c.want {
			t.Errorf("at %v, %s speaks and %s is in the spotlight, want %s", c.at, c.id, got, c.want)
		}
	}
}

func TestMouse(t *testing.T) {
	r := newRig(t, many(12))
	click := func(x, y int) {
		r.send(tea.MouseMsg{X: x, Y: y, Action: tea.MouseActionPress, Button: tea.MouseButtonLeft})
	}
	table := r.m.layout().table
	click(table.x+3, table.y+3) // head, oneself, the first, the second
	if r.m.selected != "id-guest-02" {
		t.Errorf("a click in the list selected %q", r.m.selected)
	}
	click(table.x+3, table.y+1)
	if r.m.selected != "id-guest-02" {
		t.Errorf("a click on oneself selected %q", r.m.selected)
	}
	third := r.f.tiles[2]
	click(third.X, third.Y)
	if got := r.f.tiles[0]; got.Peer != third.Peer {
		t.Errorf("a click on %s put %s in the spotlight", third.Peer, got.Peer)
	}
	line := func(what string) (x, y int) {
		for y, l := range splitLines(printable(r.m.View())) {
			if i := strings.Index(l, what); i >= 0 {
				return len([]rune(l[:i])), y
			}
		}
		t.Fatalf("%q is not on screen", what)
		return 0, 0
	}
	r.f.did = nil
	click(line("m mic"))
	r.did("mic false")
	click(line("? help"))
	r.shows("microphone on or off")
	click(line("? help"))
	click(line("q leave"))
	click(line("n stay"))
	if r.m.asking || r.m.leaving {
		t.Error("a click on n does not stay")
	}
	click(line("> type a message"))
	click(line("alt+m mic"))
	r.did("mic true")
	click(line("esc back"))
	if r.m.typing {
		t.Error("a click on esc does not go back")
	}
	click(line("q leave"))
	click(line("y leave"))
	if !r.m.leaving {
		t.Error("a click on y does not leave")
	}
	r.did("leave")
	r.m.leaving = false
	r.m.asking = false
	chat := r.m.layout().chat
	for i := range 100 {
		r.send(eventMsg{[]rtc.Event{call.Chat{Who: rtc.Who{Name: "bob"}, Text: fmt.Sprint("line ", i), Time: noon}}})
	}
	wheel := func(b tea.MouseButton) {
		r.send(tea.MouseMsg{X: chat.x + 1, Y: chat.y + 1, Action: tea.MouseActionPress, Button: b})
	}
	wheel(tea.MouseButtonWheelUp)
	r.hides("line 99")
	wheel(tea.MouseButtonWheelDown)
	r.shows("line 99")
	click(-1, -1)
	click(500, 500)
	r.did()
}

func TestStalledTileKeepsItsPlace(t *testing.T) {
	v := many(2)
	r := newRig(t, v)
	was := r.f.tiles[0]
	lost := *v
	lost.Peers = slices.Clone(v.Peers)
	lost.Peers[0].State = rtc.StateDisconnected
	r.f.view = &lost
	r.send(viewMsg{&lost})
	got := r.f.tiles[0]
	if !got.Dim || !strings.Contains(got.Badge, "Reconnecting...") {
		t.Errorf("the tile is %+v", got)
	}
	r.shows("↻ Reconnecting... ░")
	got.Dim, got.Badge = was.Dim, was.Badge
	if got != was {
		t.Errorf("the tile moved from %+v to %+v", was, got)
	}
}

func TestTicksOnlyWhileSomethingMoves(t *testing.T) {
	quiet := func() *rtc.RoomView {
		v := many(3)
		v.Since = time.Time{}
		v.Media.Mic = false
		for i := range v.Peers {
			v.Peers[i].Media.Mic = false
		}
		return v
	}
	for name, c := range map[string]struct {
		change func(v *rtc.RoomView)
		act    func(r *rig)
		want   time.Duration
	}{
		"nothing":  {want: 0},
		"clock":    {change: func(v *rtc.RoomView) { v.Since = noon.Add(-300 * time.Millisecond) }, want: 700 * time.Millisecond},
		"meter":    {change: func(v *rtc.RoomView) { v.Peers[0].Media.Mic = true }, want: meterEvery},
		"own mic":  {change: func(v *rtc.RoomView) { v.Media.Mic = true }, want: meterEvery},
		"spinner":  {change: func(v *rtc.RoomView) { v.Peers[0].State = rtc.StateConnecting }, want: spinnerEvery},
		"server":   {change: func(v *rtc.RoomView) { v.Server.State = signal.Reconnecting }, want: spinnerEvery},
		"toast":    {act: func(r *rig) { r.send(eventMsg{[]rtc.Event{rtc.PeerJoined{}}}) }, want: toastTime},
		"devices":  {act: func(r *rig) { r.keys("d") }, want: listEvery},
		"talk key": {act: func(r *rig) { r.keys(" ") }, want: talkArm},
	} {
		t.Run(name, func(t *testing.T) {
			v := quiet()
			if c.change != nil {
				c.change(v)
			}
			r := newRig(t, v)
			if c.act != nil {
				c.act(r)
			}
			if got := r.m.interval(); got != c.want {
				t.Errorf("the next tick comes in %v, want %v", got, c.want)
			}
		})
	}
}

// TestRandomKeys presses anything at any size while anything happens: nothing
// panics, and every line fits.
func TestRandomKeys(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := newRig(t, everyState())
		steps(r, func(n int) int { return rng.IntN(n) }, 120)
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("mvs?qn"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newRig(t, everyState())
		i := 0
		steps(r, func(n int) int {
			if i >= len(data) {
				return 0
			}
			i++
			return int(data[i-1]) % n
		}, min(200, len(data)/3))
	})
}

// steps drives a model by choices; next gives one below n.
func steps(r *rig, next func(n int) int, count int) {
	names := []string{"m", "v", "s", " ", "c", "enter", "esc", "tab", "up", "down", "1", "5", "9", "0", "g", "z", "p", "i", "r", "d",
		"y", "l", "?", "q", "n", "+", "-", "x", "ctrl+c", "pgup", "pgdown", "alt+m", "backspace", "ctrl+w", "ctrl+_", "left", "home", "漢", keyReleased}
	views := []*rtc.RoomView{everyState(), oddNames(), many(2), many(16), roomOf()}
	for range count {
		switch next(6) {
		case 0:
			r.send(tea.WindowSizeMsg{Width: next(256), Height: next(80)})
		case 1:
			r.f.view = views[next(len(views))]
			r.send(viewMsg{r.f.view})
		case 2:
			text := strings.Repeat("wörd 漢字 👍 https://example.org/"+strings.Repeat("x", next(200)), next(4))
			r.send(eventMsg{[]rtc.Event{call.Chat{Who: rtc.Who{Peer: "id-bob", Name: oddNames().Peers[next(5)].Name}, Text: text, Time: noon, History: next(2) == 0}}})
		case 3:
			r.send(sampleMsg{
				levels:  map[signal.PeerID]media.Loudness{"id-bob": {DB: -float64(next(128)), Speaking: next(2) == 0}, self: {DB: -20}},
				stats:   figures(r.f.view),
				sources: []media.Source{{Kind: media.Kind(next(4)), Missing: "none"}},
			})
			r.send(devicesMsg{r.f.List(context.Background())[:next(3)]})
		default:
			r.send(keyMsg(names[next(len(names))]))
		}
		r.f.now = r.f.now.Add(time.Duration(next(50)) * 100 * time.Millisecond)
		r.send(tickMsg{gen: r.m.tickGen})
	}
}

// TestLobbyDoesNotRepeatItself: what the line of a device says is no toast too.
func TestLobbyDoesNotRepeatItself(t *testing.T) {
	f := newFake(roomOf())
	f.view.Media.Camera = false
	f.sources = []media.Source{{Kind: media.Mic, Name: "tone"}, {Kind: media.Camera, Missing: "No camera found."}}
	r := newRigWith(t, f, func(o *Options) { o.Join = func() {} })
	r.send(sampleMsg{sources: f.sources})
	r.keys("v")
	if n := strings.Count(r.m.View(), "No camera found."); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, printable(r.m.View()))
	}
	r.send(eventMsg{[]rtc.Event{call.Warning{Warning: media.Warning{Text: "the sound server died"}}}})
	if !strings.Contains(r.m.View(), "the sound server died") {
		t.Error("another toast is not shown")
	}
}

func TestLongMessagesUnfold(t *testing.T) {
	r := newRig(t, many(2))
	long := strings.Repeat("on and on, ", 300) + "the end"
	r.send(eventMsg{[]rtc.Event{call.Chat{Who: rtc.Who{Peer: "id-guest-01", Name: "guest-01"}, Text: long, Time: noon}}})
	r.shows("more lines (e)")
	r.hides("the end")
	r.keys("e")
	r.shows("the end")
	r.keys("c")
	r.keys("alt+e")
	r.shows("more lines (alt+e)")
	r.keys("alt+e", "e")
	r.shows("the end", "> e")
}
