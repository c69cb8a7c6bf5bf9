// Package pulsetest gives a test a sound server of its own: PulseAudio with a
// private runtime directory, speakers that are null sinks, and microphones one
// can speak into. It needs the programs pulseaudio, pactl, paplay and parec.
package pulsetest
