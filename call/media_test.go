package call

import (
	"context"
	"path/filepath"
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
	c, err := New(Config{
		Invite: invite, Self: "AAAAAAAAAAAAAAAAAAAAAA", Inc: 1, Name: "me",
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
	kept := func() [4]int {
		return [4]int{
			len(c.media.people), len(c.media.audio.Levels().People), len(c.flow.peers), len(c.media.pictures.receivers),
		}
	}
	arrive()
	if got := kept(); got != [4]int{} {
		t.Errorf("of a stranger is kept %v", got)
	}
	s := c.media.Dial(rtc.SessionConfig{Peer: "bob", Epoch: 1, Post: func(rtc.SessionEvent) {}})
	c.media.connected("bob")
	arrive()
	if got := c.media.people["bob"]; got == nil || !got.listens || got.loss != 0.5 {
		t.Errorf("of bob is kept %+v", got)
	}
	s.Close()
	s.Wait()
	c.gone("bob")
	arrive()
	if got := kept(); got != [4]int{} {
		t.Errorf("of one who left is kept %v", got)
	}
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
