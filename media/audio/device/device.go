// Package device reaches the microphones and speakers of the machine: through
// PulseAudio or PipeWire on Linux, through WASAPI on Windows, through Core Audio on
// macOS, and through an error that says so elsewhere.
//
// Its functions block, own everything they start, and return when their
// context ends or the device is gone: retrying is the caller's business.
package device

import (
	"context"
	"errors"
	"runtime"
)

// Errors that tell a caller what to say and whether to wait.
var (
	// ErrNoServer: there is no sound server to talk to (now).
	ErrNoServer = errors.New("no sound server")
	// ErrNoDevice: there is no such device, or none at all (now).
	ErrNoDevice = errors.New("no such audio device")
	// ErrLost: the device or its server went away while in use.
	ErrLost = errors.New("the audio device went away")
	// ErrDenied: the system does not let this program use the device.
	ErrDenied = errors.New("the system forbids the use of the audio device")
	// ErrBusy: another program has the device for itself.
	ErrBusy = errors.New("the audio device is in use by another program")
	// ErrUnsupported: this build cannot reach audio devices at all.
	ErrUnsupported = errors.New("no audio devices in this build")
)

// Server is what plays and records for programs on this system, as people may know
// it.
func Server() string {
	switch runtime.GOOS {
	case "windows":
		return "Windows Audio"
	case "darwin":
		return "Core Audio"
	}
	return "PulseAudio or PipeWire"
}

// Driver says how this build reaches the devices, for people; "" for not at all.
func Driver() string { return driver }

// Info describes one microphone or speaker.
type Info struct {
	ID      string `json:"id"`   // stable name, what "device:ID" takes
	Name    string `json:"name"` // for people; free of control characters
	Default bool   `json:"default"`
	// Monitor marks a source that is no microphone but the sound of a speaker.
	Monitor bool `json:"monitor,omitempty"`
	// Headphones marks a speaker that is heard by one person only, as far as the
	// system knows: what it plays does not come back by the microphone.
	Headphones bool `json:"headphones,omitempty"`
	// EchoCancelled marks a microphone from which the sound server takes the
	// speaker's sound already.
	EchoCancelled bool `json:"echo_cancelled,omitempty"`
}

// List is what there is, at one moment.
type List struct {
	Microphones []Info `json:"microphones"`
	Speakers    []Info `json:"speakers"`
}

// Options say how to open a device.
type Options struct {
	// ID is the device's Info.ID; "" is the default one, which follows what
	// the user chooses in the system while the stream runs.
	ID string
	// Stereo records two channels, interleaved, and not one.
	Stereo bool
	// Monitor records what a speaker plays, all programs together: ID is the
	// speaker's then.
	Monitor bool
	// On, unless nil, hears what becomes of the stream, from any goroutine. It
	// must not wait.
	On func(Event)
}

// tell hands e to whoever wants to know.
func (o Options) tell(e Event) {
	if o.On != nil {
		o.On(e)
	}
}

// Event is something that happened to a stream.
type Event struct {
	Kind   EventKind
	Device Info // the one in use now; not of a Gap
}

// EventKind tells events apart.
type EventKind uint8

// The events of a stream. After each but Changed, what was played and what is
// recorded may lie differently.
const (
	// Opened comes once, before any sound.
	Opened EventKind = iota
	// Moved: the sound server has put the stream on another device.
	Moved
	// Changed: headphones were plugged in or out of the same device.
	Changed
	// Gap: recorded sound was lost. A speaker that had nothing to play is no gap:
	// the sound server leaves out what comes late, and the count is right again.
	Gap
)

// Devices lists the devices.
func Devices(ctx context.Context) (List, error) { return devices(ctx) }

// Watch calls changed, from one goroutine, whenever the list of devices may
// have changed, until ctx ends or the server is lost.
func Watch(ctx context.Context, changed func()) error { return watch(ctx, changed) }

// Capture records from a microphone until ctx ends or the device is lost, and
// hands every block of pcm.BlockSamples (twice that in stereo) to emit, from one
// goroutine. The block is valid until emit returns.
func Capture(ctx context.Context, o Options, emit func(block []float32)) error {
	return capture(ctx, o, emit)
}

// Play plays what render produces until ctx ends or the device is lost: it
// asks for a block of pcm.BlockSamples, from one goroutine, whenever the
// device has room for one.
func Play(ctx context.Context, o Options, render func(block []float32)) error {
	return play(ctx, o, render)
}
