package plain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// fakeCall is a fake of everything a plain screen reaches; done notes what it did.
type fakeCall struct {
	sources []media.Source // nil: no screen to share
	view    *rtc.RoomView
	events  chan rtc.Event
	done    []string
}

func newCall(peers ...rtc.PeerView) *fakeCall {
	return &fakeCall{
		view: &rtc.RoomView{
			Room: "standup", Self: "self", Name: "alice", Media: signal.Media{Mic: true, Camera: true},
			Server: rtc.ServerView{State: signal.Connected}, Peers: peers,
		},
		events: make(chan rtc.Event, 64),
	}
}

func (c *fakeCall) View() *rtc.RoomView      { return c.view }
func (c *fakeCall) Changed() <-chan struct{} { return nil }
func (c *fakeCall) Events() <-chan rtc.Event { return c.events }
func (c *fakeCall) SetMic(on bool)           { c.note("mic", on) }
func (c *fakeCall) SetCamera(on bool)        { c.note("camera", on) }
func (c *fakeCall) SetScreen(on bool)        { c.note("screen", on) }
func (c *fakeCall) SetHand(on bool)          { c.note("hand", on) }
func (c *fakeCall) Retry(p signal.PeerID)    { c.note("retry", p) }
func (c *fakeCall) Leave()                   { c.note("leave") }
func (c *fakeCall) Say(text string) bool     { c.note("say", text); return text != "" }
func (c *fakeCall) Sources() []media.Source {
	if c.sources != nil {
		return c.sources
	}
	return []media.Source{{Kind: media.Screen, Missing: "no screen to share"}}
}
func (c *fakeCall) SetVolume(p signal.PeerID, percent int) bool {
	c.note("volume", p, percent)
	return p != "id-carol"
}
func (c *fakeCall) Levels() map[signal.PeerID]media.Loudness {
	return map[signal.PeerID]media.Loudness{"id-bob": {Speaking: true}}
}
func (c *fakeCall) Stats() []call.PeerStats             { return nil }
func (c *fakeCall) List(context.Context) []media.Device { return nil }
func (c *fakeCall) Select(media.Kind, string) error     { return nil }
func (c *fakeCall) note(args ...any) {
	c.done = append(c.done, strings.TrimSpace(fmt.Sprintln(args...)))
}

func who(name string) rtc.Who { return rtc.Who{Peer: signal.PeerID("id-" + name), Name: name} }

// run shows a call that gets its input from in, in a bubble whose clock starts
// at midnight, and returns what was written.
func run(t *testing.T, c *fakeCall, in io.Reader) (string, error) {
	t.Helper()
	var out bytes.Buffer
	_, err := Run(t.Context(), Options{Room: c, Controls: c, Chat: c, Devices: c, In: in, Out: &out, Times: true,
		Place: call.Place{Invite: call.Invite{Command: "meet join standup", Link: "http://192.0.2.1/standup"}}})
	return out.String(), err
}

// lines cuts the times off.
func lines(out string) []string {
	var text []string
	for l := range strings.Lines(out) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(l, "\n"), " ")
		text = append(text, rest)
	}
	return text
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The time stands before a line only if it was asked for.
func TestTimes(t *testing.T) {
	for _, times := range []bool{false, true} {
		c := newCall()
		close(c.events)
		var out bytes.Buffer
		now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
		if _, err := Run(t.Context(), Options{Room: c, In: eternal{}, Out: &out, Times: times, Now: now}); err != nil {
			t.Fatal(err)
		}
		if got := strings.HasPrefix(out.String(), "03:04:05 room standup"); got != times {
			t.Errorf("with times %v: %q", times, out.String())
		}
	}
}

