package signal

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestJoinAndRoster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{ICE: func(ICERequest) ([]ICEServer, time.Duration) { return []ICEServer{{URLs: []string{"stun:x"}}}, 0 }})
		ada := b.join("ada")
		ice := []ICEServer{{URLs: []string{"stun:x"}}}
		ada.want(
			ServerState{State: Connecting, Previous: Closed, Attempt: 1},
			ServerState{State: Connected, Previous: Connecting},
			Welcome{Server: b.server.id, Peers: []Presence{}, ICE: ice},
		)
		bob := b.join("bob")
		ada.want(bob.presence(false))
		bob.want(
			ServerState{State: Connecting, Previous: Closed, Attempt: 1},
			ServerState{State: Connected, Previous: Connecting},
			Welcome{Server: b.server.id, Peers: []Presence{ada.presence(false).Presence}, ICE: ice},
			ada.presence(false),
		)

		bob.SetState(State{N: 2, Name: "bob", Media: Media{Camera: true}})
		muted := bob.presence(false)
		muted.State = State{N: 2, Name: "bob", Media: Media{Camera: true}}
		ada.want(muted)
		bob.want()
		bob.SetState(State{N: 2, Name: "older"}) // not newer: ignored
		ada.want()

		bob.Leave()
		ada.want(bob.gone())
		<-bob.done
		if bob.err != nil {
			t.Errorf("Run after Leave = %v, want nil", bob.err)
		}
		bob.want(ServerState{State: Closed, Previous: Connected})
	})
}

// Who stays gets fresh ICE servers when the offer says so; the server tells of
// everyone who left, and of nobody it refused.
func TestICEServersAreRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offers := map[PeerID]int{}
		var left []PeerID
		b := newBed(t, ServerConfig{
			ICE: func(r ICERequest) ([]ICEServer, time.Duration) {
				if r.Room != b0(t).ID() || r.Host != serverAddress {
					t.Errorf("asked for %+v", r)
				}
				offers[r.Peer]++
				return []ICEServer{{URLs: []string{"turn:x"}, Username: fmt.Sprint(offers[r.Peer])}}, time.Hour
			},
			Left:    func(_ string, p PeerID) { left = append(left, p) },
			Metrics: func(w io.Writer) { fmt.Fprintln(w, "meet_more 1") },
		})
		ada := b.join("ada")
		ada.take()
		time.Sleep(time.Hour - time.Second)
		ada.want()
		time.Sleep(2 * time.Second)
		ada.want(ICEChanged{ICE: []ICEServer{{URLs: []string{"turn:x"}, Username: "2"}}})
		time.Sleep(3 * time.Hour)
		if n := len(ada.take()); n != 3 {
			t.Errorf("%d renewals in three hours", n)
		}
		ada.Leave()
		synctest.Wait()
		if !slices.Equal(left, []PeerID{ada.id}) {
			t.Errorf("left: %v", left)
		}
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if !strings.Contains(w.Body.String(), "\nmeet_more 1\n") {
			t.Error("the further figures are missing")
		}
	})
}

// b0 is the room of every bed.
func b0(t *testing.T) *Room {
	t.Helper()
	room, err := Invite{Name: "demo", Secret: Secret{1}}.Room()
	if err != nil {
		t.Fatal(err)
	}
	return room
}

func TestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob, eve := b.join("ada"), b.join("bob"), b.join("eve")
		for _, g := range []*guest{ada, bob, eve} {
			g.take()
		}
		var sent []Event
		for _, body := range everyBody() {
			ada.Send(bob.id, bob.inc, body)
			sent = append(sent, Message{From: ada.id, Inc: ada.inc, Body: body})
		}
		bob.want(sent...)
		ada.want()
		eve.want()

		ada.Send(bob.id, bob.inc+1, Need{Epoch: 1})
		ada.want(Nack{To: bob.id, Why: NackUnknown})
		ada.Send("AAAAAAAAAAAAAAAAAAAAAA", 1, Need{Epoch: 1})
		ada.want(Nack{To: "AAAAAAAAAAAAAAAAAAAAAA", Why: NackUnknown})
		b.net.Link("bob").Cut()
		time.Sleep(CloseAfter + time.Second)
		ada.take()
		ada.Send(bob.id, bob.inc, Need{Epoch: 1})
		ada.want(Nack{To: bob.id, Why: NackAway})
	})
}

