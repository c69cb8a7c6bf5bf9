package tui

import (
	"strings"
	"testing"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

var (
	placeLAN = call.Place{
		Invite: call.Invite{Command: "meet join http://192.168.1.5:7077/demo", Link: "http://192.168.1.5:7077/demo", Works: "works on this network"},
		Where:  "hosted here, for this network", Reach: "this network",
	}
	placeAlone = call.Place{
		Invite: call.Invite{Command: "meet join http://127.0.0.1:7077/demo", Link: "http://127.0.0.1:7077/demo", Works: "works on this machine only", Alone: true},
		Where:  "hosted here, for this machine", Reach: "this machine",
	}
)

func has(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing in\n%s", w, text)
		}
	}
}

// A spoken code is on the card of the invite, which opens by itself, until it is used;
// a move of the room does not take it away.
func TestSpokenCodeOnTheCard(t *testing.T) {
	asked := 0
	r := newRigWith(t, newFake(roomOf()), func(o *Options) { o.Place, o.NewCode = placeLAN, func() bool { asked++; return true } })
	open := call.CodeChanged{State: call.CodeOpen, Code: "7-copper-lantern", Command: "meet join 7-copper-lantern", Text: "Say this"}
	r.send(eventMsg{[]rtc.Event{open, call.PlaceChanged{Place: placeAlone}}})
	has(t, printable(r.m.View()), "to say to one person: works once, until", "meet join 7-copper-lantern")
	r.send(eventMsg{[]rtc.Event{call.CodeChanged{State: call.CodeWrong, Code: "7-copper-lantern", Text: "Somebody tried \x1b[2Jthe code."}}})
	if view := printable(r.m.View()); strings.Contains(view, "meet join 7-copper-lantern") {
		t.Errorf("a burned code is shown:\n%s", view)
	}
	has(t, printable(r.m.View()), "Somebody tried the code.")
	r.send(keyMsg("C"))
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// The lobby says where the room will be and with whom the invite works; a key
// changes that, and what it came to is shown.
func TestLobbySaysWhere(t *testing.T) {
	asked := 0
	r := newRigWith(t, newFake(roomOf()), func(o *Options) {
		o.Join, o.Place, o.Reach = func() {}, placeLAN, func() { asked++ }
	})
	has(t, printable(r.m.View()), "hosted here, for this network", "works on this network", "meet join http://192.168.1.5:7077/demo", "w who can get here")
	r.send(keyMsg("w"))
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	public := placeLAN
	public.Where, public.Note = "hosted here, for the internet", "Your router has no public address: \x1b[2Jsorry."
	r.send(eventMsg{[]rtc.Event{call.PlaceChanged{Place: public}}})
	view := printable(r.m.View())
	has(t, view, "hosted here, for the internet", "Your router has no public address: sorry.")
	if n := strings.Count(view, "Your router"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// A server that was named is not ours to open.
func TestLobbyOfANamedServer(t *testing.T) {
	r := newRigWith(t, newFake(roomOf()), func(o *Options) {
		o.Join = func() {}
		o.Place = call.Place{Invite: call.Invite{Command: "meet join https://meet.exmaple/demo"}, Where: "on meet.exmaple", Note: "The server does not answer: no such host."}
	})
	view := printable(r.m.View())
	has(t, view, "on meet.exmaple", "The server does not answer: no such host.")
	if strings.Contains(view, "who can get here") {
		t.Errorf("a key that does nothing is shown:\n%s", view)
	}
	r.send(keyMsg("w"))
	has(t, printable(r.m.View()), "on a server that was named")
}

// The panel says who can use the invite, and shows no QR code of one that nobody
// else can.
func TestInvitePanelSaysWho(t *testing.T) {
	s := NewStyles(Theme{})
	b := newInviteBox(placeLAN, "w")
	text := printable(strings.Join(b.Render(s, 80, 60), "\n"))
	has(t, text, "works on this network", "for this network; w changes that")
	if b.qr == nil {
		t.Error("no QR code")
	}
	b = newInviteBox(placeAlone, "")
	text = printable(strings.Join(b.Render(s, 80, 60), "\n"))
	has(t, text, "works on this machine only")
	if b.qr != nil || strings.Contains(text, "changes that") {
		t.Errorf("a QR code of this machine:\n%s", text)
	}
	asked := 0
	r := newRigWith(t, newFake(roomOf()), func(o *Options) { o.Place, o.Reach = placeAlone, func() { asked++ } })
	r.send(keyMsg("w")) // a slip of the finger in the call
	r.send(keyMsg("y"))
	if r.send(keyMsg("w")); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	r.send(eventMsg{[]rtc.Event{call.PlaceChanged{Place: placeLAN}}})
	has(t, printable(r.m.View()), "http://192.168.1.5:7077/demo", "works on this network")
}

// What keeps us from the server stands in the log, once for each reason.
func TestServerTroubleIsLogged(t *testing.T) {
	r := newRig(t, roomOf())
	for _, trouble := range []string{"", "no such host", "no such host", "refused: nothing listens there", ""} {
		v := *r.f.view
		v.Server = rtc.ServerView{State: signal.Connecting, Address: "meet.exmaple", Trouble: trouble}
		r.f.view = &v
		r.send(nil)
	}
	r.send(keyMsg("l"))
	view := printable(r.m.View())
	has(t, view, "meet.exmaple: no such host", "meet.exmaple: refused")
	if n := strings.Count(view, "meet.exmaple: no such host"); n != 1 { // the banner says it already
		t.Errorf("said %d times:\n%s", n, view)
	}
}
