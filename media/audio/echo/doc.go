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
// A nil reference says that the loudspeaker is idle; then only the noise
// suppressor works and the echo canceller costs nothing.
//
// # Switches
//
// SetEcho and SetNoise switch the two halves while running, without a click and
// without forgetting what the canceller has learned. With both off Process
// copies the block late by Delay, so that switching does not move the sound.
package echo
