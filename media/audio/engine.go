package audio

import (
	"context"
	"fmt"
	"sync"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/audio/echo"
	"github.com/meet-term/meet/media/audio/mix"
	"github.com/meet-term/meet/media/supervise"
)

// Config says how an Engine begins. The zero value uses the default devices,
// unmuted, and drops what it would send.
type Config struct {
	Mic     Mic
	Speaker Speaker
	Muted   bool
	// Processing is what is done to the microphone's sound.
	Processing Processing
	// ListenMuted keeps the microphone open while muted, to tell a person who
	// talks then. Nothing of it is encoded.
	ListenMuted bool
	// OnFrame gets every frame to send, from one goroutine at a time, at once
	// and in order. It must neither wait nor call the Engine: a mute waits
	// for it.
	OnFrame func(media.Packet)
	// OnWarning gets every warning. It must not wait.
	OnWarning func(media.Warning)
	// OnEcho hears whose microphone sends us our own voice, again while it does.
	// It must not wait.
	OnEcho func(id string)
	// OnAvailable hears when the microphone turns out not to work, again at
	// every retry, and when it does after all or that is not known any more,
	// as another was chosen or it was muted. It must not wait.
	OnAvailable func(bool)
	// OnHeard hears of every packet of a person that begins to be played. It
	// is called where the mix is made, and must not wait.
	OnHeard func(id string)

	devices devices // nil for the real ones
}

// Engine is the sound of one participant. Its methods may be called from any
// goroutine, before, during and after Run.
type Engine struct {
	notices notices
	devices devices
	capture *capture
	mixer   *mixer

	reference   *reference
	available   func(bool)
	speakerWake chan struct{}

	mu      sync.Mutex
	speaker Speaker        // guarded by mu
	inUse   [2]device.Info // guarded by mu: microphone and speaker; empty for none
}

// The places of inUse.
const (
	micInUse = iota
	speakerInUse
)

// New returns an engine that does nothing until Run.
func New(cfg Config) (*Engine, error) {
	if cfg.OnFrame == nil {
		cfg.OnFrame = func(media.Packet) {}
	}
	if cfg.OnWarning == nil {
		cfg.OnWarning = func(media.Warning) {}
	}
	if cfg.OnEcho == nil {
		cfg.OnEcho = func(string) {}
	}
	if cfg.OnAvailable == nil {
		cfg.OnAvailable = func(bool) {}
	}
	if cfg.OnHeard == nil {
		cfg.OnHeard = func(string) {}
	}
	dev := cfg.devices
	if dev == nil {
		dev = systemDevices{}
	}
	ref := &reference{}
	c, err := newCapture(cfg, dev, ref)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		notices: notices{warn: cfg.OnWarning}, devices: dev, capture: c,
		mixer: newMixer(cfg.OnHeard, c.check, c.own, cfg.OnEcho), reference: ref,
		available: cfg.OnAvailable, speakerWake: wake.New(), speaker: cfg.Speaker,
	}
	c.heard = func(ev device.Event) { e.follow(micInUse, ev) }
	return e, nil
}

// follow keeps what is known of the devices in use, and tells when the sound
// server puts a stream on another one.
func (e *Engine) follow(which int, ev device.Event) {
	if ev.Kind == device.Gap {
		return
	}
	e.mu.Lock()
	e.inUse[which] = ev.Device
	e.mu.Unlock()
	switch {
	case ev.Kind != device.Moved:
	case which == micInUse:
		e.notices.warn(movedWarning(media.MicrophoneMoved, "microphone", ev.Device.Name))
	default:
		e.notices.warn(movedWarning(media.SpeakerMoved, "speaker", ev.Device.Name))
	}
}

// InUse are the devices in use by the names that people know them by; "" for one
// that is none or not open.
func (e *Engine) InUse() (mic, speaker string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.inUse[micInUse].Name, e.inUse[speakerInUse].Name
}

