package audio

import (
	"context"
	"fmt"
	"sync"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/audio/mix"
)

// Config says how an Engine begins. The zero value uses the default devices,
// unmuted, and drops what it would send.
type Config struct {
	Mic     Mic
	Speaker Speaker
	Muted   bool
	// EchoCancel asks the sound server for echo cancellation.
	EchoCancel bool
	// AutoGain evens out how loud the microphone is and turns down the
	// background between words.
	AutoGain bool
	// OnFrame gets every frame to send, from one goroutine at a time, at once
	// and in order. It must neither wait nor call the Engine: a mute waits
	// for it.
	OnFrame func(Frame)
	// OnWarning gets every warning. It must not wait.
	OnWarning func(Warning)
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

	echoCancel  bool
	available   func(bool)
	speakerWake chan struct{}

	mu      sync.Mutex
	speaker Speaker // guarded by mu
}

// New returns an engine that does nothing until Run.
func New(cfg Config) (*Engine, error) {
	if cfg.OnFrame == nil {
		cfg.OnFrame = func(Frame) {}
	}
	if cfg.OnWarning == nil {
		cfg.OnWarning = func(Warning) {}
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
	c, err := newCapture(cfg, dev)
	if err != nil {
		return nil, err
	}
	return &Engine{
		notices: notices{warn: cfg.OnWarning}, devices: dev, capture: c, mixer: newMixer(cfg.OnHeard),
		echoCancel: cfg.EchoCancel, available: cfg.OnAvailable, speakerWake: newWake(), speaker: cfg.Speaker,
	}, nil
}

// Run captures and plays until ctx ends; then nothing it started runs any
// more, and a file it wrote is complete. Trouble with devices is no error but
// a Warning and a retry. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	mic := keeper{
		wake: e.capture.wake, wanted: e.capture.wanted,
		failed: func(key any, err error) {
			e.notices.failed(micWarning(key.(Mic), err), &e.notices.mic)
			e.available(false)
		},
		recovered: func() {
			e.notices.recovered(microphoneBack, &e.notices.mic)
			e.available(true)
		},
		dropped: func() {
			e.notices.dropped(&e.notices.mic)
			e.available(true)
		},
	}
	speaker := keeper{
		wake: e.speakerWake, wanted: e.wantedSpeaker,
		// The mix goes on without a speaker, so that levels, statistics and
		// delays are right when it returns.
		meanwhile: func(ctx context.Context, _ func()) error { return runNone(ctx, e.mixer.render, e.mixer.rest) },
		failed:    func(key any, err error) { e.notices.failed(speakerWarning(key.(Speaker), err), &e.notices.speaker) },
		recovered: func() { e.notices.recovered(speakerBack, &e.notices.speaker) },
		dropped:   func() { e.notices.dropped(&e.notices.speaker) },
	}
	crash.GoIn(&wg, func() { mic.run(ctx) })
	crash.GoIn(&wg, func() { speaker.run(ctx) })
	wg.Wait()
	return nil
}

// wantedSpeaker is the sink to run now.
func (e *Engine) wantedSpeaker() (job, bool) {
	e.mu.Lock()
	s := e.speaker
	e.mu.Unlock()
	return job{key: s, once: s.Kind == File, run: func(ctx context.Context, alive func()) error {
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
		return e.devices.Play(ctx, device.Options{ID: s.ID, EchoCancel: e.echoCancel}, render)
	}}, true
}

// SetMuted turns the microphone off or on. When SetMuted(true) returns, the
// last frame has been handed to OnFrame; the device itself is let go of.
// SetMuted(false) has its trouble told once more, if there is any.
func (e *Engine) SetMuted(muted bool) {
	e.notices.ask(!muted)
	e.capture.setMuted(muted)
}

// SetListened(false) saves the encoding while nobody is there to listen.
func (e *Engine) SetListened(listened bool) { e.capture.setListened(listened) }

// SetExpectedLoss prepares the encoder for the share of packets that receivers
// report lost, in percent; fec is in-band error correction, which two
// redundant copies (red.Depth 2) make pointless.
func (e *Engine) SetExpectedLoss(percent int, fec bool) { e.capture.setLoss(percent, fec) }

// SetMic changes where the sound that is sent comes from.
func (e *Engine) SetMic(m Mic) { e.capture.setMic(m) }

// SetSpeaker changes where the mix goes.
func (e *Engine) SetSpeaker(s Speaker) {
	e.mu.Lock()
	e.speaker = s
	e.mu.Unlock()
	poke(e.speakerWake)
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