// What was typed here is not said again; what others say is, and what was said before
// comes with its own time.
func TestMessages(t *testing.T) {
	c := newCall()
	s := &session{opt: Options{Room: c, Chat: c, Out: &bytes.Buffer{}, Now: time.Now}}
	out := s.opt.Out.(*bytes.Buffer)
	s.send("hello")
	own := call.Chat{Who: rtc.Who{Peer: "self", Name: "alice"}, Text: "hello"}
	s.event(own)
	if out.Len() > 0 {
		t.Errorf("what was typed is said again: %q", out)
	}
	s.event(own) // the same from another window of the same person
	s.event(call.Chat{Who: who("bob"), Text: "hi"})
	at := time.Date(2026, 1, 2, 13, 4, 5, 0, time.Local)
	s.event(call.Chat{Who: who("carol"), Text: "before", Time: at, History: true})
	if got, want := out.String(), "alice: hello\nbob: hi\nearlier, at 13:04, carol: before\n"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

// Who leaves takes their figures along: the report has those of before.
func TestReportAfterEverybodyLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &leftAlone{fakeCall: newCall(rtc.PeerView{ID: "id-bob", Name: "bob"})}
		c.view.Since = time.Now()
		c.traffic.Store(5_000_000)
		go func() {
			time.Sleep(10 * time.Second)
			c.traffic.Store(0)
			time.Sleep(10 * time.Second)
			close(c.events)
		}()
		report, err := Run(t.Context(), Options{Room: c, Links: c, In: strings.NewReader(""), Out: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(report.Text(), "5.0 MB in") {
			t.Errorf("the report: %s", report.Text())
		}
	})
}

// leftAlone is a call whose figures go with the others.
type leftAlone struct {
	*fakeCall
	traffic atomic.Uint64
}

func (c *leftAlone) Stats() []call.PeerStats {
	if n := c.traffic.Load(); n > 0 {
		return []call.PeerStats{{Who: who("bob"), Received: [media.Kinds]uint64{n}}}
	}
	return nil
}

// People are louder or quieter by their name, and nobody by a word that is none.
func TestVolume(t *testing.T) {
	c := newCall(rtc.PeerView{ID: "id-bob", Name: "bob"}, rtc.PeerView{ID: "id-carol", Name: "Carol Ann"})
	out := &bytes.Buffer{}
	s := &session{opt: Options{Room: c, Volume: c, Levels: c, Out: out, Now: time.Now}}
	for _, line := range []string{"/volume Bob 80", "/volume carol ann 0%", "/volume dave 10", "/volume bob 201", "/volume bob", "/volume", "/volume 50"} {
		s.command(t.Context(), line)
	}
	usage := "/volume needs a name and 0 to 200, as in /volume Ann 80"
	equal(t, strings.Split(strings.TrimSpace(out.String()), "\n"), []string{
		"bob is played at 80 percent", "nothing is heard of Carol Ann", "nobody here is called dave",
		usage, usage, usage, "whom? /volume NAME",
	})
	equal(t, c.done, []string{"volume id-bob 80", "volume id-carol 0"})
	out.Reset()
	s.command(t.Context(), "/who")
	if !strings.Contains(out.String(), ", speaking") || strings.Count(out.String(), "speaking") != 1 {
		t.Errorf("who speaks: %s", out)
	}
}