// Run captures and plays until ctx ends; then nothing it started runs any
// more, and a file it wrote is complete. Trouble with devices is no error but
// a Warning and a retry. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	mic := supervise.Supervisor{
		Wake: e.capture.wake, Wanted: e.capture.wanted,
		Failed: func(key any, err error) {
			e.notices.failed(micWarning(key.(source).Mic, err), &e.notices.mic)
			e.available(false)
		},
		Recovered: func() {
			name, _ := e.InUse()
			e.notices.recovered(backWarning(media.MicrophoneBack, "microphone", name), &e.notices.mic)
			e.available(true)
		},
		Dropped: func() {
			e.notices.dropped(&e.notices.mic)
			e.available(true)
		},
	}
	speaker := supervise.Supervisor{
		Wake: e.speakerWake, Wanted: e.wantedSpeaker,
		// The mix goes on without a speaker, so that levels, statistics and
		// delays are right when it returns.
		Meanwhile: func(ctx context.Context, _ func()) error { return runNone(ctx, e.mixer.render, e.mixer.rest) },
		Failed:    func(key any, err error) { e.notices.failed(speakerWarning(key.(Speaker), err), &e.notices.speaker) },
		Recovered: func() {
			_, name := e.InUse()
			e.notices.recovered(backWarning(media.SpeakerBack, "speaker", name), &e.notices.speaker)
		},
		Dropped: func() { e.notices.dropped(&e.notices.speaker) },
	}
	crash.GoIn(&wg, func() { mic.Run(ctx) })
	crash.GoIn(&wg, func() { speaker.Run(ctx) })
	share := supervise.Supervisor{
		Wake: e.capture.shareWake, Wanted: func() (supervise.Job, bool) { return e.capture.wantedShare(e.speakerNow) },
		Failed:    func(any, error) { e.notices.failed(shareFailed, &e.notices.share) },
		Recovered: func() { e.notices.dropped(&e.notices.share) },
		Dropped:   func() { e.notices.dropped(&e.notices.share) },
	}
	crash.GoIn(&wg, func() { share.Run(ctx) })
	if e.usesDevices() {
		crash.GoIn(&wg, func() { e.watchDevices(ctx) })
	}
	wg.Wait()
	return nil
}

// usesDevices reports whether the engine began with a microphone or a speaker. One
// that is made of files, as in tests and for scripts, looks for none.
func (e *Engine) usesDevices() bool {
	real := func(k Kind) bool { return k == Default || k == Device }
	e.capture.mu.Lock()
	mic := e.capture.mic
	e.capture.mu.Unlock()
	return real(mic.Kind) || real(e.speakerNow().Kind)
}

// speakerNow is the speaker that is wanted.
func (e *Engine) speakerNow() Speaker {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.speaker
}

// SetShareSound sends the machine's sound, without that of the call, together with
// the microphone, or no more. It goes on while the microphone is muted.
func (e *Engine) SetShareSound(on bool) { e.capture.setSharing(on) }

// wantedSpeaker is the sink to run now.
func (e *Engine) wantedSpeaker() (supervise.Job, bool) {
	e.mu.Lock()
	s := e.speaker
	e.mu.Unlock()
	return supervise.Job{Key: s, Once: s.Kind == File, Run: func(ctx context.Context, alive func()) error {
		render := func(block []float32) {
			alive()
			e.mixer.render(block)
		}
		switch s.Kind {
		case None, Tone:
			return runNone(ctx, render, e.mixer.rest)
		case File:
			return runFile(ctx, s.Path, render)
		case Default, Device:
		}
		return e.play(ctx, s, render)
	}}, true
}

// play runs a real speaker. What it gets is what the echo canceller takes out of
// the microphone.
func (e *Engine) play(ctx context.Context, s Speaker, render func([]float32)) error {
	shared := &e.capture.share.reference
	e.reference.start()
	defer e.reference.stop()
	shared.start()
	defer shared.stop()
	e.capture.reroute(func(r *route) { r.speaker, r.headphones = true, false })
	defer e.capture.reroute(func(r *route) { r.speaker = false })
	on := func(ev device.Event) {
		if ev.Kind != device.Gap {
			e.capture.reroute(func(r *route) { r.headphones = ev.Device.Headphones })
		}
		if ev.Kind != device.Changed {
			e.reference.broke()
			shared.broke()
		}
		e.follow(speakerInUse, ev)
	}
	return e.devices.Play(ctx, device.Options{ID: s.ID, On: on}, func(block []float32) {
		render(block)
		e.reference.write(block)
		shared.write(block)
	})
}

// SetMuted turns the microphone off or on. When SetMuted(true) returns, the
// last frame has been handed to OnFrame; the device itself is let go of.
// SetMuted(false) has its trouble told once more, if there is any.
func (e *Engine) SetMuted(muted bool) {
	e.notices.ask(!muted)
	if muted && e.capture.check.recording() {
		e.capture.check.end()
	}
	e.capture.setMuted(muted)
}

