package tui

import (
	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
)

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
		say = "noise: " + front.Kept(next.Noise)
	case keyGain:
		next.Gain = !next.Gain
		say = "loudness: " + front.Evened(next.Gain)
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
	if err := m.opt.Sound.SetSound(next); err != nil {
		m.toast(toastBad, cleanText(err.Error()))
		return true
	}
	m.toast(toastInfo, say)
	return true
}

// soundLines are the lines of the device panel that say what is done to the sound.
func soundLines(s call.Sound, st *Styles, w int) []string {
	line := func(key, what, how string) string {
		return st.fit("    "+st.key.Render(key)+" "+st.dim.Render(st.fit(what, 9))+" "+st.text.Render(how), w)
	}
	echo := front.EchoText(s)
	if s.Echo == "on" && !s.Music {
		echo += " (always)"
	}
	noise, gain, music := front.Kept(s.Noise), front.Evened(s.Gain), "off"
	if s.Music {
		noise, gain, music = front.Kept(false), front.Evened(false), "on: stereo, as it is"
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
