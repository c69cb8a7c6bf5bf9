package rtc_test

import (
	"context"
	"fmt"
	"time"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// paper makes sessions that are up at once. It implements [rtc.Dialer]; rtc/conn does
// so with pion.
type paper struct{}

func (paper) Dial(cfg rtc.SessionConfig) rtc.Session {
	cfg.Post(rtc.SessionConnected{})
	return session{}
}

// session is one of them, which hears its peer all the time.
type session struct{}

func (session) Do(rtc.Command)            {}
func (session) Pulse() rtc.Pulse          { now := time.Now(); return rtc.Pulse{Heard: now, Answered: now} }
func (session) Stats() rtc.TransportStats { return rtc.TransportStats{Path: rtc.PathDirect} }
func (session) Flow() rtc.Flow            { return rtc.Flow{} }
func (session) Tried() rtc.Tried          { return rtc.Tried{} }
func (session) Close()                    {}
func (session) Wait()                     {}

// server is the way to it, on which nothing goes out.
type server struct{}

func (server) Send(signal.PeerID, signal.Inc, signal.Body) {}
func (server) SetState(signal.State)                       {}
func (server) Nudge()                                      {}

// The mesh is told who is there and makes the connection; everybody else reads the
// events, and the view.
func Example() {
	events := make(chan rtc.Event, 100)
	m := rtc.NewManager(rtc.Config{
		Self: "z", State: signal.State{N: 1, Name: "Zoe"}, Dialer: paper{}, Signal: server{},
		Handle: func(e rtc.Event) { events <- e },
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = m.Run(ctx); close(ended) }()

	m.Signal(signal.ServerState{State: signal.Connected, Previous: signal.Connecting})
	m.Signal(signal.PeerChanged{Presence: signal.Presence{Peer: "a", Inc: 1, State: signal.State{N: 1, Name: "Ada"}}})
	for e := range events {
		if up, ok := e.(rtc.PeerConnected); ok {
			fmt.Println(up.Name, "is connected")
			break
		}
	}
	m.Flush(ctx)
	fmt.Println("connected:", m.View().Connected())
	cancel()
	<-ended
	// Output:
	// Ada is connected
	// connected: 1
}
