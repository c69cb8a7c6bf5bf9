package call

import (
	"sync"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio"
)

// Sound is what is done to the sound of the microphone.
type Sound struct {
	Echo  string // auto, on or off: take the loudspeaker out of it
	Idle  string // why that is not done at present; "" if it is
	Noise bool   // take noise out of it
	Gain  bool   // even out how loud it is
	Music bool   // none of that, but stereo
	// ListenMuted: the microphone stays open while muted.
	ListenMuted bool
	// Check is what a sound check does: "", "recording" or "playing".
	Check string
}

// SoundChanged reports what is done to one's own sound, whenever that was asked
// for or set.
type SoundChanged struct{ Sound }

// EventName implements [rtc.Event].
func (SoundChanged) EventName() string { return "sound" }

var checkNames = [...]string{audio.CheckIdle: "", audio.CheckRecording: "recording", audio.CheckPlaying: "playing"}

// Sound is what is done to the sound of the microphone now.
func (c *Call) Sound() Sound {
	a := c.media.audio
	set, idle := a.Processing()
	return Sound{
		Echo: set.Echo.String(), Idle: string(idle), Noise: !set.NoiseOff, Gain: !set.GainOff, Music: set.Music,
		ListenMuted: a.ListensMuted(), Check: checkNames[a.SoundCheck()],
	}
}

// SetSound changes that; Idle and Check are ignored. It comes back as a
// [SoundChanged] event. The error is of an Echo that is no such word.
func (c *Call) SetSound(s Sound) error {
	echo, err := audio.ParseSwitch(s.Echo)
	if err != nil {
		return err
	}
	c.media.audio.SetProcessing(audio.Processing{Echo: echo, NoiseOff: !s.Noise, GainOff: !s.Gain, Music: s.Music})
	c.media.audio.SetListenMuted(s.ListenMuted)
	c.TellSound()
	return nil
}

// TellSound has a [SoundChanged] event sent.
func (c *Call) TellSound() { c.events.post(SoundChanged{c.Sound()}) }

// SetScreenWithSound shares the screen and what the machine plays, but for the call
// itself, or stops both.
func (c *Call) SetScreenWithSound(on bool) {
	c.media.mu.Lock()
	c.media.want.Sound = on
	c.media.mu.Unlock()
	c.media.set(media.Screen, on)
}

// PlayTestSound plays two notes on the speaker.
func (c *Call) PlayTestSound() { c.media.audio.PlayTestSound() }

// HearMyself records three seconds of what would be sent, and then plays them. It
// reports false if the microphone is off.
func (c *Call) HearMyself() bool { return c.media.audio.HearMyself() }

// echoAgain is for how long people are not told once more that others hear
// themselves.
const echoAgain = 2 * time.Minute

// echoes tells, now and then, that others hear themselves: of all that report it.
type echoes struct {
	mu   sync.Mutex
	last time.Time
}

// echoed takes the report of a peer that hears itself.
func (m *studio) echoed() {
	now := time.Now()
	m.echoes.mu.Lock()
	again := m.echoes.last.IsZero() || now.Sub(m.echoes.last) >= echoAgain
	if again {
		m.echoes.last = now
	}
	m.echoes.mu.Unlock()
	if again && m.sending().Mic {
		m.audioWarning(audio.EchoReturned)
	}
}
