package tui

import (
	"fmt"
	"testing"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// fakeSound notes what is done to it.
type fakeSound struct {
	f   *fake
	set call.Sound
	off bool // the microphone
}

func (s *fakeSound) Sound() call.Sound { return s.set }
func (s *fakeSound) SetSound(to call.Sound) error {
	s.set = to
	s.f.note(fmt.Sprintf("sound echo %s noise %v gain %v music %v", to.Echo, to.Noise, to.Gain, to.Music))
	return nil
}
func (s *fakeSound) PlayTestSound()   { s.f.note("test sound") }
func (s *fakeSound) HearMyself() bool { s.f.note("hear myself"); return !s.off }

func newSoundRig(t *testing.T, lobby bool) (*rig, *fakeSound) {
	f := newFake(many(2))
	f.sources = []media.Source{{Kind: media.Mic, Name: "one", DB: -20, Wanted: true}}
	s := &fakeSound{f: f, set: call.Sound{Echo: "auto", Noise: true, Gain: true}}
	r := newRigWith(t, f, func(o *Options) {
		o.Sound = s
		if lobby {
			o.Join = func() { f.note("join") }
		}
	})
	r.send(r.m.sample(true)())
	return r, s
}

// TestSoundKeys: everything that is done to one's own sound has a key in the
// device panel, and is shown there.
func TestSoundKeys(t *testing.T) {
	r, s := newSoundRig(t, false)
	r.keys("d")
	r.send(devicesMsg{[]media.Device{{Kind: media.Mic, ID: "m0", Name: "one", InUse: true}}})
	r.shows("taken out")
	r.shows("evened out")
	r.shows("▆") // how loud the microphone in use is
	for _, step := range []struct{ key, did, shows string }{
		{"e", "sound echo on noise true gain true music false", "always taken out"},
		{"e", "sound echo off noise true gain true music false", "left in"},
		{"e", "sound echo auto noise true gain true music false", "taken out where there is any"},
		{"n", "sound echo auto noise false gain true music false", "noise: left in"},
		{"a", "sound echo auto noise false gain false music false", "as the microphone has it"},
		{"u", "sound echo auto noise false gain false music true", "for music: stereo"},
		{"t", "test sound", "two notes"},
		{"h", "hear myself", "as others do"},
	} {
		r.keys(step.key)
		r.did(step.did)
		r.shows(step.shows)
	}
	s.off = true
	r.keys("h")
	r.shows("the microphone is off")
	for idle, want := range map[string]string{
		"headphones": "none with headphones", "sound server": "the sound server takes it out", "no speaker": "none: no speaker",
	} {
		s.set = call.Sound{Echo: "auto", Idle: idle, Noise: true}
		r.send(r.m.sample(true)())
		r.shows(want)
	}
	r.keys("esc", "e")
	r.hides("what others hear of you")
}

// TestLobbySound: devices are chosen and heard before the call.
func TestLobbySound(t *testing.T) {
	r, s := newSoundRig(t, true)
	r.shows("hear yourself")
	r.keys("t", "h")
	r.did("test sound", "hear myself")
	s.set.Check = "recording"
	r.send(r.m.sample(true)())
	r.shows("say something...")
	s.set.Check = "playing"
	r.send(r.m.sample(true)())
	r.shows("listen...")
	r.keys("d")
	r.send(devicesMsg{r.f.List(t.Context())})
	r.shows("two")
	r.keys("down", "enter")
	r.did("select mic m1")
	r.keys("n")
	r.did("sound echo auto noise false gain true music false")
	r.keys("esc")
	r.hides("what others hear of you")
	r.keys("enter")
	r.did("join")
}

// TestGoodNewsIsNotRed: what works again is no trouble.
func TestGoodNewsIsNotRed(t *testing.T) {
	for want, n := range map[toastKind]media.Warning{
		toastGood: {Code: media.MicrophoneBack, Text: "The microphone works again."},
		toastBad:  {Code: media.MicrophoneLost, Text: "The microphone went away."},
		toastInfo: {Code: media.MicrophoneMoved, Text: "The microphone is now USB headset."},
	} {
		if _, kind := front.Describe(call.Warning{Warning: n}); kind != want {
			t.Errorf("%s: kind %d, want %d", n.Text, kind, want)
		}
	}
}

// sharer are controls that can share the machine's sound.
type sharer struct{ *fake }

func (s sharer) SetScreenWithSound(on bool) {
	s.media(func(m *signal.Media) { m.Screen, m.Sound = on, on })
	s.note("screen and sound", on)
}

// TestShareSound: S shares the screen with its sound, and stops both; others see
// which it is.
func TestShareSound(t *testing.T) {
	v := many(2)
	v.Peers[0].Media.Screen, v.Peers[0].Media.Sound = true, true
	f := newFake(v)
	r := newRigWith(t, f, func(o *Options) { o.Controls = sharer{f} })
	r.shows("screen + sound")
	r.keys("S")
	r.did("screen and sound true")
	r.shows("without the call's own")
	r.keys("S")
	r.did("screen and sound false")
	r.send(sampleMsg{sources: []media.Source{{Kind: media.Screen, Missing: "No display found."}}})
	r.keys("S")
	r.shows("No display found.")
	w := newRig(t, many(2))
	w.keys("S")
	w.shows("cannot be shared here")
}
