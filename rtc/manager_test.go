package rtc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// room drives a Manager whose server and sessions are fakes.
type room struct {
	*Manager
	sessions map[signal.PeerID]*testSession // the newest of each peer
	events   []Event
	gone     []signal.PeerID
	data     int // messages handed to the application
}

// testSession is a session that carries whatever the test says.
type testSession struct {
	cfg   SessionConfig
	ended atomic.Bool
	dead  atomic.Bool // nothing is heard any more

	mu   sync.Mutex
	sent []string // guarded by mu, like the below
	legs []Leg
	path Path
}

func (s *testSession) Pulse() Pulse {
	if s.dead.Load() {
		return Pulse{}
	}
	return Pulse{Heard: time.Now(), Answered: time.Now()}
}

func (*testSession) Tried() Tried { return Tried{} }
func (s *testSession) Stats() TransportStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return TransportStats{Path: s.path}
}
func (s *testSession) Flow() Flow { return Flow{} }
func (s *testSession) Close()     { s.ended.Store(true) }
func (s *testSession) Wait()      {}
func (s *testSession) Do(c Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch c := c.(type) {
	case SendData:
		s.sent = append(s.sent, string(c.Data))
	case CarriedBy:
		s.legs = c.Legs
	}
}

// told returns what was sent since it was last called.
func (s *testSession) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// Dial implements [Dialer].
func (r *room) Dial(cfg SessionConfig) Session {
	s := &testSession{cfg: cfg}
	r.sessions[cfg.Peer] = s
	return s
}

type noServer struct{}

func (noServer) Send(signal.PeerID, signal.Inc, signal.Body) {}
func (noServer) SetState(signal.State)                       {}
func (noServer) Nudge()                                      {}

// inRoom runs a test in a bubble with "z", who has the largest id, in the room.
func inRoom(t *testing.T, test func(t *testing.T, r *room)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &room{sessions: map[signal.PeerID]*testSession{}}
		r.Manager = NewManager(Config{
			Self: "z", State: signal.State{N: 1, Name: "zoe"}, Dialer: r, Signal: noServer{},
			Clean: func(s string, n int) string {
				return strings.ReplaceAll(s, "\x1b", "")[:min(n, len(s)-strings.Count(s, "\x1b"))]
			},
			Handle: func(e Event) { r.events = append(r.events, e) },
			Data:   func(signal.PeerID, string, json.RawMessage) { r.data++ },
			Gone:   func(id signal.PeerID) { r.gone = append(r.gone, id) },
		})
		ctx, cancel := context.WithCancel(t.Context())
		go r.Run(ctx)
		r.Signal(signal.ServerState{State: signal.Connected, Previous: signal.Connecting})
		test(t, r)
		cancel()
		synctest.Wait()
		for id, s := range r.sessions {
			if !s.ended.Load() {
				t.Errorf("the session with %s was left open", id)
			}
		}
	})
}

func person(id signal.PeerID, inc signal.Inc, state signal.State) signal.Presence {
	return signal.Presence{Peer: id, Inc: inc, State: state}
}

// meet lets a peer connect and opens its data channel.
func (r *room) meet(p signal.Presence) *testSession {
	r.Signal(signal.PeerChanged{Presence: p})
	synctest.Wait()
	s := r.sessions[p.Peer]
	s.cfg.Post(SessionConnected{})
	s.cfg.Post(DataOpened{})
	synctest.Wait()
	return s
}

func (s *testSession) hear(m dataMessage) {
	s.cfg.Post(DataReceived{encodeData(m)})
	synctest.Wait()
}

func (r *room) peer(t *testing.T, id signal.PeerID) PeerView {
	t.Helper()
	p, ok := r.View().Peer(id)
	if !ok {
		t.Fatalf("%s is not in the room", id)
	}
	return p
}

// Everybody is told at once whom we reach, and reminded now and then.
func TestReportsFollowWhomWeReach(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		b := r.meet(person("b", 1, signal.State{N: 1, Name: "bob"}))
		time.Sleep(300 * time.Millisecond)
		c := r.meet(person("c", 1, signal.State{N: 1, Name: "carol"}))
		after := func(d time.Duration) []string {
			time.Sleep(d)
			synctest.Wait()
			return b.told()
		}
		b.told()
		if got := after(reportAfter); len(got) != 1 || !strings.Contains(got[0], `"peers":["c"]`) {
			t.Errorf("after carol connected, bob was told %q", got)
		}
		after(10 * time.Second)
		if n := len(after(time.Minute)); n != 15 {
			t.Errorf("bob was told %d times a minute that nothing changed, want 15", n)
		}
		c.cfg.Post(SessionFailed{})
		if got := after(reportAfter); len(got) != 1 || strings.Contains(got[0], `"c"`) {
			t.Errorf("after carol was lost, bob was told %q", got)
		}
		d := r.meet(person("d", 1, signal.State{N: 1, Name: "dora"}))
		after(10 * time.Second)
		d.hear(farewell{})
		if got := after(reportAfter); len(got) != 1 || strings.Contains(got[0], `"d"`) {
			t.Errorf("after dora left, bob was told %q", got)
		}
	})
}