func TestEvents(t *testing.T) {
	c := newCall(rtc.PeerView{ID: "id-bob", Name: "bob", State: rtc.StateDisconnected})
	for _, ev := range []rtc.Event{
		rtc.ServerStateChanged{State: signal.Connected, Previous: signal.Connecting},
		rtc.Joined{},
		rtc.PeerJoined{Who: who("bob")},
		rtc.PeerConnected{Who: who("bob")},
		rtc.MediaStateChanged{Who: who("bob"), Media: signal.Media{Mic: true}},
		rtc.MediaStateChanged{Who: who("bob"), Media: signal.Media{Screen: true}},
		rtc.MediaStateChanged{Who: rtc.Who{Peer: "self", Name: "alice"}, Media: signal.Media{}},
		rtc.HearingChanged{Who: who("bob"), Heard: true},
		rtc.HearingLost{Who: who("bob"), Heard: true},
		rtc.HearingChanged{Who: who("bob"), Heard: true, Hears: true},
		rtc.PicturesPaused{Who: who("bob"), Kind: media.Camera, Paused: true},
		rtc.PicturesPaused{Who: who("bob"), Kind: media.Camera},
		rtc.PeerDisconnected{Who: who("bob")},
		rtc.Reconnecting{Who: who("bob"), Attempt: 1, Of: 3},
		rtc.PeerConnected{Who: who("bob")},
		rtc.Reconnected{Who: who("bob"), Attempts: 1, Outage: 1200 * time.Millisecond},
		rtc.ReconnectFailed{Who: who("carol"), Attempts: 3},
		rtc.ServerStateChanged{State: signal.Reconnecting, Previous: signal.Connected},
		rtc.ServerStateChanged{
			State: signal.Reconnecting, Previous: signal.Reconnecting, Attempt: 2, RetryIn: 1500 * time.Millisecond,
			Server: "call.example", Err: context.DeadlineExceeded,
		},
		rtc.ServerStateChanged{State: signal.Connected, Previous: signal.Reconnecting},
		rtc.PeerLeft{Who: who("bob"), Crashed: true},
		rtc.PeerLeft{Who: rtc.Who{Name: "ev\x1b[31mil\u202e"}},
		call.Warning{Warning: media.Warning{Text: "the sound server died"}},
	} {
		c.events <- ev
	}
	close(c.events)
	out, err := run(t, c, eternal{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, lines(out), []string{
		"room standup (private), you are alice",
		"others join with: meet join standup",
		"in a browser: http://192.0.2.1/standup",
		"no screen to share",
		"/help lists the commands",
		"joined, 2 in the room",
		"bob joined",
		"bob is connected",
		"bob: microphone on, camera OFF, screen share OFF",
		"bob: microphone OFF",
		"bob: screen share on",
		"you: microphone OFF, camera OFF, screen share OFF",
		"You do not hear bob",
		"You and bob hear each other again",
		"The line is too thin for the picture of bob; the sound goes on",
		"The picture of bob is back",
		"Reconnecting to bob...",
		"Reconnecting to bob... attempt 1 of 3",
		"Reconnected to bob (1 attempt, 1.2 s)",
		"Failed to reconnect to carol after 3 attempts",
		"Lost the server; the call goes on",
		"Reconnecting to call.example... timeout: no answer, attempt 2 in 1.5 s",
		"Reconnected to server",
		"bob lost connection",
		"evil left",
		"the sound server died",
	})
}

// TestReachingTheServer: before there was a connection there is nothing to
// mend, what happens at once has no countdown, and nobody has to listen to every
// attempt.
func TestReachingTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall()
		in, keys := io.Pipe()
		defer keys.Close()
		go func() {
			for _, ev := range []rtc.ServerStateChanged{
				{State: signal.Connecting, Attempt: 1, RetryIn: 1500 * time.Millisecond},
				{State: signal.Connecting, Attempt: 2, RetryIn: 100 * time.Millisecond},
				{State: signal.Connecting, Attempt: 9, RetryIn: 30 * time.Millisecond},
				{State: signal.Connected, Previous: signal.Connecting},
				{State: signal.Reconnecting, Previous: signal.Connected, Attempt: 1, RetryIn: time.Millisecond},
				{State: signal.Reconnecting, Previous: signal.Reconnecting, Attempt: 2, RetryIn: time.Millisecond},
				{State: signal.Reconnecting, Previous: signal.Reconnecting, Attempt: 3, RetryIn: 2 * time.Second},
			} {
				c.events <- ev
				time.Sleep(attemptsEvery / 2)
			}
			close(c.events)
		}()
		out, err := run(t, c, in)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, lines(out)[5:], []string{
			"Connecting to server... attempt 1 in 1.5 s",
			"Connecting to server... attempt 9",
			"Lost the server; the call goes on",
			"Reconnecting to server... attempt 2",
		})
	})
}

