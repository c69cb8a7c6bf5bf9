package call

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/rtc/conn"
	"github.com/meet-term/meet/signal"
)

// quietCall is a call without devices that is not running.
func quietCall(t *testing.T) *Call {
	t.Helper()
	invite, err := signal.ParseInvite("demo", "127.0.0.1:7077")
	if err != nil {
		t.Fatal(err)
	}
	key, err := signal.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{
		Invite: invite, Key: key, Inc: 1, Name: "me",
		Mic: audio.Mic{Kind: audio.None}, Speaker: audio.Speaker{Kind: audio.None},
		Camera: source.Camera{Kind: source.None}, Screen: source.Screen{Kind: source.None},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A packet that arrives after its sender left makes nothing that would stay.
func TestLatePacketsLeaveNothingBehind(t *testing.T) {
	c := quietCall(t)
	in, now := sink{c.media}, time.Unix(1000, 0)
	arrive := func() {
		in.Audio("bob", media.Packet{At: now})
		in.Video("bob", media.Frame{Kind: media.Camera, At: now})
		in.Feedback("bob", conn.Feedback{Kind: media.Mic, Loss: 0.5})
		c.media.stats(time.Now(), &rtc.PeerView{ID: "bob"})
	}
	kept := func() [2]int {
		return [2]int{len(c.media.people.everybody()), len(c.media.audio.Levels().People)}
	}
	arrive()
	if got := kept(); got != [2]int{} {
		t.Errorf("of a stranger is kept %v", got)
	}
	s := c.media.Dial(rtc.SessionConfig{Peer: "bob", Epoch: 1, Post: func(rtc.SessionEvent) {}})
	c.media.connected("bob")
	arrive()
	if got := c.media.people.find("bob"); got == nil || !got.listens || got.loss != 0.5 {
		t.Errorf("of bob is kept %+v", got)
	}
	s.Close()
	s.Wait()
	c.gone("bob")
	arrive()
	if got := kept(); got != [2]int{} {
		t.Errorf("of one who left is kept %v", got)
	}
	// A packet that has found its person and comes late all the same.
	carol := c.media.people.admit("carol")
	c.gone("carol")
	if c.media.receiver(carol) != nil || c.media.pictures.receiver(carol, media.Camera) != nil || kept() != [2]int{} {
		t.Errorf("a late packet of one who left made something: %v", kept())
	}
}

// Whoever stays while another comes and goes a thousand times keeps nothing of it:
// no memory, and nothing that runs.
func TestAThousandComeAndGo(t *testing.T) {
	c := quietCall(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { c.media.run(ctx) })
	in, payload := sink{c.media}, make([]byte, 80)
	for idle(c.media.pictures) {
		runtime.Gosched()
	}
	visit := func() {
		s := c.media.Dial(rtc.SessionConfig{Peer: "bob", Epoch: 1, Post: func(rtc.SessionEvent) {}})
		c.media.connected("bob")
		for n := range uint16(5) {
			in.Audio("bob", media.Packet{Seq: n, Timestamp: uint32(n) * 960, Payload: payload, At: time.Now()})
			in.Video("bob", media.Frame{Kind: media.Camera, Key: true, Data: payload, At: time.Now()})
			in.Video("bob", media.Frame{Kind: media.Screen, Key: true, Data: payload, At: time.Now()})
		}
		in.Feedback("bob", conn.Feedback{Kind: media.Mic, Loss: 0.5})
		in.Feedback("bob", conn.Feedback{Kind: media.Camera, Loss: 0.5})
		c.data("bob", "view", encode(viewMessage{Camera: [2]int{640, 360}, Screen: [2]int{1280, 720}}))
		c.data("bob", "hearing", encode(hearingMessage{false}))
		c.dataOpen("bob")
		if bob := c.media.people.find("bob"); bob.sound.Load() == nil || bob.pictures[media.Screen].Load() == nil {
			t.Fatal("bob is not received")
		}
		c.media.stats(time.Now(), &rtc.PeerView{ID: "bob"})
		s.Close()
		s.Wait()
		c.gone("bob")
		c.events.mu.Lock()
		c.events.queue = nil // somebody reads them
		c.events.mu.Unlock()
	}
	kept := func() (heap uint64, goroutines int) {
		for range 3 { // what is swept late, and finalizers
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, runtime.NumGoroutine()
	}
	for range 50 {
		visit()
	}
	heap, goroutines := kept()
	for range 1000 {
		visit()
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines+2 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // the last receivers are ending
	}
	later, running := kept()
	t.Logf("heap %d kB, then %d kB; %d goroutines, then %d", heap>>10, later>>10, goroutines, running)
	if later > heap+256<<10 {
		t.Errorf("a thousand visits left %d kB", (later-heap)>>10)
	}
	if running > goroutines+2 {
		t.Errorf("a thousand visits left %d goroutines", running-goroutines)
	}
}

// idle reports whether no receiver can be started yet.
func idle(p *pictures) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ctx == nil
}

// A microphone that does not work is told as off, and one that is chosen instead
// as on, without anybody pressing a key.
func TestMicrophoneThatDoesNotWork(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone.wav")
	synctest.Test(t, func(t *testing.T) {
		c := quietCall(t)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		wg.Go(func() { _ = c.mesh.Run(ctx) })
		wg.Go(func() { c.media.run(ctx) })
		says := func(when string, want bool) {
			t.Helper()
			time.Sleep(3 * time.Second)
			synctest.Wait()
			if got := c.View().Media.Mic; got != want {
				t.Errorf("%s: the room is told that the microphone is on: %t", when, got)
			}
		}
		choose := func(spec string) {
			t.Helper()
			mic, err := audio.ParseMic(spec)
			if err != nil {
				t.Fatal(err)
			}
			c.media.mu.Lock()
			defer c.media.mu.Unlock()
			c.media.useMic(mic)
		}
		c.SetMic(true)
		says("none", false)
		choose("tone")
		says("one was chosen", true)
		c.media.audio.SetMic(audio.Mic{Kind: audio.File, Path: gone}) // it went between two looks
		says("one that does not work", false)
		if mic := c.Sources()[0]; mic.Missing == "" || !mic.Wanted {
			t.Errorf("one that does not work: %+v", mic)
		}
		c.SetMic(false)
		says("muted meanwhile", false)
		if mic := c.Sources()[0]; mic.Missing != "" || mic.Wanted {
			t.Errorf("muted meanwhile: %+v", mic)
		}
		choose("tone:300")
		says("muted", false)
		c.SetMic(true)
		says("unmuted", true)
	})
}

// The room is told last what is: two toggles at once are told in the order in
// which they take effect.
func TestTogglesAreToldInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := quietCall(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go c.mesh.Run(ctx)
		for range 200 {
			var toggles sync.WaitGroup
			toggles.Go(func() { c.media.setHave(media.Mic, true); c.media.setHave(media.Mic, false) })
			toggles.Go(func() { c.SetMic(true); c.SetMic(false); c.SetMic(true) })
			toggles.Wait()
			synctest.Wait()
			if told, is := c.View().Media, c.media.sending(); told != is {
				t.Fatalf("told %+v, is %+v", told, is)
			}
		}
	})
}