func TestNamesOfReportsAreCleaned(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := r.meet(person("b", 1, signal.State{N: 1, Name: "bob"}))
		s.hear(report{State: signal.State{N: 2, Name: "\x1b[2J" + strings.Repeat("b", 5000)}})
		if got := r.peer(t, "b").Name; len(got) > signal.MaxName || strings.Contains(got, "\x1b") || got == "bob" {
			t.Errorf("name %.80q", got)
		}
		s.hear(report{State: signal.State{N: 3, Media: signal.Media{Mic: true}}})
		if got := r.peer(t, "b"); got.Name == "" || !got.Media.Mic {
			t.Errorf("after a report without a name: %+v", got)
		}
	})
}

// A new process that is heard of by a relayed message first, while the server
// is away, counts its states anew.
func TestStatesOfANewProcessCountAnew(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		r.meet(person("b", 1, signal.State{N: 9, Name: "bob", Media: signal.Media{Mic: true}}))
		r.Signal(signal.Message{From: "b", Inc: 2, Body: signal.Need{Epoch: 1}})
		synctest.Wait()
		s := r.sessions["b"]
		s.cfg.Post(SessionConnected{})
		s.cfg.Post(DataOpened{})
		s.hear(report{State: signal.State{N: 1, Name: "bob"}})
		if r.peer(t, "b").Media.Mic {
			t.Error("the media state of the old process stands")
		}
	})
}

// A server that forgot somebody while we were both cut off from it throws
// nobody out whose media flows.
func TestForgottenByTheServerStaysWhileMediaFlows(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		r.Signal(signal.Welcome{})
		s := r.meet(person("b", 1, signal.State{N: 1, Name: "bob"}))
		r.Signal(signal.Welcome{}) // without b
		r.Signal(signal.PeerGone{Peer: "b", Inc: 1})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if p := r.peer(t, "b"); !p.Away || p.State != StateConnected || s.ended.Load() {
			t.Errorf("after the server forgot: %+v, ended %v", p, s.ended.Load())
		}
		s.hear(farewell{})
		if _, still := r.View().Peer("b"); still || len(r.gone) != 1 {
			t.Errorf("still there after a goodbye; gone %v", r.gone)
		}
	})
}

// While the Manager is busy, one peer's flood leaves room for the others.
func TestFloodIsBounded(t *testing.T) {
	var in intake
	small, large := []byte("x"), bytes.Repeat([]byte("x"), maxIntakeBytes/2)
	n := 0
	for range 2 * maxIntake {
		if in.admit(small) {
			n++
		}
	}
	if n != maxIntake || n >= maxMail/2 {
		t.Errorf("%d of %d messages admitted", n, 2*maxIntake)
	}
	for range n {
		in.release(small)
	}
	for _, want := range []bool{true, true, false} {
		if in.admit(large) != want {
			t.Error("bytes are not bounded")
		}
	}
	in.release(large)
	if !in.admit(small) {
		t.Error("nothing is admitted after a flood")
	}
	inRoom(t, func(t *testing.T, r *room) {
		s := r.meet(person("b", 1, signal.State{N: 1, Name: "bob"}))
		for range 3 * maxIntake {
			s.hear(appData{Kind: "x", Data: json.RawMessage("1")})
		}
		if r.data != 3*maxIntake {
			t.Errorf("%d messages delivered: counting out fails", r.data)
		}
	})
}

