package tui

// The keys of what is done to one's own sound, while the devices are shown. They
// are few and stand beside what they change.
const (
	keyEcho   = "e"
	keyNoise  = "n"
	keyGain   = "a"
	keyMusic  = "u"
	keyTest   = "t"
	keyMyself = "h"
)

// soundKey handles a key that changes or checks the sound, and reports whether it
// was one.
func (m *Model) soundKey(name string) bool {
	if m.opt.Sound == nil {
		return false
	}
	switch name {
	case keyTest:
		m.opt.Sound.PlayTestSound()
		m.toast(toastInfo, "you should hear two notes")
		return true
	case keyMyself:
		if m.opt.Sound.HearMyself() {
			m.toast(toastInfo, "say something: you hear it in three seconds, as others do")
		} else {
			m.toast(toastWarn, "the microphone is off: there is nothing to hear")
		}
		return true
	}
	if m.sound == nil {
		return false
	}
	next, say := *m.sound, ""
	switch name {
	case keyEcho:
		next.Echo = map[string]string{"auto": "on", "on": "off"}[next.Echo]
		if next.Echo == "" {
			next.Echo = "auto"
		}
		say = "echo of the speaker: " + map[string]string{"auto": "taken out where there is any", "on": "always taken out", "off": "left in"}[next.Echo]
	case keyNoise:
		next.Noise = !next.Noise
		say = "noise: " + kept(next.Noise)
	case keyGain:
		next.Gain = !next.Gain
		say = "loudness: " + evened(next.Gain)
	case keyMusic:
		next.Music = !next.Music
		say = "for speech"
		if next.Music {
			say = "for music: stereo, and nothing is taken out"
		}
	default:
		return false
	}
	m.sound = &next
	m.opt.Sound.SetSound(next)
	m.toast(toastInfo, say)
	return true
}

func kept(out bool) string {
	if out {
		return "taken out"
	}
	return "left in"
}

func evened(on bool) string {
	if on {
		return "evened out"
	}
	return "as the microphone has it"
}

// echoText is what is done about the echo of the speaker, and why not.
func (s Sound) echoText() string {
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

// Words are what is done to the sound, one line each, for who reads lines.
func (s Sound) Words() []string {
	noise, gain := kept(s.Noise && !s.Music), evened(s.Gain && !s.Music)
	lines := []string{"echo of the speaker: " + s.echoText(), "noise: " + noise, "loudness: " + gain}
	if s.Music {
		lines = append(lines, "for music: stereo, 128 kbit/s")
	}
	return lines
}

// Render are the lines of the device panel that say what is done to the sound.
func (s Sound) Render(st *Styles, w int) []string {
	line := func(key, what, how string) string {
		return st.fit("    "+st.key.Render(key)+" "+st.dim.Render(st.fit(what, 9))+" "+st.text.Render(how), w)
	}
	echo := s.echoText()
	if s.Echo == "on" && !s.Music {
		echo += " (always)"
	}
	noise, gain, music := kept(s.Noise), evened(s.Gain), "off"
	if s.Music {
		noise, gain, music = kept(false), evened(false), "on: stereo, as it is"
	}
	out := []string{
		st.dim.Render(st.fit(" what others hear of you", w)),
		line(keyEcho, "echo", echo),
		line(keyNoise, "noise", noise),
		line(keyGain, "loudness", gain),
		line(keyMusic, "music", music),
	}
	check := st.key.Render(keyTest) + " " + st.dim.Render("test sound") + "  " + st.key.Render(keyMyself) + " " + st.dim.Render("hear yourself")
	switch s.Check {
	case "recording":
		check = st.accent.Render("say something...")
	case "playing":
		check = st.accent.Render("listen...")
	}
	return append(out, st.fit("    "+check, w))
}
