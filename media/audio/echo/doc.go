// Package echo takes the loudspeaker and the noise of the room out of a
// microphone: an acoustic echo canceller and a noise suppressor for 48 kHz mono
// sound in blocks of 10 ms. It is pure Go, depends on nothing but the standard
// library, and allocates nothing after New.
//
// # Feeding it
//
// One Canceller belongs to one microphone and one loudspeaker. For every block
// that is captured, Process is called once, with that block and with one block
// of the reference: what was handed to the loudspeaker, in order, 480 samples
// for 480 captured ones. The two need not be aligned: the canceller finds a delay
// of up to half a second by itself and follows two clocks that run apart by up
// to 500 ppm. Three rules make the difference between 45 dB and nothing:
//
//   - Count samples, never clocks. The nth block of the reference goes with the
//     nth captured block, however unevenly both come; keep a queue between the
//     two. The reference must be the older sound: it is handed to the device
//     before it is heard, so a queue that is read one to three blocks behind its
//     newest one does that by itself.
//   - When the queue runs short or long because the clocks differ, move by whole
//     blocks and say so with Skip: what was learned is kept.
//   - When the count itself is broken (an underrun, an overrun, another device,
//     a stream that began anew), say so with Gap.
//
// Sound that the canceller was not given (another program's, another person's
// loudspeaker) is not cancelled.
//
// A nil reference says that the loudspeaker is idle; then only the noise
// suppressor works and the echo canceller costs nothing.
//
// # Switches
//
// SetEcho and SetNoise switch the two halves while running, without a click and
// without forgetting what the canceller has learned. With both off Process
// copies the block late by Delay, so that switching does not move the sound.
//
// # How it works
//
// A block of 480 samples is the new part of a frame of 1024. The spectra of the
// reference's last 800 ms are kept, so that a delay is an index: it is found as
// the lag at which microphone and reference are most coherent (search.go). From
// there on 160 ms of the room are a partitioned-block Kalman filter in the
// frequency domain (kalman.go; Enzner and Vary, "Frequency-domain adaptive Kalman
// filter for acoustic echo control in hands-free telephones", 2006; Kuech, Mabande
// and Enzner, "State-space architecture of the partitioned-block-based acoustic
// echo controller", 2014): it weighs what it knows of every coefficient against
// the voice and the noise in the error, and so goes on learning while both ends
// talk. A second, plain filter that is never heard tells when the room has
// changed (shadow.go). Two clocks that run apart show in the phase of the error
// against the estimate, and the reference is resampled to follow (drift.go). What
// a small loudspeaker does to loud sound is a weighted sum of curves ahead of the
// filter (distort.go; after Hofmann, Hümmer and Kellermann, "Significance-aware
// Hammerstein group models for nonlinear acoustic echo cancellation", 2014).
//
// What the filter leaves is suppressed together with the noise of the room, in
// one stage (suppress.go): how much is left is the regression of the error's
// power on the estimate's (Valin, "On adjusting the learning rate in frequency
// domain echo cancellation with double-talk", 2007), held while somebody speaks
// here; the noise is followed by the probability of speech (Gerkmann and Hendriks,
// "Unbiased MMSE-based noise power estimation with low complexity and low tracking
// delay", 2012); the gain is the log-spectral amplitude estimator (Ephraim and
// Malah, 1985), pulled to its floor where no speech is around (after Cohen, "Noise
// spectrum estimation in adverse environments", 2003); the windows are short at
// the new end (Mauler and Martin, "A low delay, variable resolution, perfect
// reconstruction spectral analysis-synthesis system for speech enhancement",
// 2007), which is why it is only 5 ms late.
//
// Short noises, keys above all, are left alone: what tells a click from a
// consonant is what comes after it.
//
// # What it cannot do
//
// The first half second with an echo is 10 to 15 dB of it. A delay that wanders
// by some samples within seconds, hard clipping, and a room that rings for 0.4 s
// leave some 30 dB. Until a new path after a jump of the delay is learned
// (about half a second) it suppresses more than it cancels, and ducks the voice
// here when both ends talk.
package echo
