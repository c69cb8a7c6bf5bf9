package tui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

func TestBadges(t *testing.T) {
	s := NewStyles(Theme{})
	with := func(state rtc.State, change func(*rtc.PeerView)) rtc.PeerView {
		p := peer("x", state)
		if change != nil {
			change(&p)
		}
		return p
	}
	for _, c := range []struct {
		name              string
		peer              rtc.PeerView
		long, mid, narrow string
	}{
		{"new", with(rtc.StateNew, nil), "○ waiting", "○ waiting", "○ waiting"},
		{"connecting", with(rtc.StateConnecting, nil), "⠋ Connecting...", "⠋ Connecting...", "⠋ connecting"},
		{"connected", with(rtc.StateConnected, nil), "● connected", "● connected", "● connected"},
		{"one way", with(rtc.StateConnected, func(p *rtc.PeerView) { p.OneWay = true }), "◐ not hearing you", "◐ not hearing you", "◐ one-way"},
		{"not heard", with(rtc.StateConnected, func(p *rtc.PeerView) { p.Unheard = true }), "◐ not hearing you", "◐ not hearing you", "◐ one-way"},
		{"you do not hear them", with(rtc.StateConnected, func(p *rtc.PeerView) { p.Silent = true }), "◐ you do not hear them", "◐ not heard", "◐ not heard"},
		{"silent", with(rtc.StateDisconnected, nil), "⠋ Reconnecting...", "⠋ Reconnecting...", "⠋ retry"},
		{"attempt", with(rtc.StateDisconnected, func(p *rtc.PeerView) { p.Repair = rtc.RepairView{Attempt: 2, Of: 3} }),
			"⠋ Reconnecting... 2/3", "⠋ Reconnecting 2/3", "⠋ retry 2/3"},
		{"away", with(rtc.StateDisconnected, func(p *rtc.PeerView) { p.Away, p.Repair.Waiting = true, true }),
			"⠋ Reconnecting... away", "⠋ Reconnecting...", "⠋ away"},
		{"no server", with(rtc.StateDisconnected, func(p *rtc.PeerView) { p.Repair.Waiting = true }),
			"⠋ Reconnecting...", "⠋ Reconnecting...", "⠋ waiting"},
		{"failed", with(rtc.StateFailed, nil), "✕ Failed", "✕ Failed", "✕ Failed"},
		{"closed", with(rtc.StateClosed, nil), "◌ left", "◌ left", "◌ left"},
	} {
		b := badge{peer: c.peer}
		for w, want := range map[int]string{badgeMax: c.long, badgeMiddle: c.mid, badgeShort: c.narrow} {
			if got := b.Text(s, w); got != want {
				t.Errorf("%s in %d cells: %q, want %q", c.name, w, got, want)
			}
			if n := width(b.Render(s, w)); n != w {
				t.Errorf("%s is %d cells wide, want %d", c.name, n, w)
			}
		}
	}
}

