package audio

import (
	"fmt"
	"strings"

	"github.com/meet-term/meet/media/audio/echo"
	"github.com/meet-term/meet/media/audio/gain"
	"github.com/meet-term/meet/media/audio/pcm"
)

// Switch is a setting that may decide by itself.
type Switch uint8

// The positions of a Switch.
const (
	Auto Switch = iota
	On
	Off
)

// ParseSwitch reads "auto", "on" or "off"; "" is "auto".
func ParseSwitch(s string) (Switch, error) {
	switch strings.ToLower(s) {
	case "", "auto":
		return Auto, nil
	case "on":
		return On, nil
	case "off":
		return Off, nil
	}
	return Auto, fmt.Errorf("%w: %q: want auto, on or off", ErrSpec, s)
}

// String returns the form ParseSwitch reads.
func (s Switch) String() string {
	return [...]string{Auto: "auto", On: "on", Off: "off"}[s%3]
}

// Processing says what is done to the sound of a microphone before it is sent.
// The zero value does all of it. A file or a tone is sent as it is.
type Processing struct {
	// Echo takes the loudspeaker out of the microphone. Auto leaves that where
	// there is nothing to take out: with headphones, and behind the sound
	// server's own echo canceller.
	Echo Switch
	// NoiseOff leaves steady noise in.
	NoiseOff bool
	// GainOff leaves the voice as loud as the microphone has it.
	GainOff bool
	// Music sends the microphone as it is, in stereo and at 128 kbit/s.
	Music bool
}

// Idle says why the loudspeaker is not taken out of the microphone at present.
type Idle string

// The reasons; the empty one says that it is taken out.
const (
	IdleOff        Idle = "off"
	IdleMusic      Idle = "music"
	IdleHeadphones Idle = "headphones"
	IdleServer     Idle = "sound server" // it does so itself
	IdleSpeaker    Idle = "no speaker"
	IdleMicrophone Idle = "no microphone"
)

// route is what the sound takes at present. It is compared and immutable.
type route struct {
	mic, speaker  bool // a real device is open
	headphones    bool
	echoCancelled bool // by the sound server
}

// idle is why echo is not cancelled.
func (p Processing) idle(r route) Idle {
	switch {
	case p.Music:
		return IdleMusic
	case p.Echo == Off:
		return IdleOff
	case !r.mic:
		return IdleMicrophone
	case !r.speaker:
		return IdleSpeaker
	case p.Echo == Auto && r.headphones:
		return IdleHeadphones
	case p.Echo == Auto && r.echoCancelled:
		return IdleServer
	}
	return ""
}

// mostWaiting is how many recorded blocks wait for the reference. While a machine
// stands still both ends stop, and go on in bursts, one after the other; nothing
// is lost then, and the blocks that belong together still do.
const mostWaiting = 20

// processor makes the sound of a microphone fit to be sent: no echo, no noise,
// as loud as others expect. It belongs to the goroutine of the source.
type processor struct {
	reference *reference
	canceller *echo.Canceller
	gain      gain.Control
	far, out  [pcm.BlockSamples]float32
	idled     bool // the canceller had no reference for the last block

	waiting [mostWaiting][pcm.BlockSamples]float32
	held    int   // how many of them
	owed    moved // what the canceller was not told yet
}

func newProcessor(ref *reference) processor {
	return processor{reference: ref, canceller: echo.New(echo.Config{})}
}

// apply takes a recorded block of one channel and hands on what is fit to be
// sent: one block as a rule, none or several when the machine stood still. A
// block that is handed on is valid until send returns.
func (p *processor) apply(block []float32, set Processing, cancel bool, send func([]float32)) {
	p.canceller.SetNoise(!set.NoiseOff)
	p.canceller.SetEcho(cancel)
	p.gain.Off = set.GainOff

	if p.held == mostWaiting {
		// The speaker has stopped: it will not tell what goes with these.
		p.reference.stall()
		p.flush(p.held, send)
	}
	p.reference.arrived(p.held)
	copy(p.waiting[p.held][:], block)
	p.held++
	done := 0
	for done < p.held {
		m := moved{idle: true}
		if cancel {
			m = p.reference.read(p.far[:])
		}
		if p.owed.gap = p.owed.gap || m.gap; m.gap {
			p.owed.skip = 0
		}
		p.owed.skip += m.skip
		if m.wait {
			break
		}
		p.one(p.waiting[done][:], m.idle, send)
		done++
	}
	p.held = copy(p.waiting[:], p.waiting[done:p.held])
}

// restart forgets what was recorded and not handed on: it was said before a mute,
// or during one.
func (p *processor) restart() {
	if p.held > 0 {
		p.held = 0
		p.reference.broke()
	}
	const tail = 4 // blocks, until the slowest filter in it has rung out
	for range tail {
		clear(p.out[:])
		p.canceller.Process(p.out[:], nil, p.out[:])
	}
}

// flush hands on n blocks without a reference.
func (p *processor) flush(n int, send func([]float32)) {
	for i := range n {
		p.one(p.waiting[i][:], true, send)
	}
	p.held = copy(p.waiting[:], p.waiting[n:p.held])
}

// one processes a block.
func (p *processor) one(block []float32, idle bool, send func([]float32)) {
	far := p.far[:]
	switch {
	case idle:
		far = nil
	case p.owed.gap || p.idled:
		p.canceller.Gap()
	case p.owed.skip != 0:
		p.canceller.Skip(p.owed.skip)
	}
	if far != nil {
		p.owed = moved{}
	}
	p.idled = far == nil
	p.canceller.Process(block, far, p.out[:])
	p.gain.Process(p.out[:])
	send(p.out[:])
}

// gap says that recorded sound was lost, or that a stream began anew.
func (p *processor) gap() { p.reference.broke() }