// Whatever a peer says over the data channel, one's own id and people who are
// not in the room appear nowhere, and nothing is carried for them.
func TestHostileDataMessages(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		b := r.meet(person("b", 1, signal.State{N: 1, Name: "bob"}))
		c := r.meet(person("c", 1, signal.State{N: 1, Name: "eve"}))
		r.Signal(signal.PeerChanged{Presence: person("z", 7, signal.State{N: 7, Name: "not me"})})
		before := len(b.sent)
		c.hear(relay{From: "a", To: "b", Frame: "forged sender"})
		c.hear(relay{From: "c", To: "nobody", Frame: "x"})
		c.hear(relay{From: "c", To: "b", Frame: strings.Repeat("x", signal.MaxFrame+1)})
		c.hear(relay{From: "c", To: "z", Frame: "no sealer"})
		c.hear(report{Peers: make([]signal.PeerID, 10_000)})
		for _, text := range []string{"", "{", "null", "[]", `{"t":"report","sent":[1]}`, `{"t":"report","peers":7}`, `{"t":"x"}`} {
			c.cfg.Post(DataReceived{[]byte(text)})
		}
		synctest.Wait()
		if n := len(b.sent) - before; n != 0 {
			t.Errorf("%d messages were carried", n)
		}
		if v := r.View(); len(v.Peers) != 2 || v.Name != "zoe" {
			t.Errorf("view %+v", v)
		}
		c.hear(relay{From: "c", To: "b", Frame: "fine"})
		if len(b.sent) != before+1 {
			t.Error("an honest message was not carried")
		}
	})
}

// Those who vanish are kept for a while, at most as many as a room has members, and
// then forgotten without another word.
func TestVanishedPeopleAreBounded(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		people := maxKept + 8
		var sessions []*testSession
		for i := range people {
			id := signal.PeerID(fmt.Sprintf("p%02d", i))
			s := r.meet(person(id, 1, signal.State{N: 1, Name: string(id)}))
			s.dead.Store(true)
			sessions = append(sessions, s)
			time.Sleep(3 * time.Second)
			gone := person(id, 1, signal.State{N: 1, Name: string(id)})
			gone.Away = true
			r.Signal(signal.PeerChanged{Presence: gone})
			r.Signal(signal.PeerGone{Peer: id, Inc: 1})
			synctest.Wait()
		}
		if n := len(r.View().Peers); n != 0 {
			t.Errorf("%d people are listed who are gone", n)
		}
		for i, s := range sessions {
			if s.ended.Load() != (i < people-maxKept) {
				t.Errorf("connection %d of %d: ended %v", i, people, s.ended.Load())
			}
		}
		left := 0
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		for _, e := range r.events {
			if _, ok := e.(PeerLeft); ok {
				left++
			}
		}
		if left != people || len(r.gone) != people {
			t.Errorf("%d left, %d were forgotten; want %d of both", left, len(r.gone), people)
		}
		for i, s := range sessions {
			if !s.ended.Load() {
				t.Errorf("connection %d is still kept", i)
			}
		}
	})
}

// Whoever comes back in another process has joined; whoever was only cut off has
// not.
func TestWhoComesBack(t *testing.T) {
	for name, inc := range map[string]signal.Inc{"the same process": 1, "another process": 2} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, r *room) {
				bob := person("b", 1, signal.State{N: 1, Name: "bob"})
				s := r.meet(bob)
				s.dead.Store(true)
				time.Sleep(3 * time.Second)
				r.Signal(signal.PeerGone{Peer: "b", Inc: 1, Unsaid: true})
				synctest.Wait()
				r.events = nil
				s.dead.Store(inc > 1)
				r.Signal(signal.PeerChanged{Presence: person("b", inc, signal.State{N: 1, Name: "bob"})})
				synctest.Wait()
				joined := 0
				for _, e := range r.events {
					if _, ok := e.(PeerJoined); ok {
						joined++
					}
				}
				if joined != int(inc)-1 || s.ended.Load() != (inc > 1) {
					t.Errorf("joined %d times, connection ended %v", joined, s.ended.Load())
				}
				r.peer(t, "b")
			})
		})
	}
}

// Should nothing be done about somebody who can be reached, that is counted, and
// done.
func TestStuckIsCountedAndMended(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := r.meet(person("b", 1, signal.State{N: 1, Name: "bob"}))
		s.dead.Store(true)
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		if r.View().Stuck != 0 {
			t.Error("counted although an attempt is due")
		}
		r.mail.post(fault{})
		time.Sleep(time.Second)
		synctest.Wait()
		if n := r.View().Stuck; n != 1 {
			t.Errorf("counted %d times", n)
		}
		if p := r.peer(t, "b"); p.Repair.Attempt == 0 {
			t.Errorf("nothing is done: %+v", p.Repair)
		}
	})
}

// fault is a fault: every machine forgets what it was about to do.
type fault struct{}

func (fault) deliver(m *Manager, _ time.Time) {
	for _, mb := range m.members {
		mb.peer.phase, mb.peer.at = phaseSettled, time.Time{}
	}
}

// The log says which media are missing, in words.
func TestLogNamesKinds(t *testing.T) {
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Warn("x", "kinds", names([]media.Kind{media.Mic, media.Screen}))
	if !strings.Contains(b.String(), `kinds="[mic screen]"`) {
		t.Errorf("logged %q", b.String())
	}
}
