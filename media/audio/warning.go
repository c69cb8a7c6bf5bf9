package audio

import (
	"errors"
	"fmt"
	"sync"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/device"
)

var (
	microphoneSilent = media.Warning{Code: media.MicrophoneSilent, Text: "Your microphone is silent: it sends nothing at all. Is it switched off, or another one meant?"}
	microphoneHeard  = media.Warning{Code: media.MicrophoneHeard, Text: "Your microphone is heard again."}
	talkingMuted     = media.Warning{Code: media.TalkingMuted, Text: "You are muted: nobody hears what you say."}

	shareFailed = media.Warning{Code: media.NoShareSound, Text: "The sound of this machine cannot be shared: no speaker's sound can be recorded here."}

	// EchoReturned is told to whoever sends others their own voices.
	EchoReturned = media.Warning{Code: media.EchoHeard, Text: "Others hear an echo from you: turn the speaker down, or use headphones."}
)

// backWarning says that a device works again, and which it is.
func backWarning(code media.Code, what, name string) media.Warning {
	if name != "" {
		name = ": " + name
	}
	return media.Warning{Code: code, Text: "The " + what + " works again" + name + "."}
}

// movedWarning says that another device is in use.
func movedWarning(code media.Code, what, name string) media.Warning {
	return media.Warning{Code: code, Text: "The " + what + " is now " + name + "."}
}

// notices gives each warning once, though every retry brings it up again, and
// one that holds for microphone and speaker alike once for both.
type notices struct {
	warn func(media.Warning)

	mu           sync.Mutex
	mic, speaker media.Warning // guarded by mu: given, and still holding
	share        media.Warning // guarded by mu: likewise
	asked        bool          // guarded by mu: somebody waits to hear of the microphone
}

// failed gives w unless it holds already; own is the half of n it concerns.
func (n *notices) failed(w media.Warning, own *media.Warning) {
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
func (n *notices) dropped(own *media.Warning) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*own = media.Warning{}
}

// recovered gives w if trouble was told of before.
func (n *notices) recovered(w media.Warning, own *media.Warning) {
	n.mu.Lock()
	told := *own != media.Warning{}
	*own = media.Warning{}
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

func micWarning(m Mic, err error) media.Warning {
	if m.Kind == File {
		return media.Warning{Code: media.AudioFile, Text: fmt.Sprintf("The microphone file cannot be played: %v.", err)}
	}
	return deviceWarning(err, media.NoMicrophone, media.MicrophoneLost, "microphone", "Others cannot hear you.")
}

func speakerWarning(s Speaker, err error) media.Warning {
	if s.Kind == File {
		return media.Warning{Code: media.AudioFile, Text: fmt.Sprintf("The speaker file cannot be written: %v.", err)}
	}
	return deviceWarning(err, media.NoSpeaker, media.SpeakerLost, "speaker", "You cannot hear the others.")
}

// deviceWarning words err. The first two hold for both halves alike, so they
// must not depend on which half met them.
func deviceWarning(err error, none, lost media.Code, what, so string) media.Warning {
	switch {
	case errors.Is(err, device.ErrUnsupported):
		return media.Warning{Code: media.NoAudioDevices, Text: "This build cannot use microphones and speakers; files work."}
	case errors.Is(err, device.ErrNoServer):
		return media.Warning{Code: media.NoSoundServer, Text: "No sound server: no microphone and no speaker until there is one."}
	case errors.Is(err, device.ErrNoDevice):
		return media.Warning{Code: none, Text: fmt.Sprintf("No %s found. %s", what, so)}
	case errors.Is(err, device.ErrDenied):
		return media.Warning{Code: none, Text: fmt.Sprintf("The system keeps the %s from programs: allow it in its privacy settings. %s", what, so)}
	case errors.Is(err, device.ErrBusy):
		return media.Warning{Code: none, Text: fmt.Sprintf("Another program has the %s for itself. %s", what, so)}
	default:
		return media.Warning{Code: lost, Text: fmt.Sprintf("The %s went away. %s", what, so)}
	}
}