// TestNamesakes: whoever is called the same is told apart in every line.
func TestNamesakes(t *testing.T) {
	ada := func(id signal.PeerID) rtc.PeerView {
		return rtc.PeerView{ID: id, Name: "Ada", State: rtc.StateConnected}
	}
	c := newCall(ada("1"), ada("2"))
	second := rtc.Who{Peer: "2", Name: "Ada"}
	c.events <- rtc.PeerConnected{Who: second}
	c.events <- rtc.Reconnecting{Who: second, Attempt: 1, Of: 3}
	c.events <- rtc.PeerLeft{Who: second}
	close(c.events)
	out, err := run(t, c, eternal{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, lines(out)[5:], []string{"Ada (2) is connected", "Reconnecting to Ada (2)... attempt 1 of 3", "Ada (2) left"})
}

// eternal is an input on which nothing is ever typed.
type eternal struct{}

func (eternal) Read([]byte) (int, error) { select {} }

func TestCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		carol := rtc.PeerView{ID: "id-carol", Name: "carol", State: rtc.StateDisconnected, Repair: rtc.RepairView{Attempt: 2, Of: 3}}
		c := newCall(carol, rtc.PeerView{ID: "id-bob", Name: "bob", State: rtc.StateConnected})
		in := "/mute\n/camera\n/share\n/say hello there\n  just text \n/say\n/retry\n/who\n/dance\x1b[2J\n\n" +
			"/say " + strings.Repeat("x", 3*lineMax) + "\n/leave\n/mute\n"
		out, err := run(t, c, strings.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, lines(out)[5:], []string{
			"no screen to share",
			"/say needs a text",
			"trying again now",
			"2 connected of 3",
			"alice (you): microphone on, camera on, screen share OFF",
			"carol: Reconnecting... attempt 2 of 3, microphone OFF, camera OFF, screen share OFF",
			"bob: connected, microphone OFF, camera OFF, screen share OFF",
			"unknown command /dance; /help lists them",
			"you left",
		})
		if n := len(c.done); n != 7 {
			t.Fatalf("did %d things: %.200q", n, c.done)
		}
		if len(c.done[5]) > lineMax {
			t.Errorf("a line of %d bytes went through", len(c.done[5]))
		}
		c.done[5] = "long"
		equal(t, c.done, []string{"mic false", "camera false", "say hello there", "say just text", "retry", "long", "leave"})
	})
}

// A microphone that went away can be switched off for good, and be tried again.
func TestMissingMicrophone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall()
		c.view.Media = signal.Media{}
		c.sources = []media.Source{{Kind: media.Mic, Missing: "The microphone went away.", Wanted: true}}
		out, err := run(t, c, strings.NewReader("/mute\n/leave\n"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out, "the microphone stays off when it works again") {
			t.Errorf("said %q", out)
		}
		equal(t, c.done, []string{"mic false", "leave"})
		c.done, c.sources = nil, []media.Source{{Kind: media.Mic}}
		if _, err := run(t, c, strings.NewReader("/mute\n/leave\n")); err != nil {
			t.Fatal(err)
		}
		equal(t, c.done, []string{"mic true", "leave"})
	})
}

func TestEndOfInputDoesNotLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		if _, err := Run(ctx, Options{Room: c, In: strings.NewReader(""), Out: io.Discard}); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != time.Hour {
			t.Errorf("ended after %v", d)
		}
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestBrokenOutputEnds(t *testing.T) {
	if _, err := Run(t.Context(), Options{Room: newCall(), In: eternal{}, Out: broken{}}); err == nil {
		t.Error("writing failed, and nobody said so")
	}
}

func TestHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bob := rtc.PeerView{ID: "id-bob", Name: "bob", State: rtc.StateConnected, Hand: 1}
		c := newCall(bob)
		c.events <- rtc.HandRaised{Who: who("bob"), On: true, Place: 1}
		time.AfterFunc(time.Second, func() { close(c.events) })
		out, err := run(t, c, strings.NewReader("/hand\n/who\n"))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(lines(out), "\n")
		if !slices.Contains(c.done, "hand true") || !strings.Contains(text, "bob's hand is up") || !strings.Contains(text, "hand up (number 1)") {
			t.Errorf("done %q, said\n%s", c.done, text)
		}
	})
}