// SetListened(false) saves the encoding while nobody is there to listen.
func (e *Engine) SetListened(listened bool) { e.capture.setListened(listened) }

// SetExpectedLoss prepares the encoder for the share of packets that receivers
// report lost, in percent; fec is in-band error correction, which two
// redundant copies make pointless.
func (e *Engine) SetExpectedLoss(percent int, fec bool) { e.capture.setLoss(percent, fec) }

// SetProcessing changes what is done to the microphone's sound.
func (e *Engine) SetProcessing(p Processing) { e.capture.setProcessing(p) }

// Processing is what is done to the microphone's sound, and why the loudspeaker is
// not taken out of it at present; "" if it is.
func (e *Engine) Processing() (Processing, Idle) { return e.capture.processing() }

// EchoStats is what the echo canceller knows, as of the last second in which a
// microphone was read.
func (e *Engine) EchoStats() echo.Stats { return *e.capture.figures.Load() }

// SetListenMuted keeps the microphone open while muted, or does not.
func (e *Engine) SetListenMuted(listen bool) { e.capture.setListen(listen) }

// ListensMuted reports whether the microphone stays open while muted.
func (e *Engine) ListensMuted() bool {
	e.capture.mu.Lock()
	defer e.capture.mu.Unlock()
	return e.capture.listen
}

// PlayNote plays one short note, so that a person notices something that is not on a
// screen they look at.
func (e *Engine) PlayNote() { e.capture.check.note() }

// PlayTestSound plays two notes, so that a person hears whether the speaker
// works.
func (e *Engine) PlayTestSound() { e.capture.check.begin(CheckPlaying) }

// HearMyself records three seconds of what would be sent and then plays them. It
// reports false if the microphone is off.
func (e *Engine) HearMyself() bool {
	e.capture.mu.Lock()
	off := e.capture.muted || e.capture.mic.Kind == None
	e.capture.mu.Unlock()
	if mic, _ := e.Trouble(); off || mic != "" {
		return false
	}
	e.capture.check.begin(CheckRecording)
	return true
}

// SoundCheck is what PlayTestSound and HearMyself do at present.
func (e *Engine) SoundCheck() CheckPhase { return e.capture.check.now() }

// SetMic changes where the sound that is sent comes from.
func (e *Engine) SetMic(m Mic) { e.capture.setMic(m) }

// SetSpeaker changes where the mix goes.
func (e *Engine) SetSpeaker(s Speaker) {
	e.mu.Lock()
	e.speaker = s
	e.mu.Unlock()
	wake.Poke(e.speakerWake)
	wake.Poke(e.capture.shareWake)
}

// Peer returns the receiver of a person, made on first use and then kept
// until RemovePeer: connections come and go, the counters stay.
func (e *Engine) Peer(id string) (*Receiver, error) {
	r, err := e.mixer.peer(id)
	if err != nil {
		return nil, fmt.Errorf("receive %s: %w", id, err)
	}
	return r, nil
}

// RemovePeer forgets a person who has left.
func (e *Engine) RemovePeer(id string) { e.mixer.remove(id) }

// SetVolume sets how loud a person is, in percent of what they send, 0 to
// MaxVolume. It reports whether there is such a person.
func (e *Engine) SetVolume(id string, percent int) bool {
	r := e.mixer.find(id)
	if r == nil {
		return false
	}
	r.SetVolume(percent)
	return true
}

// SetLocalMute silences a person for this listener only. It reports whether
// there is such a person.
func (e *Engine) SetLocalMute(id string, muted bool) bool {
	r := e.mixer.find(id)
	if r == nil {
		return false
	}
	r.SetMuted(muted)
	return true
}

// Trouble says in words why the microphone and the speaker do not work; "" for
// one that does, or was not needed yet.
func (e *Engine) Trouble() (mic, speaker string) { return e.notices.holding() }

// Levels is how loud everybody is at one moment.
type Levels struct {
	Self     float64        // own microphone, dBov; -127 while muted
	People   []mix.Loudness // in order of id
	Dominant string         // id of who leads the talk, "" for nobody yet
}

// Levels returns how loud everybody is, smoothed over 300 ms.
func (e *Engine) Levels() Levels {
	return Levels{
		Self:     e.capture.levelDB(),
		People:   loudness(*e.mixer.list.Load()),
		Dominant: *e.mixer.dominant.Load(),
	}
}
