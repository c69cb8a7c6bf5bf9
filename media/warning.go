package media

// Code names a kind of [Warning] for programs.
type Code string

// The warnings about microphones, speakers and sound.
const (
	NoAudioDevices Code = "no-audio-devices" // not in this build
	NoSoundServer  Code = "no-sound-server"
	NoMicrophone   Code = "no-microphone"
	NoSpeaker      Code = "no-speaker"
	MicrophoneLost Code = "microphone-lost"
	SpeakerLost    Code = "speaker-lost"
	MicrophoneBack Code = "microphone-back"
	SpeakerBack    Code = "speaker-back"
	AudioFile      Code = "audio-file"

	MicrophoneSilent Code = "microphone-silent" // digital silence
	MicrophoneHeard  Code = "microphone-heard"  // no more
	MicrophoneMoved  Code = "microphone-moved"  // another is in use
	SpeakerMoved     Code = "speaker-moved"
	DevicesChanged   Code = "devices-changed" // plugged in or out
	TalkingMuted     Code = "talking-muted"
	EchoHeard        Code = "echo" // others hear themselves
	NoShareSound     Code = "no-share-sound"
)

// The warnings about cameras, screens and pictures.
const (
	NoCamera      Code = "no-camera"
	NoScreen      Code = "no-screen"
	CameraLost    Code = "camera-lost"
	ScreenLost    Code = "screen-lost"
	CameraBack    Code = "camera-back"
	ScreenBack    Code = "screen-back"
	CameraBusy    Code = "camera-busy"
	ScreenRefused Code = "screen-refused"
	VideoFile     Code = "video-file"
	NoEncoder     Code = "video-encoder"
	SlowMachine   Code = "slow-machine"
)

// Good reports whether the code tells that something is as wished again.
func (c Code) Good() bool {
	switch c {
	case MicrophoneBack, SpeakerBack, MicrophoneHeard, CameraBack, ScreenBack:
		return true
	}
	return false
}

// News reports whether the code tells of a change that is no trouble.
func (c Code) News() bool {
	switch c {
	case MicrophoneMoved, SpeakerMoved, DevicesChanged:
		return true
	}
	return false
}

// Warning tells a person that sound or pictures are not as wished, or are again.
// Each is given once when it begins to hold, and not at every retry.
type Warning struct {
	Code Code
	Text string // one line
}