// A burst to a whole room arrives completely, at the pace the server allows,
// and pings overtake it.
func TestBurstIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		ada.take()
		bob.take()
		const burst = 400
		for i := range burst {
			ada.Send(bob.id, bob.inc, Probe{Epoch: 1, N: uint32(i)})
		}
		time.Sleep(10 * time.Second)
		got := bob.take()
		for i, s := range got {
			if m, ok := s.event.(Message); !ok || m.Body.(Probe).N != uint32(i) {
				t.Fatalf("event %d is %+v", i, s.event)
			}
		}
		if len(got) != burst {
			t.Errorf("%d of %d messages came", len(got), burst)
		}
		if first, last := got[0].at, got[len(got)-1].at; last-first != (burst-180)*time.Second/45 {
			t.Errorf("the burst took %v", last-first)
		}
		ada.want() // the link was never lost
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{MaxRoomSize: 2})
		ada := b.join("ada")
		b.join("bob")
		cyd := b.start("cyd", nil)
		<-cyd.done
		var refused *RefusedError
		if !errors.As(cyd.err, &refused) || refused.Code != RefusedFull {
			t.Errorf("Run in a full room = %v", cyd.err)
		}
		thief := b.start("eve", func(c *Config) { c.Key = ada.cfg.Key })
		<-thief.done
		if !errors.As(thief.err, &refused) || refused.Code != RefusedToken {
			t.Errorf("Run on someone else's seat = %v", thief.err)
		}
		last := thief.all()
		if s := last[len(last)-1].event.(ServerState); s.State != Closed || s.Err == nil {
			t.Errorf("last event %+v", s)
		}
	})
}

// Someone with another secret of the same name is in another room altogether;
// someone with the room id but another key cannot be understood.
func TestWrongKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada := b.join("ada")
		ada.take()
		other, err := Invite{Name: "demo", Secret: Secret{2}}.Room()
		if err != nil {
			t.Fatal(err)
		}
		eve := b.start("eve", func(c *Config) { c.Room = other })
		ada.want()
		forged := *other
		forged.id = b.room.id
		mal := b.start("mal", func(c *Config) { c.Room = &forged })
		ada.want() // who cannot say anything is not there
		mal.Send(ada.id, ada.inc, Need{Epoch: 1})
		ada.want()
		eve.take()
	})
}

func TestHostileNameIsCleaned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada := b.join("ada")
		ada.take()
		name := "\x1b[2J\u202e" + strings.Repeat("x", 1500) + "\U0001CD00"
		mal := b.start("mal", func(c *Config) { c.State = State{N: 1, Name: name, Agent: "\x1b]0;t\x07agent"} })
		ada.want(PeerChanged{Presence{
			Peer: mal.id, Inc: 1,
			State: State{N: 1, Name: strings.Repeat("x", MaxName), Agent: "agent"},
		}})
	})
}

// everyBody returns one message of each kind, with every field set.
func everyBody() []Body {
	return []Body{
		Offer{Epoch: 3, Remote: 2, N: 7, Gen: 1, Restart: true, SDP: "v=0\r\n"},
		Answer{Epoch: 3, Remote: 2, N: 7, Gen: 1, SDP: "v=0\r\n"},
		Candidates{Epoch: 3, Remote: 2, Gen: 1, Candidates: []string{"candidate:1 1 udp 1 192.0.2.1 9 typ host"}, Done: true},
		Need{Epoch: 3, Remote: 2, Restart: true},
		Probe{Epoch: 3, Remote: 2, N: 9},
		ProbeAck{Epoch: 3, Remote: 2, N: 9, Silent: true},
		Bye{Epoch: 3, Remote: 2, Reason: "rebuild"},
	}
}

// A hello that comes with the request is taken once; what is no hello there is
// refused or left out, and one that a proxy left out is said again.
func TestEarlyHello(t *testing.T) {
	for name, change := range map[string]func(http.Header){
		"as it is":              func(http.Header) {},
		"left out by a proxy":   func(h http.Header) { h.Del(helloHeader) },
		"no base64":             func(h http.Header) { h.Set(helloHeader, "%%%") },
		"longer than a line is": func(h http.Header) { h.Set(helloHeader, strings.Repeat("A", maxEarlyHello+1)) },
	} {
		t.Run(name, func(t *testing.T) {
			was := early
			defer func() { early = was }()
			early = func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					change(r.Header)
					h.ServeHTTP(w, r)
				})
			}
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, ServerConfig{})
				b.net.Link("ada").Delay(10 * time.Millisecond)
				ada := b.start("ada", nil)
				time.Sleep(time.Second)
				events := ada.take()
				last := events[len(events)-1]
				if _, ok := last.event.(Welcome); !ok {
					t.Fatalf("ada got %+v", events)
				}
				want := 40 * time.Millisecond // a round trip to connect, one to be welcomed
				if name != "as it is" {
					want += 20 * time.Millisecond
				}
				if last.at != want {
					t.Errorf("welcomed after %v, want %v", last.at, want)
				}
			})
		})
	}
}
