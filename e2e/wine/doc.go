// Package wine runs the Windows program on Linux: meet.exe under Wine, whose
// Windows sound ends in a private PulseAudio. It shows that devices are listed,
// heard and played to, that changes are followed, and where files are kept. Wine 8
// has no UDP that Go's network can use, so there are no calls.
package wine
