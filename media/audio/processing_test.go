package audio

import (
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/audio/opus"
	"github.com/meet-term/meet/media/audio/pcm"
)

func TestParseSwitch(t *testing.T) {
	for in, want := range map[string]Switch{"": Auto, "auto": Auto, "on": On, "OFF": Off} {
		if got, err := ParseSwitch(in); got != want || err != nil {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	if _, err := ParseSwitch("maybe"); err == nil {
		t.Error("maybe is a switch")
	}
	for _, s := range []Switch{Auto, On, Off} {
		if got, _ := ParseSwitch(s.String()); got != s {
			t.Errorf("%v is read as %v", s, got)
		}
	}
}

func TestIdle(t *testing.T) {
	open := route{mic: true, speaker: true}
	worn, served := open, open
	worn.headphones, served.echoCancelled = true, true
	for _, c := range []struct {
		name string
		set  Processing
		in   route
		want Idle
	}{
		{"a laptop", Processing{}, open, ""},
		{"headphones", Processing{}, worn, IdleHeadphones},
		{"headphones that leak", Processing{Echo: On}, worn, ""},
		{"an echo-cancel source", Processing{}, served, IdleServer},
		{"an echo-cancel source, all the same", Processing{Echo: On}, served, ""},
		{"switched off", Processing{Echo: Off}, open, IdleOff},
		{"music", Processing{Echo: On, Music: true}, open, IdleMusic},
		{"no speaker", Processing{Echo: On}, route{mic: true}, IdleSpeaker},
		{"no microphone", Processing{}, route{speaker: true}, IdleMicrophone},
	} {
		if got := c.set.idle(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// told collects warnings.
type told struct {
	mu    sync.Mutex
	codes []media.Code
	texts []string
}

func (l *told) warn(w media.Warning) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.codes, l.texts = append(l.codes, w.Code), append(l.texts, w.Text)
}

func (l *told) list() []media.Code {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.codes)
}

// TestRouteFollowsDevices: what the devices say of themselves switches the
// canceller off and on again, and another device is told by its name.
func TestRouteFollowsDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dev, l := newFakeDevices(), &told{}
		e, stop := runEngine(t, Config{devices: dev, OnWarning: l.warn})
		idle := func() Idle { _, why := e.Processing(); return why }
		time.Sleep(50 * time.Millisecond)
		if got := idle(); got != "" {
			t.Errorf("with a microphone and a speaker: idle, %s", got)
		}
		dev.tell(device.Event{Kind: device.Opened, Device: device.Info{ID: "a", Name: "Mic A", EchoCancelled: true}})
		if got := idle(); got != IdleServer {
			t.Errorf("behind another canceller: %q", got)
		}
		if mic, _ := e.InUse(); mic != "Mic A" || len(l.list()) != 0 {
			t.Errorf("in use: %q, told %v", mic, l.list())
		}
		dev.tell(device.Event{Kind: device.Moved, Device: device.Info{ID: "b", Name: "Mic B"}})
		if got := idle(); got != "" {
			t.Errorf("after the move: %q", got)
		}
		if got := l.texts; !slices.Equal(got, []string{"The microphone is now Mic B."}) {
			t.Errorf("told %q", got)
		}
		e.SetSpeaker(Speaker{Kind: None})
		time.Sleep(50 * time.Millisecond)
		if got := idle(); got != IdleSpeaker {
			t.Errorf("without a speaker: %q", got)
		}
		e.SetMic(Mic{Kind: Tone, Hz: 440})
		time.Sleep(50 * time.Millisecond)
		if got := idle(); got != IdleMicrophone {
			t.Errorf("with a tone: %q", got)
		}
		stop()
	})
}

// TestToneIsSentAsItIs: what is no microphone is not processed.
func TestToneIsSentAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last media.Packet
		_, stop := runEngine(t, Config{
			Mic: Mic{Kind: Tone, Hz: 440}, Speaker: Speaker{Kind: None}, OnFrame: func(f media.Packet) { last = f },
		})
		time.Sleep(10 * time.Second)
		stop()
		if last.Level != -15 {
			t.Errorf("a tone of -15 dBov is sent at %d", last.Level)
		}
	})
}