// TestTableGivesSpaceToWhatMatters: what people send and how far a repair has
// come stand before figures.
func TestTableGivesSpaceToWhatMatters(t *testing.T) {
	long := everyState()
	long.Peers[1].Name = "carol with a rather long name"
	for _, c := range []struct {
		view    *rtc.RoomView
		w       int
		titles  string
		repair  string // what carol's row says
		sharing string // what bob's row says
	}{
		{everyState(), 30, "NAME CONNECTION", "⠋ retry 2/3", ""},
		{everyState(), 40, "NAME CONNECTION MIC CAM", "⠋ retry 2/3", "scrn"},
		{everyState(), 45, "NAME CONNECTION MIC CAM SCRN", "⠋ retry 2/3", "LIVE"},
		{everyState(), 50, "NAME CONNECTION MIC CAM SCRN", "⠋ Reconnecting 2/3", "LIVE"},
		{everyState(), 54, "NAME CONNECTION MIC CAM SCRN", "⠋ Reconnecting... 2/3", "LIVE"},
		{long, 54, "NAME CONNECTION MIC CAM SCRN", "⠋ Reconnecting 2/3", "LIVE"},
		{everyState(), 64, "NAME CONNECTION MIC CAM SCREEN RTT", "⠋ Reconnecting... 2/3", "LIVE"},
		{everyState(), 80, "NAME CONNECTION MIC CAM SCREEN RTT LOSS DOWN", "⠋ Reconnecting... 2/3", "LIVE"},
		{everyState(), 100, "NAME CONNECTION MIC CAM SCREEN RTT LOSS DOWN UP PATH", "⠋ Reconnecting... 2/3", "LIVE"},
		// Where all is well, figures come before longer words.
		{many(5), 46, "NAME CONNECTION MIC CAM SCRN", "● connected", ""},
		{many(5), 54, "NAME CONNECTION MIC CAM SCRN RTT", "● connected", "23 ms"},
		{many(5), 60, "NAME CONNECTION MIC CAM SCRN RTT LOSS", "● connected", "0.0%"},
	} {
		tab := table{view: c.view, stats: byPeer(figures(c.view))}
		lines := tab.Render(NewStyles(Theme{}), c.w, 20)
		if got := strings.Join(strings.Fields(printable(lines[0])), " "); got != c.titles {
			t.Errorf("%d cells: titles %q, want %q", c.w, got, c.titles)
		}
		if got := printable(lines[3]); !strings.Contains(got, c.repair+" ") {
			t.Errorf("%d cells: %q, want %q in it", c.w, got, c.repair)
		}
		if got := printable(lines[2]); !strings.Contains(got, c.sharing) {
			t.Errorf("%d cells: %q, want %q in it", c.w, got, c.sharing)
		}
	}
}

