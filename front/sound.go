package front

import "github.com/meet-term/meet/call"

// Kept says whether noise is taken out.
func Kept(out bool) string {
	if out {
		return "taken out"
	}
	return "left in"
}

// Evened says whether loudness is evened out.
func Evened(on bool) string {
	if on {
		return "evened out"
	}
	return "as the microphone has it"
}

// EchoText is what is done about the echo of the speaker, and why not.
func EchoText(s call.Sound) string {
	switch {
	case s.Idle == "":
		return "taken out"
	case s.Idle == "off":
		return "left in"
	case s.Idle == "sound server":
		return "the sound server takes it out"
	case s.Idle == "headphones":
		return "none with headphones"
	case s.Idle == "music":
		return "left in for music"
	}
	return "none: " + s.Idle
}

// SoundWords are what is done to the sound, one line each.
func SoundWords(s call.Sound) []string {
	noise, gain := Kept(s.Noise && !s.Music), Evened(s.Gain && !s.Music)
	lines := []string{"echo of the speaker: " + EchoText(s), "noise: " + noise, "loudness: " + gain}
	if s.Music {
		lines = append(lines, "for music: stereo, 128 kbit/s")
	}
	return lines
}