// TestMusic: stereo in, stereo out, at its bit rate, with no processing; and
// back to speech without a break in media time.
func TestMusic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dev := newFakeDevices()
		at := 0
		dev.source = func(block []float32) { // a chord that differs on both ears
			stereo := len(block) > pcm.BlockSamples
			for i := range block {
				s := at + i
				if stereo {
					s = at + i/2
				}
				hz := 440.0
				if stereo && i%2 == 1 {
					hz = 1000
				}
				block[i] = float32(0.2*math.Sin(2*math.Pi*hz*float64(s)/pcm.SampleRate) + 0.1*math.Sin(0.31*float64(s)) + 0.05*math.Sin(0.017*float64(s*s%10007)))
			}
			at += pcm.BlockSamples
		}
		var frames []media.Packet
		e, stop := runEngine(t, Config{
			devices: dev, Speaker: Speaker{Kind: None}, Processing: Processing{Music: true},
			OnFrame: func(f media.Packet) { frames = append(frames, f) },
		})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if set, why := e.Processing(); !set.Music || why != IdleMusic {
			t.Errorf("%+v, %q", set, why)
		}
		if !dev.options.Stereo {
			t.Error("the microphone was opened with one channel")
		}
		bytes := 0
		for _, f := range frames {
			if f.Payload[0]&4 == 0 { // RFC 6716 section 3.1: s
				t.Fatal("a payload in mono")
			}
			bytes += len(f.Payload)
		}
		if rate := bytes * 8 * 50 / len(frames); rate < opus.MusicBitrate*7/10 || rate > opus.MusicBitrate*13/10 {
			t.Errorf("%d bit/s", rate)
		}
		n := len(frames)
		e.SetProcessing(untouched)
		time.Sleep(2 * time.Second)
		stop()
		if dev.options.Stereo {
			t.Error("the microphone stayed stereo")
		}
		for i, f := range frames[n:] {
			if f.Payload[0]&4 != 0 {
				t.Fatal("a payload in stereo after music")
			}
			if i == 0 && !f.Marker {
				t.Error("the first frame of another encoder has no marker")
			}
		}
		if len(frames)-n < 95 {
			t.Errorf("%d frames of speech in two seconds", len(frames)-n)
		}
	})
}

// TestSilentMicrophone: digital silence is told after five seconds, once, and its
// end.
func TestSilentMicrophone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dev, l := newFakeDevices(), &told{}
		loud := make(chan struct{})
		dev.source = func(block []float32) {
			clear(block)
			select {
			case <-loud:
				block[0] = 1e-4
			default:
			}
		}
		_, stop := runEngine(t, Config{devices: dev, Speaker: Speaker{Kind: None}, OnWarning: l.warn})
		time.Sleep(4900 * time.Millisecond)
		synctest.Wait()
		if got := l.list(); len(got) != 0 {
			t.Errorf("told %v before five seconds", got)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := l.list(); !slices.Equal(got, []media.Code{media.MicrophoneSilent}) {
			t.Errorf("told %v", got)
		}
		close(loud)
		time.Sleep(100 * time.Millisecond)
		stop()
		if got := l.list(); !slices.Equal(got, []media.Code{media.MicrophoneSilent, media.MicrophoneHeard}) {
			t.Errorf("told %v", got)
		}
	})
}

// TestTalkingWhileMuted: only if asked for, and then nothing is sent.
func TestTalkingWhileMuted(t *testing.T) {
	for name, listen := range map[string]bool{"listening": true, "not asked for": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dev, l := newFakeDevices(), &told{}
				voice, at := speechLike(50), 0
				quiet := make([]float32, pcm.BlockSamples)
				for i := range quiet {
					quiet[i] = 1e-4
				}
				dev.source = func(block []float32) {
					if at++; at < 300 { // three seconds of a quiet room
						copy(block, quiet)
						return
					}
					from := at * pcm.BlockSamples % len(voice)
					copy(block, voice[from:from+len(block)])
				}
				frames := 0
				e, stop := runEngine(t, Config{
					devices: dev, Speaker: Speaker{Kind: None}, Muted: true, ListenMuted: listen,
					OnWarning: l.warn, OnFrame: func(media.Packet) { frames++ },
				})
				time.Sleep(10 * time.Second)
				synctest.Wait()
				want := []media.Code{}
				if listen {
					want = []media.Code{media.TalkingMuted}
				}
				if got := l.list(); !slices.Equal(got, want) {
					t.Errorf("told %v, want %v", got, want)
				}
				if frames != 0 {
					t.Errorf("%d frames were sent while muted", frames)
				}
				if open := dev.openNow() == 1; open != listen {
					t.Errorf("the microphone is open: %v", open)
				}
				e.SetMuted(false)
				time.Sleep(time.Second)
				e.SetMuted(true)
				time.Sleep(10 * time.Second)
				stop()
				if listen {
					want = append(want, media.TalkingMuted)
				}
				if got := l.list(); !slices.Equal(got, want) {
					t.Errorf("told %v after another mute, want %v", got, want)
				}
			})
		})
	}
}

func TestLeakIsToldSeldom(t *testing.T) {
	var a attention
	n := 0
	for range 300 {
		if _, tell := a.leaking(true); tell {
			n++
		}
	}
	if n != 3 {
		t.Errorf("told %d times in five minutes", n)
	}
	a = attention{}
	for i := range 300 {
		if _, tell := a.leaking(i%5 != 4); tell {
			t.Fatal("four seconds are told")
		}
	}
}