func TestBanner(t *testing.T) {
	s := NewStyles(Theme{})
	lost := func(name string, r rtc.RepairView) rtc.PeerView {
		p := peer(name, rtc.StateDisconnected)
		p.Repair = r
		return p
	}
	now := rtc.RepairView{Attempt: 2, Of: 3}
	soon := rtc.RepairView{Attempt: 1, Of: 3, NextAt: noon.Add(1200 * time.Millisecond)}
	down := rtc.ServerView{State: signal.Reconnecting, Lost: true, Attempt: 3, RetryAt: noon.Add(4 * time.Second)}
	room := func(server rtc.ServerView, peers ...rtc.PeerView) *rtc.RoomView {
		v := roomOf(peers...)
		v.Server = server
		return v
	}
	up := rtc.ServerView{State: signal.Connected}
	dead := rtc.ServerView{
		State: signal.Connecting, Attempt: 2, RetryAt: noon.Add(4 * time.Second), Address: "meet.exmaple", Trouble: "no such host",
	}
	gone := rtc.ServerView{
		State: signal.Reconnecting, Lost: true, Address: "meet.example:7077", Trouble: "refused: nothing listens there",
	}
	for _, c := range []struct {
		name string
		view *rtc.RoomView
		w    int
		want string
	}{
		{"all well", room(up, peer("bob", rtc.StateConnected)), 80, ""},
		{"one", room(up, lost("carol", now)), 80, "⠋ Reconnecting to 1 peer... carol (2 of 3, now)"},
		{"two", room(up, lost("carol", now), lost("dave", soon)), 100, "⠋ Reconnecting to 2 peers... carol (2 of 3, now), dave (1 of 3, in 2 s)"},
		{"no room", room(up, lost("carol", now), lost("dave", soon)), 70, "⠋ Reconnecting to 2 peers... carol (2 of 3, now), +1 more"},
		{"less room", room(up, lost("carol", now), lost("dave", soon)), 40, "⠋ Reconnecting to 2 peers..."},
		{"failed is no longer being mended", room(up, peer("bob", rtc.StateFailed)), 80, ""},
		{"the server wins", room(down, lost("carol", now), peer("bob", rtc.StateConnected)), 80,
			"⠋ Reconnecting to server... media 1/2, attempt 3 in 4 s"},
		{"alone", room(down), 80, "⠋ Reconnecting to server... attempt 3 in 4 s"},
		{"and why", room(dead), 80, "⠋ Connecting to meet.exmaple... no such host, attempt 2 in 4 s"},
		{"lost, and why", room(gone, peer("bob", rtc.StateConnected)), 100,
			"⠋ Reconnecting to meet.example:7077... refused: nothing listens there, media 1/1"},
		{"first connect", room(rtc.ServerView{State: signal.Connecting}), 80, "⠋ Connecting to server..."},
	} {
		b := banner{view: c.view, now: noon}
		if got := strings.TrimSpace(printable(b.Render(s, c.w))); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestBarKeepsHelpAndLeave(t *testing.T) {
	s, m := NewStyles(Theme{}), DefaultKeymap()
	last := 0
	for w := 30; w <= 120; w++ {
		got := strings.TrimSpace(printable(barOf(m, s, w)))
		if !strings.HasSuffix(got, "? help  q leave") {
			t.Errorf("%d cells: %q", w, got)
		}
		if n := strings.Count(got, "  "); n < last {
			t.Errorf("%d cells show fewer keys than %d", w, w-1)
		} else {
			last = n
		}
	}
	if got := printable(barOf(m, s, 24)); !strings.HasPrefix(got, " m mic") {
		t.Errorf("the middle does not go first: %q", got)
	}
}

func TestKeymap(t *testing.T) {
	m, err := NewKeymap(map[string][]string{"mic": {"F2", "f2"}, "leave": {"Q"}, "talk": {"space"}, "grid": {"v"}})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]Action{
		"f2": ActMic, "m": "", "Q": ActLeave, "q": "", "ctrl+c": ActLeave, " ": ActTalk, "v": ActGrid, "alt+v": ActCamera,
	} {
		if got := m.action(key); got != want {
			t.Errorf("%q does %q, want %q", key, got, want)
		}
	}
	for name, c := range map[string]struct {
		custom map[string][]string
		want   string
	}{
		"unknown":  {map[string][]string{"dance": {"x"}}, `key for "dance": there is no such action`},
		"twice":    {map[string][]string{"mic": {"z"}, "zoom": {"z"}}, `key for "zoom": "z" already means mic`},
		"digit":    {map[string][]string{"mic": {"3"}}, `key for "mic": the digits 1 to 9 choose people`},
		"empty":    {map[string][]string{"mic": {""}}, `key for "mic": empty key`},
		"way out":  {map[string][]string{"mic": {"ctrl+c"}}, `key for "mic": "ctrl+c" already means leave`},
		"no space": {map[string][]string{"mic": {" "}, "talk": {"space"}}, `key for "talk": "space" already means mic`},
	} {
		m, err := NewKeymap(c.custom)
		var bad *KeyError
		if !errors.As(err, &bad) || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if m.action("?") != ActHelp || m.action("ctrl+c") != ActLeave {
			t.Errorf("%s: the keymap is unusable", name)
		}
	}
	_, err = NewKeymap(map[string][]string{"sing": {"x"}, "dance": {"x"}, "mic": {"z", "7", ""}, "zoom": {"z"}})
	if err == nil || err.Error() != `key for "dance": there is no such action
key for "sing": there is no such action
key for "mic": the digits 1 to 9 choose people
key for "mic": empty key
key for "zoom": "z" already means mic` {
		t.Errorf("not all faults: %v", err)
	}
	for _, a := range Actions() {
		if len(a.Keys) == 0 || a.Help == "" {
			t.Errorf("%s has no key or no help", a.Action)
		}
	}
}

func TestTalkMachine(t *testing.T) {
	at := func(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }
	type step struct {
		at   int
		do   string
		want talkAct
	}
	for name, c := range map[string]struct {
		releases, open bool
		steps          []step
	}{
		"a tap without releases does nothing": {steps: []step{{0, "press", talkKeep}, {800, "tick", talkKeep}, {900, "press", talkKeep}}},
		"held without releases": {steps: []step{
			{0, "press", talkKeep}, {500, "press", talkStart}, {530, "press", talkKeep}, {779, "tick", talkKeep}, {780, "tick", talkStop}, {790, "tick", talkKeep}}},
		"focus lost":              {steps: []step{{0, "press", talkKeep}, {300, "press", talkStart}, {310, "release", talkStop}, {560, "tick", talkKeep}}},
		"held with releases":      {releases: true, steps: []step{{0, "press", talkStart}, {30, "press", talkKeep}, {9000, "tick", talkKeep}, {9001, "release", talkStop}}},
		"release without a press": {releases: true, steps: []step{{0, "release", talkKeep}}},
		"open already":            {releases: true, open: true, steps: []step{{0, "press", talkKeep}, {50, "release", talkKeep}}},
	} {
		t.Run(name, func(t *testing.T) {
			var m talk
			for _, s := range c.steps {
				var got talkAct
				switch s.do {
				case "press":
					m, got = m.press(at(s.at), c.releases, c.open)
				case "release":
					m, got = m.release()
				case "tick":
					m, got = m.tick(at(s.at))
				}
				if got != s.want {
					t.Errorf("%s at %d ms: %d, want %d", s.do, s.at, got, s.want)
				}
			}
		})
	}
}

// TestLayoutNeverOverlaps checks every shape there can be: all rectangles lie
// on the screen and apart from each other.
func TestLayoutNeverOverlaps(t *testing.T) {
	bools := []bool{false, true}
	for w := 30; w <= 240; w += 10 {
		for h := 8; h <= 70; h += 6 {
			for _, people := range []int{1, 5, 16, 32} {
				for _, tiles := range []int{0, 1, 2, 9, 33} {
					for m := modeSpotlight; m <= modeZoom; m++ {
						for i := range 32 {
							s := shape{w, h, people, tiles, m, bools[i&1], bools[i>>4&1], bools[i>>1&1], bools[i>>2&1], bools[i>>3&1]}
							s.typing = s.typing && s.chat
							checkLayout(t, s)
						}
					}
				}
			}
		}
	}
}

// TestGridFillsTheMiddle: boxes have one size and the shape of a camera's
// picture, and lie around the middle of their area.
func TestGridFillsTheMiddle(t *testing.T) {
	for n := 1; n <= 16; n++ {
		for w := tileW; w <= 200; w += 7 {
			for h := tileH; h <= 60; h += 5 {
				area := rect{3, 5, w, h}
				boxes := grid(area, n, w)
				left, right, bottom := area.w, 0, 0
				for _, b := range boxes {
					if b.w != boxes[0].w || b.h != boxes[0].h {
						t.Fatalf("%d in %dx%d: %+v beside %+v", n, w, h, b, boxes[0])
					}
					left, right, bottom = min(left, b.x-area.x), max(right, b.x+b.w-area.x), max(bottom, b.y+b.h-area.y)
				}
				if top := boxes[0].y - area.y; right+left-area.w > 1 || right+left-area.w < -1 || top+bottom-area.h > 1 || top+bottom-area.h < -1 {
					t.Fatalf("%d in %dx%d is off the middle: %+v", n, w, h, boxes)
				}
				if in := boxes[0].inner(); in.h > 3 && (3*in.w < 8*in.h-3 || 27*in.w > 128*in.h) {
					t.Fatalf("%d in %dx%d: no picture fills %+v", n, w, h, in)
				}
			}
		}
	}
}

// TestStripShowsEverybody: nobody is left out below the spotlight of a large
// screen, and the spotlight stays the largest.
func TestStripShowsEverybody(t *testing.T) {
	for n := 2; n <= 9; n++ {
		l := arrange(shape{w: 120, h: 40, people: n, tiles: n, list: true, chat: true})
		if len(l.tiles) != n-1 {
			t.Errorf("%d of %d pictures in the strip", len(l.tiles), n-1)
		}
		if in, tile := l.spot.inner(), l.tiles[0]; in.h < in.w*9/32 || tile.w*2 > l.spot.w+1 || tile.h*2 > 2*l.spot.h {
			t.Errorf("%d: spotlight %+v, boxes %+v", n, l.spot, tile)
		}
	}
}

// TestEverybodyHasATile: people without a camera are there by name.
func TestEverybodyHasATile(t *testing.T) {
	v := many(4)
	for i := range v.Peers {
		v.Peers[i].Media.Camera = i == 0
	}
	v.Media.Camera = false
	for _, mode := range []mode{modeSpotlight, modeGrid} {
		sc := screenOf(v, 120, 40)
		sc.stage, sc.mode, sc.list = true, mode, false
		got := printable(sc.Render())
		for _, name := range []string{"guest-02", "guest-03", "alice"} {
			if n := strings.Count(got, name); n != 2 { // as the title and in the middle
				t.Errorf("mode %d: %s is there %d times:\n%s", mode, name, n, got)
			}
		}
		if n := strings.Count(got, "camera off"); n != 3 {
			t.Errorf("mode %d: %d cameras are off", mode, n)
		}
	}
}

func checkLayout(t *testing.T, s shape) {
	t.Helper()
	l := arrange(s)
	rects := append([]rect{l.header, l.banner, l.table, l.link, l.spot, l.panel, l.chat, l.status, l.help}, l.tiles...)
	rects = slices.DeleteFunc(rects, rect.empty)
	for i, a := range rects {
		if a.x < 0 || a.y < 0 || a.x+a.w > s.w || a.y+a.h > s.h {
			t.Fatalf("%+v: %+v is off the screen", s, a)
		}
		for _, b := range rects[i+1:] {
			if a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h {
				t.Fatalf("%+v: %+v overlaps %+v", s, a, b)
			}
		}
	}
	if s.panel == l.panel.empty() {
		t.Fatalf("%+v: wanted panel %v, got %+v", s, s.panel, l.panel)
	}
	if s.typing && !s.panel && l.chat.empty() {
		t.Fatalf("%+v: nowhere to type", s)
	}
	if arranged := arrange(s); arranged.table != l.table {
		t.Fatalf("%+v: not a function", s)
	}
}

func TestSparklineShowsTheLastMinute(t *testing.T) {
	var past history
	for i := range 100 {
		past = past.add(map[signal.PeerID]call.PeerStats{"a": {Now: call.Rates{Down: i}}, "b": {}})
	}
	if n := len(past["a"]); n != minute {
		t.Errorf("%d samples are kept", n)
	}
	if past = past.add(map[signal.PeerID]call.PeerStats{"a": {}}); len(past) != 1 {
		t.Error("who left is remembered")
	}
	s := NewStyles(Theme{})
	if got := s.sparkline([]float64{0, 1, 2, 4, 100, 0}, 8, 4); got != "  ▁▁▁▁█▁" {
		t.Errorf("got %q", got)
	}
	if got := s.sparkline([]float64{0, 1, 2, 4}, 3, 4); got != "▂▄█" {
		t.Errorf("got %q", got)
	}
}

func TestInviteHasAReadableCode(t *testing.T) {
	b := newInviteBox(call.Place{Invite: call.Invite{Link: "https://meet.example/standup#k=c2VjcmV0"}}, "")
	code := b.code(NewStyles(Theme{}))
	if len(code) == 0 {
		t.Fatal("no QR code")
	}
	// Every module is there, with the quiet zone of two around it.
	if want := len(b.qr) + 4; width(code[0]) != want || len(code) != (want+1)/2 {
		t.Errorf("%d by %d cells for %d modules", width(code[0]), len(code), len(b.qr))
	}
	for y := range b.qr {
		for x := range b.qr {
			cell := []rune(printable(code[(y+2)/2]))[x+2]
			light := cell == '█' || cell == '▀' && y%2 == 0 || cell == '▄' && y%2 == 1
			if light == b.qr[y][x] {
				t.Fatalf("module %d,%d is drawn as %q", x, y, cell)
			}
		}
	}
	if b := newInviteBox(call.Place{Invite: call.Invite{Link: strings.Repeat("x", 5000)}}, ""); b.qr != nil {
		t.Error("a code for a link that fits into none")
	}
}

// A hand is raised by its key and taken down by it again, and the list has the order
// of those that are up.
func TestHands(t *testing.T) {
	r := newRig(t, many(3))
	v := *r.f.view
	v.Peers = slices.Clone(v.Peers)
	v.Peers[1].Hand = 1
	r.f.view = &v
	r.keys("h")
	r.did("hand true")
	if view := printable(r.m.View()); !strings.Contains(view, "↑2 alice (you)") || !strings.Contains(view, "↑1 guest-02") {
		t.Errorf("no hands in the list:\n%s", view)
	}
	r.send(eventMsg{[]rtc.Event{rtc.HandRaised{Who: rtc.Who{Peer: "id-guest-02", Name: "guest-02"}, On: true, Place: 2}}})
	if view := printable(r.m.View()); !strings.Contains(view, "guest-02's hand is up, number 2 in line") {
		t.Errorf("no toast:\n%s", view)
	}
	r.keys("h")
	r.did("hand false")
}

// barOf is the help line of a keymap.
func barOf(m *Keymap, s *Styles, w int) string {
	items, fixed := m.barItems()
	return s.keyBar(items, fixed, w)
}
