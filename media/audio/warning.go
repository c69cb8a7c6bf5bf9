package audio

import (
	"errors"
	"fmt"
	"sync"

	"github.com/meet-term/meet/media/audio/device"
)

// WarningCode names a kind of Warning for programs.
type WarningCode string

// The warnings an Engine gives. Each is given once when it begins to hold, not
// at every retry.
const (
	NoAudioDevices WarningCode = "no-audio-devices" // not in this build
	NoSoundServer  WarningCode = "no-sound-server"
	NoMicrophone   WarningCode = "no-microphone"
	NoSpeaker      WarningCode = "no-speaker"
	MicrophoneLost WarningCode = "microphone-lost"
	SpeakerLost    WarningCode = "speaker-lost"
	MicrophoneBack WarningCode = "microphone-back"
	SpeakerBack    WarningCode = "speaker-back"
	FileFailed     WarningCode = "audio-file"

	MicrophoneSilent WarningCode = "microphone-silent" // digital silence
	MicrophoneHeard  WarningCode = "microphone-heard"  // no more
	MicrophoneMoved  WarningCode = "microphone-moved"  // another is in use
	SpeakerMoved     WarningCode = "speaker-moved"
	DevicesChanged   WarningCode = "devices-changed" // plugged in or out
	TalkingMuted     WarningCode = "talking-muted"
	EchoHeard        WarningCode = "echo" // others hear themselves
	NoShareSound     WarningCode = "no-share-sound"
)

// Good reports whether the code tells that something is as wished again.
func (c WarningCode) Good() bool {
	switch c {
	case MicrophoneBack, SpeakerBack, MicrophoneHeard:
		return true
	}
	return false
}

// News reports whether the code tells of a change that is no trouble.
func (c WarningCode) News() bool {
	switch c {
	case MicrophoneMoved, SpeakerMoved, DevicesChanged:
		return true
	}
	return false
}

// Warning tells a person that the sound is not as wished, or is again.
type Warning struct {
	Code WarningCode
	Text string // one line
}

var (
	microphoneSilent = Warning{MicrophoneSilent, "Your microphone is silent: it sends nothing at all. Is it switched off, or another one meant?"}
	microphoneHeard  = Warning{MicrophoneHeard, "Your microphone is heard again."}
	talkingMuted     = Warning{TalkingMuted, "You are muted: nobody hears what you say."}

	shareFailed = Warning{NoShareSound, "The sound of this machine cannot be shared: no speaker's sound can be recorded here."}

	// EchoReturned is told to whoever sends others their own voices.
	EchoReturned = Warning{EchoHeard, "Others hear an echo from you: turn the speaker down, or use headphones."}
)

// backWarning says that a device works again, and which it is.
func backWarning(code WarningCode, what, name string) Warning {
	if name != "" {
		name = ": " + name
	}
	return Warning{code, "The " + what + " works again" + name + "."}
}

// movedWarning says that another device is in use.
func movedWarning(code WarningCode, what, name string) Warning {
	return Warning{code, "The " + what + " is now " + name + "."}
}

// notices gives each warning once, though every retry brings it up again, and
// one that holds for microphone and speaker alike once for both.
type notices struct {
	warn func(Warning)

	mu           sync.Mutex
	mic, speaker Warning // guarded by mu: given, and still holding
	share        Warning // guarded by mu: likewise
	asked        bool    // guarded by mu: somebody waits to hear of the microphone
}

// failed gives w unless it holds already; own is the half of n it concerns.
func (n *notices) failed(w Warning, own *Warning) {
	n.mu.Lock()
	known := n.mic == w || n.speaker == w
	if own == &n.mic && n.asked {
		known, n.asked = false, false
	}
	*own = w
	n.mu.Unlock()
	if !known {
		n.warn(w)
	}
}

// ask has the next trouble with the microphone told, even if it is known.
func (n *notices) ask(asked bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = asked
}

// dropped forgets what is no longer of interest.
func (n *notices) dropped(own *Warning) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*own = Warning{}
}

// recovered gives w if trouble was told of before.
func (n *notices) recovered(w Warning, own *Warning) {
	n.mu.Lock()
	told := *own != Warning{}
	*own = Warning{}
	n.mu.Unlock()
	if told {
		n.warn(w)
	}
}

// holding are the warnings that hold now, in words; "" for none.
func (n *notices) holding() (mic, speaker string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mic.Text, n.speaker.Text
}

func micWarning(m Mic, err error) Warning {
	if m.Kind == File {
		return Warning{FileFailed, fmt.Sprintf("The microphone file cannot be played: %v.", err)}
	}
	return deviceWarning(err, NoMicrophone, MicrophoneLost, "microphone", "Others cannot hear you.")
}

func speakerWarning(s Speaker, err error) Warning {
	if s.Kind == File {
		return Warning{FileFailed, fmt.Sprintf("The speaker file cannot be written: %v.", err)}
	}
	return deviceWarning(err, NoSpeaker, SpeakerLost, "speaker", "You cannot hear the others.")
}

// deviceWarning words err. The first two hold for both halves alike, so they
// must not depend on which half met them.
func deviceWarning(err error, none, lost WarningCode, what, so string) Warning {
	switch {
	case errors.Is(err, device.ErrUnsupported):
		return Warning{NoAudioDevices, "This build cannot use microphones and speakers; files work."}
	case errors.Is(err, device.ErrNoServer):
		return Warning{NoSoundServer, "No sound server: no microphone and no speaker until there is one."}
	case errors.Is(err, device.ErrNoDevice):
		return Warning{none, fmt.Sprintf("No %s found. %s", what, so)}
	default:
		return Warning{lost, fmt.Sprintf("The %s went away. %s", what, so)}
	}
}