// TestHearMyself: three seconds are recorded, and played after that.
func TestHearMyself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, stop := runEngine(t, Config{Mic: Mic{Kind: Tone, Hz: 440}, Speaker: Speaker{Kind: None}})
		defer stop()
		time.Sleep(time.Second)
		if !e.HearMyself() || e.SoundCheck() != CheckRecording {
			t.Fatal("nothing is recorded")
		}
		time.Sleep(2900 * time.Millisecond)
		if got := e.SoundCheck(); got != CheckRecording {
			t.Errorf("phase %d after 2.9 s", got)
		}
		time.Sleep(200 * time.Millisecond)
		if got := e.SoundCheck(); got != CheckPlaying {
			t.Errorf("phase %d after 3.1 s", got)
		}
		time.Sleep(3 * time.Second)
		if got := e.SoundCheck(); got != CheckIdle {
			t.Errorf("phase %d after 6.1 s", got)
		}
		e.SetMuted(true)
		if e.HearMyself() {
			t.Error("something is recorded while muted")
		}
		e.SetMuted(false)
		e.HearMyself()
		e.SetMuted(true)
		if e.SoundCheck() != CheckIdle {
			t.Error("a mute did not end the recording")
		}
	})
}

// TestTestSound: the notes come out of the mix, also of one that rests.
func TestTestSound(t *testing.T) {
	e, err := New(Config{Mic: Mic{Kind: None}, Speaker: Speaker{Kind: None}})
	if err != nil {
		t.Fatal(err)
	}
	if !e.mixer.quiet() {
		t.Fatal("the mix is not at rest")
	}
	e.PlayTestSound()
	if e.mixer.quiet() {
		t.Error("the mix rests although there is something to play")
	}
	select {
	case <-e.mixer.stirs:
	default:
		t.Error("the mix was not woken")
	}
	var heard []float32
	block := make([]float32, pcm.BlockSamples)
	for range 150 {
		e.mixer.render(block)
		heard = append(heard, block...)
	}
	if share := toneShare(heard[pcm.SampleRate/8:pcm.SampleRate/4], 440); share < 0.9 {
		t.Errorf("%.2f of the first note is 440 Hz", share)
	}
	if got := pcm.Measure(heard[pcm.SampleRate*5/4:]); got != media.Silence {
		t.Errorf("%d dBov after the notes", got)
	}
}

// TestVoiceComesBack: the far end tells an echo from an answer.
func TestVoiceComesBack(t *testing.T) {
	voice := func(seed float64, i int) media.Level { // syllables of one speaker, one value per 20 ms
		at := float64(i) * 0.02
		word := math.Sin(2*math.Pi*(0.31+seed/10)*at) + math.Sin(2*math.Pi*(0.83+seed/7)*at+seed)
		if word < 0 {
			return -70
		}
		return media.Level(-45 + 22*math.Abs(math.Sin(2*math.Pi*(1.9+seed/3)*at+seed*seed)))
	}
	for name, c := range map[string]struct {
		back func(i int) media.Level
		want bool
	}{
		"an echo 240 ms later":     {func(i int) media.Level { return voice(1, i-12) - 20 }, true},
		"an echo above a room":     {func(i int) media.Level { return max(-58, voice(1, i-40)-12) }, true},
		"somebody else":            {func(i int) media.Level { return voice(2.7, i) }, false},
		"somebody who answers":     {func(i int) media.Level { return -95 - voice(1, i) }, false},
		"silence":                  {func(int) media.Level { return media.Silence }, false},
		"a steady hum":             {func(int) media.Level { return -30 }, false},
		"an echo under two voices": {func(i int) media.Level { return max(voice(1, i-12)-20, voice(2.7, i)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				own := newVoiceTrail()
				r := &returned{own: own}
				block := make([]float32, pcm.BlockSamples)
				heard := false
				for i := range 60 * 50 {
					own.add(voice(1, i))
					for j := range block {
						block[j] = float32(math.Pow(10, float64(c.back(i))/20))
					}
					heard = r.hear(block) || heard
					time.Sleep(20 * time.Millisecond)
				}
				if heard != c.want {
					t.Errorf("heard: %v", heard)
				}
			})
		})
	}
}

