package call

import (
	"testing"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/video/stream"
	"github.com/meet-term/meet/rtc"
)

func TestPicturesWaitForSlowSound(t *testing.T) {
	const ms = time.Millisecond
	here := time.Unix(2000, 0)
	there := time.Unix(500, 0) // the sender's clock is its own
	for _, c := range []struct {
		name          string
		sound, camera time.Duration // on the way
		want          time.Duration // with 60 ms of buffer
	}{
		{"as fast", 30 * ms, 30 * ms, 60 * ms},
		{"slow sound", 130 * ms, 30 * ms, 160 * ms},
		{"slow camera", 30 * ms, 70 * ms, 20 * ms},
		{"camera slower than sound and buffer", 30 * ms, 200 * ms, 0},
		{"nonsense", time.Hour, 30 * ms, 560 * ms},
		{"nonsense the other way", -time.Hour, 30 * ms, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			sound, err := audio.NewReceiver()
			if err != nil {
				t.Fatal(err)
			}
			p := new(person)
			p.sound.Store(sound)
			p.pictures[media.Camera].Store(&receiver{Receiver: stream.NewReceiver(stream.ReceiverConfig{})})
			camera := p.pictures[media.Camera].Load()
			sound.Push(media.Packet{At: here.Add(c.sound), Captured: there})
			if got := p.hold(60 * ms); got != 60*ms {
				t.Errorf("before any picture %v", got)
			}
			camera.Push(media.Frame{At: here.Add(c.camera), Captured: there})
			camera.Push(media.Frame{At: here.Add(time.Second)})
			if got := p.hold(60 * ms); got != c.want {
				t.Errorf("held for %v, want %v", got, c.want)
			}
		})
	}
}

// fakeMesh has bob in it.
type fakeMesh struct{ mesh }

func (fakeMesh) View() *rtc.RoomView {
	return &rtc.RoomView{Peers: []rtc.PeerView{{ID: "b", Name: "bob"}}}
}

func TestFlowTellsFirstAndResumed(t *testing.T) {
	s := &studio{mesh: fakeMesh{}, events: newEventQueue(), people: newPeople()}
	seen := func() []rtc.Event { return s.events.queue }
	s.perceived(nil, media.Mic, time.Now()) // nobody we know
	bob := s.people.admit("b")
	at := bob.met
	heard := func(after time.Duration) { s.perceived(bob, media.Mic, at.Add(after*time.Millisecond)) }
	for _, after := range []time.Duration{0, 20, 20, 299} {
		at = at.Add(after * time.Millisecond)
		s.saw(bob, media.Mic, at)
		heard(15)
	}
	at = at.Add(301 * time.Millisecond)
	s.saw(bob, media.Mic, at)
	s.saw(bob, media.Screen, at)
	s.saw(bob, media.Screen, at.Add(2*time.Second)) // a still screen is no gap
	s.perceived(bob, media.Screen, at.Add(2*time.Second))
	if len(seen()) != 2 {
		t.Fatalf("a packet is not heard yet: saw %+v", seen())
	}
	if _, ok := seen()[0].(MediaStarted); !ok {
		t.Errorf("first %+v", seen()[0])
	}
	heard(40)
	heard(60)
	if len(seen()) != 3 {
		t.Fatalf("saw %+v", seen())
	}
	want := MediaResumed{
		Who: rtc.Who{Peer: "b", Name: "bob"}, Kind: media.Mic, Gap: 301 * time.Millisecond, At: at,
		Perceived: at.Add(40 * time.Millisecond), Hole: 326 * time.Millisecond,
	}
	if seen()[2] != want {
		t.Errorf("got %+v\nwant %+v", seen()[2], want)
	}
	s.people.end("b")
	if s.people.find("b") != nil {
		t.Error("bob is kept")
	}
	s.saw(s.people.admit("b"), media.Mic, at)
	if _, ok := seen()[len(seen())-1].(MediaStarted); !ok || len(seen()) != 4 {
		t.Error("somebody who was forgotten is not new")
	}
}
