// Package talk tests that people hear each other: the real meet binary on a
// private PulseAudio, a synthetic voice spoken into one person's microphone
// and recorded from another person's speaker. The tests run with MEET_E2E=1
// and say why when they do not.
package talk