// TestPluggedIn: devices that come and go are told within a second, those in use
// by their streams.
func TestPluggedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dev, l := newFakeDevices(), &told{}
		built := device.Info{ID: "a", Name: "Built-in"}
		headset := device.Info{ID: "b", Name: "Headset"}
		monitor := device.Info{ID: "b.monitor", Name: "Monitor of Headset", Monitor: true}
		dev.list = device.List{Microphones: []device.Info{built}, Speakers: []device.Info{built}}
		_, stop := runEngine(t, Config{devices: dev, OnWarning: l.warn})
		time.Sleep(time.Second)
		dev.tell(device.Event{Kind: device.Opened, Device: built})
		dev.plug(device.List{Microphones: []device.Info{built, monitor}, Speakers: []device.Info{built, headset}})
		time.Sleep(100 * time.Millisecond) // one by one
		dev.plug(device.List{Microphones: []device.Info{built, monitor, headset}, Speakers: []device.Info{built, headset}})
		time.Sleep(900 * time.Millisecond)
		dev.plug(device.List{Microphones: []device.Info{headset}, Speakers: []device.Info{built}})
		time.Sleep(time.Second)
		stop()
		want := []string{"Plugged in: microphone Headset, speaker Headset.", "Unplugged: speaker Headset."}
		if !slices.Equal(l.texts, want) {
			t.Errorf("told %q, want %q", l.texts, want)
		}
	})
}

// TestNothingOfBeforeAMute: what was said before a mute, or during one that is
// listened to, does not come out after it, although the processing is late.
func TestNothingOfBeforeAMute(t *testing.T) {
	r := &reference{}
	p := newProcessor(r)
	loud := make([]float32, pcm.BlockSamples)
	for i := range loud {
		loud[i] = 0.5 * float32(1-2*(i/24%2)) // 1 kHz
	}
	silence := make([]float32, pcm.BlockSamples)
	play := func(n int) {
		for range n {
			r.write(silence)
		}
	}
	r.start()
	play(3)
	for range 8 { // some of which wait for the reference
		p.apply(slices.Clone(loud), untouched, true, func([]float32) {})
	}
	if p.held == 0 {
		t.Fatal("nothing waits: this test proves nothing")
	}
	p.restart()
	play(10)
	n := 0
	for range 3 {
		p.apply(silence, untouched, true, func(block []float32) {
			n++
			if got := pcm.Measure(block); got > -65 {
				t.Errorf("block %d after the mute is at %d dBov", n, got)
			}
		})
	}
	if n == 0 {
		t.Error("nothing came out at all")
	}
}

// usualShare is the median of toneShare over pieces of 50 ms: two devices that tick at
// one moment may change places once, and a block of 10 ms is then left out or repeated.
func usualShare(x []float32, hz float64) float64 {
	var shares []float64
	for piece := range slices.Chunk(x, pcm.SampleRate/20) {
		shares = append(shares, toneShare(piece, hz))
	}
	slices.Sort(shares)
	if len(shares) == 0 {
		return 0
	}
	return shares[len(shares)/2]
}

// TestShareSound: the machine's sound is sent with the microphone, without what we
// play ourselves, goes on while that is muted, and nothing of the microphone does.
func TestShareSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dev := newFakeDevices()
		tone := func(hz float64) func([]float32) {
			at := 0
			return func(block []float32) {
				for i := range block {
					block[i] = float32(0.2 * math.Sin(2*math.Pi*hz*float64(at)/pcm.SampleRate))
					at++
				}
			}
		}
		dev.source, dev.monitor = tone(440), tone(1000)
		dec, err := opus.NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var heard []float32 // guarded by mu
		e, stop := runEngine(t, Config{
			devices: dev, Speaker: Speaker{Kind: None}, Processing: untouched,
			OnFrame: func(f media.Packet) {
				out := make([]float32, pcm.FrameSamples)
				if _, err := dec.Decode(f.Payload, out); err != nil {
					t.Error(err)
				}
				mu.Lock()
				heard = append(heard, out...)
				mu.Unlock()
			},
		})
		listen := func() (mic, machine float64) {
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
			mu.Lock()
			heard = nil
			mu.Unlock()
			time.Sleep(time.Second)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return usualShare(heard, 440), usualShare(heard, 1000)
		}
		if mic, machine := listen(); mic < 0.9 || machine > 0.05 {
			t.Errorf("at first %.2f of the sound is the microphone's, %.2f the machine's", mic, machine)
		}
		e.SetShareSound(true)
		if mic, machine := listen(); mic < 0.3 || machine < 0.3 {
			t.Errorf("shared: %.2f of the sound is the microphone's, %.2f the machine's", mic, machine)
		}
		e.SetMuted(true)
		if mic, machine := listen(); mic > 0.01 || machine < 0.9 {
			t.Errorf("muted: %.2f of the sound is the microphone's, %.2f the machine's", mic, machine)
		}
		e.SetMuted(false)
		e.SetShareSound(false)
		if mic, machine := listen(); mic < 0.9 || machine > 0.01 {
			t.Errorf("no more: %.2f of the sound is the microphone's, %.2f the machine's", mic, machine)
		}
		e.SetShareSound(true)
		time.Sleep(time.Second)
		stop()
	})
}
